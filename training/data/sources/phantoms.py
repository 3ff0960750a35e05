"""Phantoms and pictures of our own generators as cases, made when they are asked for."""

from __future__ import annotations

from functools import partial

import numpy as np

from inference.manifest import Manifest
from training.data.case import Series
from training.data.entry import Content, Entry
from training.data.objects import from_parts, labels_of
from training.data.sources.named import named_content
from training.phantom.body import make_phantom
from training.phantom.nodules import NoduleRules, paint_nodules
from training.phantom.pictures import CLASSES, make_picture
from training.phantom.two_views import make_two_views
from training.recipe.data import PhantomData, PictureData, RangeSplit, SeriesPhantomData


def phantom_entries(data: PhantomData) -> list[Entry]:
    """Phantoms of all seeds of the split; each is a person by itself."""
    names = [(seed, f"phantom_{seed:03d}") for seed in _seeds(data.split)]
    return [Entry(name, name, partial(_paint, seed, data)) for seed, name in names]


def picture_entries(data: PictureData, classes: int) -> list[Entry]:
    """Pictures of all seeds of the split; a class beyond the recipe's labels is a trait alone."""
    entries = []
    for seed in _seeds(data.split):
        name = f"{data.of}_{seed:03d}"
        shown = seed % CLASSES[data.of] if CLASSES[data.of] else None
        traits = {} if shown is None else {"class": str(shown)}
        index = shown if shown is not None and shown < classes else None
        entries.append(Entry(name, name, partial(_draw, seed, data, shown), class_index=index, traits=traits))
    return entries


def series_phantom_entries(data: SeriesPhantomData, manifest: Manifest) -> list[Entry]:
    """Phantoms in two series of all seeds of the split; each is a person by itself."""
    names = [(seed, f"phantom_{seed:03d}") for seed in _seeds(data.split)]
    return [Entry(name, name, partial(_view, name, seed, manifest)) for seed, name in names]


def _seeds(split: RangeSplit) -> list[int]:
    return sorted(seed for first, last in split.by_part.values() for seed in range(first, last + 1))


def _paint(seed: int, data: PhantomData) -> Content:
    phantom = make_phantom(seed, data.size_kji, data.spacing_mm_kji)
    if data.nodules is not None:
        rules = NoduleRules(data.nodules.count, data.nodules.diameter_mm, data.nodules.hu, data.nodules.uneven)
        instances = paint_nodules(phantom, rules, seed)
        each = (1,) * int(instances.max())
        return Content(phantom.voxels_kji[None], phantom.affine_lps_mm, labels_of(instances, each), {}, instances, each)
    return Content(phantom.voxels_kji[None], phantom.affine_lps_mm, phantom.labels_kji)


def _draw(seed: int, data: PictureData, shown: int | None) -> Content:
    picture = make_picture(data.of, seed, data.size_ji, shown)
    affine = np.diag([picture.spacing_mm, picture.spacing_mm, 1.0, 1.0])
    pixels, mask = picture.pixels[None, None].astype(np.float32), picture.mask[None]
    if data.instances == "parts":
        return Content(pixels, affine, mask, picture.truths, *from_parts(mask))
    return Content(pixels, affine, mask, picture.truths)


def _view(name: str, seed: int, manifest: Manifest) -> Content:
    views = make_two_views(seed)
    found = {key: Series(view.voxels_kji, view.affine_lps_mm) for key, view in (("mr", views.mr), ("pet", views.pet))}
    return named_content(name, found, "mr", views.labels_kji, manifest)
