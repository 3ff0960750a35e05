"""The figures of one case that the checks, the statement and the plan go by."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from storage.base.errors import ConfigError
from training.data.case import Case
from training.data.objects import objects_in
from training.data.survey.likeness import covered, likeness

PERCENTS = (0.5, 25.0, 50.0, 75.0, 99.5)
_SAMPLED_VOXELS = 2**15


@dataclass(frozen=True, eq=False)
class Facts:
    """What one reading of a case told.

    Attributes
    ----------
    channels : of the image.
    size_kji : slices, rows, columns.
    spacing_kji_mm : distances between voxel centres along them.
    percentiles : of all channels' voxels, at ``PERCENTS``; of some 30,000 picked by chance where there are more.
    extremes : least and greatest voxel.
    label_voxels : voxels by label value, background first; None without a mask.
    objects : label of each single object; None where the source tells of none.
    digest : SHA-256 of the voxels alone.
    likeness : float32 unit vector; the dot product of two is the correlation of the images at a small size.
    covered : where the labels lie at that size, bool; None without a mask.
    """

    channels: int
    size_kji: tuple[int, int, int]
    spacing_kji_mm: tuple[float, float, float]
    percentiles: tuple[float, ...]
    extremes: tuple[float, float]
    label_voxels: tuple[int, ...] | None
    digest: str
    likeness: NDArray[np.float32]
    covered: NDArray[np.bool_] | None
    objects: tuple[int, ...] | None = None

    @property
    def scale(self) -> float:
        """Width of the intensities between the outer percentiles."""
        return self.percentiles[-1] - self.percentiles[0]

    @property
    def voxel_mm(self) -> float:
        """Volume of a voxel, mm³; of an image its pixel's area, mm²."""
        k, j, i = self.spacing_kji_mm
        return j * i if self.size_kji[0] == 1 else k * j * i


def facts_of(case: Case, classes: int, side: int) -> Facts:
    """The figures of a case.

    Raises
    ------
    ConfigError
        Codes ``not-finite`` and those of ``objects_in``, naming the case.
    """
    voxels = case.voxels_ckji
    least, greatest = float(voxels.min()), float(voxels.max())
    if not np.isfinite(least + greatest):
        raise ConfigError(f"{case.name}: its image holds values that aren't finite; correct or remove it", code="not-finite")
    labels, slices = case.labels_kji, voxels.shape[1]
    i, j, k = np.linalg.norm(case.affine_lps_mm[:3, :3], axis=0)
    return Facts(
        channels=len(voxels),
        size_kji=(slices, voxels.shape[2], voxels.shape[3]),
        spacing_kji_mm=(float(k), float(j), float(i)),
        percentiles=_percentiles(voxels.reshape(-1)),
        extremes=(least, greatest),
        label_voxels=None if labels is None else tuple(np.bincount(labels.reshape(-1), minlength=classes).tolist()),
        digest=hashlib.sha256(repr(voxels.shape).encode() + np.ascontiguousarray(voxels).tobytes()).hexdigest(),
        likeness=likeness(voxels, side),
        covered=None if labels is None else covered(labels, side),
        objects=objects_in(case, classes),
    )


def _percentiles(voxels: NDArray[np.float32]) -> tuple[float, ...]:
    """At ``PERCENTS``, linear between neighbours; one sorting serves all of them.

    Picked by chance, always the same: equal steps through 64 slices of 512 x 512 would see one column of them, mostly air.
    """
    if voxels.size > _SAMPLED_VOXELS:
        voxels = voxels[np.random.default_rng(0).integers(voxels.size, size=_SAMPLED_VOXELS)]
    sample = np.sort(voxels)
    places = np.array(PERCENTS) / 100 * (sample.size - 1)
    return tuple(float(value) for value in np.interp(places, np.arange(sample.size), sample))
