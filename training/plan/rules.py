"""The rules of self-configuration, each a plain function of figures; after nnU-Net (Isensee et al., Nature Methods 18:203, 2021).

Where ours differ it is said: every axis is halved equally often, since the networks here have no other strides.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from training.plan.fingerprint import Fingerprint

ANISOTROPIC = 3.0
LEAST_FEATURES = 4
DEEPEST = {2: 7, 3: 6}
WIDEST = {2: 512, 3: 320}
WIDTH = 32
WIDTHS = (32, 24, 16, 12, 8)
LARGEST_BATCH = 32
SEEN_SHARE = 0.05
DEFAULT_MEMORY_GB = 8.0


def target_spacing(found: Fingerprint) -> tuple[float, ...]:
    """The median spacing; along an axis that is far coarser, and has far fewer voxels, its tenth percentile."""
    spacing = list(found.median_spacing_mm)
    worst = max(range(len(spacing)), key=lambda axis: spacing[axis])
    others = [axis for axis in range(len(spacing)) if axis != worst]
    coarse = spacing[worst] > ANISOTROPIC * min(spacing[axis] for axis in others)
    thin = found.median_shape[worst] * ANISOTROPIC < min(found.median_shape[axis] for axis in others)
    if coarse and thin:
        spacing[worst] = max(found.low_spacing_mm[worst], min(spacing[axis] for axis in others))
    return tuple(round(value, 4) for value in spacing)


def shape_on(spacing_mm: Sequence[float], found: Fingerprint) -> tuple[int, ...]:
    """The median case's size in voxels of a grid."""
    return tuple(max(1, round(size / step)) for size, step in zip(found.median_size_mm, spacing_mm, strict=True))


def levels_for(patch: Sequence[int], dims: int) -> int:
    """Levels of a U-Net: halved while the shortest axis keeps ``LEAST_FEATURES`` voxels, at least once."""
    halvings = int(math.log2(max(1.0, min(patch) / LEAST_FEATURES)))
    return min(max(halvings, 1) + 1, DEEPEST[dims])


def channels_for(levels: int, dims: int, width: int = WIDTH) -> list[int]:
    """Widths that double from level to level, with a cap."""
    return [min(width * 2**level, WIDEST[dims]) for level in range(levels)]


def rounded_up(size: Sequence[int], multiple: int) -> tuple[int, ...]:
    """Each size as the next multiple."""
    return tuple(math.ceil(n / multiple) * multiple for n in size)


def shrunk(start: Sequence[int], shape: Sequence[int], multiple: int, fits: Callable[[tuple[int, ...]], bool]) -> tuple[int, ...]:
    """``start`` made smaller by ``multiple`` along the axis that covers most of ``shape``, until it fits or can't shrink."""
    patch = list(start)
    while not fits(tuple(patch)):
        axes = [axis for axis in range(len(patch)) if patch[axis] > multiple]
        if not axes:
            break
        patch[max(axes, key=lambda axis: (patch[axis] / shape[axis], patch[axis]))] -= multiple
    return tuple(patch)


def batch_for(
    patch: Sequence[int], shape: Sequence[int], cases: int, fits: Callable[[int], bool], dims: int, per_case: bool
) -> int:
    """Two at least; more while they fit and hold no more than ``SEEN_SHARE`` of all training voxels (or cases)."""
    seen = cases * (1.0 if per_case else math.prod(shape) / math.prod(patch)) * SEEN_SHARE
    batch = 2
    most = min(LARGEST_BATCH if dims == 2 else LARGEST_BATCH // 4, int(seen))
    while batch * 2 <= most and fits(batch * 2):
        batch *= 2
    return batch
