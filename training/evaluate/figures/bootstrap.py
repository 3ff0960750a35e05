"""Figures with intervals: percentile bootstrap over persons or examinations (Efron and Tibshirani 1993, chapter 13).

Cases of one group are not independent, so groups are drawn, with replacement, each with all of its cases.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2000
LEVEL = 0.95
LEAST_GROUPS = 5
"""With fewer groups than this a bootstrap says more about luck than about the figure, so no interval is given."""

Indices = NDArray[np.int64]
Statistic = Callable[[Indices], float]
"""A figure of the cases with these indices, which may repeat; NaN where it isn't defined for them."""


@dataclass(frozen=True)
class Figure:
    """One number, the ends of its 95 % interval (None where there are too few groups), and what it rests on."""

    value: float
    low: float | None
    high: float | None
    cases: int
    groups: int

    def document(self) -> dict[str, Any]:
        """For JSON: four digits after the point, null for a number that isn't defined."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return {**{key: _rounded(end) for key, end in ends.items()}, "cases": self.cases, "groups": self.groups}

    def text(self, digits: int = 3) -> str:
        """``0.901 (0.893 to 0.909)``."""
        if np.isnan(self.value):
            return "not defined"
        if self.low is None or self.high is None:
            return f"{self.value:.{digits}f}"
        return f"{self.value:.{digits}f} ({self.low:.{digits}f} to {self.high:.{digits}f})"


class Resampler:
    """Draws of one set of cases, the same for every statistic, so that figures of one set belong together.

    Parameters
    ----------
    groups : the person or examination of each case, in the cases' order.
    seed : the same seed gives the same intervals.
    """

    def __init__(self, groups: Sequence[str], *, seed: int = 0, resamples: int = RESAMPLES) -> None:
        self._cases = len(groups)
        _, self._code = np.unique(np.asarray(groups, dtype=str), return_inverse=True)
        self._groups = int(self._code.max(initial=-1)) + 1
        self._members = [np.flatnonzero(self._code == code) for code in range(self._groups)]
        count = resamples if self._groups >= LEAST_GROUPS else 0
        self._draws = np.random.default_rng(seed).integers(0, max(1, self._groups), (count, self._groups))

    def figure(self, statistic: Statistic) -> Figure:
        """``statistic`` of all cases and the interval of it. Draws for which it isn't defined are left out."""
        value = statistic(np.arange(self._cases)) if self._cases else float("nan")
        drawn = (np.concatenate([self._members[group] for group in draw]) for draw in self._draws)
        low, high = _ends(np.fromiter((statistic(indices) for indices in drawn), dtype=np.float64))
        return Figure(value, low, high, self._cases, self._groups)

    def mean(self, values: NDArray[np.float64]) -> Figure:
        """The mean of one value per case, over the cases that have one (NaN: none); cases and groups count those alone."""
        known = ~np.isnan(values)
        sums = np.bincount(self._code[known], values[known], minlength=self._groups)
        counts = np.bincount(self._code[known], minlength=self._groups)
        value = float(sums.sum() / counts.sum()) if known.any() else float("nan")
        filled = counts[self._draws].sum(axis=1)
        drawn = sums[self._draws].sum(axis=1)[filled > 0] / filled[filled > 0]
        groups = int((counts > 0).sum())
        low, high = _ends(drawn) if groups >= LEAST_GROUPS else (None, None)
        return Figure(value, low, high, int(known.sum()), groups)

    def median(self, values: NDArray[np.float64]) -> Figure:
        """The median of one value per case, over the cases that have one; cases and groups count those alone, as in ``mean``."""
        known = ~np.isnan(values)
        groups = int(np.unique(self._code[known]).size)
        found = self.figure(lambda indices: _median(values[indices]))
        low, high = (found.low, found.high) if groups >= LEAST_GROUPS else (None, None)
        return Figure(found.value, low, high, int(known.sum()), groups)

    def difference(self, ours: Statistic, theirs: Statistic) -> Figure:
        """``ours - theirs`` on the same draws: the paired difference of two models on the same cases."""
        return self.figure(lambda indices: ours(indices) - theirs(indices))


def _ends(drawn: NDArray[np.float64]) -> tuple[float | None, float | None]:
    """The middle 95 % of the draws that are defined."""
    known = drawn[~np.isnan(drawn)]
    if known.size == 0:
        return None, None
    low, high = np.percentile(known, [50 * (1 - LEVEL), 50 * (1 + LEVEL)])
    return float(low), float(high)


def _median(values: NDArray[np.float64]) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else float("nan")


def _rounded(value: float | None) -> float | None:
    return None if value is None or np.isnan(value) else round(value, 4)
