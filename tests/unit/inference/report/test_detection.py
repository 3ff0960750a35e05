"""From boxes and masks to the results of a job, by the same door as every other task."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset

from inference.report import build_report
from inference.report.checks.read_back import read_back
from inference.report.sr.reading import text_of
from inference.volume import Detections, assemble, decode_detections, encode_detections
from storage.base.errors import ModelError
from tests.support.dicom_builders import ct_series, us_image
from tests.unit.inference.report.inputs import DIGEST, lesion_finder, results_of, task
from tests.unit.inference.report.sr.test_sr import groups_of

ROWS = [((3.0, 4.0, 9.0, 20.0), 0.9, 1), ((12.0, 20.0, 22.5, 34.0), 0.6, 1), ((20.0, 2.0, 28.0, 10.0), 0.2, 2)]
"""Boxes (j0, i0, j1, i1), scores, labels; the last is below its label's threshold."""


def image() -> list[Dataset]:
    return [us_image(np.random.default_rng(1).integers(0, 255, (30, 40)))]


def found_in(
    datasets: Sequence[Dataset], rows: Sequence[tuple[tuple[float, ...], float, int]], *, masks: bool = True
) -> Detections:
    """What an engine gives: a mask fills the whole voxels of each box above its threshold."""
    dims = 2 if len(datasets) == 1 else 3
    volume = assemble(datasets, spatial_dims=dims, scale="unknown")
    boxes = np.array([row[0] for row in rows], np.float64).reshape(-1, 2 * dims)
    scores, labels = np.array([row[1] for row in rows], np.float64), np.array([row[2] for row in rows], np.int64)
    segments = np.zeros(len(rows), np.int64)
    masks_kji: NDArray[np.uint16] = np.zeros(volume.voxels_kji.shape, np.uint16)
    for n, (box, score, label) in enumerate(rows):
        if score >= (0.4, 0.3)[label - 1]:
            segments[n] = segments.max(initial=0) + 1
            grid = masks_kji if dims == 3 else masks_kji[0]
            grid[tuple(slice(int(a), int(b)) for a, b in zip(box[:dims], box[dims:], strict=True))] = segments[n]
    return (
        Detections.on(volume, boxes, scores, labels, segments, masks_kji)
        if masks
        else Detections.on(volume, boxes, scores, labels)
    )


def test_a_finding_with_a_mask_is_a_segment_and_the_report_names_it() -> None:
    datasets = image()
    results = results_of(datasets, found_in(datasets, ROWS), lesion_finder())
    seg, sr = read_back(results["seg"].payload), read_back(results["sr"].payload)
    assert [s.SegmentLabel for s in seg.SegmentSequence] == ["Pneumonia 1", "Pneumonia 2"]
    tracked = [text_of(group, "112040") for group in groups_of(sr)]
    assert [s.TrackingUID for s in seg.SegmentSequence] == [tracked[0], tracked[2]]
    assert tracked[0] == tracked[1] and tracked[2] == tracked[3] and len(tracked) == 5  # outline and mask twice, one absence
    evidence = sr.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    listed = {item.ReferencedSOPInstanceUID for series in evidence for item in series.ReferencedSOPSequence}
    assert listed == {seg.SOPInstanceUID, datasets[0].SOPInstanceUID}
    assert seg.pixel_array[0].sum() == 6 * 16 and seg.pixel_array[1].sum() == 10 * 14


def test_the_job_is_told_what_was_found_and_what_was_not() -> None:
    datasets = image()
    results, records = build_report(datasets, found_in(datasets, ROWS), lesion_finder(), DIGEST, task())
    assert [(record["label"], record["present"], len(record["findings"])) for record in records] == [
        ("Pneumonia", True, 2),
        ("Pleural effusion", False, 0),
    ]
    assert [finding["certainty_percent"] for finding in records[0]["findings"]] == [90.0, 60.0]
    assert records[0]["findings"][1]["box"] == [12.0, 20.0, 22.5, 34.0]
    document = json.loads(results[-1].payload)
    assert document["task"] == "detection" and document["measurements"] == records


def test_boxes_alone_have_no_seg_and_a_negative_study_has_its_report() -> None:
    datasets = image()
    boxes = results_of(datasets, found_in(datasets, ROWS, masks=False), lesion_finder(network="yolo"))
    assert "seg" not in boxes and b"class score times objectness, not calibrated" in boxes["text"].payload
    for masks in (True, False):
        nothing = results_of(datasets, found_in(datasets, ROWS[2:], masks=masks), lesion_finder())
        assert "seg" not in nothing and nothing["text"].payload.decode().count("Absent") >= 2


def test_a_volumes_masks_are_segments_of_its_slices() -> None:
    datasets = ct_series(7, 13, 17)
    rows = [((2.0, 2.0, 3.0, 5.0, 10.0, 16.0), 0.9, 1), ((0.0, 0.0, 0.0, 2.0, 2.0, 2.0), 0.35, 2)]
    results = results_of(datasets, found_in(datasets, rows), lesion_finder(3))
    seg, groups = read_back(results["seg"].payload), groups_of(read_back(results["sr"].payload))
    assert int(seg.NumberOfFrames) == 5 and len(groups) == 6  # outline, surface, mask; twice
    assert [s.SegmentLabel for s in seg.SegmentSequence] == ["Pneumonia 1", "Pleural effusion 1"]


@pytest.mark.parametrize("harm", ["another segment", "a segment too many"])
def test_masks_that_are_not_the_findings_are_refused(harm: str) -> None:
    datasets = image()
    found = found_in(datasets, ROWS)
    assert found.masks_kji is not None
    if harm == "another segment":
        found.segments[:2] = [2, 1]
    else:
        found.masks_kji[0, 28, 30] = 3
    with pytest.raises(ModelError) as refusal:
        results_of(datasets, found, lesion_finder())
    assert refusal.value.reason_code == "output-boxes"


def test_the_blob_keeps_the_masks() -> None:
    datasets = image()
    for masks in (True, False):
        found = found_in(datasets, ROWS, masks=masks)
        blob = encode_detections(found)
        again = decode_detections(blob)
        assert encode_detections(again) == blob and (again.masks_kji is None) is not masks
    wrong: Any = np.zeros((1, 2, 2), np.uint16)
    with pytest.raises(ValueError, match="masks_kji"):
        Detections.on(assemble(datasets, spatial_dims=2, scale="unknown"), found.boxes, found.scores, found.labels, None, wrong)
