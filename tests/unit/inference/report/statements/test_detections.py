"""What boxes become: findings, their places in image and patient, records, measurement groups, text."""

from __future__ import annotations

import numpy as np
import pytest

from inference.report.statements.detections import MOST_FINDINGS, as_record, find_detections
from inference.report.statements.rules import DetectionRules
from inference.report.text import render_text
from inference.volume import assemble
from inference.volume.boxes import (
    Detections,
    central_slice,
    corners_lps_mm,
    decode_detections,
    encode_detections,
    outline_column_row,
)
from storage.base.errors import InputError, ModelError, TransientError
from tests.support.dicom_builders import ORIENTATIONS, ct_series, us_image
from tests.unit.inference.report.detected import Detected, Rows, detected, detections_of, finder
from tests.unit.inference.report.sr.test_sr import groups_of, values_of

IMAGE = us_image(np.zeros((30, 40)))
TWO: Rows = [((1, 1, 4, 4), 0.39, 1), ((2, 3, 10.5, 40), 0.87654, 1), ((0, 0, 30, 40), 0.4, 1)]
BOX = (2, 2, 3, 5, 10.5, 17)


@pytest.fixture(scope="module")
def image() -> Detected:
    return detected([IMAGE], TWO)


@pytest.fixture(scope="module")
def volume() -> Detected:
    return detected(ct_series(7, 13, 17, orientation=ORIENTATIONS["double-oblique"]), [(BOX, 0.9, 2)])


def test_the_threshold_decides_and_the_most_certain_is_first(image: Detected) -> None:
    first, second = image.sought
    assert [finding.certainty_percent for finding in first.findings] == [87.65, 40.0]
    assert [finding.tracking_id for finding in first.findings] == ["lesion-finder Pneumonia 1", "lesion-finder Pneumonia 2"]
    assert second.findings == ()


def test_tracking_identifiers_are_the_tasks_own_and_no_two_alike(image: Detected) -> None:
    again = detected([IMAGE], [TWO[2], TWO[1], TWO[0]])
    uids = [[f.tracking_uid for f in label.findings] + [label.tracking_uid] for label in image.sought]
    assert uids == [[f.tracking_uid for f in label.findings] + [label.tracking_uid] for label in again.sought]
    assert len({uid for row in uids for uid in row}) == sum(map(len, uids))
    assert again.payload == image.payload


def test_an_outline_is_that_of_the_pixels_edges(image: Detected) -> None:
    """Box 2 to 10.5 in rows and 3 to 40 in columns: its last column is the image's, whose outer edge is Columns (C.18.6)."""
    item = values_of(groups_of(image.sr)[0], "111030")[0]
    assert (item.ValueType, item.GraphicType) == ("SCOORD", "POLYLINE")
    assert list(item.GraphicData) == [3, 2, 40, 2, 40, 10.5, 3, 10.5, 3, 2]
    assert item.ContentSequence[0].RelationshipType == "SELECTED FROM"
    assert item.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID == IMAGE.SOPInstanceUID
    whole = values_of(groups_of(image.sr)[1], "111030")[0]
    assert list(whole.GraphicData)[:6] == [0, 0, 40, 0, 40, 30]


def test_a_finding_states_certainty_in_per_cent_and_that_a_box_bounds_it(image: Detected) -> None:
    group = groups_of(image.sr)[0]
    certainty = values_of(group, "111012")[0].MeasuredValueSequence[0]
    assert (str(certainty.NumericValue), certainty.MeasurementUnitsCodeSequence[0].CodeValue) == ("87.65", "%")
    assert values_of(group, "130400")[0].ConceptCodeSequence[0].CodeMeaning == "Bounded by"
    parameters = [item.TextValue for item in values_of(group, "111002")]
    assert "threshold: 0.4" in parameters
    assert "score scale (certainty is 100 times the score): sigmoid of the class score, not calibrated" in parameters


