"""Taking a held job from a worker that can't finish it, and how long it rests then."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.base.errors import Fact
from storage.database import lease_time
from storage.jobs.fence import Fence
from storage.jobs.fenced import carry, lost
from storage.schema import Job

FAILURE_LIMIT = 5
REST_FIRST_S = 5.0
REST_MOST_S = 300.0
REST_PLACE = {"inferring": "ready", "reporting": "inferred"}


def rest_s(failures: int) -> float:
    """Seconds that a job rests after its ``failures``-th infrastructure failure: 5, 10, 20 … at most 300."""
    return min(REST_MOST_S, REST_FIRST_S * 2.0 ** min(failures - 1, 16))


def release(s: Session, fence: Fence, code: str, reason: str, at: datetime, limit: int, *, rests: bool = True) -> str:
    """Count an infrastructure failure; back to where the task began, or to ``dead`` at the ``limit``-th. Returns the state."""
    found = s.scalar(select(Job.infra_failures).where(Job.id == fence.job_id).with_for_update())
    if found is None:
        raise lost(fence)
    failures = found + 1
    to = REST_PLACE[fence.state] if failures < limit else "dead"
    not_before = lease_time(s, at) + timedelta(seconds=rest_s(failures)) if rests and to != "dead" else None
    event = "job.dead" if to == "dead" else "job.released"
    facts: dict[str, Fact] = {"code": code, "reason": reason, "infra_failures": failures}
    values = {"reason_code": code, "reason": reason, "infra_failures": failures, "not_before": not_before}
    carry(s, fence, to, at, event, facts, **values)
    return to
