"""Fewer training cases than there are: how many, whole groups, shares of classes, nested choices; told in the statement."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from storage.base.errors import ConfigError
from tests.unit.training.data.made import recipe_of, write_pairs
from training.data import make_statement, read_parts
from training.data.entry import Content, Entry
from training.data.splits import limited
from training.recipe import Recipe
from training.recipe.data.split import Limit


def _content() -> Content:
    return Content(np.zeros((1, 1, 2, 2), dtype=np.float32), np.eye(4))


def _entries(count: int, of_a_group: int = 1) -> list[Entry]:
    """Every fifth case is rare."""
    return [
        Entry(f"case{n:03d}", f"group{n // of_a_group:03d}", _content, traits={"class": "rare" if n % 5 == 0 else "common"})
        for n in range(count)
    ]


@pytest.mark.parametrize("seed", range(5))
def test_a_smaller_choice_is_part_of_a_larger_one_and_keeps_the_shares(seed: int) -> None:
    entries = _entries(100)
    rare = {entry.name for entry in entries if entry.traits["class"] == "rare"}
    chosen = [limited(entries, Limit(cases=cases, seed=seed), "class") for cases in (10, 25, 50, 100)]
    assert [len(names) for names in chosen] == [10, 25, 50, 100]
    assert [len(names & rare) for names in chosen] == [2, 5, 10, 20]
    assert chosen[0] < chosen[1] < chosen[2] < chosen[3]


def test_another_seed_chooses_others() -> None:
    entries = _entries(100)
    assert limited(entries, Limit(cases=20, seed=1)) != limited(entries, Limit(cases=20, seed=2))


def test_groups_stay_whole() -> None:
    chosen = limited(_entries(20, of_a_group=2), Limit(cases=7))
    assert len(chosen) == 6
    assert all(f"case{int(name[4:]) ^ 1:03d}" in chosen for name in chosen)
    with pytest.raises(ConfigError, match=r"data\.limit\.cases: 1 is less than the smallest group"):
        limited(_entries(20, of_a_group=2), Limit(cases=1))


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"data\.limit\.cases: 21 training cases are asked for, and there are 20"):
        limited(_entries(20), Limit(cases=21))


def _recipe(**limit: int) -> Recipe:
    return recipe_of({"kind": "nifti", "limit": limit} if limit else {"kind": "nifti"})


def test_only_the_training_part_shrinks_and_the_statement_says_so(tmp_path: Path) -> None:
    folder = write_pairs(tmp_path)
    whole, fewer = read_parts(_recipe(), folder), read_parts(_recipe(cases=2, seed=3), folder)
    assert (len(whole.of("train")), len(fewer.of("train")), fewer.unused) == (4, 2, 2)
    assert all(whole.names(part) == fewer.names(part) for part in ("validate", "test"))
    told = make_statement(fewer)
    assert told.document["parts"]["train"]["cases"] == 2
    assert "Of the training part's 4 cases 2 are learnt from, drawn by seed 3" in told.text
