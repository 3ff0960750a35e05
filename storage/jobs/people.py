"""What a person may ask of a job."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import events
from storage.jobs.reading import locked_job
from storage.jobs.request import insert_job, latest_generation
from storage.rows import move
from storage.schema import Job, JobDestination, JobInput
from storage.states import JOB_ENDS, MoveRefused


def cancel(s: Session, job_id: int, at: datetime) -> Job:
    """Stop a job that hasn't ended; its worker learns it when it renews.

    Raises
    ------
    MoveRefused
        It has ended already.
    UnknownRow
        There is no such job.
    """
    job = locked_job(s, job_id)
    why = {"reason_code": "cancelled", "reason": "a person cancelled it"}
    move(s, Job, job.state, "cancelled", Job.id == job_id, lease_until=None, not_before=None, updated_at=at, **why)
    events.record(s, "job.cancelled", at, job.study_id, job_id)
    return job


def retry(s: Session, job_id: int, at: datetime) -> Job:
    """Start a refused, failed, dead or cancelled job anew, counters at nought.

    Raises
    ------
    MoveRefused
        It is under way or done (``rerun`` repeats what is done).
    UnknownRow
        There is no such job.
    """
    job = locked_job(s, job_id)
    if job.state not in JOB_ENDS:
        raise MoveRefused(f"job {job_id} is under way ({job.state}); there is nothing to retry", came_from=job.state)
    came_from = job.state
    anew = {"attempts": 0, "infra_failures": 0, "not_before": None, "worker": None, "lease_until": None}
    cleared: dict[str, Any] = {"reason_code": "", "reason": "", "prediction": None, "measurements": [], "timings": {}}
    move(s, Job, job.state, "ready", Job.id == job_id, updated_at=at, **anew, **cleared)
    events.record(s, "job.retried", at, job.study_id, job_id, came_from=came_from)
    return job


def rerun(s: Session, job_id: int, at: datetime) -> Job:
    """Run an ended job once more beside its old results: a new job, the next generation, same inputs and destinations.

    Raises
    ------
    MoveRefused
        The latest generation of it is still under way.
    UnknownRow
        There is no such job.
    """
    job = locked_job(s, job_id)
    identity = (job.study_id, job.model_digest, job.parameters_digest, job.input_digest)
    latest = latest_generation(s, *identity) or job
    if latest.state not in JOB_ENDS:
        raise MoveRefused(f"job {latest.id} is under way ({latest.state}); wait or cancel it first", came_from=latest.state)
    new = _copy(s, job, latest.generation + 1, at)
    of_job = select(JobDestination.peer, JobDestination.rule_name).where(JobDestination.job_id == job_id)
    peers = s.execute(of_job.order_by(JobDestination.id)).all()
    s.add_all(JobDestination(job_id=new.id, peer=peer, rule_name=rule_name) for peer, rule_name in peers)
    events.record(s, "job.rerun", at, job.study_id, new.id, of_job=job_id, generation=new.generation)
    s.flush()
    return new


def _copy(s: Session, job: Job, generation: int, at: datetime) -> Job:
    inputs = s.execute(select(JobInput.name, JobInput.series_id).where(JobInput.job_id == job.id).order_by(JobInput.id)).all()
    insert_job(
        s,
        at,
        {name: series_id for name, series_id in inputs},
        study_id=job.study_id,
        revision_id=job.revision_id,
        package_id=job.package_id,
        model_digest=job.model_digest,
        parameters_digest=job.parameters_digest,
        parameters=job.parameters,
        input_digest=job.input_digest,
        generation=generation,
        priority=job.priority,
    )
    new = latest_generation(s, job.study_id, job.model_digest, job.parameters_digest, job.input_digest)
    assert new is not None
    return new
