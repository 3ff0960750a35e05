"""Bands of size that figures are also given for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from training.evaluate.detection.matching import Flags
from training.evaluate.detection.records import Array, DetectedImage


@dataclass(frozen=True)
class Band:
    """True boxes of ``low`` <= size < ``high``, areas or volumes in the unit of the images' ``voxel``."""

    name: str
    low: float
    high: float

    def holds(self, sizes: Array) -> Flags:
        """Which of these sizes lie in it."""
        return np.asarray((sizes >= self.low) & (sizes < self.high))


EVERY_SIZE = Band("every size", 0.0, np.inf)


def bands_between(borders: Sequence[float], unit: str, root: int = 1) -> tuple[Band, ...]:
    """Bands below, between and above rising borders, such as COCO's 32² and 96²; borders that look the same in print are one.

    Parameters
    ----------
    unit : of the numbers in the names.
    root : which root of a size they are; 1 tells the size itself. Of a box in d dimensions the d-th root is the equivalent
        diameter: that of the circle or ball as large as the ellipse or ellipsoid that fills the box.
    """
    shown = {_shown(border ** (1 / root)): border for border in reversed(borders)}
    names = list(reversed(shown))
    middle = [f"{low} to {high} {unit}" for low, high in pairwise(names)]
    titles = [f"below {names[0]} {unit}", *middle, f"{names[-1]} {unit} and more"]
    ends = [0.0, *reversed(shown.values()), np.inf]
    parts = zip(titles, pairwise(ends), strict=True)
    return tuple(Band(title, low, high) for title, (low, high) in parts if low < high)


def even_bands(images: Sequence[DetectedImage], count: int, unit: str, root: int = 1) -> tuple[Band, ...]:
    """Bands that hold about equally many of the true boxes; none where there are no boxes.

    Parameters
    ----------
    count : at least 2; 3 cuts at the terciles. unit, root : of the names, as for ``bands_between``.
    """
    sizes = np.concatenate([image.true_sizes for image in images]) if images else np.zeros(0)
    return bands_between(np.quantile(sizes, np.arange(1, count) / count).tolist(), unit, root) if sizes.size else ()


def _shown(number: float) -> str:
    return f"{number:,.0f}" if number >= 100 else f"{number:.3g}"
