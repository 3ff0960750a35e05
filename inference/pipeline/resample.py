"""One resampling step from the oriented source grid to the model's grid, and the sizes that go with it.

Both grids cover the same field of view (``align_corners=False``): m voxels of n source voxels are n / m apart. Axes that get
coarser are averaged over the voxels they cover, which keeps noise from aliasing; axes that get finer are interpolated.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor

MOST_PER_AXIS = 2**31
"""More than any image may hold; a header may state spacings of any size."""


def model_size(source_size: Sequence[int], spacing_mm: Sequence[float], target_mm: Sequence[float] | None) -> tuple[int, ...]:
    """Voxels per axis of the model's grid over the source's field of view; from one to ``MOST_PER_AXIS``."""
    if target_mm is None:
        return tuple(source_size)
    sizes = (n * old / new for n, old, new in zip(source_size, spacing_mm, target_mm, strict=True))
    return tuple(max(1, round(min(size, MOST_PER_AXIS))) for size in sizes)


def resample(image: Tensor, size: Sequence[int]) -> Tensor:
    """Resample float (C, *spatial) to (C, *size); spatial is (k, j, i) or (j, i). The same size returns ``image`` itself."""
    old = tuple(image.shape[1:])
    new = tuple(size)
    pooled = tuple(min(o, n) for o, n in zip(old, new, strict=True))
    batch = image[None]
    if pooled != old:
        batch = _average(batch, pooled)
    if pooled != new:
        batch = F.interpolate(batch, size=new, mode="trilinear" if len(new) == 3 else "bilinear", align_corners=False)
    return batch[0]


def _average(batch: Tensor, size: tuple[int, ...]) -> Tensor:
    """Means over the voxels that each new voxel covers: (1, C, *spatial) to (1, C, *size)."""
    if len(size) == 3:
        return F.adaptive_avg_pool3d(batch, (size[0], size[1], size[2]))
    return F.adaptive_avg_pool2d(batch, (size[0], size[1]))
