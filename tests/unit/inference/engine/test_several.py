"""A model of CT and PET, served: what it is given, what it refuses by name, and what its results say of a missing input."""

from __future__ import annotations

import io
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from inference.engine.host import run_task
from inference.engine.loading import dry_run
from inference.engine.offline import choose_series
from inference.engine.package import LoadedModel, load_package
from inference.engine.progress import Stages
from inference.engine.segmenter import run
from inference.engine.summary import package_summary
from inference.engine.tasks import predict_series
from inference.protocol import InstanceRef, Outcome, SeriesRef, TaskSpec
from inference.volume import LabelMap, SliceRef, Volume, decode_label_map, encode_label_map
from inference.volume.scan import FoundInstance
from storage.base.clock import SystemClock
from storage.base.errors import InputError
from storage.blobs import open_blobs
from tests.support.dicom_builders import ct_series, pet_series
from tests.support.tiny_package import write_tiny_package

STUDY, FRAME = "1.2.3", "1.2.3.9"
INPUTS: list[dict[str, Any]] = [
    {"name": "pet", "modality": ["PT"], "optional": True},
    {"name": "ct", "modality": ["CT"], "intensity": {"kind": "window", "lower": -1000.0, "upper": 400.0}},
]
MISSING = "Input pet (PT) was missing: the model ran without it"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_package(tmp_path_factory.mktemp("fused"), inputs=INPUTS, reference="ct")


@pytest.fixture(scope="module")
def fused(package: Path) -> LoadedModel:
    return load_package(package)


def ct(**attributes: Any) -> list[Dataset]:
    return ct_series(8, 24, 24, (3.0, 3.0, 3.0), **{"StudyInstanceUID": STUDY, "FrameOfReferenceUID": FRAME, **attributes})


def pet(**attributes: Any) -> list[Dataset]:
    activity = np.random.default_rng(5).gamma(2.0, 3.0, (10, 20, 20))
    given = {"StudyInstanceUID": STUDY, "FrameOfReferenceUID": FRAME, **attributes}
    return pet_series(activity, (2.5, 4.0, 4.0), **given)


def quiet(stage: str, fraction: float) -> None:
    """Progress that nobody watches."""


def predicted(loaded: LoadedModel, **inputs: Sequence[Dataset]) -> LabelMap:
    found = predict_series(loaded, inputs, Stages(SystemClock(), quiet, lambda: False))
    assert isinstance(found, LabelMap)
    return found


def test_the_result_lies_on_the_reference_and_depends_on_both(fused: LoadedModel) -> None:
    both, alone = predicted(fused, ct=ct(), pet=pet()), predicted(fused, ct=ct())
    assert both.labels_kji.shape == alone.labels_kji.shape == (8, 24, 24)
    assert {ref.sop_instance_uid for ref in both.slices}.isdisjoint({str(d.SOPInstanceUID) for d in pet()})
    assert not np.array_equal(both.labels_kji, alone.labels_kji)
    assert (both.notes, alone.notes) == ((), (MISSING,))


def test_an_input_that_shows_a_part_is_told_of(fused: LoadedModel) -> None:
    near = pet()
    for dataset in near:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [float(x) + 36.0, y, z]
    (note,) = predicted(fused, ct=ct(), pet=near).notes
    assert note.startswith("Input pet shows ") and note.endswith("% of the volume of ct")


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        ({"FrameOfReferenceUID": "1.2.4"}, "frame-of-reference", "inputs ct and pet state no common FrameOfReferenceUID"),
        ({"FrameOfReferenceUID": None}, "frame-of-reference", "inputs ct and pet"),
        ({"Modality": "NM"}, "modality", "input pet: tiny needs PT, not NM"),
        ({"shift": 5000.0}, "no-overlap", "input pet: the series shows nothing of the grid of ct"),
    ],
)
def test_refusals_name_the_input(fused: LoadedModel, changes: dict[str, Any], code: str, says: str) -> None:
    shift = changes.get("shift", 0.0)
    datasets = pet(**{key: value for key, value in changes.items() if key != "shift"})
    for dataset in datasets:
        dataset.ImagePositionPatient = [float(dataset.ImagePositionPatient[0]) + shift, *dataset.ImagePositionPatient[1:]]
    with pytest.raises(InputError, match=says) as caught:
        predicted(fused, ct=ct(), pet=datasets)
    assert caught.value.reason_code == code


