"""Where voxels lie: the order of slices and the affine, from positions, orientation and pixel spacing. Pure arrays.

DICOM names its in-plane values by rows: the first three Image Orientation (Patient) cosines point *along a row*, the way the
column index i rises; the first Pixel Spacing value is the distance *between rows*, the step along j (PS3.3 C.7.6.2.1.1,
10.7.1.3). So i moves by orientation[:3] x spacing[1], and j by orientation[3:] x spacing[0].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
from numpy.typing import NDArray

from storage.base.errors import InputError

Array = NDArray[np.float64]

COSINE_TOLERANCE = 1e-3
"""Length or angle error of direction cosines, no unit: headers with three decimals still count as perpendicular units."""

PARALLEL_TOLERANCE = 1e-4
"""Difference of direction cosines between slices, no unit: 0.05 mm at the far edge of a 500 mm field."""

DUPLICATE_TOLERANCE_MM = 0.01
"""Slices nearer than this along the normal are at one position: no scanner steps so finely, rounded headers do."""

GRID_TOLERANCE_MM = 0.02
"""How far a slice may lie from its place on the even grid: positions rounded to two decimals reach half of it."""

GRID_TOLERANCE_FRACTION = 0.02
"""The same as a fraction of the step, whichever is larger; one slice missing out of any number gives 0.5 or more."""

TILT_TOLERANCE_DEGREES = 0.1
"""Angle between the stack and the normal: cosines with four decimals give up to 0.01 degrees, gantries tilt by 0.5 or more."""


@dataclass(frozen=True, eq=False)
class Stack:
    """Input indices in k order, and the affine of the stacked slices."""

    order: tuple[int, ...]
    affine_lps_mm: Array


def slice_normal(orientation: Array) -> Array:
    """Unit normal of a plane, row direction x column direction.

    Parameters
    ----------
    orientation : (6,) direction cosines along a row, then along a column.

    Raises
    ------
    InputError
        Code ``missing-geometry``: the cosines aren't two perpendicular unit vectors.
    """
    row, column = orientation[:3], orientation[3:]
    errors = np.array([np.linalg.norm(row) - 1, np.linalg.norm(column) - 1, row @ column])
    if np.abs(errors).max() > COSINE_TOLERANCE:
        raise InputError(
            "ImageOrientationPatient isn't a pair of perpendicular unit vectors; correct the header and resend",
            code="missing-geometry",
        )
    normal = np.cross(row, column)
    return np.asarray(normal / np.linalg.norm(normal), dtype=np.float64)


def plane_affine(position: Array, orientation: Array, pixel_spacing_mm: Array, thickness_mm: float) -> Array:
    """Affine of one slice alone; k steps by ``thickness_mm`` along the normal.

    Parameters
    ----------
    position : (3,) LPS millimetres of the centre of the first voxel.
    orientation : (6,) direction cosines along a row, then along a column.
    pixel_spacing_mm : (2,) between rows, then between columns.

    Returns
    -------
    float64 (4, 4), (i, j, k, 1) to LPS millimetres.
    """
    step = slice_normal(orientation) * thickness_mm
    return _affine(position, orientation, pixel_spacing_mm, step)


def stack_slices(positions: Array, orientations: Array, pixel_spacing_mm: Array) -> Stack:
    """Order parallel slices along their normal and find their common affine.

    Parameters
    ----------
    positions : (K, 3) LPS millimetres of the centre of each slice's first voxel, K >= 2, any order.
    orientations : (K, 6) direction cosines along a row, then along a column.
    pixel_spacing_mm : (2,) between rows, then between columns.

    Raises
    ------
    InputError
        Codes ``mixed-orientation``, ``duplicate-position``, ``slice-gap``, ``gantry-tilt``, ``missing-geometry``.

    Source: PS3.3 C.7.6.2.1.1. The step along k is (last - first) / (K - 1), so a rounding error in one position doesn't grow.
    """
    normal = slice_normal(orientations[0])
    if np.abs(orientations - orientations[0]).max() > PARALLEL_TOLERANCE:
        _refuse_mixed(orientations)
    along = positions @ normal
    order = np.argsort(along, kind="stable")
    _check_distinct(along[order])
    ordered = positions[order]
    step = (ordered[-1] - ordered[0]) / (len(ordered) - 1)
    _check_even(ordered, step, normal)
    _check_upright(step, normal)
    affine = _affine(ordered[0], orientations[0], pixel_spacing_mm, step)
    return Stack(tuple(int(index) for index in order), affine)


def _affine(position: Array, orientation: Array, pixel_spacing_mm: Array, step: Array) -> Array:
    affine = np.eye(4)
    affine[:3, 0] = orientation[:3] * pixel_spacing_mm[1]
    affine[:3, 1] = orientation[3:] * pixel_spacing_mm[0]
    affine[:3, 2] = step
    affine[:3, 3] = position
    return affine


def _refuse_mixed(orientations: Array) -> NoReturn:
    count = len(np.unique(orientations.round(3), axis=0))
    raise InputError(
        f"slices aren't parallel: {count} orientations in one series (a localizer?); send each orientation as its own series",
        code="mixed-orientation",
        orientations=count,
    )


def _check_distinct(along: Array) -> None:
    repeated = int((np.diff(along) < DUPLICATE_TOLERANCE_MM).sum())
    if repeated:
        places = len(along) - repeated
        raise InputError(
            f"{len(along)} images at {places} positions: several phases, echoes or copies in one series; "
            "send each of them as its own series",
            code="duplicate-position",
            images=len(along),
            positions=places,
        )


def _check_even(ordered: Array, step: Array, normal: Array) -> None:
    """Every slice at its place on the even grid, along the normal and sideways."""
    grid = ordered[0] + np.arange(len(ordered))[:, None] * step
    off = ordered - grid
    off_along = off @ normal
    off_sideways = np.linalg.norm(off - off_along[:, None] * normal, axis=1)
    tolerance_mm = max(GRID_TOLERANCE_MM, GRID_TOLERANCE_FRACTION * float(step @ normal))
    if np.abs(off_along).max() > tolerance_mm:
        _refuse_gap(ordered @ normal)
    if off_sideways.max() > tolerance_mm:
        raise InputError(
            f"slices are shifted sideways by up to {off_sideways.max():.2f} mm against each other; "
            "send a series whose slices are stacked along their normal",
            code="gantry-tilt",
        )


def _refuse_gap(along: Array) -> NoReturn:
    steps = np.diff(along)
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])  # the lower median: a gap only makes steps longer
    worst = int(np.argmax(np.abs(steps - usual)))
    raise InputError(
        f"slices aren't evenly spaced: {steps[worst]:.3f} mm between slices {worst + 1} and {worst + 2} of {len(along)}, "
        f"usually {usual:.3f} mm; send the missing slices or an evenly spaced series",
        code="slice-gap",
        after_slice=worst + 1,
        step_mm=round(float(steps[worst]), 3),
        usual_step_mm=round(usual, 3),
    )


def _check_upright(step: Array, normal: Array) -> None:
    along = float(step @ normal)
    sideways = float(np.linalg.norm(step - along * normal))
    degrees = float(np.degrees(np.arctan2(sideways, along)))
    if degrees > TILT_TOLERANCE_DEGREES:
        raise InputError(
            f"slices are stacked {degrees:.1f} degrees off their normal (a tilted gantry); "
            "send a reconstruction perpendicular to the table",
            code="gantry-tilt",
            degrees=round(degrees, 2),
        )
