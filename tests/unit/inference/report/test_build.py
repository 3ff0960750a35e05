"""All results of a task together: which there are, that they repeat byte by byte, and that no patient data leaks."""

from __future__ import annotations

import json
import logging
import random
import time
from typing import Any

import numpy as np
import pytest

from inference.report import build_report
from inference.report.checks.read_back import read_back
from inference.volume import decode_label_map, encode_label_map
from storage.base.errors import InputError, ModelError
from tests.support.dicom_builders import ct_series, us_image
from tests.unit.inference.report.inputs import DIGEST, label_map_of, manifest, results_of, task


def test_roles_and_uids() -> None:
    results, measurements = build_report(datasets := ct_series(), label_map_of(datasets), manifest(), DIGEST, task())
    assert [item.role for item in results] == ["seg", "sr", "overlay", "text", "json"]
    seg = read_back(results[0].payload)
    assert (results[0].sop_instance_uid, results[0].series_instance_uid) == (seg.SOPInstanceUID, seg.SeriesInstanceUID)
    assert [record["label"] for record in measurements] == ["Organ 1", "Organ 2", "Organ 3"]
    assert json.loads(results[4].payload)["measurements"] == measurements


@pytest.mark.heavy
def test_the_same_task_gives_the_same_bytes_whatever_the_order_of_the_list() -> None:
    datasets = ct_series(5)
    label_map = label_map_of(datasets)
    first = results_of(datasets, label_map)
    time.sleep(1.1)  # highdicom writes whole seconds of the machine's clock
    random.Random(1).shuffle(datasets)
    again = results_of(datasets, decode_label_map(encode_label_map(label_map)))
    assert {role: item.payload for role, item in first.items()} == {role: item.payload for role, item in again.items()}


def test_another_generation_has_other_uids_and_the_same_device() -> None:
    datasets = ct_series()
    one = results_of(datasets)["seg"]
    other = results_of(datasets, uid_entropy=("1.2.3", DIGEST, "parameters", "inputs", "2"))["seg"]
    assert one.sop_instance_uid != other.sop_instance_uid
    assert one.series_instance_uid != other.series_instance_uid


def test_without_findings_there_is_a_report_and_no_seg() -> None:
    datasets = ct_series()
    results = results_of(datasets, label_map_of(datasets, np.zeros((4, 16, 20), np.uint8)))
    assert set(results) == {"sr", "overlay", "text", "json"}
    assert results["text"].payload.decode().count(": Absent") == 6  # the summary's lines and the groups' own
    assert json.loads(results["json"].payload)["seg_sop_instance_uid"] is None


CANARY: dict[str, Any] = {
    "PatientName": "CANARY",  # a name without ^ is one that highdicom would log
    "PatientID": "CANARY-1",
    "AccessionNumber": "CANARY-2",
    "PatientBirthDate": "19111111",
    "ReferringPhysicianName": "CANARY^DR",
    "StudyDescription": "CANARY-3",
    "SeriesDescription": "CANARY-4",
    "InstitutionName": "CANARY-5",
}


def test_no_patient_data_reaches_logs_or_texts(caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]) -> None:
    with caplog.at_level(logging.DEBUG):
        results = results_of(ct_series(**CANARY))
    captured = capfd.readouterr()
    shown = caplog.text + captured.out + captured.err
    assert "CANARY" not in shown and "19111111" not in shown
    for role in ("overlay", "text", "json"):
        assert b"CANARY" not in results[role].payload and b"19111111" not in results[role].payload
    assert read_back(results["seg"].payload).PatientName == "CANARY"


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_a_refusal_tells_the_attribute_and_not_its_value() -> None:
    with pytest.raises(InputError) as refusal:
        results_of(ct_series(PatientID="CANARY" * 20))
    assert "PatientID" in refusal.value.message and "CANARY" not in refusal.value.message


def test_nothing_is_released_when_the_built_object_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the builder mirrored the mask: the gate stands behind it."""
    from inference.report.seg import build as seg

    right = seg._segment_numbers
    monkeypatch.setattr(seg, "_segment_numbers", lambda *arguments: np.ascontiguousarray(right(*arguments)[:, :, ::-1]))
    with pytest.raises(ModelError) as failure:
        results_of(ct_series())
    assert failure.value.reason_code == "report-voxels"


def test_what_cannot_be_built_is_told_without_the_header(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ValueError("CANARY")

    monkeypatch.setattr("inference.report.build.build_segmentation", broken)
    with pytest.raises(ModelError) as failure:
        results_of(ct_series())
    assert (failure.value.reason_code, failure.value.message) == ("report-build", "results can't be built (ValueError)")


def test_a_retired_source_class_is_the_sources_fault() -> None:
    with pytest.raises(InputError, match="SOPClassUID") as refusal:
        results_of([us_image(np.zeros((30, 40)), SOPClassUID="1.2.840.10008.5.1.4.1.1.6")])
    assert refusal.value.reason_code == "unsupported-source"


def test_repairs_are_told_by_keyword() -> None:
    document = json.loads(results_of(ct_series(PatientSex="N"))["json"].payload)
    assert document["source_attributes_repaired"] == ["PatientSex"]
