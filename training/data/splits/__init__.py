"""Which part each case is in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from training.data.entry import Entry
from training.data.names import number_of
from training.data.splits.drawn import drawn_parts
from training.data.splits.folds import folded
from training.data.splits.given import given_parts
from training.data.splits.limited import limited
from training.recipe import PartName
from training.recipe.data.split import DrawnSplit, GivenSplit, RangeSplit, Split

__all__ = ["assign_parts", "folded", "limited"]


def assign_parts(entries: Sequence[Entry], split: Split, folder: Path | None) -> dict[str, PartName]:
    """Part by case name; a case that the split doesn't reach is left out.

    Raises
    ------
    ConfigError
        A name without a number, a file that isn't there or names no case, a trait that a case hasn't.
    """
    if isinstance(split, DrawnSplit):
        return drawn_parts(entries, split)
    if isinstance(split, GivenSplit):
        return given_parts(entries, split, folder or Path())
    return _ranged(entries, split)


def _ranged(entries: Sequence[Entry], split: RangeSplit) -> dict[str, PartName]:
    parts: dict[str, PartName] = {}
    for entry in entries:
        number = number_of(entry.name, split.number)
        for part, (first, last) in split.by_part.items():
            if first <= number <= last:
                parts[entry.name] = part
    return parts
