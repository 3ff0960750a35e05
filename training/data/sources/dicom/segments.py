"""A DICOM Segmentation as labels on an image Series' grid: frame by frame, by geometry, never by frame number.

Source: PS3.3 A.51, C.8.20 (Segmentation), C.7.6.16 (functional groups). Frames must lie on the Series' own grid, in any of
its orientations and cut out as they may be; a segmentation on another grid would have to be resampled and is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.volume import Volume
from inference.volume.frames import Frame, frames_of
from inference.volume.pixels import check_bounds, decode
from storage.base.errors import InputError

_GRID_TOLERANCE_VOXELS = 0.05


def segment_labels(segmentation: Dataset, volume: Volume, wanted: Mapping[str, int]) -> NDArray[np.uint8]:
    """Label values uint8 (K, J, I) on the grid of ``volume``.

    Parameters
    ----------
    wanted : segment label, or ``SCHEME:VALUE`` of the segmented property type, to label value; other segments are left out.

    Raises
    ------
    InputError
        Codes ``other-frame-of-reference``, ``other-grid``, ``segmentation-type`` (FRACTIONAL), ``no-segment`` (none of the
        wanted ones is there), ``overlap`` (two labels at one voxel), and those of reading pixels.
    """
    if not volume.positioned or str(segmentation.get("FrameOfReferenceUID") or "") != volume.frame_of_reference_uid:
        raise InputError(
            "the segmentation lies in another frame of reference than the images; pair it with its own",
            code="other-frame-of-reference",
        )
    values = _values(segmentation, wanted)
    labels = np.zeros(volume.voxels_kji.shape, dtype=np.uint8)
    to_index = np.asarray(np.linalg.inv(volume.affine_lps_mm), dtype=np.float64)
    for frame, segments in _frames(segmentation):
        for number in sorted(set(np.unique(segments).tolist()) & values.keys()):
            _put(labels, _indices(frame, segments == number, to_index), values[number])
    return labels


def _values(segmentation: Dataset, wanted: Mapping[str, int]) -> dict[int, int]:
    """Segment Number to label value."""
    values, seen = {}, []
    for segment in segmentation.get("SegmentSequence") or ():
        types = segment.get("SegmentedPropertyTypeCodeSequence") or [Dataset()]
        names = [str(segment.get("SegmentLabel") or "")]
        names.append(f"{types[0].get('CodingSchemeDesignator', '')}:{types[0].get('CodeValue', '')}")
        seen.append(names[0])
        for name in names:
            if name in wanted:
                values[int(segment.SegmentNumber)] = wanted[name]
                break
    if not values:
        raise InputError(f"no segment of data.labels is in the segmentation, which has: {', '.join(seen)}", code="no-segment")
    return values


def _frames(segmentation: Dataset) -> Iterator[tuple[Frame, NDArray[Any]]]:
    """Each frame with its segment numbers (J, I), 0 where there is none."""
    kind = segmentation.get("SegmentationType")
    if kind not in ("BINARY", "LABELMAP"):
        raise InputError("the segmentation is neither BINARY nor LABELMAP; convert it", code="segmentation-type")
    frames = frames_of(segmentation)
    check_bounds(frames)
    stored = decode(segmentation, len(frames), frames[0].rows, frames[0].columns)
    shared = (segmentation.get("SharedFunctionalGroupsSequence") or [Dataset()])[0]
    for frame, pixels in zip(frames, stored, strict=True):
        if kind == "LABELMAP":
            yield frame, pixels
            continue
        own = (
            segmentation.PerFrameFunctionalGroupsSequence[frame.index]
            if "PerFrameFunctionalGroupsSequence" in segmentation
            else shared
        )
        named = own.get("SegmentIdentificationSequence") or shared.get("SegmentIdentificationSequence")
        if not named:
            raise InputError(
                "a frame of the segmentation says of no segment that it is its own; correct it", code="missing-geometry"
            )
        yield frame, (pixels != 0) * int(named[0].ReferencedSegmentNumber)


def _indices(frame: Frame, inside: NDArray[np.bool_], to_index: NDArray[np.float64]) -> NDArray[np.int64]:
    """Voxel indices (N, 3) as i, j, k of the frame's marked pixels."""
    if frame.position is None or frame.orientation is None or frame.pixel_spacing_mm is None:
        raise InputError(
            "a frame of the segmentation has no position, orientation or spacing; correct it", code="missing-geometry"
        )
    along_columns = to_index[:3, :3] @ (frame.orientation[:3] * frame.pixel_spacing_mm[1])
    along_rows = to_index[:3, :3] @ (frame.orientation[3:] * frame.pixel_spacing_mm[0])
    origin = to_index[:3, :3] @ frame.position + to_index[:3, 3]
    rows, columns = np.nonzero(inside)
    exact = origin + columns[:, None] * along_columns + rows[:, None] * along_rows
    nearest = np.rint(exact)
    steps = np.stack([along_columns, along_rows])
    off = max(float(np.abs(exact - nearest).max(initial=0.0)), float(np.abs(steps - np.rint(steps)).max()))
    if off > _GRID_TOLERANCE_VOXELS:
        raise InputError(
            f"the segmentation lies {off:.2f} voxels off the grid of the images; resample it onto them", code="other-grid"
        )
    return np.asarray(nearest, dtype=np.int64)


def _put(labels: NDArray[np.uint8], indices: NDArray[np.int64], value: int) -> None:
    size = np.array(labels.shape[::-1])
    if ((indices < 0) | (indices >= size)).any():
        raise InputError("the segmentation marks voxels beyond the images; pair it with its own", code="other-grid")
    i, j, k = indices.T
    held = labels[k, j, i]
    if ((held != 0) & (held != value)).any():
        raise InputError("two labels of the segmentation overlap, and a voxel can hold but one; map one of them", code="overlap")
    labels[k, j, i] = value
