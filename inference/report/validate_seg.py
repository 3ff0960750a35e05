"""Checks of a finished SEG against the label map and the source, by two readers that share neither path nor placement.

The bits of Pixel Data, unpacked here, are placed by each frame's Image Position (Patient); highdicom's pixels by the source frame
that it references. Both must give the label map back, voxel by voxel. (pydicom 3.0 fails to iterate over frames whose size is
no multiple of 8.)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

import numpy as np
from highdicom.seg import Segmentation
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from inference.manifest import Code
from inference.report.codes import same_code, table
from inference.report.findings import expect
from inference.report.identity import Identity
from inference.report.measurements import Target
from inference.report.source import Source
from inference.report.validate import check_common, check_inputs_only
from inference.volume.labelmap import LabelMap
from storage.base.errors import ModelError

POSITION_TOLERANCE_MM = 1e-3
_READER_ERRORS = (AttributeError, IndexError, KeyError, RuntimeError, TypeError, ValueError)
_SPACING_TOLERANCE = 1e-5  # a fraction; Decimal Strings keep more


def check_segmentation(
    stored: Dataset, source: Source, label_map: LabelMap, targets: Sequence[Target], identity: Identity
) -> dict[int, int]:
    """Check a SEG that was read back.

    Returns
    -------
    Segment number -> voxels, counted in the stored frames.

    Raises
    ------
    ModelError
        See ``inference.report.validate``.
    """
    present = [target for target in targets if target.present]
    check_common(stored, "seg", SegmentationStorage, source, identity)
    _check_segments(stored, present)
    _check_references(stored, source)
    _check_frames(stored, source, label_map)
    expected = _as_segment_numbers(label_map, present)
    placed, counts = place_by_position(stored, source, label_map)
    expect(np.array_equal(placed, expected), "voxels", "voxels placed by position aren't the label map's")
    try:
        referenced = _place_by_reference(stored, source)
    except _READER_ERRORS as error:
        raise ModelError("another reader can't place the frames; nothing was released", code="report-voxels") from error
    expect(np.array_equal(referenced, expected), "voxels", "voxels placed by reference aren't the label map's")
    return counts


def _check_segments(stored: Dataset, present: Sequence[Target]) -> None:
    segments = stored.SegmentSequence
    expect([s.SegmentNumber for s in segments] == list(range(1, len(present) + 1)), "segments", "segments aren't 1..N")
    for segment, target in zip(segments, present, strict=True):
        label = target.label
        kind = segment.SegmentedPropertyTypeCodeSequence[0]
        said = (segment.SegmentLabel, segment.SegmentAlgorithmType, segment.TrackingUID, segment.TrackingID)
        meant = (label.name, "AUTOMATIC", target.tracking_uid, target.tracking_id)
        expect(said == meant, "segments", "a segment's names are wrong")
        expect(same_code(segment.SegmentedPropertyCategoryCodeSequence[0], label.category), "segments", "a category is wrong")
        expect(same_code(kind, label.type), "segments", "a property type is wrong")
        expect(len(segment.RecommendedDisplayCIELabValue) == 3, "segments", "a segment has no colour")
        expect(bool(segment.SegmentAlgorithmName), "segments", "a segment has no algorithm")
        _check_site(segment, label.site)
        sides = kind.get("SegmentedPropertyTypeModifierCodeSequence") or []
        wanted = [table().laterality[target.laterality]] if target.laterality else []
        alike = len(sides) == len(wanted) and all(same_code(*pair) for pair in zip(sides, wanted, strict=True))
        expect(alike, "segments", "a segment's laterality is wrong")


def _check_site(segment: Dataset, site: Code | None) -> None:
    regions = segment.get("AnatomicRegionSequence") or []
    alike = len(regions) == 1 and same_code(regions[0], site) if site else not regions
    expect(alike, "segments", "a segment's anatomic region is wrong")


def _check_references(stored: Dataset, source: Source) -> None:
    series = stored.ReferencedSeriesSequence
    expect([s.SeriesInstanceUID for s in series] == [source.attributes.SeriesInstanceUID], "references", "not the source series")
    listed = [item.ReferencedSOPInstanceUID for item in series[0].ReferencedInstanceSequence]
    check_inputs_only(listed, source.sop_instance_uids, "Referenced Series Sequence")


def _check_frames(stored: Dataset, source: Source, label_map: LabelMap) -> None:
    groups = stored.PerFrameFunctionalGroupsSequence
    frames, bits = int(stored.NumberOfFrames), stored.Rows * stored.Columns * int(stored.NumberOfFrames)
    size = -(-bits // 8)
    expect(len(groups) == frames and len(stored.PixelData) == size + size % 2, "frames", "Number of Frames doesn't fit")
    expect((stored.Rows, stored.Columns) == label_map.labels_kji.shape[1:], "frames", "Rows and Columns don't fit")
    indices = [tuple(np.atleast_1d(g.FrameContentSequence[0].DimensionIndexValues).tolist()) for g in groups]
    expect(all(a < b for a, b in pairwise(indices)), "frames", "Dimension Index Values don't rise")
    if not source.positioned:
        return
    expect(stored.FrameOfReferenceUID == source.frames[0].frame_of_reference_uid, "frames", "another frame of reference")
    shared = stored.SharedFunctionalGroupsSequence[0]
    measures = shared.PixelMeasuresSequence[0]
    i, j, k = np.linalg.norm(label_map.affine_lps_mm[:3, :3], axis=0)
    stated = [*map(float, measures.PixelSpacing), float(measures.SpacingBetweenSlices)]
    expect(bool(np.allclose(stated, [j, i, k], rtol=_SPACING_TOLERANCE, atol=0)), "frames", "spacing isn't the source's")
    cosines = np.array(shared.PlaneOrientationSequence[0].ImageOrientationPatient, dtype=np.float64)
    axes = np.concatenate([label_map.affine_lps_mm[:3, 0] / i, label_map.affine_lps_mm[:3, 1] / j])
    expect(bool(np.allclose(cosines, axes, atol=1e-4)), "frames", "orientation isn't the source's")


def _as_segment_numbers(label_map: LabelMap, present: Sequence[Target]) -> NDArray[np.uint16]:
    numbers = np.zeros(int(label_map.labels_kji.max()) + 1, dtype=np.uint16)
    for target in present:
        numbers[target.label.value] = target.segment_number
    return numbers[label_map.labels_kji]


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


def _place_by_reference(stored: Dataset, source: Source) -> NDArray[np.integer]:
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