def test_a_reference_is_never_missing(fused: LoadedModel) -> None:
    with pytest.raises(InputError, match="input 'ct' is missing"):
        predicted(fused, pet=pet())


def test_a_window_over_pet_needs_suv(tmp_path: Path) -> None:
    suv = {**INPUTS[0], "intensity": {"kind": "window", "lower": 0.0, "upper": 20.0}}
    loaded = load_package(write_tiny_package(tmp_path, inputs=[suv, INPUTS[1]], reference="ct"))
    assert predicted(loaded, ct=ct(), pet=pet(Units="GML")).labels_kji.any()
    for changes in ({"Units": "BQML"}, {"Units": "GML", "SUVType": "LBM"}):
        with pytest.raises(InputError, match="Units are GML") as caught:
            predicted(loaded, ct=ct(), pet=pet(**changes))
        assert caught.value.reason_code == "not-in-suv"


def test_a_dry_run_also_goes_without_what_is_optional_and_the_summary_says_which(fused: LoadedModel, package: Path) -> None:
    dry_run(fused)
    assert package_summary(fused, package)["inputs"] == [
        "pet: PT, 3-D, 1+ slices, optional",
        "ct: CT, 3-D, 1+ slices, the reference",
    ]


def test_one_input_is_to_the_byte_what_it_was_without_a_name_for_the_reference(tmp_path: Path) -> None:
    voxels = np.random.default_rng(4).normal(size=(9, 20, 13)).astype(np.float32)
    volume = Volume(voxels, np.eye(4), (SliceRef("1", "2"),) * 9, "1.2", "MR", "", True)
    plain = load_package(write_tiny_package(tmp_path / "plain"))
    named = load_package(write_tiny_package(tmp_path / "named", reference="image"))
    one, other = (LabelMap.on(volume, run(model, {"image": volume})) for model in (plain, named))
    assert encode_label_map(one) == encode_label_map(other)


def test_notes_survive_the_blob_and_leave_it_alone_where_there_are_none() -> None:
    bare = LabelMap(np.ones((1, 2, 2), dtype=np.uint8), np.eye(4), (SliceRef("1", "2"),))
    noted = LabelMap(bare.labels_kji, bare.affine_lps_mm, bare.slices, notes=(MISSING, "more"))
    assert decode_label_map(encode_label_map(noted)).notes == (MISSING, "more")
    assert decode_label_map(encode_label_map(bare)).notes == ()
    assert b"notes" in encode_label_map(noted) and b"notes" not in encode_label_map(bare)


def test_a_job_without_its_optional_input_ends_with_a_report_that_says_so(fused: LoadedModel, tmp_path: Path) -> None:
    url = str(tmp_path / "blobs")
    task = _task(fused, url, ct=ct())
    inferred = _ran(fused, url, task)
    reported = _ran(fused, url, task.model_copy(update={"kind": "report", "prediction": inferred.prediction}))
    assert all(MISSING in measured["notes"] for measured in reported.measurements)
    text = next(result for result in reported.results if result.role == "text")
    assert MISSING in open_blobs(url).get(text.blob.key).decode()


