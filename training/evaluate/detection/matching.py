"""Which found box is which true one, by COCO's rule (Lin et al., Microsoft COCO, ECCV 2014, and its evaluation code).

By falling score each found box takes the nearest true box that is still free and near enough; of equally near ones the last. One
that finds none is a false alarm: the second box on a taken object too. True boxes that are set aside (of another size band) are
taken only where no other is free, and then count neither way. Equal scores go in the order of the input.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.evaluate.detection.records import Array, Labels

Flags = NDArray[np.bool_]

NONE = -1
_NEVER = -np.inf


def match(closeness: Array, scores: Array, thresholds: Array, aside: Flags | None = None) -> Labels:
    """Match the boxes of one image at several thresholds at once.

    Parameters
    ----------
    closeness : (N, M); a hit from the threshold on. scores : (N,). thresholds : (T,). aside : (M,), none where None.

    Returns
    -------
    (T, N) index of the true box that each found box takes, -1 for none.
    """
    count, objects = closeness.shape
    taken = np.full((len(thresholds), count), NONE, dtype=np.int64)
    if count == 0 or objects == 0:
        return taken
    free = np.ones((len(thresholds), objects), dtype=bool)
    last = np.zeros(objects, dtype=bool) if aside is None else aside
    rows = np.arange(len(thresholds))
    near = closeness.max(axis=1) >= thresholds.min()
    for found in (n for n in np.argsort(-scores, kind="stable") if near[n]):
        allowed = free & (closeness[found] >= thresholds[:, None])
        preferred = allowed & ~last
        allowed = np.where(preferred.any(axis=1, keepdims=True), preferred, allowed)
        ranked = np.where(allowed, closeness[found], _NEVER)[:, ::-1]
        chosen = objects - 1 - ranked.argmax(axis=1)
        hit = allowed[rows, chosen]
        taken[hit, found] = chosen[hit]
        free[rows[hit], chosen[hit]] = False
    return taken
