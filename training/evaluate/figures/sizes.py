"""The grid that a case is measured on, its own, and the size of masks on it: mm³, for an image of one slice mm²."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.pipeline.orient import Affine

Mask = NDArray[np.bool_]


def spacing_kji(affine_lps_mm: Affine) -> tuple[float, float, float]:
    """Millimetres per step along k, j, i: the lengths of the affine's columns, last first."""
    lengths = np.linalg.norm(affine_lps_mm[:3, :3], axis=0)
    return float(lengths[2]), float(lengths[1]), float(lengths[0])


def own_grid(labels_kji: NDArray[Any], affine_lps_mm: Affine) -> tuple[NDArray[Any], tuple[float, ...]]:
    """A label map and its spacing in mm, (K, J, I); of an image, K = 1, both lose the k axis.

    An image has no extent along k: with that axis every pixel of a mask would be a surface.
    """
    spacing = spacing_kji(affine_lps_mm)
    return (labels_kji[0], spacing[1:]) if labels_kji.shape[0] == 1 else (labels_kji, spacing)


def unit_symbol(unit: str) -> str:
    """``mm³`` for ``mm3``."""
    return unit.replace("2", "²").replace("3", "³")


def mask_size(mask: Mask, spacing_mm: Sequence[float]) -> float:
    """Area in mm² or volume in mm³: the number of elements times that of one."""
    return int(mask.sum()) * math.prod(spacing_mm)


def size_error_percent(predicted: float, truth: float) -> float:
    """Signed, of the truth's size; 0 where both are nothing, not a number (NaN) where the truth alone is."""
    if truth == 0:
        return 0.0 if predicted == 0 else math.nan
    return 100.0 * (predicted - truth) / truth
