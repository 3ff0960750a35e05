"""`wetread status`: counts by state, and what an operator must look at."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.schema import Association, Base, Commitment, Delivery, Event, Instance, Job, ModelPackage, RuleVersion, Study
from storage.states import COMMITMENT, DELIVERY, JOB, PACKAGE
from storage.views.evidence import unreported_commitments
from storage.views.listings import list_deliveries, list_jobs
from storage.views.times import iso

Document = dict[str, Any]


def overview(s: Session) -> Document:
    """The node at a glance: a count for every state of each table, and the newest things that need a person."""
    return {
        "studies": s.scalar(select(func.count(Study.id))),
        "studies_waiting": s.scalar(select(func.count(Study.id)).where(Study.settled_count < Study.arrival_count)),
        "instances": s.scalar(select(func.count(Instance.id))),
        "size_bytes": int(s.scalar(select(func.sum(Instance.size_bytes))) or 0),
        "last_arrival_at": iso(s.scalar(select(func.max(Study.last_arrival_at)))),
        "open_associations": s.scalar(select(func.count(Association.id)).where(Association.state == "open")),
        "rules_version": s.scalar(select(func.max(RuleVersion.number))),
        "jobs": _by_state(s, Job, JOB),
        "deliveries": _by_state(s, Delivery, DELIVERY),
        "commitments": _by_state(s, Commitment, COMMITMENT),
        "packages": _by_state(s, ModelPackage, PACKAGE),
        "attention": {
            "failed_jobs": list_jobs(s, "failed", 10),
            "dead_jobs": list_jobs(s, "dead", 10),
            "refused_jobs": list_jobs(s, "refused", 10),
            "failed_deliveries": list_deliveries(s, "failed", 10),
            "unreported_commitments": unreported_commitments(s),
            "last_event_at": iso(s.scalar(select(func.max(Event.at)))),
        },
    }


def _by_state(s: Session, table: type[Base], states: Any) -> dict[str, int]:
    column = table.__table__.c.state
    found = {state: count for state, count in s.execute(select(column, func.count()).group_by(column))}
    return {state: found.get(state, 0) for state in states}
