"""Masks on the grid of their boxes, and on the grid of the image."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from inference.networks.detection.geometry.roi_align import roi_align


def paste(masks: Tensor, boxes: Tensor, size: Sequence[int], threshold: float = 0.5) -> Tensor:
    """Which voxels of the image each mask marks.

    A voxel whose middle lies in the box takes the mask's value there by linear interpolation. Boxes are handled one by one, so
    that beside the result there is never more than one box's worth of numbers.

    Parameters
    ----------
    masks : probabilities (n, s, s[, s]). boxes : (n, 2 d). size : the image's ([K,] J, I).
    threshold : a voxel is marked from this probability on.

    Returns
    -------
    bool (n, [K,] J, I).
    """
    result = torch.zeros((len(masks), *size), dtype=torch.bool, device=masks.device)
    for mask, box, onto in zip(masks, boxes, result, strict=True):
        window, lines = _middles(box, size)
        if all(len(line) for line in lines):
            grid = torch.stack(torch.meshgrid(*lines, indexing="ij")[::-1], dim=-1)
            value = functional.grid_sample(mask.float()[None, None], grid[None], padding_mode="border", align_corners=False)
            onto[window] = value[0, 0] >= threshold
    return result


def cut(masks: Tensor, boxes: Tensor, size: int) -> Tensor:
    """What of each mask lies in its box, on a grid of ``size``: the inverse of `paste`, for training.

    Parameters
    ----------
    masks : of the image, (n, [K,] J, I), bool or whole numbers. boxes : (n, 2 d).

    Returns
    -------
    float32 (n, size, size[, size]), 1 where at least half of the four (eight) nearest voxels' weight is marked, else 0.
    """
    if not len(masks):
        return masks.new_zeros((0, *[size] * (masks.ndim - 1)), dtype=torch.float32)
    parts = [
        roi_align(mask[None, None].float(), [box[None]], size, sampling=1)[0, 0] for mask, box in zip(masks, boxes, strict=True)
    ]
    return (torch.stack(parts) >= 0.5).float()


def _middles(box: Tensor, size: Sequence[int]) -> tuple[tuple[slice, ...], list[Tensor]]:
    """The voxels whose middles lie in the box, and where these are in it on each axis, from -1 to 1."""
    lower, upper = box.float().chunk(2)
    window, lines = [], []
    for axis, extent in enumerate(size):
        low, high = float(lower[axis]), float(upper[axis])
        middle = torch.arange(extent, device=box.device) + 0.5
        inside = torch.nonzero((middle >= low) & (middle < high)).flatten()
        first = int(inside[0]) if len(inside) else 0
        window.append(slice(first, first + len(inside)))
        lines.append(2 * (middle[inside] - low) / (high - low) - 1 if len(inside) else middle[:0])
    return tuple(window), lines
