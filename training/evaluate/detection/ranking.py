"""Whether an image's highest score tells images with an object from those without: AUC, of every draw at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.evaluate.detection.draws import Draws, Measured
from training.evaluate.detection.matching import Flags
from training.evaluate.detection.records import Array, DetectedImage, of_label

_MOST_AT_ONCE = 4_000_000


def highest_scores(images: Sequence[DetectedImage], label: int | None = None) -> Array:
    """(images,), of one class or of all; below every score where nothing was found."""
    kept = [of_label(image, label).scores for image in images]
    lowest = min((float(scores.min()) for scores in kept if scores.size), default=0.0) - 1.0
    return np.array([scores.max(initial=lowest) for scores in kept])


def holders(images: Sequence[DetectedImage], label: int | None = None) -> Flags:
    """(images,): which have an object of the class."""
    return np.array([len(of_label(image, label).true_boxes) > 0 for image in images], dtype=bool)


def ranking_auc(scores: Array, positive: Flags, draws: Draws) -> Measured:
    """The chance that a positive image scores above a negative one, ties counting half (Mann and Whitney 1947)."""
    ours, theirs = draws.code[positive], draws.code[~positive]
    if not ours.size or not theirs.size:
        return Measured(None, f"no image is {'positive' if not ours.size else 'negative'}, so they can't be told apart")
    won = np.zeros(len(draws.weights))
    rows = max(1, _MOST_AT_ONCE // max(len(theirs), len(draws.weights)))
    for start in range(0, len(ours), rows):
        difference = scores[positive][start : start + rows, None] - scores[~positive][None, :]
        above = (difference > 0) + 0.5 * (difference == 0)
        won += (draws.weights[:, ours[start : start + rows]] * (draws.weights[:, theirs] @ above.T)).sum(axis=1)
    pairs = draws.weights[:, ours].sum(axis=1) * draws.weights[:, theirs].sum(axis=1)
    values = np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)
    return draws.measured(values, "no pair of images")
