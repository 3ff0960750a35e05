"""Handing out deliveries under leases, and taking them back from senders that have gone."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Select, func, or_, select, text, update
from sqlalchemy.orm import Session, aliased

from storage.database import Database, lease_time, run_out
from storage.deliveries.fence import DeliveryClaim, Fence
from storage.deliveries.moves import held_by, lost, retry_later
from storage.rows import move
from storage.schema import Delivery, Job, ResultObject
from storage.schema.work import SENDING

# Literal, as in the index that serves it; qualified, since queries join the table to itself.
_PENDING = text("delivery.state = 'pending'")


LEASE_MOST_S = 900.0
REST_MOST_S = 3600.0


def due(
    s: Session,
    at: datetime,
    *,
    to: Collection[str] | None = None,
    not_to: Collection[str] | None = None,
    rest_most_s: float = REST_MOST_S,
) -> bool:
    """Whether ``claim_due`` would find something now. Only reads."""
    return s.execute(_waiting(lease_time(s, at), to, not_to, rest_most_s).limit(1)).first() is not None


def claim_due(
    s: Session,
    worker: str,
    lease_s: float,
    limit: int,
    at: datetime,
    *,
    to: Collection[str] | None = None,
    not_to: Collection[str] | None = None,
    rest_most_s: float = REST_MOST_S,
) -> list[DeliveryClaim]:
    """Take up to ``limit`` deliveries whose time has come and whose dependency is delivered, longest waiting first.

    ``to`` and ``not_to`` name the peers that alone are, or are not, wanted; nothing is put off for longer than ``rest_most_s``.
    """
    now = lease_time(s, at)
    until = now + timedelta(seconds=lease_s)
    waiting = _waiting(now, to, not_to, rest_most_s).order_by(Delivery.next_attempt_at, Delivery.id).limit(limit)
    claims = []
    for delivery, result, study_id in s.execute(waiting.with_for_update(of=Delivery, skip_locked=True)).all():
        count = {"attempt": delivery.attempt + 1, "attempts": delivery.attempts + 1}
        move(s, Delivery, "pending", "sending", Delivery.id == delivery.id, worker=worker, lease_until=until, **count)
        claims.append(_claimed(delivery, result, study_id, worker))
    return claims


def take(
    db: Database,
    worker: str,
    lease_s: float,
    limit: int,
    *,
    to: Collection[str] | None = None,
    not_to: Collection[str] | None = None,
    rest_most_s: float = REST_MOST_S,
) -> list[DeliveryClaim]:
    """``claim_due`` in a transaction of its own, begun only when something is ``due``."""
    with db.read() as s:
        if not due(s, db.clock.utc(), to=to, not_to=not_to, rest_most_s=rest_most_s):
            return []
    with db.write() as s:
        return claim_due(s, worker, lease_s, limit, db.clock.utc(), to=to, not_to=not_to, rest_most_s=rest_most_s)


def renew(s: Session, fence: Fence, lease_s: float, at: datetime) -> None:
    """Keep a held delivery for ``lease_s`` seconds from now. LeaseLost when it isn't held any more."""
    until = lease_time(s, at) + timedelta(seconds=lease_s)
    held = update(Delivery).where(Delivery.state == "sending", *held_by(fence)).values(lease_until=until)
    if s.scalars(held.returning(Delivery.id), execution_options={"synchronize_session": "fetch"}).one_or_none() is None:
        raise lost(fence)


def expired(s: Session, at: datetime, lease_s: float = LEASE_MOST_S) -> list[int]:
    """Ids of deliveries whose lease has run out; ``lease_s`` is for how long leases are taken. Only reads."""
    late = select(Delivery.id).where(SENDING, run_out(Delivery.lease_until, lease_time(s, at), lease_s))
    return list(s.scalars(late.order_by(Delivery.id)))


def reap_expired(s: Session, at: datetime, lease_s: float = LEASE_MOST_S) -> list[int]:
    """Put deliveries whose lease ran out (see ``expired``) back to ``pending``, due at once; returns their ids."""
    late = run_out(Delivery.lease_until, lease_time(s, at), lease_s)
    return _put_back(s, late, "the sender was not heard of until its lease ran out", at)


def release_former(s: Session, worker_prefix: str, worker: str, at: datetime) -> list[int]:
    """Put back what earlier lives of this worker hold (names that begin with ``worker_prefix``)."""
    former = (func.substr(Delivery.worker, 1, len(worker_prefix)) == worker_prefix) & (Delivery.worker != worker)
    return _put_back(s, former, "the sender died and was started again", at)


def _waiting(
    now: datetime, to: Collection[str] | None, not_to: Collection[str] | None, rest_most_s: float
) -> Select[Delivery, ResultObject, int]:
    before = aliased(Delivery)
    query = (
        select(Delivery, ResultObject, Job.study_id)
        .join(ResultObject, ResultObject.id == Delivery.result_id)
        .join(Job, Job.id == ResultObject.job_id)
        .outerjoin(before, before.id == Delivery.depends_on_id)
        .where(_PENDING, run_out(Delivery.next_attempt_at, now, rest_most_s))
        .where(or_(Delivery.depends_on_id.is_(None), before.state == "delivered"))
    )
    if to is not None:
        query = query.where(Delivery.peer.in_(to))
    if not_to is not None:
        query = query.where(Delivery.peer.not_in(not_to))
    return query.execution_options(populate_existing=True)


def _claimed(delivery: Delivery, result: ResultObject, study_id: int, worker: str) -> DeliveryClaim:
    return DeliveryClaim(
        id=delivery.id,
        attempt=delivery.attempt,
        peer=delivery.peer,
        worker=worker,
        attempts=delivery.attempts,
        created_at=delivery.tried_since,
        result_id=result.id,
        job_id=result.job_id,
        study_id=study_id,
        role=result.role,
        blob_key=result.blob_key,
        sha256=result.sha256,
        size_bytes=result.size_bytes,
        sop_class_uid=result.sop_class_uid,
        sop_instance_uid=result.sop_instance_uid,
        series_instance_uid=result.series_instance_uid,
    )


def _put_back(s: Session, which: ColumnElement[bool], error: str, at: datetime) -> list[int]:
    held = select(Delivery.id, Delivery.worker, Delivery.attempt).where(SENDING, which).order_by(Delivery.id)
    rows = s.execute(held.with_for_update(skip_locked=True)).all()
    for delivery_id, worker, attempt in rows:
        retry_later(s, Fence(delivery_id, worker or "", attempt), None, error, 0.0, at)
    return [row.id for row in rows]
