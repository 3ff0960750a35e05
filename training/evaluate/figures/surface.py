"""Distances between the surfaces of two masks, in millimetres.

Convention: the surface of a mask is those of its elements that touch the outside by a face (an edge in 2-D; the end of the grid
is outside), each at its centre and each of the same weight, as in MONAI's ``compute_surface_dice`` and
``compute_hausdorff_distance`` without sub-voxels. Nikolov et al. (Clinically applicable segmentation of head and neck anatomy
for radiotherapy, J Med Internet Res 2021;23(7):e26151), where surface Dice comes from, weigh by area; on grids far from
isotropic the two differ. Distances run both ways, each element to the nearest one of the other surface.

Both masks empty: nothing is wrong, so distances are 0 and surface Dice 1. One empty: surface Dice 0, and every distance is the
diagonal of the grid, the largest it can hold, so that a missed object weighs on the mean instead of dropping out of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.spatial import KDTree

from training.evaluate.figures.sizes import Mask

Distances = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class SurfaceDistances:
    """Millimetres: ``to_truth`` one per element of the predicted surface, ``to_predicted`` one per element of the true one.

    Both are empty where both masks are.
    """

    to_truth: Distances
    to_predicted: Distances

    def dice(self, tolerance_mm: float) -> float:
        """The share of both surfaces that lies within ``tolerance_mm`` (inclusive) of the other one."""
        both = np.concatenate([self.to_truth, self.to_predicted])
        return float((both <= tolerance_mm).mean()) if both.size else 1.0

    def hausdorff_mm(self, percentile: float = 95.0) -> float:
        """The larger of the two ways' percentiles of distance, interpolated linearly (HD95 by default)."""
        ways = [way for way in (self.to_truth, self.to_predicted) if way.size]
        return max((float(np.percentile(way, percentile)) for way in ways), default=0.0)

    def mean_mm(self) -> float:
        """The mean over all elements of both surfaces."""
        both = np.concatenate([self.to_truth, self.to_predicted])
        return float(both.mean()) if both.size else 0.0


def surface(mask: Mask) -> Mask:
    """The elements of a mask that touch the outside by a face; any number of dimensions."""
    return np.asarray(mask & ~ndimage.binary_erosion(mask), dtype=bool)


def surface_distances(predicted: Mask, truth: Mask, spacing_mm: Sequence[float]) -> SurfaceDistances:
    """The distances of two masks of one shape.

    Parameters
    ----------
    spacing_mm : one per axis of the masks, in their order.
    """
    if not (predicted.any() and truth.any()):
        diagonal_mm = float(np.linalg.norm(np.multiply(predicted.shape, spacing_mm)))
        return SurfaceDistances(*(np.full(int(surface(mask).sum()), diagonal_mm) for mask in (predicted, truth)))
    box = _box(predicted | truth)
    ours, theirs = (np.argwhere(surface(mask[box])) * np.asarray(spacing_mm) for mask in (predicted, truth))
    return SurfaceDistances(_nearest(ours, theirs), _nearest(theirs, ours))


def _box(mask: Mask) -> tuple[slice, ...]:
    """The smallest box that holds all of a mask; what is outside of it counts as background in any case."""
    found: tuple[slice, ...] = ndimage.find_objects(mask.astype(np.uint8))[0]
    return found


def _nearest(points_mm: Distances, others_mm: Distances) -> Distances:
    return np.asarray(KDTree(others_mm).query(points_mm)[0], dtype=np.float64)
