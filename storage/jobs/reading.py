"""Jobs as others read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from storage.schema import Job, ResultObject
from storage.studies import SeriesContent


@dataclass(frozen=True)
class JobTask:
    """All that a task needs to know of its job; ``inputs`` maps input names to Series with the Instances of the revision."""

    job_id: int
    blob_prefix: str
    study_id: int
    study_instance_uid: str
    package_id: int
    model_name: str
    model_digest: str
    package_path: str
    package_state: str
    manifest: dict[str, Any]
    parameters: dict[str, Any]
    parameters_digest: str
    input_digest: str
    generation: int
    label_map: dict[str, Any] | None
    created_at: datetime
    inputs: dict[str, SeriesContent]


def get_job(s: Session, job_id: int) -> Job:
    """One job. UnknownRow when there is none."""
    raise NotImplementedError


def list_jobs(s: Session, *, state: str | None = None, study_id: int | None = None, limit: int = 200) -> list[Job]:
    """The newest jobs, newest first."""
    raise NotImplementedError


def list_results(s: Session, job_id: int) -> list[ResultObject]:
    """What a job yielded, by role."""
    raise NotImplementedError


def task_of(s: Session, job_id: int) -> JobTask:
    """What a TaskSpec is made of."""
    raise NotImplementedError
