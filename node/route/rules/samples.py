"""Made-up headers on which a rule is tried before it is applied: a CT, an MR, a radiograph, and one with nothing in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from node.route.rules.language import Value
from node.route.rules.values import SeriesFacts, series_values

_COMMON: dict[str, Any] = {
    "00080070": {"vr": "LO", "Value": ["ACME"]},
    "0008103E": {"vr": "LO", "Value": ["AXIAL"]},
    "00081030": {"vr": "LO", "Value": ["TEST"]},
    "00100010": {"vr": "PN", "Value": [{"Alphabetic": "TEST^SAMPLE"}]},
    "00101010": {"vr": "AS", "Value": ["050Y"]},
    "00280010": {"vr": "US", "Value": [512]},
    "00280011": {"vr": "US", "Value": [512]},
}
_CT: dict[str, Any] = _COMMON | {
    "00080008": {"vr": "CS", "Value": ["ORIGINAL", "PRIMARY", "AXIAL"]},
    "00080060": {"vr": "CS", "Value": ["CT"]},
    "00180015": {"vr": "CS", "Value": ["CHEST"]},
    "00180050": {"vr": "DS", "Value": [1.25]},
    "00181210": {"vr": "SH", "Value": ["B30f"]},
    "00280030": {"vr": "DS", "Value": [0.7, 0.7]},
}
_MR: dict[str, Any] = _COMMON | {
    "00080008": {"vr": "CS", "Value": ["DERIVED", "SECONDARY"]},
    "00080060": {"vr": "CS", "Value": ["MR"]},
    "00180080": {"vr": "DS", "Value": [2300.0]},
    "00180050": {"vr": "DS", "Value": [1]},
}
_DX: dict[str, Any] = _COMMON | {"00080060": {"vr": "CS", "Value": ["DX"]}, "00185101": {"vr": "CS", "Value": ["PA"]}}


def sample_values(names: Sequence[str]) -> Iterator[dict[str, Value]]:
    """Values of the given names on each sample."""
    for header in (_CT, _MR, _DX, {}):
        yield series_values([header], SeriesFacts(calling="SCANNER"), names).values
