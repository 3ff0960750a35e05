"""What a header holds at most, for both ways of reading one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Header = dict[str, Any]

LARGEST_ELEMENT_BYTES = 64 * 2**10
LARGEST_SEQUENCE_BYTES = 32 * 2**20
LARGEST_INFLATED_BYTES = 64 * 2**20
LARGEST_DEFLATED_BYTES = LARGEST_INFLATED_BYTES + 2**20  # what doesn't compress grows a little
BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW"})


def size_of(values: Iterable[Any]) -> int:
    """About how much JSON the values of an element make."""
    return sum(len(value) if isinstance(value, str) else 8 for value in values)
