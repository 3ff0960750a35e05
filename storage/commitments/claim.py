"""Handing out requests to be verified or reported, under leases, and taking them back from workers that have gone."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeAlias

from sqlalchemy import ColumnElement, Select, func, select, text, update
from sqlalchemy.orm import Session

from storage.database import Database, lease_time, run_out
from storage.rows import move
from storage.schema import Commitment, CommitmentInstance
from storage.schema.evidence import DUE, HELD
from storage.states import LeaseLost

Work: TypeAlias = Literal["verify", "report"]
REST_MOST_S = 3600.0
LEASE_MOST_S = 900.0
_FROM = {"verify": ("requested", "verifying"), "report": ("verified", "reporting")}
_BACK = {"verifying": "requested", "reporting": "verified"}


@dataclass(frozen=True)
class Fence:
    """Proof of ownership of a request in state ``verifying`` or ``reporting``."""

    commitment_id: int
    worker: str
    attempt: int


@dataclass(frozen=True)
class Reference:
    """One Instance of a request; ``failure_reason`` None where it is safe with us, or not verified yet."""

    id: int
    sop_class_uid: str
    sop_instance_uid: str
    failure_reason: int | None


@dataclass(frozen=True)
class CommitmentClaim:
    """One request in hand. ``attempts`` counts reports, this one included; giving up goes by ``tried_since``."""

    id: int
    attempt: int
    worker: str
    transaction_uid: str
    requester: str
    host: str
    association_uid: str
    requested_at: datetime
    tried_since: datetime
    asked: int
    attempts: int
    references: tuple[Reference, ...]

    @property
    def fence(self) -> Fence:
        return Fence(self.id, self.worker, self.attempt)


def requesters_due(s: Session, at: datetime) -> list[str]:
    """Requesters of whom a result is due to be reported. Only reads."""
    due = _due(lease_time(s, at), "report", None).with_only_columns(Commitment.requester).distinct()
    return list(s.scalars(due.order_by(Commitment.requester)))


def take(db: Database, worker: str, lease_s: float, work: Work, *, of: Collection[str] | None = None) -> CommitmentClaim | None:
    """The request that has waited longest for this work, if one is due; ``of`` names requesters.

    A glance first, so that idling writes nothing.
    """
    with db.read() as s:
        if s.scalars(_due(lease_time(s, db.clock.utc()), work, of).limit(1)).first() is None:
            return None
    with db.write() as s:
        now = lease_time(s, db.clock.utc())
        first = _due(now, work, of).order_by(Commitment.next_attempt_at, Commitment.id).limit(1)
        row = s.scalars(first.with_for_update(skip_locked=True).execution_options(populate_existing=True)).first()
        return None if row is None else _claimed(s, row, worker, now + timedelta(seconds=lease_s), work)


def failed(s: Session, most: int) -> list[CommitmentClaim]:
    """The newest results of which the requester couldn't be told, each as it was last claimed. Only reads."""
    newest = select(Commitment).where(Commitment.state == "failed").order_by(Commitment.id.desc()).limit(most)
    return [_claim(s, row, row.worker or "") for row in s.scalars(newest).all()]


def renew(s: Session, fence: Fence, lease_s: float, at: datetime) -> None:
    """Keep a held request for ``lease_s`` seconds from now. LeaseLost when it isn't held any more."""
    until = lease_time(s, at) + timedelta(seconds=lease_s)
    held = update(Commitment).where(HELD, *held_by(fence)).values(lease_until=until)
    if s.scalars(held.returning(Commitment.id), execution_options={"synchronize_session": "fetch"}).one_or_none() is None:
        raise lost(fence)


def expired(s: Session, at: datetime, lease_s: float = LEASE_MOST_S) -> list[int]:
    """Ids of requests whose lease has run out; ``lease_s`` is for how long leases are taken at most. Only reads."""
    late = select(Commitment.id).where(HELD, run_out(Commitment.lease_until, lease_time(s, at), lease_s))
    return list(s.scalars(late.order_by(Commitment.id)))


def reap_expired(s: Session, at: datetime, lease_s: float = LEASE_MOST_S) -> list[int]:
    """Put back requests whose lease ran out, due at once; returns their ids."""
    return _put_back(s, run_out(Commitment.lease_until, lease_time(s, at), lease_s), at)


def release_former(s: Session, worker_prefix: str, worker: str, at: datetime) -> list[int]:
    """Put back what earlier lives of this worker hold (names that begin with ``worker_prefix``)."""
    former = (func.substr(Commitment.worker, 1, len(worker_prefix)) == worker_prefix) & (Commitment.worker != worker)
    return _put_back(s, former, at)


def make_due(s: Session, at: datetime) -> None:
    """Every result that waits is due now: whoever starts may know addresses that nobody knew before."""
    waiting = update(Commitment).where(Commitment.state == "verified").values(next_attempt_at=lease_time(s, at))
    s.execute(waiting, execution_options={"synchronize_session": "fetch"})


def held_by(fence: Fence) -> tuple[ColumnElement[bool], ...]:
    return (Commitment.id == fence.commitment_id, Commitment.worker == fence.worker, Commitment.attempt == fence.attempt)


def lost(fence: Fence) -> LeaseLost:
    return LeaseLost(
        f"commitment {fence.commitment_id}, attempt {fence.attempt}: no longer held", commitment_id=fence.commitment_id
    )


def _due(now: datetime, work: Work, of: Collection[str] | None) -> Select[Commitment]:
    waiting = text("commitment.state = 'requested'") if work == "verify" else text("commitment.state = 'verified'")
    query = select(Commitment).where(DUE, waiting, run_out(Commitment.next_attempt_at, now, REST_MOST_S))
    return query if of is None else query.where(Commitment.requester.in_(of))


def _claimed(s: Session, row: Commitment, worker: str, until: datetime, work: Work) -> CommitmentClaim:
    a, b = _FROM[work]
    count = {"attempt": row.attempt + 1, "attempts": row.attempts + (1 if work == "report" else 0)}
    move(s, Commitment, a, b, Commitment.id == row.id, worker=worker, lease_until=until, **count)
    return _claim(s, row, worker)


def _claim(s: Session, row: Commitment, worker: str) -> CommitmentClaim:
    parts = select(CommitmentInstance).where(CommitmentInstance.commitment_id == row.id).order_by(CommitmentInstance.id)
    references = tuple(Reference(r.id, r.sop_class_uid, r.sop_instance_uid, r.failure_reason) for r in s.scalars(parts))
    return CommitmentClaim(
        id=row.id,
        attempt=row.attempt,
        worker=worker,
        transaction_uid=row.transaction_uid,
        requester=row.requester,
        host=row.host,
        association_uid=row.association_uid,
        requested_at=row.requested_at,
        tried_since=row.tried_since,
        asked=row.asked,
        attempts=row.attempts,
        references=references,
    )


def _put_back(s: Session, which: ColumnElement[bool], at: datetime) -> list[int]:
    held = select(Commitment.id, Commitment.state).where(HELD, which).order_by(Commitment.id)
    rows = s.execute(held.with_for_update(skip_locked=True)).all()
    for commitment_id, state in rows:
        again = {"lease_until": None, "next_attempt_at": lease_time(s, at)}
        move(s, Commitment, state, _BACK[state], Commitment.id == commitment_id, **again)
    return [row.id for row in rows]
