"""Parts drawn by seed: in each stratum the groups' order is cut at the shares."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from training.data.entry import Entry
from training.data.splits.order import groups_of, shuffled, strata
from training.recipe import PartName
from training.recipe.data.split import DrawnSplit

_ORDER: tuple[PartName, ...] = ("train", "validate", "test")


def drawn_parts(entries: Sequence[Entry], split: DrawnSplit) -> dict[str, PartName]:
    """Part by case name; no group is parted.

    A group is of the part in whose share the middle of its cases falls, so a stratum's counts miss the shares by less than
    a group at each cut. A part that would be empty for it takes a group of the largest one.
    """
    groups = groups_of(entries)
    parts: dict[str, PartName] = {}
    for stratum in strata(groups, split.stratify).values():
        total = sum(len(groups[group]) for group in stratum)
        done = 0
        for group in shuffled(stratum, split.seed):
            part = _part_at((done + len(groups[group]) / 2) / total, split)
            parts |= dict.fromkeys((entry.name for entry in groups[group]), part)
            done += len(groups[group])
    for part in _ORDER[::-1] if len(groups) >= len(_ORDER) else ():
        if part not in parts.values():
            parts |= dict.fromkeys(_spare(groups, parts, split.seed), part)
    return parts


def _spare(groups: Mapping[str, list[Entry]], parts: Mapping[str, PartName], seed: int) -> list[str]:
    """The cases of the last group, by the seed's order, of the part that has most groups."""
    held = Counter(parts[members[0].name] for members in groups.values())
    largest = max(_ORDER, key=lambda part: held[part])
    last = [group for group in shuffled(list(groups), seed) if parts[groups[group][0].name] == largest][-1]
    return [entry.name for entry in groups[last]]


def _part_at(place: float, split: DrawnSplit) -> PartName:
    """The part whose share holds ``place``, from 0 to 1."""
    end = 0.0
    for part in _ORDER[:-1]:
        end += split.shares[part]
        if place < end:
            return part
    return _ORDER[-1]
