"""The one way in which a held job changes state: fenced, by the table, with its event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import events
from storage.base.errors import Fact
from storage.jobs.fence import Fence
from storage.rows import move
from storage.schema import Job
from storage.states import LeaseLost


def carry(s: Session, fence: Fence, to: str, at: datetime, event: str, facts: Mapping[str, Fact], **values: Any) -> None:
    """Move the fenced job to state ``to``, set ``values``, end its lease, write ``event``.

    Raises
    ------
    LeaseLost
        No row matched (id, worker, attempt, state); nothing was written.
    """
    held = (Job.id == fence.job_id, Job.worker == fence.worker, Job.attempt == fence.attempt)
    if not move(s, Job, fence.state, to, *held, lease_until=None, updated_at=at, **values):
        raise lost(fence)
    study_id = s.scalar(select(Job.study_id).where(Job.id == fence.job_id))
    told: dict[str, Any] = {"worker": fence.worker, "attempt": fence.attempt, **facts}
    events.record(s, event, at, study_id, fence.job_id, **told)


def lost(fence: Fence) -> LeaseLost:
    """The error that tells a worker that it holds the job no more."""
    return LeaseLost(f"job {fence.job_id}, attempt {fence.attempt}: no longer held", job_id=fence.job_id, attempt=fence.attempt)
