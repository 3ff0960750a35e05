"""Splits never part a group, keep their shares, and move next to nothing when cases come in."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.entry import Content, Entry
from training.data.splits import folded
from training.data.splits.drawn import drawn_parts
from training.recipe.data.split import DrawnSplit

SHARES = {"train": 0.6, "validate": 0.15, "test": 0.25}


def _load() -> Content:
    return Content(np.zeros((1, 1, 1, 1), np.float32), np.eye(4))


@st.composite
def _entries(draw: st.DrawFn, least: int = 1) -> list[Entry]:
    """Groups of one to four cases, each of a class that its cases mostly share."""
    sizes = draw(st.lists(st.integers(1, 4), min_size=least, max_size=60))
    classes = draw(st.lists(st.sampled_from("ab"), min_size=sum(sizes), max_size=sum(sizes)))
    names = [(f"g{group}", f"g{group}c{case}") for group, size in enumerate(sizes) for case in range(size)]
    return [Entry(name, group, _load, traits={"class": one}) for (group, name), one in zip(names, classes, strict=True)]


def _split(seed: int, stratify: str = "") -> DrawnSplit:
    return DrawnSplit.model_validate({"kind": "drawn", "shares": SHARES, "stratify": stratify, "seed": seed})


@settings(max_examples=60, deadline=None)
@given(entries=_entries(), seed=st.integers(0, 99), stratify=st.sampled_from(["", "class"]))
def test_drawn_parts_keep_groups_whole_and_the_shares(entries: list[Entry], seed: int, stratify: str) -> None:
    parts = drawn_parts(entries, _split(seed, stratify))
    assert parts.keys() == {entry.name for entry in entries}
    by_group: dict[str, set[str]] = {}
    for entry in entries:
        by_group.setdefault(entry.group, set()).add(parts[entry.name])
    assert all(len(held) == 1 for held in by_group.values())
    strata = 2 if stratify else 1
    filled = 0 if min(SHARES.values()) * len(entries) / strata >= 4 else 2 * 4  # two parts may have to take a group to hold any
    for part, share in SHARES.items():
        missed = abs(sum(held == part for held in parts.values()) - share * len(entries))
        assert missed <= strata * 4 + filled + 1e-9  # half of the largest group at each of two cuts, in each stratum
    assert drawn_parts(entries[::-1], _split(seed, stratify)) == parts


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 99), count=st.integers(20, 200))
def test_a_case_that_is_added_moves_few_others(seed: int, count: int) -> None:
    entries = [Entry(f"case{number}", f"case{number}", _load) for number in range(count + 1)]
    before, after = drawn_parts(entries[:-1], _split(seed)), drawn_parts(entries, _split(seed))
    assert sum(before[name] != after[name] for name in before) <= 2  # one at each cut


@settings(max_examples=60, deadline=None)
@given(entries=_entries(5), k=st.integers(2, 5), seed=st.integers(0, 99))
def test_folds_validate_every_case_once_and_part_no_group(entries: list[Entry], k: int, seed: int) -> None:
    folds = folded(entries, k, seed, "class")
    every = sorted(entry.name for entry in entries)
    assert sorted(name for _, held in folds for name in held) == every
    group = {entry.name: entry.group for entry in entries}
    for learnt, held in folds:
        assert sorted([*learnt, *held]) == every and held
        assert not {group[name] for name in learnt} & {group[name] for name in held}
    assert folded(entries[::-1], k, seed, "class") == folds