def test_the_report_names_the_images_of_every_input_as_evidence(fused: LoadedModel, tmp_path: Path) -> None:
    url, given = str(tmp_path / "blobs"), {"ct": ct(), "pet": pet()}
    task = _task(fused, url, **given)
    inferred = _ran(fused, url, task)
    wanted = task.model_copy(update={"kind": "report", "prediction": inferred.prediction})
    results = {result.role: result for result in _ran(fused, url, wanted).results}
    sr = dcmread(io.BytesIO(open_blobs(url).get(results["sr"].blob.key)))
    named = {
        str(item.ReferencedSOPInstanceUID)
        for study in sr.CurrentRequestedProcedureEvidenceSequence
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    images = {str(dataset.SOPInstanceUID) for series in given.values() for dataset in series}
    assert named == images | {results["seg"].sop_instance_uid}


def test_inputs_of_two_patients_are_no_report(fused: LoadedModel, tmp_path: Path) -> None:
    url = str(tmp_path / "blobs")
    task = _task(fused, url, ct=ct(PatientID="CANARY-1"), pet=pet(PatientID="CANARY-2"))
    inferred = _ran(fused, url, task)
    wanted = task.model_copy(update={"kind": "report", "prediction": inferred.prediction})
    outcome = run_task(wanted, fused, url, Stages(SystemClock(), quiet, lambda: False))
    assert (outcome.status, outcome.reason_code) == ("refused", "mixed-patients") and "CANARY" not in outcome.reason


def _ran(loaded: LoadedModel, url: str, task: TaskSpec) -> Outcome:
    outcome = run_task(task, loaded, url, Stages(SystemClock(), quiet, lambda: False))
    assert outcome.status == "ok", outcome.reason
    return outcome


def _task(loaded: LoadedModel, url: str, **inputs: Sequence[Dataset]) -> TaskSpec:
    given = {name: _stored(url, datasets) for name, datasets in inputs.items()}
    return TaskSpec(
        kind="infer",
        job_id=1,
        attempt=1,
        model_name="tiny",
        model_digest=loaded.digest,
        study_instance_uid=STUDY,
        inputs=given,
        output_prefix="jobs/x/1",
        created_at="2026-01-01T00:00:00+00:00",
        uid_entropy=("1.2.3", loaded.digest, "p", "i", "1"),
        deadline_s=60.0,
    )


def _stored(url: str, datasets: Sequence[Dataset]) -> SeriesRef:
    references = []
    for dataset in datasets:
        buffer = io.BytesIO()
        dataset.save_as(buffer, enforce_file_format=True)
        digest = sha256(buffer.getvalue()).hexdigest()
        info = open_blobs(url).put(f"instances/{digest}", buffer.getvalue())
        references.append(
            InstanceRef(sop_instance_uid=dataset.SOPInstanceUID, sha256=info.sha256, blob_key=f"instances/{digest}")
        )
    return SeriesRef(series_instance_uid=str(datasets[0].SeriesInstanceUID), instances=tuple(references))


def _folder(*series: Sequence[Dataset]) -> dict[str, list[FoundInstance]]:
    return {str(found[0].SeriesInstanceUID): [FoundInstance(Path("x"), dataset) for dataset in found] for found in series}


def test_a_folder_gives_each_input_its_series(fused: LoadedModel) -> None:
    first, near, far = ct(), pet(), pet(FrameOfReferenceUID="1.2.4")
    chosen = choose_series(_folder(first, near, far), fused.manifest, {})
    assert {name: found[0].header.SeriesInstanceUID for name, found in chosen.items()} == {
        "pet": near[0].SeriesInstanceUID,
        "ct": first[0].SeriesInstanceUID,
    }
    assert choose_series(_folder(first, far), fused.manifest, {}).keys() == {"ct"}
    named = choose_series(_folder(first, near, far), fused.manifest, {"pet": str(far[0].SeriesInstanceUID)})
    assert named["pet"][0].header is far[0]


def test_a_folder_that_leaves_a_choice_is_refused_with_the_option_to_give(fused: LoadedModel) -> None:
    found = _folder(ct(), pet(), pet())
    with pytest.raises(InputError, match="2 PT series fit input pet; choose one by --series pet=UID") as caught:
        choose_series(found, fused.manifest, {})
    assert caught.value.reason_code == "many-series"
    first = next(iter(found))
    with pytest.raises(InputError, match="would be input ct and pet") as caught:
        choose_series(found, fused.manifest, {"pet": first})
    assert caught.value.reason_code == "same-series"
