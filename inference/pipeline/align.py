"""One volume onto the model's grid of another, by the two affines alone.

Trilinear in the patient's millimetres. Where the model's grid steps over two voxels of the volume or more, an odd number of
voxels is averaged along that axis first, so that noise doesn't alias. The field of view of a volume reaches half a voxel beyond
its outermost centres, as in ``inference.pipeline.resample``; there the outermost values hold, farther out there is nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from inference.pipeline.orient import Affine

_DIGITS = 9
"""Of a step in voxels: what two inversions leave of a whole number is taken for the whole number (1e-6 voxels in a thousand)."""

_RIM = 0.5 + 1e-6


def grid_affine(affine_lps_mm: Affine, size_kji: Sequence[int], new_kji: Sequence[int]) -> Affine:
    """The affine of a grid of ``new_kji`` voxels over the same field of view as ``size_kji`` voxels (``align_corners=False``)."""
    steps = np.array([old / new for old, new in zip(size_kji, new_kji, strict=True)])[::-1]
    change = np.diag([*steps, 1.0])
    change[:3, 3] = (steps - 1) / 2
    return np.asarray(affine_lps_mm @ change)


def align(
    voxels_kji: NDArray[np.float32], affine_lps_mm: Affine, grid_lps_mm: Affine, size_kji: Sequence[int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Bring a volume to another grid in the same frame of reference.

    Parameters
    ----------
    voxels_kji : (K, J, I), any orientation.
    affine_lps_mm : (4, 4), its index (i, j, k, 1) to LPS millimetres.
    grid_lps_mm : (4, 4), the same for the wanted grid.
    size_kji : voxels of the wanted grid.

    Returns
    -------
    values
        float32 (k, j, i) on the wanted grid; a grid of the volume's own returns its values unchanged.
    inside
        bool (k, j, i): whether the volume shows this place; elsewhere the value means nothing.
    """
    matrix, offset = _steps(affine_lps_mm, grid_lps_mm)
    smooth = _averaged(voxels_kji, np.abs(matrix).max(axis=1))
    values = ndimage.affine_transform(
        smooth, matrix, offset, output_shape=tuple(size_kji), output=np.float32, order=1, mode="nearest", prefilter=False
    )
    return values, _inside(voxels_kji.shape, matrix, offset, size_kji)


def shown(affine_lps_mm: Affine, source_kji: Sequence[int], grid_lps_mm: Affine, size_kji: Sequence[int]) -> NDArray[np.bool_]:
    """``inside`` of ``align`` alone, of a volume of ``source_kji`` voxels: no voxel is needed for it."""
    return _inside(source_kji, *_steps(affine_lps_mm, grid_lps_mm), size_kji)


def _steps(affine_lps_mm: Affine, grid_lps_mm: Affine) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """From an index (k, j, i) of the wanted grid to one of the volume: matrix (3, 3) and offset (3,)."""
    step_ijk = np.round(np.linalg.inv(affine_lps_mm) @ grid_lps_mm, _DIGITS)
    return step_ijk[2::-1, 2::-1], step_ijk[2::-1, 3]


def _averaged(voxels: NDArray[np.float32], steps: NDArray[np.float64]) -> NDArray[np.float32]:
    """Running means along the axes that the new grid steps over coarsely; an odd width moves nothing."""
    for axis, step in enumerate(steps):
        width = 2 * int(step / 2) + 1
        if width > 1:
            voxels = ndimage.uniform_filter1d(voxels, min(width, _odd(voxels.shape[axis])), axis=axis, mode="nearest")
    return voxels


def _odd(count: int) -> int:
    return count if count % 2 else count + 1


def _inside(size: Sequence[int], matrix: NDArray[Any], offset: NDArray[Any], wanted: Sequence[int]) -> NDArray[np.bool_]:
    """Plane by plane, so that no coordinates of the whole grid are held."""
    inside = np.ones(tuple(wanted), dtype=np.bool_)
    rows, columns = np.arange(wanted[1])[:, None], np.arange(wanted[2])[None]
    for k, plane in enumerate(inside):
        for count, steps, start in zip(size, matrix, offset, strict=True):
            place = start + steps[0] * k + steps[1] * rows + steps[2] * columns
            plane &= (place >= -_RIM) & (place <= count - 1 + _RIM)
    return inside
