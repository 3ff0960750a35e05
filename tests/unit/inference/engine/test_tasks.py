"""Infer and report on real blobs with a real network, and each way in which they end."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from inference.engine.host import run_task
from inference.engine.package import LoadedModel, load_package
from inference.engine.progress import Stages
from inference.protocol import BlobRef, Outcome, TaskSpec
from inference.volume import ClassProbabilities, SliceRef, decode_label_map, decode_probabilities, encode_probabilities
from storage.base.clock import SystemClock
from tests.support.dicom_builders import ct_series, mr_series
from tests.support.tiny_classifier import write_tiny_classifier
from tests.support.tiny_package import write_flat_package
from tests.support.wrapped_images import dx_image, us_region
from tests.unit.inference.engine.conftest import PATIENT, Case, make_case

pytestmark = pytest.mark.heavy


def run(case: Case, loaded: LoadedModel, task: TaskSpec | None = None, stop_in: str = "") -> Outcome:
    """Run the task; it is cancelled once it has told of the stage ``stop_in``."""
    told: list[str] = []
    stages = Stages(SystemClock(), lambda stage, fraction: told.append(stage), lambda: stop_in in told)
    return run_task(task or case.task, loaded, case.url, stages)


def report_task(case: Case, inferred: Outcome, attempt: int = 2) -> TaskSpec:
    changes = {"kind": "report", "attempt": attempt, "prediction": inferred.prediction, "output_prefix": f"jobs/x/{attempt}"}
    return case.task.model_copy(update=changes)


def test_infer_writes_a_label_map_on_the_source_grid(case: Case, loaded: LoadedModel) -> None:
    outcome = run(case, loaded)
    assert (outcome.status, outcome.kind, outcome.attempt) == ("ok", "infer", 1)
    assert outcome.prediction is not None
    payload = case.blobs.get(outcome.prediction.key)
    assert outcome.prediction.sha256 == sha256(payload).hexdigest()
    label_map = decode_label_map(payload)
    assert label_map.labels_kji.shape == (8, 24, 24)
    assert 0 < label_map.labels_kji.mean() < 1
    assert outcome.timings_s.keys() == {"read", "prepare", "network", "restore", "store"}
    assert outcome.environment.keys() == {"host", "python", "wetread", "torch", "device", "threads"}


def test_report_writes_five_results_and_repeats_them_byte_by_byte(case: Case, loaded: LoadedModel) -> None:
    inferred = run(case, loaded)
    first = run(case, loaded, report_task(case, inferred, attempt=2))
    assert first.status == "ok", first.reason
    assert [result.role for result in first.results] == ["seg", "sr", "overlay", "text", "json"]
    assert all(result.blob.key.startswith("jobs/x/2/") for result in first.results)
    assert [measured["label_value"] for measured in first.measurements] == [1]
    again = run(case, loaded, report_task(case, inferred, attempt=3))
    assert [result.blob.sha256 for result in again.results] == [result.blob.sha256 for result in first.results]
    assert PATIENT.split("^")[0] not in inferred.model_dump_json() + first.model_dump_json()


def test_a_series_of_another_modality_is_refused(tmp_path: Path, loaded: LoadedModel) -> None:
    outcome = run(make_case(tmp_path, loaded, ct_series(8, 24, 24)), loaded)
    assert (outcome.status, outcome.reason_code) == ("refused", "modality")
    assert "MR" in outcome.reason and "CT" in outcome.reason


def test_a_gap_is_refused_by_name_and_the_patient_is_not_told(tmp_path: Path, loaded: LoadedModel) -> None:
    datasets = mr_series(8, 24, 24, PatientName=PATIENT)
    outcome = run(make_case(tmp_path, loaded, [*datasets[:3], *datasets[4:]]), loaded)
    assert (outcome.status, outcome.reason_code) == ("refused", "slice-gap")
    assert PATIENT.split("^")[0] not in outcome.model_dump_json()


def test_an_input_without_a_series_is_refused(case: Case, loaded: LoadedModel) -> None:
    outcome = run(case, loaded, case.task.model_copy(update={"inputs": {}}))
    assert (outcome.status, outcome.reason_code) == ("refused", "input-missing")


@pytest.mark.parametrize("stage", ["read", "prepare", "network", "restore"])
def test_a_cancel_stops_it_and_leaves_no_prediction(case: Case, loaded: LoadedModel, stage: str) -> None:
    outcome = run(case, loaded, stop_in=stage)
    assert outcome.status == "cancelled"
    assert list(case.blobs.list("jobs/")) == []


def test_a_missing_blob_is_retried(case: Case, loaded: LoadedModel) -> None:
    case.blobs.delete(case.task.inputs["image"].instances[0].blob_key)
    outcome = run(case, loaded)
    assert (outcome.status, outcome.reason_code) == ("infra_error", "blob-missing")


def test_a_changed_prediction_is_never_reported(case: Case, loaded: LoadedModel) -> None:
    inferred = run(case, loaded)
    assert inferred.prediction is not None
    case.blobs.put(inferred.prediction.key, b"other bytes")
    outcome = run(case, loaded, report_task(case, inferred))
    assert (outcome.status, outcome.reason_code) == ("infra_error", "prediction-changed")
    assert list(case.blobs.list("jobs/x/2")) == []


def test_a_report_without_a_prediction_is_retried(case: Case, loaded: LoadedModel) -> None:
    outcome = run(case, loaded, case.task.model_copy(update={"kind": "report"}))
    assert (outcome.status, outcome.reason_code) == ("infra_error", "prediction-missing")


def test_a_classification_infers_probabilities_and_reports_them(tmp_path: Path) -> None:
    model = load_package(write_tiny_classifier(tmp_path / "package", members=2))
    pixels = np.random.default_rng(0).integers(0, 255, (60, 48)).astype(np.uint8)
    case = make_case(tmp_path, model, [dx_image(pixels, ImagerPixelSpacing=None, PatientName=PATIENT)])
    inferred = run(case, model)
    assert inferred.status == "ok", inferred.reason
    assert inferred.prediction is not None and inferred.prediction.key.endswith("/probabilities.npz")
    assert inferred.timings_s.keys() == {"read", "prepare", "network", "store"}
    found = decode_probabilities(case.blobs.get(inferred.prediction.key))
    assert found.probabilities.shape == (2,) and not found.positioned
    reported = run(case, model, report_task(case, inferred))
    assert reported.status == "ok", reported.reason
    assert [result.role for result in reported.results] == ["sr", "overlay", "text", "json"]
    assert reported.measurements[0]["probability"] == pytest.approx(found.probabilities[1], abs=1e-6)
    again = run(case, model, report_task(case, run(case, model), attempt=3))
    assert [result.blob.sha256 for result in again.results] == [result.blob.sha256 for result in reported.results]
    assert PATIENT.split("^")[0] not in inferred.model_dump_json() + reported.model_dump_json()


def test_probabilities_are_no_label_map(case: Case, loaded: LoadedModel) -> None:
    """A package that was exchanged between infer and report meets a blob of the other kind."""
    blob = encode_probabilities(ClassProbabilities(np.array([0.5, 0.5]), (SliceRef("2.25.1", "2.25.2"),)))
    info = case.blobs.put("jobs/x/1/label-map.npz", blob)
    reference = BlobRef(key="jobs/x/1/label-map.npz", sha256=info.sha256, size_bytes=info.size_bytes)
    outcome = run(case, loaded, case.task.model_copy(update={"kind": "report", "prediction": reference}))
    assert (outcome.status, outcome.reason_code) == ("infra_error", "label-map-unreadable")


def test_a_colour_image_is_refused_or_read_as_the_manifest_says(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (60, 48)).astype(np.uint8)
    colours = {"SamplesPerPixel": 3, "PhotometricInterpretation": "RGB", "PlanarConfiguration": 0}
    image = us_region(pixels, None, **colours, PixelData=np.repeat(pixels[..., None], 3, axis=2).tobytes())
    for colour, (status, code) in {"refuse": ("refused", "colour-image"), "grey": ("ok", "")}.items():
        inputs = [{"name": "image", "modality": ["US"], "spatial_dims": 2, "colour": colour}]
        model = load_package(write_tiny_classifier(tmp_path / colour, inputs=inputs))
        case = make_case(tmp_path / colour, model, [image])
        inferred = run(case, model)
        assert (inferred.status, inferred.reason_code) == (status, code)
        if status == "ok":
            assert run(case, model, report_task(case, inferred)).status == "ok"


@pytest.mark.parametrize(("fit", "spacing", "code"), [("pad", None, ""), ("spacing", [2.0, 2.0], "missing-geometry")])
def test_a_mask_on_an_image_without_spacing_states_no_size(tmp_path: Path, fit: str, spacing: Any, code: str) -> None:
    model = load_package(write_flat_package(tmp_path / "flat", modality="DX", grid={"fit": fit, "spacing_mm": spacing}))
    pixels = np.random.default_rng(0).integers(0, 255, (60, 48)).astype(np.uint8)
    case = make_case(tmp_path, model, [dx_image(pixels)])  # its detector states a spacing
    inferred = run(case, model)
    assert inferred.reason_code == code
    if not code:
        reported = run(case, model, report_task(case, inferred))
        assert reported.status == "ok", reported.reason
        [measured] = reported.measurements
        assert measured["present"] and measured["area_mm2"] is None