def test_a_label_without_a_finding_is_absent(image: Detected) -> None:
    groups = groups_of(image.sr)
    assert [group.ContentTemplateSequence[0].TemplateIdentifier for group in groups] == ["1410", "1410", "1501"]
    assert values_of(groups[2], "121052")[0].ConceptCodeSequence[0].CodeMeaning == "Absent"
    assert not values_of(groups[2], "111012")


def test_nothing_found_is_a_report_of_absences() -> None:
    sr = detected([IMAGE], []).sr
    assert [group.ContentTemplateSequence[0].TemplateIdentifier for group in groups_of(sr)] == ["1501", "1501"]


def test_a_box_of_a_volume_is_on_its_central_slice_and_in_the_patient(volume: Detected) -> None:
    groups = groups_of(volume.sr)
    assert [group.ContentTemplateSequence[0].TemplateIdentifier for group in groups] == ["1501", "1410", "1411"]
    assert len({values_of(group, "112040")[0].UID for group in groups[1:]}) == 1
    outline = values_of(groups[1], "111030")[0]
    shown = outline.ContentSequence[0].ReferencedSOPSequence[0].ReferencedSOPInstanceUID
    assert shown == volume.source.frames[3].reference.sop_instance_uid
    assert list(outline.GraphicData) == [3, 2, 17, 2, 17, 10.5, 3, 10.5, 3, 2]
    faces = values_of(groups[2], "121231")
    assert [(face.ValueType, face.GraphicType, len(face.GraphicData)) for face in faces] == [("SCOORD3D", "POLYGON", 15)] * 2


def test_corners_are_where_the_outermost_voxels_end(volume: Detected) -> None:
    """By hand: edge e lies at index e - 0.5, half a step before the centre of voxel e, along every axis (C.7.6.2.1.1)."""
    row, column = np.array(ORIENTATIONS["double-oblique"]).reshape(2, 3)
    steps = np.stack([row * 0.7, column * 0.8, np.cross(row, column) * 2.5])
    lower = np.array([-50.0, -40.0, 100.0]) + (np.array([3, 2, 2]) - 0.5) @ steps
    upper = np.array([-50.0, -40.0, 100.0]) + (np.array([17, 10.5, 5]) - 0.5) @ steps
    faces = [np.array(item.GraphicData).reshape(5, 3) for item in values_of(groups_of(volume.sr)[2], "121231")]
    assert faces[0][0] == pytest.approx(lower, abs=1e-4)
    assert faces[1][2] == pytest.approx(upper, abs=1e-4)
    sides = np.linalg.norm(np.diff(faces[0], axis=0), axis=1)
    assert sides == pytest.approx([14 * 0.7, 8.5 * 0.8, 14 * 0.7, 8.5 * 0.8], abs=1e-4)


def test_the_central_slice_holds_the_middle() -> None:
    boxes = [(0, 1), (0, 2), (2, 5), (2, 6), (6.2, 6.9), (0, 7)]
    found = [central_slice(np.array([k0, 0, 0, k1, 1, 1], float), 7) for k0, k1 in boxes]
    assert found == [0, 1, 3, 4, 6, 3]
    assert central_slice(np.array([6.9, 0, 0, 7, 1, 1]), 7) == 6
    assert central_slice(np.array([3.0, 3, 9, 9]), 1) == 0


def test_an_outline_and_corners_agree() -> None:
    box = np.array([0.0, 1, 2, 3, 4, 5])
    assert outline_column_row(box).tolist() == [[2, 1], [5, 1], [5, 4], [2, 4], [2, 1]]
    faces = corners_lps_mm(box, np.eye(4))
    assert faces[0].tolist() == [[1.5, 0.5, -0.5], [4.5, 0.5, -0.5], [4.5, 3.5, -0.5], [1.5, 3.5, -0.5]]
    assert (faces[1] - faces[0]).tolist() == [[0, 0, 3]] * 4


def test_records_hold_boxes_and_places(image: Detected, volume: Detected) -> None:
    flat, absent = map(as_record, image.sought)
    assert (flat["present"], absent["present"], absent["findings"]) == (True, False, [])
    assert flat["findings"][0]["box"] == [2, 3, 10.5, 40] and "corners_lps_mm" not in flat["findings"][0]
    deep = as_record(volume.sought[1])["findings"][0]
    assert np.array(deep["corners_lps_mm"]).shape == (8, 3)


