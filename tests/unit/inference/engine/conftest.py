"""A loaded tiny package and a task on synthetic MR, made once a run."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from inference.engine.loading import load_ready
from inference.engine.segmenter import LoadedModel
from inference.protocol import InstanceRef, SeriesRef, TaskSpec
from storage.blobs import Blobs, open_blobs
from tests.support.dicom_builders import mr_series
from tests.support.tiny_package import write_tiny_package

PATIENT = "CANARY^NAME"


@dataclass(frozen=True)
class Case:
    """A blob store at ``url`` that holds a Series, and the infer task on it."""

    url: str
    blobs: Blobs
    task: TaskSpec


@pytest.fixture(scope="session")
def tiny_package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_package(tmp_path_factory.mktemp("package") / "tiny")


@pytest.fixture(scope="session")
def loaded(tiny_package: Path) -> LoadedModel:
    return load_ready(tiny_package, 1)


@pytest.fixture
def case(tmp_path: Path, loaded: LoadedModel) -> Case:
    return make_case(tmp_path, loaded, mr_series(8, 24, 24, PatientName=PATIENT))


def make_case(folder: Path, loaded: LoadedModel, datasets: Sequence[Dataset]) -> Case:
    url = str(folder / "blobs")
    blobs = open_blobs(url)
    instances = tuple(_store(blobs, dataset) for dataset in datasets)
    task = TaskSpec(
        kind="infer",
        job_id=1,
        attempt=1,
        model_name="tiny",
        model_digest=loaded.digest,
        study_instance_uid=str(datasets[0].StudyInstanceUID),
        inputs={"image": SeriesRef(series_instance_uid=str(datasets[0].SeriesInstanceUID), instances=instances)},
        output_prefix="jobs/x/1",
        created_at="2026-01-01T00:00:00+00:00",
        uid_entropy=("1.2.3", loaded.digest, "p", "i", "1"),
        deadline_s=60.0,
    )
    return Case(url, blobs, task)


def _store(blobs: Blobs, dataset: Dataset) -> InstanceRef:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    payload = buffer.getvalue()
    key = f"instances/{sha256(payload).hexdigest()}"
    info = blobs.put(key, payload)
    return InstanceRef(sop_instance_uid=str(dataset.SOPInstanceUID), sha256=info.sha256, blob_key=key)
