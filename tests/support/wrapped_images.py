"""Grey pictures wrapped as the DICOM a modality would send: ultrasound with calibrated regions, digital and computed radiography.

Each is one Instance in a study of its own, without a position in the patient. Spacings are (between rows, between columns) in
millimetres; None leaves the image without any. Pixels are (rows, columns) of uint8 or uint16. Extra keyword arguments are
attributes set last; None removes one. All pass dciodvfy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence as Items
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
)
from pydicom.valuerep import DSfloat

from tests.support.dicom_builders import us_image

Spacing = tuple[float, float]

_CENTIMETRES, _TWO_DIMENSIONAL, _TISSUE = 3, 1, 1  # PS3.3 C.8.5.5.1
_CHEST = ("51185008", "SCT", "Chest")
_POSTERO_ANTERIOR = ("399348003", "SCT", "postero-anterior")


def us_region(pixels: NDArray[Any], spacing_mm: Spacing | None, **attributes: Any) -> Dataset:
    """Ultrasound as scanners send it: no Pixel Spacing, but one calibrated region over the whole picture, in centimetres."""
    regions = {} if spacing_mm is None else {"SequenceOfUltrasoundRegions": Items([_region(pixels.shape, spacing_mm)])}
    return us_image(pixels, spacing=None, **(regions | attributes))


def dx_image(pixels: NDArray[Any], spacing_mm: Spacing | None = None, **attributes: Any) -> Dataset:
    """A digital chest radiograph for presentation.

    Its detector states a spacing of 0.25 mm; one in the patient is stated, as measured by a fiducial, only where it is given.
    """
    said: dict[str, Any] = {
        "SOPClassUID": DigitalXRayImageStorageForPresentation,
        "Modality": "DX",
        "PresentationIntentType": "FOR PRESENTATION",
        "BodyPartExamined": "CHEST",
        "ImageLaterality": "U",
        "AnatomicRegionSequence": Items([_code(*_CHEST)]),
        "PixelIntensityRelationship": "LOG",
        "PixelIntensityRelationshipSign": -1,
        "PresentationLUTShape": "IDENTITY",
        "LossyImageCompression": "00",
        "BurnedInAnnotation": "NO",
        "DetectorType": "DIRECT",
        "ImagerPixelSpacing": ["0.25", "0.25"],
        "PositionerType": "NONE",
        "ViewPosition": "PA",
        "ViewCodeSequence": Items([_code(*_POSTERO_ANTERIOR)]),
        "AcquisitionContextSequence": Items([]),
        "WindowCenter": "128",
        "WindowWidth": "256",
        "RescaleIntercept": "0",
        "RescaleSlope": "1",
        "RescaleType": "US",
        "PatientOrientation": ["L", "F"],
    }
    if spacing_mm is not None:
        said |= {"PixelSpacingCalibrationType": "FIDUCIAL", "PixelSpacingCalibrationDescription": "Test"}
    return _wrapped(pixels, spacing_mm, said | attributes)


def cr_image(pixels: NDArray[Any], spacing_mm: Spacing | None = None, **attributes: Any) -> Dataset:
    """A computed chest radiograph."""
    said: dict[str, Any] = {
        "SOPClassUID": ComputedRadiographyImageStorage,
        "Modality": "CR",
        "BodyPartExamined": "CHEST",
        "ViewPosition": "PA",
        "PatientOrientation": ["L", "F"],
    }
    return _wrapped(pixels, spacing_mm, said | attributes)


def secondary_capture(
    pixels: NDArray[Any], modality: str = "US", spacing_mm: Spacing | None = None, **attributes: Any
) -> Dataset:
    """A picture that some converter wrapped as Secondary Capture and gave the modality of its origin."""
    said = {"SOPClassUID": SecondaryCaptureImageStorage, "Modality": modality, "ConversionType": "WSD"}
    return _wrapped(pixels, spacing_mm, said | attributes)


def in_colour(dataset: Dataset) -> Dataset:
    """The same picture as RGB, pixel by pixel; its three samples are equal. Changes ``dataset``."""
    grey = np.frombuffer(dataset.PixelData, np.uint8)[: dataset.Rows * dataset.Columns]
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation, dataset.PlanarConfiguration = 3, "RGB", 0
    rgb = np.repeat(grey, 3).tobytes()
    dataset.PixelData = rgb + b"\0" * (len(rgb) % 2)
    return dataset


def _wrapped(pixels: NDArray[Any], spacing_mm: Spacing | None, said: dict[str, Any]) -> Dataset:
    """``us_image`` gives patient, study and pixels; what it says of ultrasound is replaced."""
    dataset = us_image(pixels, spacing=None, **said)
    if pixels.dtype == np.uint16:
        dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, 16, 15
        dataset.PixelData = pixels.astype("<u2").tobytes()
        dataset["PixelData"].VR = "OW"
    if spacing_mm is not None and "PixelSpacing" not in said:
        dataset.PixelSpacing = [DSfloat(value, auto_format=True) for value in spacing_mm]
    return dataset


def _region(shape: tuple[int, ...], spacing_mm: Spacing) -> Dataset:
    region = Dataset()
    region.RegionSpatialFormat, region.RegionDataType, region.RegionFlags = _TWO_DIMENSIONAL, _TISSUE, 0
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = shape[1] - 1, shape[0] - 1
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = _CENTIMETRES
    region.PhysicalDeltaY, region.PhysicalDeltaX = spacing_mm[0] / 10, spacing_mm[1] / 10
    return region


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item
