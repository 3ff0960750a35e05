"""The names that a condition may use: every attribute of the data dictionary, and some facts of our own.

The kind of a name comes from VR and VM (PS3.6 6): more than one value possible gives a list. Left out are sequences, binary
data and the command and file meta groups, which no stored header holds: ``"Keyword" in present`` can still ask for the first two.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Literal

from pydicom._dicom_dict import DicomDictionary

Kind = Literal["text", "number", "whole", "texts", "numbers", "wholes"]

_NUMBER = frozenset({"DS", "FL", "FD"})
_WHOLE = frozenset({"IS", "US", "SS", "UL", "SL", "SV", "UV", "US or SS"})
_TEXT = frozenset(["AE", "AS", "AT", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"])
_LISTS: dict[str, Kind] = {"text": "texts", "number": "numbers", "whole": "wholes"}

# Facts about the Series that no attribute states.
OWN_NAMES: MappingProxyType[str, Kind] = MappingProxyType({"instances": "whole", "present": "texts", "calling": "text"})


@dataclass(frozen=True)
class Attribute:
    """A data element as a condition sees it; ``tag`` as the DICOM JSON model writes it (8 hexadecimal digits)."""

    keyword: str
    tag: str
    kind: Kind


@cache
def attributes() -> MappingProxyType[str, Attribute]:
    """Every attribute that a condition may name, by keyword."""
    found = {}
    for tag, (vr, vm, _, _, keyword) in DicomDictionary.items():
        kind = _kind(vr, vm)
        if keyword and kind and tag >> 16 > 0x0002:
            found[keyword] = Attribute(keyword, f"{tag:08X}", kind)
    return MappingProxyType(found)


@cache
def kinds() -> MappingProxyType[str, Kind]:
    """Every name that a condition may use, and its kind."""
    return MappingProxyType({a.keyword: a.kind for a in attributes().values()} | OWN_NAMES)


@cache
def keyword_of(tag: str) -> str:
    """Keyword of a tag of the DICOM JSON model; "" for private and repeating ones."""
    try:
        entry = DicomDictionary.get(int(tag, 16))
    except ValueError:
        return ""
    return entry[4] if entry else ""


def known_but_unusable(name: str) -> bool:
    """Whether ``name`` is a keyword of the dictionary that conditions can't compare."""
    return name not in kinds() and any(entry[4] == name for entry in DicomDictionary.values())


def _kind(vr: str, vm: str) -> Kind | None:
    single: Kind
    if vr in _NUMBER:
        single = "number"
    elif vr in _WHOLE:
        single = "whole"
    elif vr in _TEXT:
        single = "text"
    else:
        return None
    return single if vm == "1" else _LISTS[single]
