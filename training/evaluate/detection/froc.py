"""FROC: the share of objects that are found against false alarms an image (Bunch et al. 1978), and its mean as in LUNA16.

Operating points are thresholds of the score, so boxes of equal score come together. At a rate of false alarms the sensitivity is
that of the best point with no more of them; points are taken as they are. (LUNA16's own script draws straight lines between
points, which gives a little more.) Images without objects count as images, and their boxes as false alarms.
"""

from __future__ import annotations

import numpy as np

from training.evaluate.detection.pool import Pool
from training.evaluate.detection.precision import counts_at_hits
from training.evaluate.detection.records import Array

RATES = (1 / 8, 1 / 4, 1 / 2, 1.0, 2.0, 4.0, 8.0)
"""False alarms an image, of the competition performance metric (CPM)."""

RATE_METRICS = {f"sensitivity_at_{rate:g}": rate for rate in RATES}
"""What the sensitivity at each of them is called."""


def sensitivities(found: Pool, threshold: int, weights: Array, images: Array, rates: tuple[float, ...] = RATES) -> Array:
    """(R, len(rates)) of each row of ``weights`` (R, G); NaN where it has no object.

    Parameters
    ----------
    images : (G,), images of each group.
    """
    objects = weights @ found.objects
    reached, false = counts_at_hits(_by_score(found, threshold), 0, weights)
    limits = (weights @ images)[:, None] * np.asarray(rates)
    best = [np.where(false <= limits[:, [n]] + 1e-9, reached, 0.0).max(axis=1, initial=0.0) for n in range(len(rates))]
    share = np.stack(best, axis=1) / np.maximum(objects, 1)[:, None]
    return np.asarray(np.where(objects[:, None] > 0, share, np.nan))


def _by_score(found: Pool, threshold: int) -> Pool:
    """The pool of one threshold with the false alarms of a score before the hits of it."""
    hits, alarms = found.hits[threshold], found.alarms[threshold]
    order = np.lexsort((hits, -found.scores))
    return Pool(found.scores[order], found.code[order], hits[None, order], alarms[None, order], found.objects)
