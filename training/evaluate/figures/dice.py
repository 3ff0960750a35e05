"""Dice coefficients of label maps."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray


def dice(predicted: NDArray[Any], truth: NDArray[Any], value: int) -> float:
    """``2 |A and B| / (|A| + |B|)`` of one label value in two arrays of one shape; 1 where both lack it, 0 where one does."""
    ours, theirs = predicted == value, truth == value
    total = int(ours.sum()) + int(theirs.sum())
    return 1.0 if total == 0 else 2 * int((ours & theirs).sum()) / total
