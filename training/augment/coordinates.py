"""Where the voxels of a patch lie in the window that was copied out of its case."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from training.augment.geometry import Geometry


def window_start(geometry: Geometry, window: Sequence[int]) -> list[int]:
    """The window's first index in the source: its middle is that of the patch."""
    return [math.floor(centre - (n - 1) / 2) for centre, n in zip(geometry.centre.tolist(), window, strict=True)]


def part_read(geometry: Geometry, window: Sequence[int]) -> list[slice]:
    """What this patch reads of its window, which has room for any: its own reach about the middle, and two voxels."""
    reach = np.abs(geometry.linear) @ ((np.array(geometry.patch) - 1) / 2) + 3.0
    if geometry.nodes is not None:
        reach = reach + geometry.nodes.flatten(1).abs().amax(1).numpy()
    middles = [(n - 1) / 2 for n in window]
    return [
        slice(max(0, math.floor(middle - r)), min(n, math.ceil(middle + r) + 2))
        for middle, r, n in zip(middles, reach.tolist(), window, strict=True)
    ]


def sampling_grid(geometries: Sequence[Geometry], starts: Sequence[Sequence[int]], window: Sequence[int]) -> Tensor:
    """Where each voxel of each patch lies in its window.

    Returns
    -------
    float32 (N, *patch, dims) for ``grid_sample`` with ``align_corners=False``: last axis (i, j[, k]), -1..1 in the window.
    """
    patch = geometries[0].patch
    dims = len(patch)
    half = np.array(window) / 2
    linear = torch.from_numpy(np.stack([g.linear / half[:, None] for g in geometries])).float()
    places = np.stack([g.offset for g in geometries]) - np.array(starts)
    offsets = torch.from_numpy((places + 0.5) / half - 1).float()
    bend = _bend(geometries)
    coordinates = []
    for axis in range(dims):
        place = offsets[:, axis].view(-1, *[1] * dims)
        for along, size in enumerate(patch):
            steps = torch.arange(size, dtype=torch.float32).view(-1, *[1] * (dims - 1 - along))
            place = place + linear[:, axis, along].view(-1, *[1] * dims) * steps
        coordinates.append(place if bend is None else place + bend[:, axis] / float(half[axis]))
    return torch.stack(coordinates[::-1], dim=-1)


def _bend(geometries: Sequence[Geometry]) -> Tensor | None:
    """Elastic displacements in voxels (N, dims, *patch): linear between the nodes, one axis after the other."""
    known = [geometry.nodes for geometry in geometries if geometry.nodes is not None]
    if not known:
        return None
    field = torch.stack([torch.zeros_like(known[0]) if g.nodes is None else g.nodes for g in geometries])
    for axis in range(len(geometries[0].patch) - 1, -1, -1):
        size, nodes = geometries[0].patch[axis], field.shape[2 + axis]
        place = torch.arange(size, dtype=torch.float32) * ((nodes - 1) / max(1, size - 1))
        lower = place.long().clamp_max(nodes - 2)
        share = (place - lower).view(-1, *[1] * (len(geometries[0].patch) - 1 - axis))
        below = field.index_select(2 + axis, lower)
        field = below + (field.index_select(2 + axis, lower + 1) - below) * share
    return field
