"""Draws the geometry of a sample: mirroring, turn, scale, crop, place and elastic deformation."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from torch import Tensor

from training.augment.draws import Draws, Stream
from training.augment.geometry import Geometry, Matrix, is_upright
from training.recipe.parts.augment import Augment

_FAR = 2.5
"""Elastic displacements are cut off at so many standard deviations, so that a window around the patch is sure to hold them."""


def draw_geometry(
    source: Sequence[int],
    patch: Sequence[int],
    rules: Augment,
    draws: Draws,
    spacing_mm: Sequence[float] = (),
    focus: Sequence[int] | None = None,
) -> Geometry:
    """Where the patch of one sample comes from.

    Parameters
    ----------
    source, patch : sizes in array order.
    spacing_mm : of the source's axes, in array order, for turns that are rigid on a grid with unequal spacing; empty: equal.
    focus : an index of the source that is to lie in the middle half of the patch; None: the patch lies anywhere in the source.
    """
    dims = len(patch)
    factors = _factors(dims, rules, draws)
    share = _share(rules, draws)
    nodes = _nodes(dims, rules, draws)
    linear = _turn(dims, rules, draws, spacing_mm) * (np.array(factors) * share)
    whole = nodes is None and is_upright(linear)
    start = _start(source, [n * share for n in patch], rules, draws.of("place"), focus, whole)
    sides = np.array(patch)
    matrix = np.eye(dims + 1)
    matrix[:-1, :-1] = linear
    matrix[:-1, -1] = np.array(start) + (sides * share - 1) / 2 - linear @ ((sides - 1) / 2)
    return Geometry(tuple(source), tuple(patch), matrix, nodes)


def window_size(patch: Sequence[int], rules: Augment, spacing_mm: Sequence[float] = ()) -> tuple[int, ...]:
    """The size of a part of the source that is sure to hold all that any patch drawn by ``rules`` reads."""
    dims = len(patch)
    spacing = np.array(spacing_mm or [1.0] * dims)
    half_mm = (np.array(patch) - 1) / 2 * spacing * (rules.crop[1] / rules.scale[0])
    lean = math.sin(math.radians(min(90.0, rules.rotate_deg)))
    reach = np.eye(dims)
    for first, second in _planes(dims):
        turn = np.eye(dims)
        turn[first, second] = turn[second, first] = lean
        reach = reach @ turn
    reach_mm = np.minimum(np.minimum(reach, 1.0) @ half_mm, np.linalg.norm(half_mm))
    return tuple(math.ceil(2 * half + 2 * _FAR * rules.elastic_voxels) + 4 for half in (reach_mm / spacing).tolist())


def _planes(dims: int) -> list[tuple[int, int]]:
    return [(first, second) for first in range(dims) for second in range(first + 1, dims)]


def _factors(dims: int, rules: Augment, draws: Draws) -> list[float]:
    """Source voxels per patch voxel along each axis, negative where mirrored."""
    factors = [1.0] * dims
    if rules.scale != (1, 1) and (stream := draws.happens("scale")):
        first = stream.uniform(*rules.scale)
        factors = [1 / first, *(1 / (first if rules.scale_alike else stream.uniform(*rules.scale)) for _ in range(dims - 1))]
    if rules.mirror_axes and (stream := draws.happens("mirror")):
        for axis in rules.mirror_axes:
            factors[axis] *= -1.0 if stream.chance(0.5) else 1.0
    return factors


def _share(rules: Augment, draws: Draws) -> float:
    stream = draws.happens("crop") if rules.crop != (1, 1) else None
    return stream.uniform(*rules.crop) if stream else 1.0


def _turn(dims: int, rules: Augment, draws: Draws, spacing_mm: Sequence[float]) -> Matrix:
    """(dims, dims) in voxels: the product of one turn in each plane of axes, made in millimetres."""
    matrix = np.eye(dims)
    stream = draws.happens("rotate") if rules.rotate_deg else None
    if stream is None:
        return matrix
    for first, second in _planes(dims):
        angle = math.radians(stream.uniform(-rules.rotate_deg, rules.rotate_deg))
        turn = np.eye(dims)
        turn[first, first] = turn[second, second] = math.cos(angle)
        turn[first, second], turn[second, first] = -math.sin(angle), math.sin(angle)
        matrix = matrix @ turn
    size = np.array(spacing_mm or [1.0] * dims)
    in_voxels: Matrix = matrix * size[None, :] / size[:, None]
    return in_voxels


def _nodes(dims: int, rules: Augment, draws: Draws) -> Tensor | None:
    stream = draws.happens("elastic") if rules.elastic_voxels else None
    if stream is None:
        return None
    strength = stream.uniform(0, rules.elastic_voxels)
    return stream.normal((dims, *[rules.elastic_nodes] * dims)).clamp(-_FAR, _FAR) * strength


def _start(
    source: Sequence[int], extent: Sequence[float], rules: Augment, stream: Stream, focus: Sequence[int] | None, whole: bool
) -> list[float]:
    """The first index of a window of ``extent``: where it still lies inside the source (or holds it), give or take the shift."""
    start = []
    for axis, (size, length) in enumerate(zip(source, extent, strict=True)):
        low, high = min(0.0, size - length) - rules.shift_voxels, max(0.0, size - length) + rules.shift_voxels
        if whole:
            low, high = math.ceil(low), math.floor(high)
        place = stream.uniform(low, high + 1) if whole else stream.uniform(low, high)
        if focus is not None:
            place = focus[axis] - length * stream.uniform(0.25, 0.75)
        start.append(min(max(float(math.floor(place)) if whole else place, low), high))
    return start
