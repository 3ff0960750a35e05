"""Filled polygons on a pixel grid: a pixel is inside when its centre is, by the even-odd rule.

A centre on a left or upper edge counts as inside, one on a right or lower edge doesn't, so polygons that share an edge share no
pixel. (Foley, van Dam, Feiner and Hughes, Computer Graphics, 2nd ed., 3.6.)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def crossings(points: NDArray[np.float64], toggles: NDArray[np.bool_]) -> None:
    """Mark in each row the first pixel right of every edge that crosses the row; marks that meet cancel.

    Parameters
    ----------
    points : (N, 2) corners as (i, j), pixel centres at whole numbers; the last is joined to the first.
    toggles : bool (J, I), changed in place.
    """
    rows, columns = toggles.shape
    following = np.roll(points, -1, axis=0)
    for (x0, y0), (x1, y1) in zip(points, following, strict=True):
        if y0 > y1:
            x0, y0, x1, y1 = x1, y1, x0, y0
        first, last = max(0, int(np.ceil(y0))), min(rows, int(np.ceil(y1)))
        if first >= last:
            continue
        at = np.arange(first, last)
        x = x0 + (at - y0) * (x1 - x0) / (y1 - y0)
        starts = np.clip(np.ceil(x), 0, columns).astype(np.int64)
        reached = starts < columns
        toggles[at[reached], starts[reached]] ^= True


def filled(toggles: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Pixels (..., J, I) that have an odd number of marks at or before them in their row."""
    return np.asarray(np.logical_xor.accumulate(toggles, axis=-1))
