"""Instances of one Series -> Volume. Everything that can't be read faithfully is refused by name.

Refusals (``InputError`` codes), in the order in which they are looked for:

    unreadable-instance, no-pixels, colour-image, mosaic-image, too-large, missing-geometry,
    invalid-rescale                          one Instance by itself
    too-few-slices, too-many-images          against what the model takes
    mixed-size, mixed-frames-of-reference    Instances against each other
    too-large                                before memory is asked for
    missing-geometry, mixed-orientation, duplicate-position, slice-gap, gantry-tilt    the stack
    undecodable-pixels                       the pixels

Refused although other readers take it: 4-D series (several phases, echoes, diffusion directions, time points), Siemens
mosaics, tilted gantry, uneven spacing, palette colour, 12-bit JPEG Extended, MPEG and other video; colour, unless the model
takes it as grey.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.volume.colour import Colour, check_colour
from inference.volume.frames import Frame, frames_of
from inference.volume.pixels import check_bounds, decode, modality_values
from inference.volume.place import Scale, has_place, place_one, place_stack
from inference.volume.read import PARSE_ERRORS, without_warnings
from inference.volume.volume import Volume
from storage.base.errors import InputError

SPACING_TOLERANCE_FRACTION = 1e-4
"""Pixel spacing between slices, as a fraction: 0.05 mm at the far edge of a 500 mm field."""


def assemble(
    datasets: Sequence[Dataset],
    *,
    spatial_dims: int = 3,
    minimum_slices: int = 1,
    scale: Scale = "patient",
    colour: Colour = "refuse",
) -> Volume:
    """Stack the Instances of one Series into a Volume.

    Parameters
    ----------
    datasets : any order, with pixel data and file meta information.
    spatial_dims : 3 for a volume of at least two slices; 2 for exactly one image, which may have no position.
    minimum_slices : fewest slices that the model takes.
    scale : what a single image must say of its pixels' size; a volume always states its own in the patient.
    colour : whether colour images are refused or read as their luma.

    Returns
    -------
    Volume
        On the grid of the slices themselves, k rising along row direction x column direction. An image without spacing in the
        patient has no position either, whatever its header says; one without any has steps of 1.

    Raises
    ------
    InputError
        See the module's list.

    Source: PS3.3 C.7.6.2.1.1 (Image Plane), C.7.6.16 (functional groups), C.11.1 (Modality LUT).
    """
    with without_warnings():
        return _assemble(datasets, spatial_dims, minimum_slices, scale, colour)


def _assemble(datasets: Sequence[Dataset], spatial_dims: int, minimum_slices: int, scale: Scale, colour: Colour) -> Volume:
    frames = [frame for dataset in datasets for frame in _frames_of(dataset, colour)]
    _check_count(len(frames), spatial_dims, minimum_slices)
    _check_alike(frames)
    check_bounds(frames)
    positioned = all(has_place(frame) for frame in frames)
    stack = place_one(frames[0], positioned, scale) if spatial_dims == 2 else place_stack(frames)
    units = {frame.unit for frame in frames}
    return Volume(
        voxels_kji=_read_voxels(frames, stack.order),
        affine_lps_mm=stack.affine_lps_mm,
        slices=tuple(frames[index].reference for index in stack.order),
        frame_of_reference_uid=frames[0].frame_of_reference_uid,
        modality=str(datasets[0].get("Modality") or ""),
        unit=units.pop() if len(units) == 1 else "",
        positioned=positioned,
    )


def _frames_of(dataset: Dataset, colour: Colour) -> list[Frame]:
    """pydicom parses values when they are asked for, so a damaged header may show only here."""
    try:
        frames = frames_of(dataset)
        check_colour(dataset, colour)
        return frames
    except PARSE_ERRORS as error:
        raise InputError("the header of an instance can't be read; send it again", code="unreadable-instance") from error


def _check_count(count: int, spatial_dims: int, minimum_slices: int) -> None:
    if count == 0:
        raise InputError("the series holds no images", code="no-pixels")
    if spatial_dims == 2:
        if count > 1:
            raise InputError(
                f"the series holds {count} images, the model takes exactly one; send each image as its own series",
                code="too-many-images",
                images=count,
            )
        return
    needed = max(2, minimum_slices)
    if count < needed:
        raise InputError(
            f"the series has {count} slice(s), the model needs at least {needed}; send the whole series",
            code="too-few-slices",
            slices=count,
            needed=needed,
        )


def _check_alike(frames: Sequence[Frame]) -> None:
    sizes = {(frame.rows, frame.columns) for frame in frames}
    if len(sizes) > 1:
        raise InputError("images of different Rows or Columns in one series; send one size per series", code="mixed-size")
    spacings = [frame.pixel_spacing_mm for frame in frames if frame.pixel_spacing_mm is not None]
    if spacings and np.abs(np.stack(spacings) / spacings[0] - 1).max() > SPACING_TOLERANCE_FRACTION:
        raise InputError("images of different PixelSpacing in one series; send one spacing per series", code="mixed-size")
    if len({frame.frame_of_reference_uid for frame in frames}) > 1:
        raise InputError(
            "images of different FrameOfReferenceUID in one series: their positions can't be compared; "
            "send one frame of reference per series",
            code="mixed-frames-of-reference",
        )


def _read_voxels(frames: Sequence[Frame], order: Sequence[int]) -> NDArray[np.float32]:
    """Decode Instance by Instance, so that only one Instance's stored pixels are held beside the result."""
    place = iter(np.argsort(order).tolist())
    rows, columns = frames[0].rows, frames[0].columns
    voxels = np.empty((len(frames), rows, columns), dtype=np.float32)
    for _, group in groupby(frames, key=lambda frame: id(frame.dataset)):
        own = list(group)
        stored = decode(own[0].dataset, len(own), rows, columns)
        for frame in own:
            voxels[next(place)] = modality_values(frame, stored[frame.index])
    return voxels
