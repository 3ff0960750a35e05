"""Average precision as COCO's: the mean, at the recalls 0, 0.01 … 1, of the best precision at that recall or a greater one.

Of every draw at once. The best precisions stand at hits, so false alarms are counted between hits alone; which recall a hit
reaches is compared in whole numbers. A box drawn twice is two boxes one after the other, and both change the curve as in COCO.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from training.evaluate.detection.pool import Pool
from training.evaluate.detection.records import Array

STEPS = 100
_MOST_AT_ONCE = 4_000_000


def average_precision(found: Pool, threshold: int, weights: Array) -> Array:
    """Of each row of ``weights`` (R, G); NaN where it has no object.

    Parameters
    ----------
    threshold : index of the pool's threshold.
    """
    rows = max(1, _MOST_AT_ONCE // max(1, int(found.hits[threshold].sum())))
    parts = [_average(found, threshold, weights[start : start + rows]) for start in range(0, len(weights), rows)]
    return np.concatenate(parts) if parts else np.zeros(0)


def counts_at_hits(found: Pool, threshold: int, weights: Array) -> tuple[Array, Array]:
    """(R, H): hits up to each hit, itself included, and false alarms before it."""
    hits, alarms = found.hits[threshold], found.alarms[threshold]
    places = np.flatnonzero(hits)
    reached = np.cumsum(weights[:, found.code[places]], axis=1)
    interval = np.searchsorted(places, np.flatnonzero(alarms))  # how many hits come before each false alarm
    code = found.code[alarms][interval < len(places)]
    interval = interval[interval < len(places)]
    each = sparse.csr_array((np.ones(len(code)), (interval, code)), shape=(len(places), weights.shape[1]))
    return reached, np.cumsum(np.asarray(each @ weights.T).T, axis=1)


def _average(found: Pool, threshold: int, weights: Array) -> Array:
    objects = weights @ found.objects
    reached, false = counts_at_hits(found, threshold, weights)
    if reached.shape[1] == 0:
        return np.where(objects > 0, 0.0, np.nan)
    precision = reached / np.maximum(reached + false, 1)
    best = np.maximum.accumulate(precision[:, ::-1], axis=1)[:, ::-1]
    steps = np.floor_divide(STEPS * reached, np.maximum(objects, 1)[:, None])  # recalls 0.01 … that each hit reaches
    new = np.diff(steps, axis=1, prepend=-1)  # recall 0 is reached by the first
    return np.where(objects > 0, (best * new).sum(axis=1) / (STEPS + 1), np.nan)
