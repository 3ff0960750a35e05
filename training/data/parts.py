"""The cases of one part of the split, whatever their source."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from storage.base.errors import ConfigError
from training.data.case import Case
from training.data.nifti import nifti_cases
from training.data.phantoms import phantom_cases, seeds_of
from training.recipe import PartName, Recipe
from training.recipe.data import NiftiData, PhantomData, RangeSplit


def read_cases(recipe: Recipe, part: PartName, folder: Path | None) -> Iterator[Case]:
    """Every case of one part of the split.

    Parameters
    ----------
    folder : holds the data; needed for everything but phantoms.

    Raises
    ------
    ConfigError
        No folder given, no case found in it, or a file that doesn't fit, named with the mend.
    """
    data, split = recipe.data, recipe.data.split
    if not isinstance(split, RangeSplit):
        raise ConfigError(f"data.split.kind: {split.kind} isn't supported for {data.kind} yet; use ranges", code="recipe-invalid")
    first, last = seeds_of(split)[part]
    if isinstance(data, PhantomData):
        return phantom_cases(data, first, last)
    if folder is None:
        raise ConfigError("--data: the recipe reads files; name the folder that holds them", code="no-data")
    if not isinstance(data, NiftiData):
        raise ConfigError(f"data.kind: {data.kind} isn't supported yet", code="recipe-invalid")
    return nifti_cases(data, recipe.classes, folder, first, last)
