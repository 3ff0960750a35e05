"""Where the frames of a Series lie, as far as their headers must say so for what is to be done with them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from inference.volume.frames import Frame
from inference.volume.geometry import Stack, plane_affine, stack_slices
from inference.volume.spacing import detector_spacing
from storage.base.errors import InputError

Scale = Literal["patient", "detector", "unknown"]
"""The least that a single image must say of its pixels' size.

``patient``: their size in the patient. ``detector``: that in the detector's plane will do, to resample an image by. ``unknown``:
nothing. Whatever is asked for, nothing may be measured in an image whose frame states no ``pixel_spacing_mm``.
"""

UNKNOWN_THICKNESS_MM = 1.0
"""Step along k of a single image without Slice Thickness; no measurement along k follows from it."""


def has_place(frame: Frame) -> bool:
    """Whether the headers state where the frame lies in the patient; without spacing in the patient they don't."""
    return frame.position is not None and frame.orientation is not None and frame.pixel_spacing_mm is not None


def place_one(frame: Frame, positioned: bool, scale: Scale) -> Stack:
    """The affine of a single image; spacing alone where it isn't ``positioned``, and 1 where there is none of that."""
    spacing = frame.pixel_spacing_mm
    if spacing is None and scale != "patient":
        spacing = detector_spacing(frame.dataset)
    if spacing is None and scale == "unknown":
        return Stack((0,), np.eye(4))
    spacing = _present(spacing, "PixelSpacing")
    if not positioned:
        return Stack((0,), np.diag([spacing[1], spacing[0], 1.0, 1.0]))
    position = _present(frame.position, "ImagePositionPatient")
    orientation = _present(frame.orientation, "ImageOrientationPatient")
    return Stack((0,), plane_affine(position, orientation, spacing, frame.thickness_mm or UNKNOWN_THICKNESS_MM))


def place_stack(frames: Sequence[Frame]) -> Stack:
    """Order and affine of the frames of a volume."""
    positions = np.stack([_present(frame.position, "ImagePositionPatient") for frame in frames])
    orientations = np.stack([_present(frame.orientation, "ImageOrientationPatient") for frame in frames])
    spacings = [_present(frame.pixel_spacing_mm, "PixelSpacing") for frame in frames]
    return stack_slices(positions, orientations, spacings[0])


def _present(value: NDArray[np.float64] | None, keyword: str) -> NDArray[np.float64]:
    if value is None:
        raise InputError(
            f"{keyword} is absent from an image, so its place isn't known; send a series that states it",
            code="missing-geometry",
            attribute=keyword,
        )
    return value
