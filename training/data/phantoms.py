"""Phantoms of our own generator as cases, made when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from training.data.case import Case
from training.phantom.body import make_phantom
from training.recipe.data import PhantomData, RangeSplit


def phantom_cases(data: PhantomData, first: int, last: int) -> Iterator[Case]:
    """Phantoms of the seeds ``first`` to ``last``."""
    for number in range(first, last + 1):
        phantom = make_phantom(number, data.size_kji, data.spacing_mm_kji)
        name = f"phantom_{number:03d}"
        yield Case(name, name, phantom.voxels_kji[None], phantom.affine_lps_mm, phantom.labels_kji)


def seeds_of(split: RangeSplit) -> dict[str, tuple[int, int]]:
    """First and last seed by part."""
    return {"train": split.train, "validate": split.validate_, "test": split.test}
