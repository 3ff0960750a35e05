"""What a header holds at most, for both ways of reading one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Header = dict[str, Any]

LARGEST_ELEMENT_BYTES = 64 * 2**10
LARGEST_SEQUENCE_BYTES = 32 * 2**20
LARGEST_HEADER_BYTES = 32 * 2**20  # of all that is taken
MOST_HEADER_PARTS = 400_000  # elements and items at every depth: some 10,000 frames' functional groups
MOST_WALKED_PARTS = 1_000_000  # what is looked at to find these
LARGEST_INFLATED_BYTES = 64 * 2**20
LARGEST_DEFLATED_BYTES = LARGEST_INFLATED_BYTES + 2**20  # what doesn't compress grows a little
BULK_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN", "OB or OW"})


def size_of(values: Iterable[Any]) -> int:
    """About how much JSON the values of an element make."""
    return sum(len(value) if isinstance(value, str) else 8 for value in values)
