"""One uniform view of a frame, whether it is a single-frame Instance or one frame of an enhanced multi-frame Instance.

Single-frame: the Image Plane and Modality LUT attributes of the Instance itself (PS3.3 C.7.6.2, C.11.1). Enhanced: the
frame's own functional group, else the shared one (PS3.3 C.7.6.16). A frame of another multi-frame Instance (ultrasound cine,
RT dose) has no position here. Pixels are not touched. Errors name attributes, never their values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.volume.volume import SliceRef
from storage.base.errors import InputError

Array = NDArray[np.float64]

PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
MAXIMUM_FRAMES = 2**16
"""Frames of one Instance: Number of Frames is text of a peer, and every frame costs memory before a pixel is read."""

_GROUPS = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence", "PixelValueTransformationSequence")
_CENTIMETRES = 3  # Physical Units X/Y Direction, PS3.3 C.8.5.5.1.15
_TWO_DIMENSIONAL = 1  # Region Spatial Format, PS3.3 C.8.5.5.1.1


@dataclass(frozen=True, eq=False)
class Frame:
    """What the headers say about one frame.

    ``position`` (3,) LPS mm, ``orientation`` (6,) cosines, ``pixel_spacing_mm`` (2,) between rows, between columns; each None
    when absent. ``index`` counts from 0 within the Instance.
    """

    dataset: Dataset
    index: int
    reference: SliceRef
    rows: int
    columns: int
    position: Array | None
    orientation: Array | None
    pixel_spacing_mm: Array | None
    thickness_mm: float | None
    slope: float
    intercept: float
    unit: str
    frame_of_reference_uid: str


def frames_of(dataset: Dataset) -> list[Frame]:
    """The frames of one Instance, in stored order.

    Raises
    ------
    InputError
        Codes ``no-pixels``, ``colour-image``, ``mosaic-image``, ``missing-geometry`` (attributes that can't be read, or
        functional groups that don't match Number of Frames), ``invalid-rescale``, ``too-large``.
    """
    _check_image(dataset)
    count = frame_count(dataset)
    if "PerFrameFunctionalGroupsSequence" in dataset:
        if len(dataset.PerFrameFunctionalGroupsSequence) != count:
            raise _unreadable("PerFrameFunctionalGroupsSequence", "doesn't match NumberOfFrames")
        return [_frame(dataset, index, _merged_groups(dataset, index), index + 1) for index in range(count)]
    if count == 1:
        return [_frame(dataset, 0, dataset, None)]
    shared = _without_position(dataset)
    return [_frame(dataset, index, shared, index + 1) for index in range(count)]


def frame_count(dataset: Dataset) -> int:
    """Number of Frames, 1 when absent; from 1 to ``MAXIMUM_FRAMES``, else InputError with code ``too-large``."""
    stated = _numbers(dataset, "NumberOfFrames", 1)
    count = 1 if stated is None else max(1, int(stated[0]))
    if count > MAXIMUM_FRAMES:
        raise InputError(
            f"an instance has {count} frames, more than the {MAXIMUM_FRAMES} that are read; send fewer per instance",
            code="too-large",
            frames=count,
        )
    return count


def _check_image(dataset: Dataset) -> None:
    if not any(keyword in dataset for keyword in PIXEL_KEYWORDS):
        raise InputError(
            "an instance of the series holds no pixel data, or was cut short; send a whole image series", code="no-pixels"
        )
    if dataset.get("SamplesPerPixel", 1) != 1 or dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise InputError("the images are in colour; the model takes greyscale images", code="colour-image")
    if "MOSAIC" in (dataset.get("ImageType") or ()):
        raise InputError(
            "each image is a mosaic of many slices, whose positions no standard attribute states; "
            "send the series as single slices or as enhanced multi-frame",
            code="mosaic-image",
        )


def _frame(dataset: Dataset, index: int, source: Dataset, number: int | None) -> Frame:
    slope, intercept = _rescale(source)
    thickness = _numbers(source, "SliceThickness", 1)
    spacing = _numbers(source, "PixelSpacing", 2)
    if spacing is None:
        spacing = _region_spacing(dataset)
    if spacing is not None and spacing.min() <= 0:
        raise _unreadable("PixelSpacing", "isn't positive")
    return Frame(
        dataset=dataset,
        index=index,
        reference=SliceRef(str(dataset.get("SOPInstanceUID", "")), str(dataset.get("SOPClassUID", "")), number),
        rows=int(dataset.get("Rows") or 0),
        columns=int(dataset.get("Columns") or 0),
        position=_numbers(source, "ImagePositionPatient", 3),
        orientation=_numbers(source, "ImageOrientationPatient", 6),
        pixel_spacing_mm=spacing,
        thickness_mm=None if thickness is None or thickness[0] <= 0 else float(thickness[0]),
        slope=slope,
        intercept=intercept,
        unit=_unit(dataset, source),
        frame_of_reference_uid=str(dataset.get("FrameOfReferenceUID") or ""),
    )


def _merged_groups(dataset: Dataset, index: int) -> Dataset:
    """The attributes of the functional groups that apply to one frame, its own before the shared ones."""
    merged = Dataset()
    for keyword in _GROUPS:
        for group in _candidates(dataset, index):
            items = group.get(keyword)
            if items:
                merged.update(items[0])
                break
    return merged


def _candidates(dataset: Dataset, index: int) -> Iterator[Dataset]:
    yield dataset.PerFrameFunctionalGroupsSequence[index]
    yield from (dataset.get("SharedFunctionalGroupsSequence") or ())[:1]


def _without_position(dataset: Dataset) -> Dataset:
    """Attributes that hold for every frame of a multi-frame Instance without functional groups."""
    shared = Dataset()
    for keyword in ("PixelSpacing", "RescaleSlope", "RescaleIntercept", "RescaleType"):
        if keyword in dataset:
            shared[keyword] = dataset[keyword]
    return shared


def _region_spacing(dataset: Dataset) -> Array | None:
    """Pixel spacing of an ultrasound image, where all its two-dimensional regions agree (PS3.3 C.8.5.5)."""
    found = set()
    for region in dataset.get("SequenceOfUltrasoundRegions") or ():
        units = {region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")}
        if region.get("RegionSpatialFormat") == _TWO_DIMENSIONAL and units == {_CENTIMETRES}:
            deltas = [_numbers(region, keyword, 1) for keyword in ("PhysicalDeltaY", "PhysicalDeltaX")]
            found.add(tuple(abs(float(delta[0])) * 10 for delta in deltas if delta is not None))
    spacing = np.array(found.pop() if len(found) == 1 else ())
    return spacing if len(spacing) == 2 else None


def _rescale(source: Dataset) -> tuple[float, float]:
    slope = _numbers(source, "RescaleSlope", 1)
    intercept = _numbers(source, "RescaleIntercept", 1)
    if slope is not None and slope[0] == 0:
        raise InputError("RescaleSlope is 0, so pixel values mean nothing; correct the header and resend", code="invalid-rescale")
    return (1.0 if slope is None else float(slope[0]), 0.0 if intercept is None else float(intercept[0]))


def _unit(dataset: Dataset, source: Dataset) -> str:
    """Hounsfield units are CT's default where it states a rescale, and may be said by any Instance (PS3.3 C.8.2.1, C.11.1)."""
    stated = source.get("RescaleType")
    if stated:
        return "HU" if stated == "HU" else ""
    return "HU" if dataset.get("Modality") == "CT" and "RescaleIntercept" in source else ""


def _numbers(source: Dataset, keyword: str, count: int) -> Array | None:
    """The finite numbers of an attribute, None when absent or empty."""
    try:
        value = source.get(keyword)
        if value is None or value == "" or (count > 1 and len(value) == 0):
            return None
        numbers = np.atleast_1d(np.asarray(value, dtype=np.float64))
    except (ValueError, TypeError, OverflowError) as error:
        raise _unreadable(keyword, "isn't a number") from error
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise _unreadable(keyword, f"isn't {count} finite number(s)")
    return numbers


def _unreadable(keyword: str, what: str) -> InputError:
    return InputError(f"{keyword} {what}; correct the header and resend", code="missing-geometry", attribute=keyword)
