"""Pairs of cases whose images are the same or nearly, and whether their labels contradict each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from storage.base.errors import ConfigError
from training.data.entry import Entry
from training.data.survey.facts import Facts
from training.recipe.data.split import Duplicates

Contradiction = Literal["", "class", "mask"]

_BLOCK = 1024
_MOST_PAIRS = 100_000


@dataclass(frozen=True)
class Pair:
    """Two cases, the first by name first.

    Attributes
    ----------
    correlation : of the small images; 1 for equal ones.
    exact : whether all voxels are equal.
    contradiction : ``class``: another class; ``mask``: masks that share nothing, or one is empty.
    one_group : whether the recipe already knows them as of one person or examination.
    """

    first: str
    second: str
    correlation: float
    exact: bool
    contradiction: Contradiction
    one_group: bool


def find_pairs(entries: Sequence[Entry], facts: Mapping[str, Facts], how: Duplicates) -> list[Pair]:
    """All pairs, by the order of ``entries``.

    Raises
    ------
    ConfigError
        Code ``duplicates``: so many that the threshold can't be meant.
    """
    found = dict.fromkeys(_equal(entries, facts), 1.0)
    if how.correlation < 1:
        for first, second, correlation in _near(entries, facts, how.correlation):
            found[first, second] = correlation
            if len(found) > _MOST_PAIRS:
                raise ConfigError(
                    f"more than {_MOST_PAIRS} pairs of cases correlate above {how.correlation}: the images are alike by nature; "
                    "raise data.duplicates.correlation (1 finds equal images alone)",
                    code="duplicates",
                )
    return [_pair(entries[first], entries[second], facts, found[first, second]) for first, second in sorted(found)]


def _equal(entries: Sequence[Entry], facts: Mapping[str, Facts]) -> Iterator[tuple[int, int]]:
    """The first of equal images with each of the others, and any two of them whose labels contradict each other."""
    seen: dict[str, list[int]] = {}
    for place, entry in enumerate(entries):
        ours = facts[entry.name]
        others = seen.setdefault(ours.digest, [])
        for rank, other in enumerate(others):
            if rank == 0 or _contradiction(entries[other], entry, facts[entries[other].name], ours):
                yield other, place
        others.append(place)


def _near(entries: Sequence[Entry], facts: Mapping[str, Facts], least: float) -> Iterator[tuple[int, int, float]]:
    """Pairs above ``least`` by products of blocks of likenesses; images of other dimensions are never compared."""
    for size in sorted({facts[entry.name].likeness.size for entry in entries}):
        places = np.array([place for place, entry in enumerate(entries) if facts[entry.name].likeness.size == size])
        likenesses = np.stack([facts[entries[place].name].likeness for place in places])
        for start in range(0, len(places), _BLOCK):
            products = likenesses[start : start + _BLOCK] @ likenesses[start:].T
            rows, columns = np.nonzero(np.triu(products > least, 1))
            for row, column in zip(rows, columns, strict=True):
                correlation = min(1.0, float(products[row, column]))
                yield int(places[start + row]), int(places[start + column]), correlation


def _pair(first: Entry, second: Entry, facts: Mapping[str, Facts], correlation: float) -> Pair:
    ours, theirs = facts[first.name], facts[second.name]
    return Pair(
        first.name,
        second.name,
        round(correlation, 4),
        ours.digest == theirs.digest,
        _contradiction(first, second, ours, theirs),
        first.group == second.group,
    )


def _contradiction(first: Entry, second: Entry, ours: Facts, theirs: Facts) -> Contradiction:
    if (first.class_index, first.traits.get("class")) != (second.class_index, second.traits.get("class")):
        return "class"
    if ours.covered is None or theirs.covered is None or not (ours.covered.any() or theirs.covered.any()):
        return ""
    return "" if (ours.covered & theirs.covered).any() else "mask"
