"""Lists for the command line and, later, the pages: newest first, bounded."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.schema import Delivery, Job, ModelPackage, ResultObject, Study
from storage.views.times import iso

Document = dict[str, Any]
DEFAULT_LIMIT = 50


def list_jobs(s: Session, state: str | None = None, limit: int = DEFAULT_LIMIT) -> list[Document]:
    """Jobs, of one state if asked."""
    query = (
        select(Job, ModelPackage.name, Study.study_instance_uid)
        .join(ModelPackage, ModelPackage.id == Job.package_id)
        .join(Study, Study.id == Job.study_id)
        .order_by(Job.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(Job.state == state)
    return [
        {
            "id": job.id,
            "model": model,
            "study_instance_uid": study,
            "state": job.state,
            "reason_code": job.reason_code,
            "reason": job.reason,
            "updated_at": iso(job.updated_at),
        }
        for job, model, study in s.execute(query)
    ]


def list_deliveries(s: Session, state: str | None = None, limit: int = DEFAULT_LIMIT) -> list[Document]:
    """Deliveries, of one state if asked."""
    query = (
        select(Delivery, ResultObject.role, ResultObject.sop_instance_uid)
        .join(ResultObject, ResultObject.id == Delivery.result_id)
        .order_by(Delivery.id.desc())
        .limit(limit)
    )
    if state is not None:
        query = query.where(Delivery.state == state)
    return [
        {
            "id": d.id,
            "peer": d.peer,
            "role": role,
            "sop_instance_uid": uid,
            "state": d.state,
            "attempts": d.attempts,
            "next_attempt_at": iso(d.next_attempt_at),
            "last_error": d.last_error,
        }
        for d, role, uid in s.execute(query)
    ]


def list_packages(s: Session) -> list[Document]:
    """Every registered model package."""
    rows = s.scalars(select(ModelPackage).order_by(ModelPackage.name, ModelPackage.id))
    return [
        {
            "name": p.name,
            "version": p.version,
            "task": p.manifest.get("task"),
            "state": p.state,
            "reason": p.reason,
            "digest": p.digest,
            "path": p.path,
            "licence": p.manifest.get("licence"),
            "weights_licence": p.manifest.get("weights_licence"),
            "registered_at": iso(p.registered_at),
            "state_at": iso(p.state_at),
        }
        for p in rows
    ]
