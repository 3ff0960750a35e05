"""Events: what happened, in one growing table, for people who ask why."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.base.errors import Fact
from storage.schema import Event


def record(
    s: Session,
    kind: str,
    at: datetime,
    study_id: int | None = None,
    job_id: int | None = None,
    delivery_id: int | None = None,
    **facts: Fact,
) -> None:
    """Write one event in the caller's transaction. ``kind`` is a constant such as ``job.done``; facts hold no patient data."""
    s.add(Event(at=at, kind=kind, study_id=study_id, job_id=job_id, delivery_id=delivery_id, facts=facts))


def list_(s: Session, *, study_id: int | None = None, job_id: int | None = None, limit: int = 1000) -> list[Event]:
    """The newest ``limit`` events of a study (those of its jobs and deliveries too) or of a job, oldest first."""
    query = select(Event).order_by(Event.id.desc()).limit(limit)
    if study_id is not None:
        query = query.where(Event.study_id == study_id)
    if job_id is not None:
        query = query.where(Event.job_id == job_id)
    return list(reversed(s.scalars(query).all()))
