"""A store with a job whose model package and Series are real: a tiny untrained network on synthetic MR."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from pydicom.dataset import Dataset

from inference.manifest import package_digest, read_manifest
from storage import intake, jobs, packages, studies
from storage.base.clock import Clock
from storage.blobs import Blobs, open_blobs
from storage.database import Database, open_database
from tests.support.dicom_builders import mr_series
from tests.support.tiny_package import write_tiny_package

# Some two hundred windows of the tiny network: seconds, long enough to be killed in the middle.
LONG = (16, 96, 96)
SHORT = (8, 24, 24)


@dataclass(frozen=True)
class Store:
    """A data folder with its database, blobs and one registered package."""

    folder: Path
    db: Database
    blobs: Blobs
    package: Path

    @property
    def database_url(self) -> str:
        return f"sqlite:///{self.folder / 'wetread.db'}"


def new_store(folder: Path, clock: Clock) -> Store:
    """Migrated, with the tiny package registered."""
    db = open_database(f"sqlite:///{folder / 'wetread.db'}", clock)
    db.migrate()
    package = write_tiny_package(folder / "tiny")
    manifest = read_manifest(package)
    document = manifest.model_dump(mode="json")
    with db.write() as s:
        packages.register(s, manifest.name, manifest.version, package_digest(package), str(package), document, clock.utc())
    return Store(folder, db, open_blobs(folder / "blobs"), package)


def add_series(store: Store, datasets: Sequence[Dataset]) -> int:
    """Let the Instances of one Study arrive and ask for the job; returns its id."""
    now = store.db.clock.utc()
    with store.db.write() as s:
        for number, dataset in enumerate(datasets):
            intake.add_instance(s, _arrive(store.blobs, dataset, number, now))
    with store.db.write() as s:
        uid = str(datasets[0].StudyInstanceUID)
        [study_id] = [study.study_id for study in studies.pending_studies(s) if study.study_instance_uid == uid]
        revision, _ = studies.freeze_revision(s, study_id, now)
        [series] = studies.revision_series(s, revision.id)
        package = packages.active_package(s, "tiny")
        assert package is not None
        job, _ = jobs.request_job(
            s,
            study_id=study_id,
            revision_id=revision.id,
            package=package,
            parameters={},
            inputs={"image": series.series_id},
            priority=0,
            destinations=["pacs"],
            rule_name="rule",
            at=now,
        )
        return job.id


def add_mr(store: Store, shape: tuple[int, int, int] = SHORT) -> int:
    """A job on a Study of its own with (slices, rows, columns)."""
    return add_series(store, mr_series(*shape))


def _arrive(blobs: Blobs, dataset: Dataset, number: int, at: datetime) -> intake.ArrivedInstance:
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    payload = buffer.getvalue()
    key = f"instances/{sha256(payload).hexdigest()}"
    info = blobs.put(key, payload)
    return intake.ArrivedInstance(
        spool_record=f"{dataset.SOPInstanceUID}-{number}",
        association_uid="unknown",
        received_at=at,
        study_instance_uid=str(dataset.StudyInstanceUID),
        series_instance_uid=str(dataset.SeriesInstanceUID),
        sop_instance_uid=str(dataset.SOPInstanceUID),
        sop_class_uid=str(dataset.SOPClassUID),
        transfer_syntax_uid=str(dataset.file_meta.TransferSyntaxUID),
        modality=str(dataset.Modality),
        sha256=info.sha256,
        size_bytes=info.size_bytes,
        blob_key=key,
        header={},
    )
