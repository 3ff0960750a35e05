"""What the plan needs to know of the data: sizes, spacings, intensities under the labels. The training part alone is looked at.

The idea, and most rules that use it, are nnU-Net's: F. Isensee et al., Nature Methods 18 (2021) 203, Supplementary Note 2.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.pipeline.orient import IDENTITY_2D, orientation_of, spacing_of
from storage.base.errors import ConfigError
from training.data import Case

_SAMPLED = 4096


@dataclass(frozen=True)
class Fingerprint:
    """Figures of the training part. Axes run (k, j, i) in the patient's order, or (j, i) for images; lengths in millimetres.

    Attributes
    ----------
    median_shape, median_spacing_mm : per axis, over the cases.
    low_spacing_mm : the tenth percentile of the spacing, per axis.
    median_size_mm : of shape times spacing, per axis.
    foreground : 0.5th and 99.5th percentile, mean and standard deviation of the values under labels (everywhere without masks).
    channels : colour planes of an image.
    """

    cases: int
    median_shape: tuple[int, ...]
    median_spacing_mm: tuple[float, ...]
    low_spacing_mm: tuple[float, ...]
    median_size_mm: tuple[float, ...]
    foreground: tuple[float, float, float, float]
    channels: int

    def document(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)


def fingerprint(cases: Iterable[Case], dims: int) -> Fingerprint:
    """Look at every case once.

    Raises
    ------
    ConfigError
        Code ``no-data``: there is none.
    """
    shapes, spacings, values, channels = [], [], [], 1
    for number, case in enumerate(cases):
        orientation = IDENTITY_2D if dims == 2 else orientation_of(case.affine_lps_mm)
        shapes.append(orientation.apply(case.voxels_kji).shape[-dims:])
        spacings.append(spacing_of(case.affine_lps_mm, orientation)[-dims:])
        values.append(_values(case, number))
        channels = max(channels, len(case.voxels_ckji))
    if not shapes:
        raise ConfigError("data: the training part is empty; correct data.split", code="no-data")
    size, step, pooled = np.array(shapes, dtype=float), np.array(spacings), np.concatenate(values)
    low, high = np.percentile(pooled, [0.5, 99.5])
    return Fingerprint(
        cases=len(shapes),
        median_shape=tuple(round(n) for n in np.median(size, axis=0)),
        median_spacing_mm=_rounded(np.median(step, axis=0)),
        low_spacing_mm=_rounded(np.percentile(step, 10, axis=0)),
        median_size_mm=_rounded(np.median(size * step, axis=0)),
        foreground=_four(low, high, pooled.mean(), pooled.std()),
        channels=channels,
    )


def _values(case: Case, number: int) -> NDArray[np.float64]:
    """Some values under the labels, drawn by the case's number, so that each case counts alike."""
    image = case.voxels_kji
    chosen = image[case.labels_kji > 0] if case.labels_kji is not None else image.ravel()
    if not chosen.size:
        chosen = image.ravel()
    picks = np.random.default_rng(number).integers(0, chosen.size, min(_SAMPLED, chosen.size))
    return chosen[picks].astype(np.float64)


def _rounded(values: NDArray[np.float64]) -> tuple[float, ...]:
    return tuple(round(float(value), 6) for value in values)


def _four(*values: float) -> tuple[float, float, float, float]:
    first, second, third, fourth = (round(float(value), 4) for value in values)
    return first, second, third, fourth
