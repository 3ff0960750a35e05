"""One uniform view of a frame, whether it is a single-frame Instance or one frame of an enhanced multi-frame Instance.

Single-frame: the Image Plane and Modality LUT attributes of the Instance itself (PS3.3 C.7.6.2, C.11.1). Enhanced: the
frame's own functional group, else the shared one (PS3.3 C.7.6.16). A frame of another multi-frame Instance (ultrasound cine,
RT dose) has no position here. Pixels are not touched. Errors name attributes, never their values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pydicom.dataset import Dataset

from inference.volume.attributes import Array, numbers, unreadable
from inference.volume.spacing import pixel_spacing
from inference.volume.volume import SliceRef
from storage.base.errors import InputError

PIXEL_KEYWORDS = ("PixelData", "FloatPixelData", "DoubleFloatPixelData")
MAXIMUM_FRAMES = 2**16
"""Frames of one Instance: Number of Frames is text of a peer, and every frame costs memory before a pixel is read."""

_GROUPS = ("PlanePositionSequence", "PlaneOrientationSequence", "PixelMeasuresSequence", "PixelValueTransformationSequence")


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
        Codes ``no-pixels``, ``colour-image`` (palette colour alone; for others see ``colour.check_colour``), ``mosaic-image``,
        ``missing-geometry`` (attributes that can't be read, or functional groups that don't match Number of Frames),
        ``invalid-rescale``, ``too-large``.
    """
    _check_image(dataset)
    count = frame_count(dataset)
    if "PerFrameFunctionalGroupsSequence" in dataset:
        if len(dataset.PerFrameFunctionalGroupsSequence) != count:
            raise unreadable("PerFrameFunctionalGroupsSequence", "doesn't match NumberOfFrames")
        return [_frame(dataset, index, _merged_groups(dataset, index), index + 1) for index in range(count)]
    if count == 1:
        return [_frame(dataset, 0, dataset, None)]
    shared = _without_position(dataset)
    return [_frame(dataset, index, shared, index + 1) for index in range(count)]


def frame_count(dataset: Dataset) -> int:
    """Number of Frames, 1 when absent; from 1 to ``MAXIMUM_FRAMES``, else InputError with code ``too-large``."""
    stated = numbers(dataset, "NumberOfFrames", 1)
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
    if dataset.get("PhotometricInterpretation") == "PALETTE COLOR":
        raise InputError("the images are in palette colour; the model takes greyscale images", code="colour-image")
    if "MOSAIC" in (dataset.get("ImageType") or ()):
        raise InputError(
            "each image is a mosaic of many slices, whose positions no standard attribute states; "
            "send the series as single slices or as enhanced multi-frame",
            code="mosaic-image",
        )


def _frame(dataset: Dataset, index: int, source: Dataset, number: int | None) -> Frame:
    slope, intercept = _rescale(source)
    thickness = numbers(source, "SliceThickness", 1)
    return Frame(
        dataset=dataset,
        index=index,
        reference=SliceRef(str(dataset.get("SOPInstanceUID", "")), str(dataset.get("SOPClassUID", "")), number),
        rows=int(dataset.get("Rows") or 0),
        columns=int(dataset.get("Columns") or 0),
        position=numbers(source, "ImagePositionPatient", 3),
        orientation=numbers(source, "ImageOrientationPatient", 6),
        pixel_spacing_mm=pixel_spacing(dataset, source),
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


def _rescale(source: Dataset) -> tuple[float, float]:
    slope = numbers(source, "RescaleSlope", 1)
    intercept = numbers(source, "RescaleIntercept", 1)
    if slope is not None and slope[0] == 0:
        raise InputError("RescaleSlope is 0, so pixel values mean nothing; correct the header and resend", code="invalid-rescale")
    return (1.0 if slope is None else float(slope[0]), 0.0 if intercept is None else float(intercept[0]))


def _unit(dataset: Dataset, source: Dataset) -> str:
    """Hounsfield units are CT's default where it states a rescale, and may be said by any Instance (PS3.3 C.8.2.1, C.11.1).

    A PET's Units (0054,1001) of GML are g/ml, a standardized uptake value; by body weight unless SUV Type (0054,1006) says
    otherwise (PS3.3 C.8.9.1).
    """
    stated = source.get("RescaleType")
    if stated:
        return "HU" if stated == "HU" else ""
    if dataset.get("Modality") == "PT":
        return "SUV" if dataset.get("Units") == "GML" and (dataset.get("SUVType") or "BW") == "BW" else ""
    return "HU" if dataset.get("Modality") == "CT" and "RescaleIntercept" in source else ""
