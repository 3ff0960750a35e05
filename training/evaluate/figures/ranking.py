"""How well scores rank positives above negatives: ROC, its area, and operating points that the scores allow.

``scores`` are (N,) floats, higher for positive; ``positive`` is (N,) bool. Where one of the two kinds is absent, the figures
are not defined and come as NaN.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

Scores = NDArray[np.float64]
Flags = NDArray[np.bool_]


def auc(scores: Scores, positive: Flags) -> float:
    """Area under the ROC: the chance that a positive scores above a negative, ties counting half (Mann and Whitney 1947)."""
    positives = int(positive.sum())
    negatives = positive.size - positives
    if positives == 0 or negatives == 0:
        return float("nan")
    ranks = rankdata(scores)
    return float((ranks[positive].sum() - positives * (positives + 1) / 2) / (positives * negatives))


@dataclass(frozen=True, eq=False)
class Roc:
    """Operating points by falling threshold: score >= threshold is called positive. The first calls nothing so."""

    thresholds: Scores
    sensitivity: Scores
    specificity: Scores

    def sensitivity_at(self, specificity: float) -> float:
        """The most sensitivity among points of at least this specificity; points are taken as they are, never interpolated."""
        return float(self.sensitivity[self.specificity >= specificity - 1e-12].max(initial=0.0))

    def specificity_at(self, sensitivity: float) -> float:
        """The most specificity among points of at least this sensitivity."""
        return float(self.specificity[self.sensitivity >= sensitivity - 1e-12].max(initial=0.0))

    def best_threshold(self) -> float:
        """Where sensitivity + specificity is greatest (Youden 1950): midway to the next lower score, in 0 .. 1."""
        best = int(np.argmax(self.sensitivity + self.specificity))
        below = self.thresholds[best + 1] if best + 1 < len(self.thresholds) else 0.0
        return float(np.clip((min(self.thresholds[best], 1.0) + below) / 2, 0.0, 1.0))


def roc(scores: Scores, positive: Flags) -> Roc | None:
    """The operating points of all distinct scores; None where one kind is absent."""
    positives = int(positive.sum())
    negatives = positive.size - positives
    if positives == 0 or negatives == 0:
        return None
    order = np.argsort(-scores, kind="stable")
    falling = scores[order]
    last = np.append(np.flatnonzero(np.diff(falling)), falling.size - 1)  # the last case of each distinct score
    hits = np.cumsum(positive[order])[last]
    alarms = np.cumsum(~positive[order])[last]
    return Roc(
        thresholds=np.concatenate([[np.inf], falling[last]]),
        sensitivity=np.concatenate([[0.0], hits / positives]),
        specificity=np.concatenate([[1.0], 1 - alarms / negatives]),
    )


def sensitivity_at(scores: Scores, positive: Flags, specificity: float) -> float:
    """``Roc.sensitivity_at``, NaN where one kind is absent."""
    points = roc(scores, positive)
    return points.sensitivity_at(specificity) if points else float("nan")


def specificity_at(scores: Scores, positive: Flags, sensitivity: float) -> float:
    """``Roc.specificity_at``, NaN where one kind is absent."""
    points = roc(scores, positive)
    return points.specificity_at(sensitivity) if points else float("nan")
