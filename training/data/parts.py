"""The door of this room: a recipe's data, split and checked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from training.data.case import Case
from training.data.checks.contents import check_images, check_targets
from training.data.checks.duplicates import find_pairs
from training.data.checks.leakage import check_groups_whole, check_parts_filled
from training.data.checks.treat import Findings, treat
from training.data.dataset import SIDE, DataSet, stratified_by
from training.data.sources import list_entries
from training.data.splits import assign_parts, limited
from training.data.survey import survey
from training.recipe import PartName, Recipe
from training.recipe.data import MadeData
from training.recipe.data.split import DrawnSplit


def read_parts(recipe: Recipe, folder: Path | None) -> DataSet:
    """All parts of a recipe's data.

    Parameters
    ----------
    folder : holds the data; needed for everything but phantoms.

    Raises
    ------
    ConfigError
        No folder, nothing in it, or what the checks find, named with the mend.
    """
    entries = list_entries(recipe, folder)
    split = recipe.data.split
    parts = assign_parts(entries, split, folder)
    check_groups_whole(entries, parts, recipe.data.group.means)
    check_parts_filled(parts)
    reached = [entry for entry in entries if entry.name in parts]
    left_out = len(entries) - len(reached)
    if isinstance(recipe.data, MadeData):
        return _limited(DataSet(recipe, reached, parts, left_out=left_out))
    how = recipe.data.duplicates
    facts = survey(reached, recipe.classes, how.side if how else SIDE)
    check_images(recipe, facts)
    staying, findings = reached, Findings()
    if how is not None:
        pairs = find_pairs(reached, facts, how)
        staying, findings = treat(reached, parts, isinstance(split, DrawnSplit), pairs, how)
    if isinstance(split, DrawnSplit):
        parts = assign_parts(staying, split, folder)
    parts = {entry.name: parts[entry.name] for entry in staying}
    check_parts_filled(parts)
    dataset = _limited(DataSet(recipe, staying, parts, findings, left_out, surveyed=facts))
    check_targets(recipe, dataset.entries, dataset.parts, facts)
    return dataset


def _limited(dataset: DataSet) -> DataSet:
    """The data set with no more training cases than the recipe wants. What was checked before was checked of all of them."""
    recipe, limit = dataset.recipe, dataset.recipe.data.limit
    if limit is None:
        return dataset
    learnt = dataset.of("train")
    chosen = limited(learnt, limit, stratified_by(recipe, learnt))
    staying = [entry for entry in dataset.entries if dataset.parts[entry.name] != "train" or entry.name in chosen]
    parts = {entry.name: dataset.parts[entry.name] for entry in staying}
    return replace(dataset, entries=staying, parts=parts, unused=len(learnt) - len(chosen))


def read_cases(recipe: Recipe, part: PartName, folder: Path | None) -> Iterator[Case]:
    """Every case of one part of the split; ``read_parts`` for one part alone."""
    return read_parts(recipe, folder).cases(part)
