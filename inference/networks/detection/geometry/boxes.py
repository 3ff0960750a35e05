"""Boxes in any dimension: their size, overlap and limits.

A box is 2 d numbers, the lower corner and then the upper one, in array axis order ([k,] j, i), in pixels or voxels of the
network's input: 0 is the outer edge of the first voxel, so that the box of voxels 2, 3 and 4 goes from 2 to 5. Boxes are tensors
(..., 2 d) of a floating type; leading axes broadcast. Half precision is widened, as a volume soon exceeds its range.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor


def corners(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Lower and upper corners, each (..., d)."""
    wide = boxes.float() if boxes.dtype in (torch.float16, torch.bfloat16) else boxes
    lower, upper = wide.chunk(2, dim=-1)
    return lower, upper


def centres_and_sizes(boxes: Tensor) -> tuple[Tensor, Tensor]:
    """Centres and side lengths, each (..., d)."""
    lower, upper = corners(boxes)
    return (lower + upper) / 2, upper - lower


def area(boxes: Tensor) -> Tensor:
    """Area or volume (...,); 0 where an upper corner lies below its lower one."""
    lower, upper = corners(boxes)
    return (upper - lower).clamp(min=0).prod(dim=-1)


def intersection(first: Tensor, second: Tensor) -> Tensor:
    """Area or volume common to each pair, (...,) after broadcasting."""
    (low_a, high_a), (low_b, high_b) = corners(first), corners(second)
    # One axis at a time: the largest intermediate is one number a pair.
    common = [_gap(low_a, high_a, low_b, high_b, axis) for axis in range(low_a.shape[-1])]
    return _product([side.clamp(min=0) for side in common])


def iou(first: Tensor, second: Tensor) -> Tensor:
    """Intersection over union of each pair, (...,) after broadcasting; 0 where both are empty."""
    common = intersection(first, second)
    return _ratio(common, area(first) + area(second) - common)


def iou_matrix(first: Tensor, second: Tensor) -> Tensor:
    """IoU of every box of ``first`` (n, 2 d) with every one of ``second`` (m, 2 d): (n, m)."""
    return iou(first[:, None], second[None])


def giou(first: Tensor, second: Tensor) -> Tensor:
    """Generalised IoU of each pair, from -1 to 1 (Rezatofighi et al. 2019, arXiv:1902.09630, algorithm 1).

    The IoU less the share of the smallest enclosing box that neither of the two covers; two equal points have 0.
    """
    common = intersection(first, second)
    union = area(first) + area(second) - common
    (low_a, high_a), (low_b, high_b) = corners(first), corners(second)
    sides = [
        torch.maximum(high_a[..., axis], high_b[..., axis]) - torch.minimum(low_a[..., axis], low_b[..., axis])
        for axis in range(low_a.shape[-1])
    ]
    hull = _product([side.clamp(min=0) for side in sides])
    return _ratio(common, union) - _ratio(hull - union, hull)


def clip(boxes: Tensor, size: Sequence[int]) -> Tensor:
    """Boxes (..., 2 d) cut to the image of the spatial ``size`` ([k,] j, i); one that lies outside keeps no extent."""
    limit = boxes.new_tensor([*size, *size])
    return torch.minimum(boxes.clamp(min=0), limit)


def extended(boxes: Tensor, least: float = 0.0) -> Tensor:
    """Whether each box is longer than ``least`` on every axis: bool (...,)."""
    lower, upper = corners(boxes)
    return (upper - lower > least).all(dim=-1)


def _gap(low_a: Tensor, high_a: Tensor, low_b: Tensor, high_b: Tensor, axis: int) -> Tensor:
    return torch.minimum(high_a[..., axis], high_b[..., axis]) - torch.maximum(low_a[..., axis], low_b[..., axis])


def _product(factors: Sequence[Tensor]) -> Tensor:
    result = factors[0]
    for factor in factors[1:]:
        result = result * factor
    return result


def _ratio(share: Tensor, whole: Tensor) -> Tensor:
    """``share / whole``, and 0 with a slope of 0 where the whole is nothing."""
    there = whole > 0
    return torch.where(there, share / torch.where(there, whole, 1.0), 0.0)
