"""Bootstrap draws of groups as weights, so that a figure of all draws is a few products of matrices.

Percentile bootstrap as ``training.evaluate.figures.bootstrap``: groups (persons or examinations) are drawn with replacement, each
with all its images; a group drawn twice has weight 2. The first row of weights is 1 everywhere: the figure itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from training.evaluate.detection.records import Array, Labels
from training.evaluate.figures.bootstrap import LEAST_GROUPS, LEVEL, RESAMPLES, Figure


@dataclass(frozen=True)
class Measured:
    """A figure, or why there is none."""

    figure: Figure | None
    reason: str = ""

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return {"value": None, "reason": self.reason} if self.figure is None else self.figure.document()

    def text(self, digits: int = 3) -> str:
        """``0.901 (0.893 to 0.909)``, or the reason."""
        return self.reason if self.figure is None else self.figure.text(digits)


class Draws:
    """The draws of one set of images, the same for every figure of it, so that figures belong together.

    Parameters
    ----------
    groups : the person or examination of each image, in the images' order.
    seed : the same seed gives the same intervals.
    """

    def __init__(self, groups: Sequence[str], *, seed: int = 0, resamples: int = RESAMPLES) -> None:
        _, code = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
        self.code: Labels = code.astype(np.int64)
        self.groups = int(self.code.max(initial=-1)) + 1
        count = resamples if self.groups >= LEAST_GROUPS else 0
        drawn = np.random.default_rng(seed).integers(0, max(1, self.groups), (count, self.groups))
        weights = np.zeros((1 + count, self.groups))
        weights[0] = 1
        np.add.at(weights, (1 + np.arange(count)[:, None], drawn), 1)
        self.weights: Array = weights

    def per_group(self, values: Array) -> Array:
        """(G,) sums of one value an image."""
        return np.asarray(np.bincount(self.code, values, minlength=self.groups), dtype=np.float64)

    def totals(self, values: Array) -> Array:
        """(1 + R,) sums of one value an image: of all images, then of each draw."""
        return np.asarray(self.weights @ self.per_group(values))

    def measured(self, values: Array, reason: str) -> Measured:
        """The figure of (1 + R,) values, NaN where a draw doesn't define it; ``reason`` is told where the first is NaN."""
        if np.isnan(values[0]):
            return Measured(None, reason)
        known = values[1:][~np.isnan(values[1:])]
        low, high = (None, None)
        if known.size:
            low, high = (float(end) for end in np.percentile(known, [50 * (1 - LEVEL), 50 * (1 + LEVEL)]))
        return Measured(Figure(float(values[0]), low, high, len(self.code), self.groups))