def test_a_person_reads_certainty_and_threshold_first(image: Detected) -> None:
    _, summary, content = render_text(image.sr).split("-" * 72)
    lines = summary.strip().splitlines()
    assert lines[0] == "lesion-finder Pneumonia 1: Present, Certainty of Finding 87.65 %, threshold: 0.4"
    assert lines[-1] == "lesion-finder Pleural effusion: Absent, threshold: 0.3"
    assert "Image Region: POLYLINE (column, row): 3 2; 40 2; 40 10.5; 3 10.5; 3 2" in content


def test_detections_come_back_from_their_blob(image: Detected, volume: Detected) -> None:
    for found in (image.found, volume.found, detections_of([IMAGE], [])):
        blob = encode_detections(found)
        again = decode_detections(blob)
        assert encode_detections(again) == blob
        assert np.array_equal(again.boxes, found.boxes) and again.shape_kji == found.shape_kji and again.slices == found.slices
    for spoilt in (b"", blob[:100], blob[:-30]):
        with pytest.raises(TransientError, match="run the job again"):
            decode_detections(spoilt)


BAD: dict[str, tuple[str, Rows]] = {
    "a box beyond the image": ("output-boxes", [((0, 0, 31, 40), 0.9, 1)]),
    "a box before the image": ("output-boxes", [((-0.5, 0, 3, 40), 0.9, 1)]),
    "an empty box": ("output-boxes", [((4, 4, 4, 9), 0.9, 1)]),
    "a box turned round": ("output-boxes", [((9, 4, 4, 9), 0.9, 1)]),
    "a corner that is no number": ("output-boxes", [((0, 0, float("nan"), 9), 0.9, 1)]),
    "a raw score": ("output-boxes", [((0, 0, 3, 3), 3.2, 1)]),
    "a score that is no number": ("output-boxes", [((0, 0, 3, 3), float("nan"), 1)]),
    "a label of nobody": ("output-labels", [((0, 0, 3, 3), 0.9, 3)]),
    "background": ("output-labels", [((0, 0, 3, 3), 0.9, 0)]),
    "too many": ("output-boxes", [((0, 0, 3, 3), 0.9, 1)] * (MOST_FINDINGS + 1)),
}


@pytest.mark.parametrize("case", BAD)
def test_an_impossible_output_is_refused(case: str) -> None:
    code, rows = BAD[case]
    with pytest.raises(ModelError) as failure:
        detected([IMAGE], rows)
    assert failure.value.reason_code == code


def test_thresholds_are_one_a_label(image: Detected) -> None:
    with pytest.raises(ModelError, match="thresholds"):
        find_detections(image.found, finder(), DetectionRules((0.5,), "any"), image.source, image.identity)


def test_a_volume_without_frame_of_reference_is_refused() -> None:
    with pytest.raises(InputError, match="FrameOfReferenceUID"):
        detected(ct_series(4, 13, 17, FrameOfReferenceUID=None), [((0, 0, 0, 2, 2, 2), 0.9, 1)])


def test_shapes_that_do_not_fit_are_a_mistake_of_the_caller() -> None:
    good = detections_of([IMAGE], TWO)
    given = (good.shape_kji, good.affine_lps_mm, good.slices)
    for boxes, scores in ((np.zeros((1, 5)), np.zeros(1)), (np.zeros((1, 4)), np.zeros(2)), (np.zeros((1, 6)), np.zeros(1))):
        with pytest.raises(ValueError, match=r"boxes|scores"):
            Detections(boxes, scores, np.ones(1, np.int64), *given)
    volume = assemble(ct_series(), spatial_dims=3)
    with pytest.raises(ValueError, match="six numbers"):
        Detections.on(volume, np.zeros((0, 4)), np.zeros(0), np.zeros(0, np.int64))
