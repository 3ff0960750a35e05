"""An RT Structure Set as labels on an image Series' grid: closed planar contours, filled by the even-odd rule.

Source: PS3.3 C.8.8.5 (Structure Set), C.8.8.6 (ROI Contour). A contour belongs to the slice that its plane is nearest to, within
half a step. Contours of one ROI in one slice are joined by exclusive or, so an inner one cuts a hole.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.volume import Volume
from storage.base.errors import InputError
from training.data.sources.dicom.polygons import crossings, filled

_KINDS = ("CLOSED_PLANAR", "CLOSEDPLANAR_XOR")
_FLAT_STEPS = 0.1
"""How far a contour's points may lie from their plane, and the planes of one slice's contours from each other, in slice steps."""


def contour_labels(structures: Dataset, volume: Volume, wanted: Mapping[str, int]) -> NDArray[np.uint8]:
    """Label values uint8 (K, J, I) on the grid of ``volume``; where two ROIs of different labels overlap it is refused.

    Parameters
    ----------
    wanted : ROI Name to label value; other ROIs are left out.

    Raises
    ------
    InputError
        Codes ``other-frame-of-reference``, ``no-segment``, ``contour-type``, ``contour-plane`` (between or beyond the slices, or
        not parallel to them), ``overlap``.
    """
    numbers = _numbers(structures, volume, wanted)
    labels = np.zeros(volume.voxels_kji.shape, dtype=np.uint8)
    to_index = np.asarray(np.linalg.inv(volume.affine_lps_mm), dtype=np.float64)
    for roi in structures.get("ROIContourSequence") or ():
        value = numbers.get(int(roi.ReferencedROINumber))
        if value is None:
            continue
        inside = _roi(roi, to_index, labels.shape)
        if ((labels != 0) & (labels != value) & inside).any():
            raise InputError(
                "two labels of the structure set overlap, and a voxel can hold but one; map one of them", code="overlap"
            )
        labels[inside] = value
    return labels


def _numbers(structures: Dataset, volume: Volume, wanted: Mapping[str, int]) -> dict[int, int]:
    """ROI Number to label value of the wanted ROIs, which must lie in the images' frame of reference."""
    numbers, seen = {}, []
    for roi in structures.get("StructureSetROISequence") or ():
        name = str(roi.get("ROIName") or "")
        seen.append(name)
        if name not in wanted:
            continue
        if not volume.positioned or str(roi.get("ReferencedFrameOfReferenceUID") or "") != volume.frame_of_reference_uid:
            raise InputError(
                f"the ROI {name} lies in another frame of reference than the images; pair it with its own",
                code="other-frame-of-reference",
            )
        numbers[int(roi.ROINumber)] = wanted[name]
    if not numbers:
        raise InputError(f"no ROI of data.labels is in the structure set, which has: {', '.join(seen)}", code="no-segment")
    return numbers


def _roi(roi: Dataset, to_index: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.bool_]:
    toggles = np.zeros(shape, dtype=bool)
    planes: dict[int, float] = {}
    for contour in roi.get("ContourSequence") or ():
        if contour.get("ContourGeometricType") not in _KINDS:
            raise InputError("a contour isn't CLOSED_PLANAR and encloses no area; leave its ROI out", code="contour-type")
        points = np.asarray(contour.ContourData, dtype=np.float64).reshape(-1, 3) @ to_index[:3, :3].T + to_index[:3, 3]
        k = _slice_of(points[:, 2], shape[0], planes)
        crossings(points[:, :2], toggles[k])
    return filled(toggles)


def _slice_of(heights: NDArray[np.float64], slices: int, planes: dict[int, float]) -> int:
    """The slice of a contour by its points' indices along k."""
    height = float(heights.mean()) if heights.size else np.nan
    if not np.isfinite(height):
        raise InputError("a contour has a point that is no number; draw it anew", code="contour-plane")
    flat = float(np.abs(heights - height).max()) <= _FLAT_STEPS
    nearest = round(height)
    alone = abs(planes.setdefault(nearest, height) - height) <= _FLAT_STEPS
    if not flat or not alone or not 0 <= nearest < slices:
        raise InputError(
            f"a contour at {height:.2f} steps along the slices lies beyond or between them, or isn't parallel to them; pair it "
            "with the images that it was drawn on",
            code="contour-plane",
        )
    return nearest
