"""Synthetic DICOM for tests: whole data sets with file meta information, made from arrays and a geometry.

Spacing is always (between slices, between rows, between columns) in millimetres: k, j, i. Extra keyword arguments are
attributes set on every data set last; None removes one. Two series of one study: pass ``StudyInstanceUID`` and, for one space,
``FrameOfReferenceUID``. Every name and identifier is made up.
CT, MR and ultrasound pass dciodvfy; PET and enhanced MR hold what geometry and pixels need, not their whole IOD.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    UID,
    CTImageStorage,
    EnhancedMRImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
    UltrasoundImageStorage,
    generate_uid,
)
from pydicom.valuerep import DSfloat

Spacing = tuple[float, float, float]
Vector = Sequence[float]

_HALF, _ROOT = 0.5, float(np.sqrt(3) / 2)
ORIENTATIONS: dict[str, tuple[float, ...]] = {
    "axial": (1, 0, 0, 0, 1, 0),
    "axial-prone": (-1, 0, 0, 0, -1, 0),
    "axial-feet-first": (-1, 0, 0, 0, 1, 0),
    "flipped-column": (1, 0, 0, 0, -1, 0),
    "sagittal": (0, 1, 0, 0, 0, -1),
    "coronal": (1, 0, 0, 0, 0, -1),
    "oblique-30": (1, 0, 0, 0, _ROOT, _HALF),
    "double-oblique": (_ROOT, 0, -_HALF, -_HALF * _HALF, _ROOT, -_HALF * _ROOT),
}
AXIAL = ORIENTATIONS["axial"]

IMPLEMENTATION_CLASS_UID = UID("2.25.219163014915811498268431716312405118121")


def ct_series(
    n: int = 4,
    rows: int = 16,
    columns: int = 20,
    spacing: Spacing = (2.5, 0.8, 0.7),
    orientation: Vector = AXIAL,
    first_position: Vector = (-50.0, -40.0, 100.0),
    pixels: NDArray[Any] | None = None,
    **attributes: Any,
) -> list[Dataset]:
    """A CT Series, slice k at first_position + k x spacing along the normal; ``pixels`` (n, rows, columns) are HU >= -1024."""
    hounsfield = _ramp(n, rows, columns) if pixels is None else pixels
    stored = (np.asarray(hounsfield) + 1024).astype(np.int16)
    datasets = _series(CTImageStorage, "CT", stored, spacing, orientation, first_position)
    for dataset in datasets:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
        dataset.KVP = "120"
        dataset.AcquisitionNumber = "1"
        dataset.RescaleIntercept = "-1024"
        dataset.RescaleSlope = "1"
        dataset.RescaleType = "HU"
    return _finish(datasets, attributes)


def mr_series(
    n: int = 4,
    rows: int = 16,
    columns: int = 20,
    spacing: Spacing = (2.5, 0.8, 0.7),
    orientation: Vector = AXIAL,
    first_position: Vector = (-50.0, -40.0, 100.0),
    pixels: NDArray[Any] | None = None,
    **attributes: Any,
) -> list[Dataset]:
    """An MR Series without rescale; ``pixels`` (n, rows, columns) are stored as uint16."""
    stored = (_ramp(n, rows, columns) if pixels is None else np.asarray(pixels)).astype(np.uint16)
    datasets = _series(MRImageStorage, "MR", stored, spacing, orientation, first_position)
    for dataset in datasets:
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "OTHER"]
        dataset.ScanningSequence = "GR"
        dataset.SequenceVariant = "SP"
        dataset.ScanOptions = ""
        dataset.MRAcquisitionType = "3D"
        dataset.RepetitionTime = "8"
        dataset.EchoTime = "3"
        dataset.EchoTrainLength = "1"
        dataset.FlipAngle = "12"
    return _finish(datasets, attributes)


def pet_series(activity: NDArray[Any], spacing: Spacing = (3.27, 4.0, 4.0), **attributes: Any) -> list[Dataset]:
    """A PET Series of (n, rows, columns) activities, each slice stored on its own scale; an empty slice has slope 1."""
    tops = activity.reshape(len(activity), -1).max(axis=1)
    slopes = [float(f"{top / 32767:.9g}") if top > 0 else 1.0 for top in tops]
    stored = np.stack([np.round(plane / slope) for plane, slope in zip(activity, slopes, strict=True)]).astype(np.int16)
    datasets = _series(PositronEmissionTomographyImageStorage, "PT", stored, spacing, AXIAL, (-50.0, -40.0, 100.0))
    for dataset, slope in zip(datasets, slopes, strict=True):
        dataset.ImageType = ["ORIGINAL", "PRIMARY"]
        dataset.RescaleIntercept = "0"
        dataset.RescaleSlope = DSfloat(slope, auto_format=True)
        dataset.Units = "BQML"
    return _finish(datasets, attributes)


def us_image(pixels: NDArray[Any], spacing: tuple[float, float] | None = (0.3, 0.2), **attributes: Any) -> Dataset:
    """One greyscale ultrasound image (rows, columns) of uint8 without a position; spacing between rows, between columns."""
    dataset = _instance(UltrasoundImageStorage, "US", pixels.astype(np.uint8), 1)
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.PatientOrientation = ""
    if spacing is not None:
        dataset.PixelSpacing = list(spacing)
    return _finish([dataset], _study() | attributes)[0]


def enhanced_mr(
    pixels: NDArray[Any],
    spacing: Spacing = (2.5, 0.8, 0.7),
    orientation: Vector = AXIAL,
    first_position: Vector = (-50.0, -40.0, 100.0),
    order: Sequence[int] | None = None,
    **attributes: Any,
) -> Dataset:
    """One enhanced multi-frame MR Instance; its frames hold the slices of ``pixels`` (n, rows, columns) in ``order``."""
    order = range(len(pixels)) if order is None else order
    dataset = _instance(EnhancedMRImageStorage, "MR", pixels.astype(np.uint16)[list(order)], 1)
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "M", "NONE"]
    dataset.NumberOfFrames = len(pixels)
    positions = slice_positions(len(pixels), spacing, orientation, first_position)
    dataset.PerFrameFunctionalGroupsSequence = Items([_position_group(positions[k], k) for k in order])
    dataset.SharedFunctionalGroupsSequence = Items([_shared_group(spacing, orientation)])
    return _finish([dataset], _study() | attributes)[0]


def slice_positions(n: int, spacing: Spacing, orientation: Vector, first_position: Vector) -> NDArray[np.float64]:
    """(n, 3) LPS millimetres of the first voxel's centre, slice k along row direction x column direction."""
    normal = np.cross(orientation[:3], orientation[3:])
    return np.asarray(first_position) + np.arange(n)[:, None] * spacing[0] * normal


