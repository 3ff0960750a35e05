"""Array axes to patient axes by transposing and flipping alone, so that no voxel value and no position changes.

Oriented means: index i grows towards the patient's left, j towards the posterior, k towards the head (LPS, PS3.3 C.7.6.2.1.1).
An oblique volume is brought to the nearest such order; its obliqueness stays in the affine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

Affine = NDArray[np.float64]


@dataclass(frozen=True)
class Orientation:
    """``axes_kji``: source axes that become oriented k, j, i. ``flipped_kji``: whether that oriented axis runs backwards."""

    axes_kji: tuple[int, ...]
    flipped_kji: tuple[bool, ...]

    def apply(self, array: NDArray[Any]) -> NDArray[Any]:
        """A view of ``array`` (source order) in oriented order."""
        return np.flip(array.transpose(self.axes_kji), self._backwards)

    def undo(self, array: NDArray[Any]) -> NDArray[Any]:
        """A view of ``array`` (oriented order) in source order: the inverse of ``apply``."""
        back = tuple(self.axes_kji.index(axis) for axis in range(len(self.axes_kji)))
        return np.flip(array, self._backwards).transpose(back)

    def turn(self, affine_lps_mm: Affine, size_kji: Sequence[int]) -> Affine:
        """The affine of ``apply``'s array, from that of an array of ``size_kji`` in source order."""
        turned = np.zeros((4, 4))
        turned[3, 3] = 1
        for axis, (source, flipped) in enumerate(zip(self.axes_kji, self.flipped_kji, strict=True)):
            turned[2 - source, 2 - axis] = -1 if flipped else 1
            turned[2 - source, 3] = size_kji[source] - 1 if flipped else 0
        return np.asarray(affine_lps_mm @ turned)

    @property
    def _backwards(self) -> tuple[int, ...]:
        return tuple(axis for axis, flipped in enumerate(self.flipped_kji) if flipped)


IDENTITY_2D = Orientation(axes_kji=(0, 1, 2), flipped_kji=(False, False, False))


def orientation_of(affine_lps_mm: Affine) -> Orientation:
    """The transpose and flips that bring a volume nearest to LPS order.

    Of the six ways to pair array axes with patient axes the one with the largest sum of direction cosines is taken.

    Parameters
    ----------
    affine_lps_mm : (4, 4), index (i, j, k, 1) to LPS millimetres.
    """
    directions = affine_lps_mm[:3, :3] / np.linalg.norm(affine_lps_mm[:3, :3], axis=0)
    best = max(permutations(range(3)), key=lambda order: sum(abs(directions[world, order[world]]) for world in range(3)))
    # best[world] is the index axis (0 = i) for L, P, S; array axes run k, j, i, hence the 2 - …
    axes = tuple(2 - best[world] for world in (2, 1, 0))
    flipped = tuple(bool(directions[world, best[world]] < 0) for world in (2, 1, 0))
    return Orientation(axes_kji=axes, flipped_kji=flipped)


def spacing_of(affine_lps_mm: Affine, orientation: Orientation) -> tuple[float, float, float]:
    """Millimetres per voxel along oriented (k, j, i)."""
    lengths_ijk = np.linalg.norm(affine_lps_mm[:3, :3], axis=0)
    k, j, i = (float(lengths_ijk[2 - axis]) for axis in orientation.axes_kji)
    return k, j, i
