"""The frames of a stored SEG, by two readers that share neither path nor placement.

The bits of Pixel Data, unpacked here, are placed by each frame's Image Position (Patient); highdicom's pixels by the source frame
that it references. (pydicom 3.0 fails to iterate over frames whose size is no multiple of 8.)
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

import numpy as np
from highdicom.seg import Segmentation
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.report.expect import expect
from inference.report.sources.source import Source
from inference.volume.labelmap import LabelMap

POSITION_TOLERANCE_MM = 1e-3


def segment_of(stored: Dataset, group: Dataset) -> int:
    """Segment number of a frame; a lone segment is named in the shared group."""
    holder = group if "SegmentIdentificationSequence" in group else stored.SharedFunctionalGroupsSequence[0]
    return int(holder.SegmentIdentificationSequence[0].ReferencedSegmentNumber)


def segment_number_of(reference: Dataset, seg: Dataset) -> int:
    """Segment number that a reference to a SEG means: TID 1411 names the segment, TID 1410 the frame that holds it."""
    if "ReferencedSegmentNumber" in reference:
        return int(reference.ReferencedSegmentNumber)
    return segment_of(seg, seg.PerFrameFunctionalGroupsSequence[int(reference.ReferencedFrameNumber) - 1])


def place_by_position(stored: Dataset, source: Source, label_map: LabelMap) -> tuple[NDArray[np.uint16], dict[int, int]]:
    """Stored frames at the slice whose source position is the frame's own; a frame elsewhere fails."""
    placed = np.zeros(label_map.labels_kji.shape, dtype=np.uint16)
    counts: dict[int, int] = {}
    positions = np.array([f.position for f in source.frames], dtype=np.float64) if source.positioned else None
    for group, frame in zip(stored.PerFrameFunctionalGroupsSequence, _unpacked(stored), strict=True):
        k = 0
        if positions is not None:
            position = np.array(group.PlanePositionSequence[0].ImagePositionPatient, dtype=np.float64)
            distances_mm = np.linalg.norm(positions - position, axis=1)
            k = int(np.argmin(distances_mm))
            expect(bool(distances_mm[k] < POSITION_TOLERANCE_MM), "frames", "a frame lies on no source slice")
        number = segment_of(stored, group)
        inside = frame != 0
        expect(not placed[k][inside].any(), "voxels", "two segments share a voxel")
        placed[k][inside] = number
        counts[number] = counts.get(number, 0) + int(np.count_nonzero(inside))
    return placed, counts


def _unpacked(stored: Dataset) -> Iterator[NDArray[np.uint8]]:
    """Frames of one bit a pixel, which follow each other without padding, lowest bit first (PS3.5 8.1.1, D)."""
    packed = np.frombuffer(stored.PixelData, dtype=np.uint8)
    size = stored.Rows * stored.Columns
    for start in range(0, size * int(stored.NumberOfFrames), size):
        bits = np.unpackbits(packed[start // 8 : -(-(start + size) // 8)], bitorder="little")
        yield bits[start % 8 : start % 8 + size].reshape(stored.Rows, stored.Columns)


def pixels_of_segment(stored: Dataset, number: int) -> list[NDArray[np.uint8]]:
    """The stored frames (J, I) of one segment, 1 inside."""
    groups = zip(stored.PerFrameFunctionalGroupsSequence, _unpacked(stored), strict=True)
    return [frame for group, frame in groups if segment_of(stored, group) == number]


def place_by_reference(stored: Dataset, source: Source) -> NDArray[np.integer]:
    """highdicom's frames at the slice that they say they were made from."""
    seg = Segmentation.from_dataset(_readable(stored, source), copy=False)
    options: dict[str, Any] = {"combine_segments": True, "assert_missing_frames_are_empty": True}
    if source.multi_frame:
        numbers = [frame.reference.frame_number or 1 for frame in source.frames]
        return np.asarray(seg.get_pixels_by_source_frame(source.sop_instance_uids[0], numbers, **options))
    return np.asarray(seg.get_pixels_by_source_instance(source.sop_instance_uids, **options))


def _readable(stored: Dataset, source: Source) -> Dataset:
    """highdicom refuses Pixel Measures without Slice Thickness, which an image without position doesn't have.

    One without pixel spacing has no Pixel Measures at all.
    """
    if source.positioned or not source.calibrated:
        return stored
    stored = deepcopy(stored)
    del stored.SharedFunctionalGroupsSequence[0].PixelMeasuresSequence
    return stored