def write(datasets: Sequence[Dataset], folder: Path) -> list[Path]:
    """Part 10 files named by their place in the list."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{index:04d}.dcm" for index in range(len(datasets))]
    for dataset, path in zip(datasets, paths, strict=True):
        dataset.save_as(path, enforce_file_format=True)
    return paths


def _ramp(n: int, rows: int, columns: int) -> NDArray[np.int64]:
    """No two voxels of a small series alike."""
    return np.arange(n * rows * columns).reshape(n, rows, columns) % 3000


def _series(
    sop_class: str, modality: str, stored: NDArray[Any], spacing: Spacing, orientation: Vector, first_position: Vector
) -> list[Dataset]:
    shared = _study() | {"FrameOfReferenceUID": generate_uid(prefix=None)}
    datasets = []
    for k, position in enumerate(slice_positions(len(stored), spacing, orientation, first_position)):
        dataset = _instance(sop_class, modality, stored[k], k + 1)
        dataset.ImagePositionPatient = _decimal(position)
        dataset.ImageOrientationPatient = _decimal(orientation)
        dataset.PixelSpacing = _decimal(spacing[1:])
        dataset.SliceThickness = DSfloat(spacing[0], auto_format=True)
        dataset.PositionReferenceIndicator = ""
        dataset.PatientPosition = "HFS"
        datasets.append(dataset)
    return _finish(datasets, shared)


def _study() -> dict[str, Any]:
    return {
        "StudyInstanceUID": generate_uid(prefix=None),
        "SeriesInstanceUID": generate_uid(prefix=None),
        "PatientName": "Phantom^Test",
        "PatientID": "PHANTOM-1",
        "PatientBirthDate": "19700101",
        "PatientSex": "O",
        "StudyDate": "20240102",
        "StudyTime": "101112",
        "StudyID": "1",
        "AccessionNumber": "A-1",
        "ReferringPhysicianName": "",
        "SeriesNumber": "1",
        "SeriesDescription": "Synthetic",
        "Manufacturer": "Wetread tests",
        "BodyPartExamined": "HEAD",
    }


def _instance(sop_class: str, modality: str, stored: NDArray[Any], number: int) -> Dataset:
    """One Instance with its pixels and file meta information; the last two axes are rows and columns."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = generate_uid(prefix=None)
    dataset.Modality = modality
    dataset.InstanceNumber = str(number)
    dataset.ContentDate, dataset.ContentTime = "20240102", "101112"
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME2"
    dataset.Rows, dataset.Columns = stored.shape[-2:]
    bits = stored.dtype.itemsize * 8
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    little_endian = stored.astype(stored.dtype.newbyteorder("<")).tobytes()
    dataset.PixelData = little_endian + b"\0" * (len(little_endian) % 2)
    dataset["PixelData"].VR = "OB" if bits == 8 else "OW"
    return dataset


def _finish(datasets: list[Dataset], attributes: dict[str, Any]) -> list[Dataset]:
    """Set attributes on all; file meta information follows the SOP class and Instance UID."""
    for dataset in datasets:
        for keyword, value in attributes.items():
            if value is not None:
                setattr(dataset, keyword, value)
            elif keyword in dataset:
                delattr(dataset, keyword)
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    return datasets


def _position_group(position: NDArray[np.float64], k: int) -> Dataset:
    group, plane, content = Dataset(), Dataset(), Dataset()
    plane.ImagePositionPatient = _decimal(position)
    content.StackID, content.InStackPositionNumber = "1", k + 1
    group.PlanePositionSequence, group.FrameContentSequence = Items([plane]), Items([content])
    return group


def _shared_group(spacing: Spacing, orientation: Vector) -> Dataset:
    group, measures, plane, values = Dataset(), Dataset(), Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = _decimal(spacing[1:]), DSfloat(spacing[0], auto_format=True)
    plane.ImageOrientationPatient = _decimal(orientation)
    values.RescaleIntercept, values.RescaleSlope, values.RescaleType = "0", "2", "US"
    group.PixelMeasuresSequence, group.PlaneOrientationSequence = Items([measures]), Items([plane])
    group.PixelValueTransformationSequence = Items([values])
    return group


def _decimal(values: Sequence[float] | NDArray[np.float64]) -> list[DSfloat]:
    """Decimal strings of at most 16 characters."""
    return [DSfloat(float(value), auto_format=True) for value in values]
