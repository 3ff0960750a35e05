"""Content items of a stored SR by concept name, for checks and texts. Reads plain data sets, so that it shares no code with the
library that wrote them."""

from __future__ import annotations

from pydicom.dataset import Dataset


def named(container: Dataset, code_value: str) -> list[Dataset]:
    """The items directly below ``container`` whose concept name has this Code Value."""
    return [
        item
        for item in container.get("ContentSequence", ())
        if "ConceptNameCodeSequence" in item and item.ConceptNameCodeSequence[0].CodeValue == code_value
    ]


def of_type(container: Dataset, value_type: str) -> list[Dataset]:
    """The items directly below ``container`` of one Value Type, such as ``NUM``."""
    return [item for item in container.get("ContentSequence", ()) if item.ValueType == value_type]


def text_of(container: Dataset, code_value: str) -> str:
    """The one text or UID under a concept name; empty unless there is exactly one."""
    found = named(container, code_value)
    return str(found[0].get("TextValue") or found[0].get("UID") or "") if len(found) == 1 else ""


def texts_of(container: Dataset, code_value: str) -> list[str]:
    """Every text under a concept name, in stored order."""
    return [str(item.get("TextValue", "")) for item in named(container, code_value)]
