"""Features of boxes by linear interpolation, without rounding (He et al. 2017, "Mask R-CNN", arXiv:1703.06870, section 3).

The convention is the aligned one: the value of a cell stands at its middle, so that a box at a feature's own cells yields them.
Samples beyond the outermost middles take the outermost values. `grid_sample` does the work: on a CPU it is deterministic both
ways, on CUDA its backward pass is not, and is refused under ``torch.use_deterministic_algorithms``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from inference.networks.detection.geometry.boxes import area, corners

CANONICAL_CELLS = 14
"""A box of so many cells a side (224 pixels at stride 16 in Lin 2017, equation 1) is pooled from the map of those cells."""


def roi_align(features: Tensor, boxes: Sequence[Tensor], size: int, stride: float = 1.0, sampling: int = 2) -> Tensor:
    """One small map of every box.

    Parameters
    ----------
    features : (N, C, [K,] J, I).
    boxes : for each of the N images, (n, 2 d) in pixels of the network's input; none (0, 2 d) is fine.
    size : bins of the result on each axis.
    stride : pixels a cell of ``features``.
    sampling : points on each axis of a bin, evenly spread, whose mean it is.

    Returns
    -------
    (sum of n, C, [size,] size, size), image after image, in the type of ``features``.
    """
    wide = features.float()
    pooled = [_pool(wide[n : n + 1], each / stride, size, sampling) for n, each in enumerate(boxes)]
    return torch.cat(pooled).to(features.dtype)


def pool_levels(
    levels: Sequence[Tensor], strides: Sequence[int], boxes: Sequence[Tensor], size: int, sampling: int = 2
) -> Tensor:
    """`roi_align` of each box from the level that suits its size (Lin et al. 2017, arXiv:1612.03144, equation 1).

    Parameters
    ----------
    levels, strides : features (N, C, ...) and their strides, finest first, each twice the one before.
    boxes, size, sampling : as in `roi_align`.
    """
    suits = [level_of(each, strides) for each in boxes]
    together = torch.cat(suits)
    parts, places = [], []
    for index, (features, stride) in enumerate(zip(levels, strides, strict=True)):
        chosen = [each[suit == index] for each, suit in zip(boxes, suits, strict=True)]
        parts.append(roi_align(features, chosen, size, stride, sampling))
        places.append(torch.nonzero(together == index).flatten())
    return torch.cat(parts)[torch.cat(places).argsort()]


def level_of(boxes: Tensor, strides: Sequence[int]) -> Tensor:
    """The index of the level that each box (n, 2 d) is pooled from: int64 (n,)."""
    side = area(boxes).clamp(min=1e-6).pow(2 / boxes.shape[-1])
    steps = torch.log2(side / (CANONICAL_CELLS * strides[0]))
    return (steps + 1e-6).floor().clamp(min=0, max=len(strides) - 1).to(torch.int64)


def _pool(features: Tensor, boxes: Tensor, size: int, sampling: int) -> Tensor:
    """(1, C, ...) and boxes (n, 2 d) in cells to (n, C, size, ...)."""
    count, dims = len(boxes), features.ndim - 2
    if count == 0:
        return features.new_zeros((0, features.shape[1], *[size] * dims))
    grid = sample_grid(boxes, features.shape[2:], size * sampling)
    values = functional.grid_sample(features, grid.flatten(0, 1)[None], padding_mode="border", align_corners=False)
    values = values[0].unflatten(1, (count, size * sampling))
    for axis in range(2, 2 + dims):
        values = torch.unflatten(values, axis, (size, sampling)).mean(dim=axis + 1)
    return values.transpose(0, 1)


def sample_grid(boxes: Tensor, extent: Sequence[int], points: int) -> Tensor:
    """Where ``points`` evenly spread samples on each axis of each box lie, as `grid_sample` counts: (n, points, ..., d).

    Parameters
    ----------
    boxes : (n, 2 d) in cells. extent : cells on each axis, which reach from -1 to 1.
    """
    lower, upper = corners(boxes.float())
    steps = (torch.arange(points, device=boxes.device, dtype=lower.dtype) + 0.5) / points
    dims = len(extent)
    lines = []
    for axis in range(dims):
        line = lower[:, axis, None] + (upper - lower)[:, axis, None] * steps
        shape = [len(boxes), *[1] * dims]
        shape[1 + axis] = points
        lines.append((2 * line / extent[axis] - 1).view(shape).expand(len(boxes), *[points] * dims))
    return torch.stack(lines[::-1], dim=-1)  # grid_sample wants the last axis first
