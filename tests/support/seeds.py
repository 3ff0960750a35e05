"""Rows for tests of what is built on them: studies that arrived, packages, jobs. No pixel anywhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import intake, jobs, packages, studies
from storage.database import Database
from storage.intake import ArrivedInstance
from storage.schema import Job, ModelPackage, Series, Study

T0 = datetime(2026, 1, 1, tzinfo=UTC)
STUDY, OTHER_STUDY = "1.2.3", "1.2.4"
SEG_CLASS, SR_CLASS = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.88.34"


def after(seconds: float) -> datetime:
    """``seconds`` after the tests' beginning of time."""
    return T0 + timedelta(seconds=seconds)


def instance(number: int = 1, *, study: str = STUDY, series: int = 1, content: str = "", **changes: Any) -> ArrivedInstance:
    """An arrival of instance ``number``; other ``content`` makes another version of it."""
    uid = f"{study}.{series}.{number}"
    made = ArrivedInstance(
        spool_record=f"00000001-{number:010d}-{series}-{study}-{content}",
        association_uid="a1",
        received_at=after(number),
        study_instance_uid=study,
        series_instance_uid=f"{study}.{series}",
        sop_instance_uid=uid,
        sop_class_uid="1.2.840.10008.5.1.4.1.1.4",
        transfer_syntax_uid="1.2.840.10008.1.2.1",
        modality="MR",
        sha256=sha256(f"{uid}{content}".encode()).hexdigest(),
        size_bytes=1000 + number,
        blob_key=f"instances/{number}",
        header={"00080060": {"vr": "CS", "Value": ["MR"]}},
    )
    return replace(made, **changes)


def open_association(s: Session, uid: str = "a1", *, receiver: str = "r", boot: int = 1, at: datetime = T0) -> None:
    """An association from CT_1."""
    intake.note_association_opened(
        s, uid=uid, receiver=receiver, boot=boot, calling_ae_title="CT_1", called_ae_title="WETREAD", host="10.0.0.1", at=at
    )


@dataclass(frozen=True)
class Asked:
    """A frozen study and an active package, ready to be asked for."""

    study_id: int
    revision_id: int
    series_id: int
    package: ModelPackage


def asked(s: Session, study: str = STUDY, *, instances: int = 3, package: str = "hippocampus-mr") -> Asked:
    """Let ``instances`` of one series arrive, freeze them, register a package."""
    for number in range(1, instances + 1):
        intake.add_instance(s, instance(number, study=study))
    study_id = s.scalars(select(Study.id).where(Study.study_instance_uid == study)).one()
    revision, _ = studies.freeze_revision(s, study_id, after(100))
    series_id = s.scalars(select(Series.id).where(Series.study_id == study_id).order_by(Series.id)).first()
    assert series_id is not None
    found = packages.register(s, package, "1.0.0", sha256(package.encode()).hexdigest(), f"/models/{package}", {}, T0)
    return Asked(study_id, revision.id, series_id, found)


def request(
    s: Session,
    what: Asked,
    destinations: Sequence[str] = ("pacs",),
    *,
    parameters: dict[str, Any] | None = None,
    priority: int = 0,
) -> tuple[Job, bool]:
    """Ask for the job of ``what``."""
    return jobs.request_job(
        s,
        study_id=what.study_id,
        revision_id=what.revision_id,
        package=what.package,
        parameters=parameters or {},
        inputs={"image": what.series_id},
        priority=priority,
        destinations=destinations,
        rule_name="rule",
        at=after(100),
    )


def results(tag: str = "") -> list[jobs.NewResult]:
    """What a report task yields: SEG, SR and an overlay, in an order that isn't that of sending."""
    return [
        jobs.NewResult("sr", f"j/sr{tag}", "a" * 64, 10, SR_CLASS, f"2.25.1{tag}", "2.25.10"),
        jobs.NewResult("overlay", f"j/overlay{tag}", "b" * 64, 11),
        jobs.NewResult("seg", f"j/seg{tag}", "c" * 64, 12, SEG_CLASS, f"2.25.2{tag}", "2.25.20"),
    ]


def done_job(db: Database, destinations: Sequence[str] = ("pacs",), made: Sequence[jobs.NewResult] | None = None) -> int:
    """Ask for a job and carry it to ``done`` with the results ``made``; returns its id."""
    with db.write() as s:
        job_id = request(s, asked(s), destinations)[0].id
    for kind in ("infer", "report"):
        with db.write() as s:
            (claim,) = jobs.claim(s, "w", 30.0, 1, db.clock.utc())
            assert claim.kind == kind
            if kind == "infer":
                prediction = {"key": "j/labels", "sha256": "d" * 64, "size_bytes": 5}
                jobs.finish_infer(s, claim.fence, prediction, [], {"network": 1.5}, db.clock.utc())
            else:
                jobs.finish_report(s, claim.fence, made or results(), {"report": 0.5}, db.clock.utc())
    return job_id
