"""Jobs as others read them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.schema import Job, JobInput, ModelPackage, ResultObject, Study
from storage.states import UnknownRow
from storage.studies import SeriesContent, revision_series


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
    prediction: dict[str, Any] | None
    created_at: datetime
    inputs: dict[str, SeriesContent]


def get_job(s: Session, job_id: int) -> Job:
    """One job. UnknownRow when there is none."""
    job = s.get(Job, job_id)
    if job is None:
        raise UnknownRow(f"there is no job {job_id}", code="unknown-job")
    return job


def locked_job(s: Session, job_id: int) -> Job:
    """One job as it is now, its row locked until the transaction ends. UnknownRow when there is none."""
    get_job(s, job_id)
    query = select(Job).where(Job.id == job_id).with_for_update()
    return s.scalars(query.execution_options(populate_existing=True)).one()


def list_jobs(s: Session, *, state: str | None = None, study_id: int | None = None, limit: int = 200) -> list[Job]:
    """The newest jobs, newest first."""
    query = select(Job).order_by(Job.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Job.state == state)
    if study_id is not None:
        query = query.where(Job.study_id == study_id)
    return list(s.scalars(query).all())


def list_results(s: Session, job_id: int) -> list[ResultObject]:
    """What a job yielded, by role."""
    return list(s.scalars(select(ResultObject).where(ResultObject.job_id == job_id).order_by(ResultObject.role)).all())


def task_of(s: Session, job_id: int) -> JobTask:
    """What a TaskSpec is made of. UnknownRow when there is no such job."""
    job = get_job(s, job_id)
    package = s.get_one(ModelPackage, job.package_id)
    return JobTask(
        job_id=job.id,
        blob_prefix=job.blob_prefix,
        study_id=job.study_id,
        study_instance_uid=s.get_one(Study, job.study_id).study_instance_uid,
        package_id=package.id,
        model_name=package.name,
        model_digest=job.model_digest,
        package_path=package.path,
        package_state=package.state,
        manifest=package.manifest,
        parameters=job.parameters,
        parameters_digest=job.parameters_digest,
        input_digest=job.input_digest,
        generation=job.generation,
        prediction=job.prediction,
        created_at=job.created_at,
        inputs=_inputs(s, job),
    )


def _inputs(s: Session, job: Job) -> dict[str, SeriesContent]:
    named = s.execute(select(JobInput.name, JobInput.series_id).where(JobInput.job_id == job.id).order_by(JobInput.id)).all()
    contents = {c.series_id: c for c in revision_series(s, job.revision_id, only={series_id for _, series_id in named})}
    return {name: contents[series_id] for name, series_id in named}
