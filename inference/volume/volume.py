"""The two records that leave this package: a volume of voxel values, and which frame of which Instance each slice came from.

Axis order is part of the name: arrays are ``kji`` (slice, row, column), affines and spacings are ``ijk`` (column, row, slice).
Invariants: k rises along the cross product of the row and column directions, so the voxel axes are right-handed; one
``SliceRef`` per slice, in k order.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class SliceRef:
    """The frame that a slice was read from; ``frame_number`` counts from 1 and is None for a single-frame Instance."""

    sop_instance_uid: str
    sop_class_uid: str
    frame_number: int | None = None


@dataclass(frozen=True, eq=False)
class Volume:
    """The voxels of one Series on the grid of its own slices.

    Attributes
    ----------
    voxels_kji : float32 (K, J, I)
        Modality values: stored value x slope + intercept of that very slice (PS3.3 C.11.1).
    affine_lps_mm : float64 (4, 4)
        (i, j, k, 1) of a voxel's centre to LPS millimetres in the patient (PS3.3 C.7.6.2.1.1). Without a position: pixel
        spacing on the diagonal, 1 mm along k, and no meaning in the patient.
    slices : K references, in k order.
    frame_of_reference_uid : empty where the Instances have none.
    unit : "HU", or "SUV" (by body weight, g/ml), where the header says so, else empty. Nothing is converted.
    positioned : whether ``affine_lps_mm`` is a place in the patient.
    """

    voxels_kji: NDArray[np.float32]
    affine_lps_mm: NDArray[np.float64]
    slices: tuple[SliceRef, ...]
    frame_of_reference_uid: str
    modality: str
    unit: str
    positioned: bool

    @property
    def spacing_ijk_mm(self) -> tuple[float, float, float]:
        """Distances between voxel centres along i (columns), j (rows) and k (slices)."""
        i, j, k = np.linalg.norm(self.affine_lps_mm[:3, :3], axis=0)
        return float(i), float(j), float(k)
