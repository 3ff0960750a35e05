"""A store with jobs in it, made by the store's own calls."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

from storage import intake, jobs, packages, studies
from storage.database import Database
from tests.unit.node.dispatch.tasks import DIGEST_A


def add_package(db: Database, path: Path, *, name: str = "fake", digest: str = DIGEST_A, deadline_s: float = 30.0) -> int:
    with db.write() as s:
        manifest = {"deadline_s": deadline_s}
        return packages.register(s, name, "1.0.0", digest, str(path), manifest, db.clock.utc()).id


def add_job(db: Database, number: int, *, fault: str = "", package: str = "fake", priority: int = 0) -> int:
    """A Study of one Instance and a job on it; ``fault`` is for the fault injector."""
    now = db.clock.utc()
    arrived = intake.ArrivedInstance(
        spool_record=f"{number:019d}",
        association_uid="unknown",
        received_at=now,
        study_instance_uid=f"1.2.{number}",
        series_instance_uid=f"1.2.{number}.1",
        sop_instance_uid=f"1.2.{number}.1.1",
        sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        modality="MR",
        sha256=sha256(str(number).encode()).hexdigest(),
        size_bytes=1,
        blob_key=f"instances/{number}",
        header={},
    )
    with db.write() as s:
        intake.add_instance(s, arrived)
    with db.write() as s:
        [study_id] = [study.study_id for study in studies.pending_studies(s) if study.study_instance_uid == f"1.2.{number}"]
        revision, _ = studies.freeze_revision(s, study_id, now)
        [series] = studies.revision_series(s, revision.id)
        active = packages.active_package(s, package)
        assert active is not None
        job, created = jobs.request_job(
            s,
            study_id=study_id,
            revision_id=revision.id,
            package=active,
            parameters={"fault": fault},
            inputs={"image": series.series_id},
            priority=priority,
            destinations=["pacs"],
            rule_name="rule",
            at=now,
        )
        assert created
        return job.id


def state_of(db: Database, job_id: int) -> str:
    with db.read() as s:
        return jobs.get_job(s, job_id).state
