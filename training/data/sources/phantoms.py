"""Phantoms of our own generator as cases, made when they are asked for."""

from __future__ import annotations

from functools import partial

from training.data.entry import Content, Entry
from training.phantom.body import make_phantom
from training.recipe.data import PhantomData, RangeSplit


def phantom_entries(data: PhantomData) -> list[Entry]:
    """Phantoms of all seeds of the split; each is a person by itself."""
    split = data.split
    assert isinstance(split, RangeSplit)  # the recipe holds it
    seeds = sorted(seed for first, last in split.by_part.values() for seed in range(first, last + 1))
    names = [(seed, f"phantom_{seed:03d}") for seed in seeds]
    return [Entry(name, name, partial(_paint, seed, data)) for seed, name in names]


def _paint(seed: int, data: PhantomData) -> Content:
    phantom = make_phantom(seed, data.size_kji, data.spacing_mm_kji)
    return Content(phantom.voxels_kji[None], phantom.affine_lps_mm, phantom.labels_kji)
