"""Handing out jobs under leases, and taking them back from workers that have gone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import ColumnElement, Select, func, or_, select, update
from sqlalchemy.orm import Session

from storage import events
from storage.database import Database, lease_time, run_out
from storage.jobs.fence import Claim, Fence, Held, Kind
from storage.jobs.fenced import lost
from storage.jobs.releasing import FAILURE_LIMIT, REST_MOST_S, release
from storage.rows import move
from storage.schema import Job
from storage.schema.work import CLAIMABLE, RUNNING

BOTH: tuple[Kind, ...] = get_args(Kind)
_FROM: dict[str, Kind] = {"ready": "infer", "inferred": "report"}
_HELD: dict[Kind, Held] = {"infer": "inferring", "report": "reporting"}


LEASE_MOST_S = 3600.0


def claimable(s: Session, at: datetime, kinds: Collection[Kind] = BOTH) -> bool:
    """Whether a claim would find something now. Only reads: an idle dispatcher asks this and takes no write lock."""
    return s.execute(_waiting(lease_time(s, at), kinds).limit(1)).first() is not None


def claim(s: Session, worker: str, lease_s: float, limit: int, at: datetime, kinds: Collection[Kind] = BOTH) -> list[Claim]:
    """Take up to ``limit`` tasks for ``lease_s`` seconds: highest priority first, then oldest."""
    now = lease_time(s, at)
    until = now + timedelta(seconds=lease_s)
    waiting = _waiting(now, kinds).order_by(Job.priority.desc(), Job.id).limit(limit)
    claims = []
    for job_id, state, attempt, study_id in s.execute(waiting.with_for_update(skip_locked=True)).all():
        kind = _FROM[state]
        values: dict[str, Any] = {"worker": worker, "attempt": attempt + 1, "lease_until": until, "updated_at": at}
        move(s, Job, state, _HELD[kind], Job.id == job_id, not_before=None, **values)
        events.record(s, f"job.{_HELD[kind]}", at, study_id, job_id, worker=worker, attempt=attempt + 1)
        claims.append(Claim(job_id, attempt + 1, kind, worker))
    return claims


def take(db: Database, worker: str, lease_s: float, limit: int, kinds: Collection[Kind] = BOTH) -> list[Claim]:
    """``claim`` in a transaction of its own, begun only when ``claimable``: what a dispatcher's loop calls."""
    if limit < 1:
        return []
    with db.read() as s:
        if not claimable(s, db.clock.utc(), kinds):
            return []
    with db.write() as s:
        return claim(s, worker, lease_s, limit, db.clock.utc(), kinds)


def renew(s: Session, fence: Fence, lease_s: float, at: datetime) -> None:
    """Keep a held task for ``lease_s`` seconds from now.

    Raises
    ------
    LeaseLost
        Somebody else has it, or it was cancelled: stop working on it.
    """
    until = lease_time(s, at) + timedelta(seconds=lease_s)
    held = update(Job).where(Job.id == fence.job_id, Job.worker == fence.worker, Job.attempt == fence.attempt)
    renewed = held.where(Job.state == fence.state).values(lease_until=until).returning(Job.id)
    if s.scalars(renewed, execution_options={"synchronize_session": "fetch"}).one_or_none() is None:
        raise lost(fence)


def expired(s: Session, at: datetime, lease_s: float = LEASE_MOST_S) -> list[int]:
    """Ids of jobs whose lease has run out; ``lease_s`` is for how long leases are taken. Only reads."""
    late = run_out(Job.lease_until, lease_time(s, at), lease_s)
    return list(s.scalars(select(Job.id).where(RUNNING, late).order_by(Job.id)))


def reap_expired(s: Session, at: datetime, limit: int = FAILURE_LIMIT, lease_s: float = LEASE_MOST_S) -> list[int]:
    """Release every job whose lease ran out (see ``expired``), as ``release_infra`` does; returns their ids."""
    late = run_out(Job.lease_until, lease_time(s, at), lease_s)
    return _release_all(s, late, "lease-expired", "the worker was not heard of until its lease ran out", at, limit, rests=True)


def release_former(s: Session, worker_prefix: str, worker: str, at: datetime, limit: int = FAILURE_LIMIT) -> list[int]:
    """Release what earlier lives of this worker hold (names that begin with ``worker_prefix``), without delay."""
    former = (func.substr(Job.worker, 1, len(worker_prefix)) == worker_prefix) & (Job.worker != worker)
    return _release_all(s, former, "worker-restarted", "the worker died and was started again", at, limit, rests=False)


def _waiting(now: datetime, kinds: Collection[Kind]) -> Select[int, str, int, int]:
    states = [state for state, kind in _FROM.items() if kind in kinds]
    due = or_(Job.not_before.is_(None), run_out(Job.not_before, now, REST_MOST_S))
    return select(Job.id, Job.state, Job.attempt, Job.study_id).where(CLAIMABLE, Job.state.in_(states), due)


def _release_all(
    s: Session, which: ColumnElement[bool], code: str, reason: str, at: datetime, limit: int, *, rests: bool
) -> list[int]:
    held = select(Job.id, Job.worker, Job.attempt, Job.state).where(RUNNING, which).order_by(Job.id)
    rows = s.execute(held.with_for_update(skip_locked=True)).all()
    for job_id, worker, attempt, state in rows:
        kind: Kind = "infer" if state == "inferring" else "report"
        release(s, Claim(job_id, attempt, kind, worker or "").fence, code, reason, at, limit, rests=rests)
    return [row.id for row in rows]
