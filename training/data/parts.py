"""The door of this room: a recipe's data, split and checked."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from training.data.case import Case
from training.data.checks.leakage import check_groups_whole, check_parts_filled
from training.data.dataset import DataSet
from training.data.sources import list_entries
from training.data.splits import assign_parts
from training.recipe import PartName, Recipe


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
    parts = assign_parts(entries, recipe.data.split, folder)
    check_groups_whole(entries, parts, recipe.data.group.means)
    check_parts_filled(parts)
    return DataSet(recipe, [entry for entry in entries if entry.name in parts], parts)


def read_cases(recipe: Recipe, part: PartName, folder: Path | None) -> Iterator[Case]:
    """Every case of one part of the split; ``read_parts`` for one part alone."""
    return read_parts(recipe, folder).cases(part)
