"""The results of a classification: probabilities, what the thresholds make of them, and that nothing else is claimed."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.report import build_report
from inference.report.checks.read_back import read_back
from inference.volume import ClassProbabilities, decode_probabilities, encode_probabilities
from storage.base.errors import ModelError
from tests.support.dicom_builders import ct_series
from tests.support.wrapped_images import cr_image, dx_image
from tests.unit.inference.report.inputs import DIGEST, classifier, manifest, probabilities_of, results_of, task
from tests.unit.inference.report.sr.test_sr import groups_of, values_of

GREY = np.arange(40 * 50, dtype=np.uint16).reshape(40, 50).astype(np.uint8)


@pytest.fixture(scope="module")
def source() -> list[Dataset]:
    return [dx_image(GREY)]


@pytest.fixture(scope="module")
def sr(source: list[Dataset]) -> Dataset:
    return read_back(results_of(source, probabilities_of(source, 0.55, 0.2), classifier())["sr"].payload)


def records_of(source: list[Dataset], *values: float, thresholds: tuple[float, ...] = (0.4, 0.3)) -> list[dict[str, Any]]:
    return build_report(source, probabilities_of(source, *values), classifier(thresholds), DIGEST, task())[1]


def test_a_classification_has_a_report_and_no_segmentation(source: list[Dataset]) -> None:
    results, records = build_report(source, probabilities_of(source, 0.55, 0.2), classifier(), DIGEST, task())
    assert [item.role for item in results] == ["sr", "overlay", "text", "json"]
    assert [(r["label"], r["present"], r["probability"], r["threshold"]) for r in records] == [
        ("Pneumonia", True, 0.55, 0.4),
        ("Pleural effusion", False, 0.2, 0.3),
    ]
    document = json.loads(results[3].payload)
    assert (document["task"], document["seg_sop_instance_uid"], document["measurements"]) == ("classification", None, records)
    assert document["sr_sop_instance_uid"] == results[0].sop_instance_uid


def test_each_label_is_a_group_with_probability_and_presence(sr: Dataset) -> None:
    said = []
    for group in groups_of(sr):
        assert group.ContentTemplateSequence[0].TemplateIdentifier == "1501"
        number = values_of(group, "122157")[0].MeasuredValueSequence[0]
        unit = number.MeasurementUnitsCodeSequence[0]
        presence = values_of(group, "121052")[0].ConceptCodeSequence[0]
        assert (unit.CodeValue, unit.CodingSchemeDesignator) == ("1", "UCUM")
        finding = values_of(group, "121071")[0].ConceptCodeSequence[0].CodeValue
        said.append((finding, float(number.NumericValue), presence.CodeValue))
    assert said == [("233604007", 0.55, "52101004"), ("60046008", 0.2, "272519000")]


def test_threshold_and_temperature_are_stated(sr: Dataset) -> None:
    stated = [[item.TextValue for item in values_of(group, "111002")] for group in groups_of(sr)]
    assert [texts[-2:] for texts in stated] == [
        ["threshold: 0.4", "softmax temperature: 1.25"],
        ["threshold: 0.3", "softmax temperature: 1.25"],
    ]


def test_the_image_is_source_of_every_group_and_evidence(sr: Dataset, source: list[Dataset]) -> None:
    for group in groups_of(sr):
        (image,) = values_of(group, "121112")
        assert image.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == source[0].SOPInstanceUID
    (series,) = sr.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence] == [source[0].SOPInstanceUID]


def test_a_site_is_told_where_the_manifest_states_one(sr: Dataset) -> None:
    first, second = groups_of(sr)
    assert values_of(first, "363698007")[0].ConceptCodeSequence[0].CodeMeaning == "Lung"
    assert not values_of(second, "363698007")


def test_a_side_qualifies_the_site_alone() -> None:
    source = [cr_image(GREY, Laterality="L")]
    first, second = groups_of(read_back(results_of(source, probabilities_of(source, 0.5, 0.1), classifier())["sr"].payload))
    assert values_of(first, "363698007")[0].ContentSequence[0].ConceptCodeSequence[0].CodeMeaning == "Left"
    assert not values_of(second, "363698007")


def test_the_equipment_did_no_segmentation(sr: Dataset) -> None:
    device = next(item for item in sr.ContributingEquipmentSequence if "DeviceUID" in item)
    assert device.ContributionDescription == "Automatic classification; not for clinical use"
    assert values_of(sr, "121058")[0].ConceptCodeSequence[0].CodeMeaning == "Plain radiography"


@pytest.mark.parametrize(("probability", "present"), [(0.3999994, False), (0.3999996, True), (0.4, True), (0.400001, True)])
def test_what_is_stated_is_what_decides(source: list[Dataset], probability: float, present: bool) -> None:
    """Rounded to 0.000001, and the threshold belongs to Present."""
    (record,) = records_of(source, probability, thresholds=(0.4,))
    assert (record["present"], record["probability"] >= 0.4) == (present, present)


def test_several_labels_may_be_present_and_none_may(source: list[Dataset]) -> None:
    assert [record["present"] for record in records_of(source, 0.5, 0.45)] == [True, True]
    assert [record["present"] for record in records_of(source, 0.01, 0.01)] == [False, False]


def test_the_text_names_number_presence_and_threshold(source: list[Dataset]) -> None:
    results = results_of(source, probabilities_of(source, 0.55, 0.2), classifier())
    _, summary, content = results["text"].payload.decode().split("-" * 72)
    assert summary.strip().splitlines() == [
        "chest-findings Pneumonia: Present, Probability 0.55, threshold: 0.4",
        "chest-findings Pleural effusion: Absent, Probability 0.2, threshold: 0.3",
    ]
    assert "softmax temperature: 1.25" in content


def test_the_same_task_gives_the_same_bytes(source: list[Dataset]) -> None:
    found = probabilities_of(source, 0.55, 0.2)
    first = results_of(source, found, classifier())
    again = results_of(source, decode_probabilities(encode_probabilities(found)), classifier())
    assert {role: item.payload for role, item in first.items()} == {role: item.payload for role, item in again.items()}


def test_a_volume_is_named_by_the_evidence_alone() -> None:
    source = ct_series(5)
    volumes = [{"modality": ["CT"], "spatial_dims": 3}]
    package = classifier(inputs=volumes, grid={"spacing_mm": None, "patch": [8, 8, 8]})
    sr = read_back(results_of(source, probabilities_of(source, 0.5, 0.2), package)["sr"].payload)
    assert all(not values_of(group, "121112") for group in groups_of(sr))
    listed = sr.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence[0].ReferencedSOPSequence
    assert {item.ReferencedSOPInstanceUID for item in listed} == {dataset.SOPInstanceUID for dataset in source}


def test_probabilities_that_the_manifest_has_no_labels_for_are_refused(source: list[Dataset]) -> None:
    for package, values in ((classifier((0.4,)), (0.5, 0.2)), (classifier(), (0.5,)), (manifest(), (0.1, 0.1, 0.1))):
        with pytest.raises(ModelError) as failure:
            build_report(source, probabilities_of(source, *values), package, DIGEST, task())
        assert failure.value.reason_code == "output-labels"


def test_no_patient_data_reaches_texts() -> None:
    source = [dx_image(GREY, PatientName="CANARY", PatientID="CANARY-1", StudyDescription="CANARY-2")]
    results = results_of(source, probabilities_of(source, 0.5, 0.2), classifier())
    assert not any(b"CANARY" in results[role].payload for role in ("overlay", "text", "json"))
    assert read_back(results["sr"].payload).PatientName == "CANARY"


def test_nothing_is_released_when_the_report_says_another_number(source: list[Dataset], monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the builder took the probabilities in the wrong order: the gate stands behind it."""
    from inference.report.statements import classes

    find = classes.find_classes

    def swapped(found: ClassProbabilities, *others: Any) -> Any:
        return find(ClassProbabilities(found.probabilities[[0, 2, 1]], found.slices, "", False), *others)

    monkeypatch.setattr(classes, "find_classes", swapped)
    with pytest.raises(ModelError) as failure:
        results_of(source, probabilities_of(source, 0.55, 0.2), classifier())
    assert failure.value.reason_code == "report-values"
