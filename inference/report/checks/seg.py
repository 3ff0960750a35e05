"""Checks of a finished SEG against the label map and the source.

Two readers (``seg_reading``) must both give the label map back, voxel by voxel.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import SegmentationStorage

from inference.manifest import Code
from inference.report.checks.read_back import check_common, check_inputs_only
from inference.report.codes import same_code, table
from inference.report.expect import expect
from inference.report.identity import Identity
from inference.report.seg.reading import place_by_position, place_by_reference
from inference.report.sources.source import Source
from inference.report.statements.measurements import Target
from inference.volume.labelmap import LabelMap
from storage.base.errors import ModelError

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
        See ``inference.report.checks.read_back``.
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
        referenced = place_by_reference(stored, source)
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
