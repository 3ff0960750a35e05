"""The places that a network speaks of: the middles of the cells of each level, and boxes of several shapes around them."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import torch
from torch import Tensor

RATIOS = {2: ((1.0, 1.0), (0.7, 1.4), (1.4, 0.7)), 3: ((1.0, 1.0, 1.0),)}
"""Shapes by default: square, wide and tall ones; in 3-D the cube alone, which keeps the number of anchors at that of voxels."""


def shapes(base: float, scales: Sequence[float], ratios: Sequence[Sequence[float]]) -> Tensor:
    """Sides of the anchors of one place, in strides: (scales × ratios, d).

    Parameters
    ----------
    base : strides a side. scales : factors on it. ratios : by shape, relative sides in axis order, scaled here to a product of 1.
    """
    sides = []
    for scale, ratio in product(scales, ratios):
        shape = torch.tensor(ratio, dtype=torch.float64)
        sides.append(base * scale * shape / shape.prod() ** (1 / len(shape)))
    return torch.stack(sides).float()


def middles(size: Sequence[int], stride: int, device: torch.device) -> Tensor:
    """Middles of the cells of one level in pixels of the input, float32 (cells, d), the last axis fastest."""
    lines = [(torch.arange(cells, device=device, dtype=torch.float32) + 0.5) * stride for cells in size]
    return torch.stack(torch.meshgrid(*lines, indexing="ij"), dim=-1).flatten(0, -2)


def grid_anchors(sizes: Sequence[Sequence[int]], strides: Sequence[int], sides: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """All anchors, level after level, within it place after place, within it shape after shape.

    Parameters
    ----------
    sizes, strides : of each level. sides : (A, d), of `shapes`, on the device that the anchors shall be on.

    Returns
    -------
    float32 (P, 2 d), not cut at the image's edge; and how many of them each level has.
    """
    levels = []
    for size, stride in zip(sizes, strides, strict=True):
        places = middles(size, stride, sides.device)[:, None]
        half = sides[None] * stride / 2
        levels.append(torch.cat([places - half, places + half], dim=-1).flatten(0, 1))
    return torch.cat(levels), tuple(len(level) for level in levels)
