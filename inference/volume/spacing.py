"""The distances between pixels that an image states, and in which plane they hold.

All are (2,): between rows, between columns, in millimetres (PS3.3 10.7.1.3).
"""

from __future__ import annotations

import numpy as np
from pydicom.dataset import Dataset

from inference.volume.attributes import Array, numbers, unreadable

_CENTIMETRES = 3  # Physical Units X/Y Direction, PS3.3 C.8.5.5.1.15
_TWO_DIMENSIONAL = 1  # Region Spatial Format, PS3.3 C.8.5.5.1.1


def pixel_spacing(dataset: Dataset, source: Dataset) -> Array | None:
    """Spacing in the patient: Pixel Spacing of ``source`` (the frame's attributes), else of the ultrasound regions."""
    spacing = numbers(source, "PixelSpacing", 2)
    return _positive("PixelSpacing", _region_spacing(dataset) if spacing is None else spacing)


def detector_spacing(dataset: Dataset) -> Array | None:
    """Spacing in the plane of an X-ray detector (PS3.3 C.8.11.4.1).

    The patient stands before the detector and is magnified, so that a length by this spacing is too large by an unknown factor.
    """
    return _positive("ImagerPixelSpacing", numbers(dataset, "ImagerPixelSpacing", 2))


def _region_spacing(dataset: Dataset) -> Array | None:
    """Pixel spacing of an ultrasound image, where all its two-dimensional regions agree (PS3.3 C.8.5.5)."""
    found = set()
    for region in dataset.get("SequenceOfUltrasoundRegions") or ():
        units = {region.get("PhysicalUnitsXDirection"), region.get("PhysicalUnitsYDirection")}
        if region.get("RegionSpatialFormat") == _TWO_DIMENSIONAL and units == {_CENTIMETRES}:
            deltas = [numbers(region, keyword, 1) for keyword in ("PhysicalDeltaY", "PhysicalDeltaX")]
            found.add(tuple(abs(float(delta[0])) * 10 for delta in deltas if delta is not None))
    spacing = np.array(found.pop() if len(found) == 1 else ())
    return spacing if len(spacing) == 2 else None


def _positive(keyword: str, spacing: Array | None) -> Array | None:
    if spacing is not None and spacing.min() <= 0:
        raise unreadable(keyword, "isn't positive")
    return spacing
