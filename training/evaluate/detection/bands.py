"""Bands of size that figures are also given for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from training.evaluate.detection.matching import Flags
from training.evaluate.detection.records import Array, DetectedImage, box_sizes


@dataclass(frozen=True)
class Band:
    """True boxes of ``low`` <= size < ``high``, in the boxes' unit to the power of the dimensions."""

    name: str
    low: float
    high: float

    def holds(self, sizes: Array) -> Flags:
        """Which of these sizes lie in it."""
        return np.asarray((sizes >= self.low) & (sizes < self.high))


EVERY_SIZE = Band("every size", 0.0, np.inf)


def bands_between(borders: Sequence[float], unit: str) -> tuple[Band, ...]:
    """Bands below, between and above rising borders, such as COCO's 32² and 96²."""
    names = [f"{border:,.0f}" if border >= 100 else f"{border:.3g}" for border in borders]
    middle = [f"{low} to {high} {unit}" for low, high in pairwise(names)]
    titles = [f"below {names[0]} {unit}", *middle, f"{names[-1]} {unit} and more"]
    ends = [0.0, *borders, np.inf]
    parts = zip(titles, pairwise(ends), strict=True)
    return tuple(Band(title, low, high) for title, (low, high) in parts if low < high)


def even_bands(images: Sequence[DetectedImage], count: int, unit: str) -> tuple[Band, ...]:
    """Bands that hold about equally many of the true boxes; none where there are no boxes.

    Parameters
    ----------
    count : at least 2; 3 cuts at the terciles. unit : of size, for the names, such as ``px²``.
    """
    sizes = np.concatenate([box_sizes(image.true_boxes) for image in images]) if images else np.zeros(0)
    return bands_between(np.quantile(sizes, np.arange(1, count) / count).tolist(), unit) if sizes.size else ()
