"""Dice coefficients of label maps and their summary over cases."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray


def dice(predicted: NDArray[Any], truth: NDArray[Any], value: int) -> float:
    """``2 |A and B| / (|A| + |B|)`` of one label value in two arrays of one shape; 1 where both lack it."""
    ours, theirs = predicted == value, truth == value
    total = int(ours.sum()) + int(theirs.sum())
    return 1.0 if total == 0 else 2 * int((ours & theirs).sum()) / total


def summary(values: Sequence[float]) -> dict[str, float]:
    """Mean, median and least of the cases' values, to four digits."""
    return {
        "mean": round(float(np.mean(values)), 4),
        "median": round(float(np.median(values)), 4),
        "least": round(float(np.min(values)), 4),
    }
