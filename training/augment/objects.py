"""Single objects under augmentation: their map goes along with the image, and what is left of each decides whether it counts."""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage
from torch import Tensor

from training.augment.coordinates import part_read, sampling_grid, window_start
from training.augment.geometry import Geometry
from training.augment.resample import fill_window, moved
from training.data.case import GridCase

LEAST_SHARE = 0.25
"""Of an object's voxels that a patch must show."""

LEAST_SIDE = 2
"""Voxels of the patch that an object must reach along every axis, where it does so in its case."""

Measures = tuple[list[int], list[tuple[int, ...]]]

_measures: WeakKeyDictionary[GridCase, Measures] = WeakKeyDictionary()


def read_objects(cases: Sequence[GridCase], geometries: Sequence[Geometry], window: Sequence[int]) -> Tensor:
    """The maps of objects int64 (N, *patch) by the geometries of the images: by the nearest voxel, 0 beyond a case.

    An object that a patch shows too little of is taken out of the map, since a box around a sliver would teach nothing of what
    the object looks like: less than `LEAST_SHARE` of its voxels (elastic displacement left out of account), or less than
    `LEAST_SIDE` voxels along an axis on which it had as many. What is left keeps its number; its box follows from the map alone.

    Parameters
    ----------
    window : as of `resample.read_patches`.
    """
    maps = [_nearest(case.objects, geometry, window) for case, geometry in zip(cases, geometries, strict=True)]
    return torch.stack([_whole_enough(*each) for each in zip(maps, cases, geometries, strict=True)])


def _nearest(instances: Tensor, geometry: Geometry, window: Sequence[int]) -> Tensor:
    if geometry.exact:
        return moved(instances, geometry, "zero").long()
    start, part = window_start(geometry, window), part_read(geometry, window)
    whole = torch.zeros((1, 1, *window), device=instances.device)
    first = [s + p.start for s, p in zip(start, part, strict=True)]
    held: Tensor = whole[0][(slice(None), *part)]
    fill_window(held, instances[None].float(), first, "zero")
    grid = sampling_grid([geometry], [start], window).to(whole.device)
    read: Tensor = F.grid_sample(whole, grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return read[0, 0].long()


def _whole_enough(shown: Tensor, case: GridCase, geometry: Geometry) -> Tensor:
    voxels, sides = _measured(case)
    size = 1 / abs(float(np.linalg.det(geometry.linear)))
    seen, extents = _measure(shown.cpu(), len(voxels))
    kept = torch.zeros(len(voxels) + 1, dtype=torch.long)
    for index, (now, before) in enumerate(zip(seen, voxels, strict=True)):
        long_enough = all(n >= min(LEAST_SIDE, b) for n, b in zip(extents[index], sides[index], strict=True))
        if now and now >= LEAST_SHARE * size * before and long_enough:
            kept[index + 1] = index + 1
    return kept.to(shown.device)[shown]


def _measured(case: GridCase) -> Measures:
    """Of the objects in the case's map; found once a case."""
    if case not in _measures:
        _measures[case] = _measure(case.objects.cpu(), len(case.instance_labels))
    return _measures[case]


def _measure(instances: Tensor, count: int) -> Measures:
    """Voxels of each of ``count`` objects, and from its first to its last along each axis; 0 of one that isn't there."""
    values = instances.numpy()
    voxels = np.bincount(values.reshape(-1), minlength=count + 1)[1:].tolist()
    found = [*ndimage.find_objects(values), *[None] * count][:count]
    nothing = (0,) * values.ndim
    return voxels, [nothing if window is None else tuple(part.stop - part.start for part in window) for window in found]
