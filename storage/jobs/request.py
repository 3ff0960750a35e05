"""Asking for a run. Rules that ask for the same run share one job."""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import deliveries, events
from storage.rows import insert_new
from storage.schema import Instance, Job, JobDestination, JobInput, ModelPackage, ResultObject, RevisionInstance
from storage.states import JOB_ENDS, UnknownRow


def parameters_digest(parameters: Mapping[str, Any]) -> str:
    """SHA-256 of the parameters as canonical JSON."""
    text = json.dumps(dict(parameters), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def input_digest(s: Session, revision_id: int, inputs: Mapping[str, int]) -> str:
    """SHA-256 over (input name, SOP Instance UID, SHA-256) of the named Series' Instances in the revision, and nothing else.

    ``inputs`` maps names to row ids of Series.

    Raises
    ------
    UnknownRow
        Code ``unknown-series``: the revision holds no Instance of a named Series.
    """
    rows: list[tuple[str, str, str]] = []
    for name, series_id in inputs.items():
        query = select(Instance.sop_instance_uid, Instance.sha256).join(
            RevisionInstance, RevisionInstance.instance_id == Instance.id
        )
        held = s.execute(query.where(RevisionInstance.revision_id == revision_id, Instance.series_id == series_id)).all()
        if not held:
            raise UnknownRow(f"input {name}: the revision holds nothing of series {series_id}", code="unknown-series")
        rows += [(name, uid, sha256) for uid, sha256 in held]
    return hashlib.sha256(json.dumps(sorted(rows)).encode()).hexdigest()


def request_job(
    s: Session,
    *,
    study_id: int,
    revision_id: int,
    package: ModelPackage,
    parameters: Mapping[str, Any],
    inputs: Mapping[str, int],
    priority: int,
    destinations: Sequence[str],
    rule_name: str,
    at: datetime,
) -> tuple[Job, bool]:
    """Ask for a run of ``package`` on the named Series (``inputs``: name -> row id of the Series).

    Returns
    -------
    The job and whether it is new. When the same run (model, parameters, input content) was asked for before, its latest
    generation gets the destinations that it lacks; if it is done, their deliveries begin at once.
    """
    identity = (study_id, package.digest, parameters_digest(parameters), input_digest(s, revision_id, inputs))
    job = latest_generation(s, *identity)
    made = False
    if job is None:
        digests = dict(zip(("model_digest", "parameters_digest", "input_digest"), identity[1:], strict=True))
        source = {"study_id": study_id, "revision_id": revision_id, "package_id": package.id}
        made = insert_job(s, at, inputs, generation=1, priority=priority, parameters=dict(parameters), **source, **digests)
        job = latest_generation(s, *identity)
        assert job is not None
    if made:
        events.record(s, "job.requested", at, study_id, job.id, model=package.name, digest=package.digest, rule=rule_name)
    elif priority > job.priority and job.state not in JOB_ENDS:
        job.priority = priority
    _add_destinations(s, job, destinations, rule_name, at)
    return job, made


def latest_generation(s: Session, study_id: int, model: str, parameters: str, inputs: str) -> Job | None:
    """The newest job with these keys (digests of model, parameters, inputs), its row locked."""
    query = (
        select(Job)
        .where(Job.study_id == study_id, Job.model_digest == model)
        .where(Job.parameters_digest == parameters, Job.input_digest == inputs)
        .order_by(Job.generation.desc())
        .limit(1)
    )
    return s.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()


def insert_job(s: Session, at: datetime, inputs: Mapping[str, int], **values: Any) -> bool:
    """Insert a job in state ``ready`` with its inputs; False when its keys are taken."""
    prefix = uuid.uuid4().hex
    if not insert_new(s, Job, blob_prefix=prefix, state="ready", created_at=at, updated_at=at, **values):
        return False
    job_id = s.scalars(select(Job.id).where(Job.blob_prefix == prefix)).one()
    s.add_all(JobInput(job_id=job_id, name=name, series_id=series_id) for name, series_id in inputs.items())
    s.flush()
    return True


def _add_destinations(s: Session, job: Job, peers: Sequence[str], rule_name: str, at: datetime) -> None:
    new = [peer for peer in peers if insert_new(s, JobDestination, job_id=job.id, peer=peer, rule_name=rule_name)]
    for peer in new:
        events.record(s, "job.destination", at, job.study_id, job.id, peer=peer, rule=rule_name)
    if new and job.state == "done":
        results = s.scalars(select(ResultObject).where(ResultObject.job_id == job.id).order_by(ResultObject.id)).all()
        deliveries.add_deliveries(s, results, new, at)
