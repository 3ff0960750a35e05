"""Axis orders: ours is that of arrays, torchvision's starts with x."""

from __future__ import annotations

from torch import Tensor


def turned(values: Tensor) -> Tensor:
    """Boxes, deltas or distances (..., 4) from one order to the other: (row, column, row, column) and (x, y, x, y).

    Both have pairs, of corners, of centre and size, or of sides: each pair is turned by itself. Twice is once back.
    """
    return values[..., [1, 0, 3, 2]]
