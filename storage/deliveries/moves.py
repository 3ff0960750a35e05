"""How a held delivery goes on. Each call is fenced, writes one event, and raises LeaseLost when it is held no more."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, select, update
from sqlalchemy.orm import Session

from storage import events
from storage.database import lease_time
from storage.deliveries.fence import Fence
from storage.rows import move
from storage.schema import Delivery, Job, ResultObject
from storage.states import LeaseLost


def mark_delivered(s: Session, fence: Fence, status: int, at: datetime) -> None:
    """-> ``delivered``. ``status`` is the C-STORE status (0x0000 or a warning, PS3.4 B.2.3). LeaseLost as everywhere."""
    _carry(s, fence, "delivered", at, {"status": status}, last_status=status, last_error="", delivered_at=at)
    tell_dependents(s, fence.delivery_id, "")


def retry_later(s: Session, fence: Fence, status: int | None, error: str, delay_s: float, at: datetime) -> None:
    """-> ``pending``, to be tried again after ``delay_s`` seconds. ``status`` is None when no answer came."""
    again = lease_time(s, at) + timedelta(seconds=delay_s)
    facts = {"status": status, "error": error, "delay_s": delay_s}
    _carry(s, fence, "pending", at, facts, last_status=status, last_error=error, next_attempt_at=again)


def fail(s: Session, fence: Fence, status: int | None, error: str, at: datetime) -> None:
    """-> ``failed``: the peer will not take it, or patience has run out. A person may retry."""
    _carry(s, fence, "failed", at, {"status": status, "error": error}, last_status=status, last_error=error)
    tell_dependents(s, fence.delivery_id, f"waits for delivery {fence.delivery_id}, which has failed")


def held_by(fence: Fence) -> tuple[ColumnElement[bool], ...]:
    return (Delivery.id == fence.delivery_id, Delivery.worker == fence.worker, Delivery.attempt == fence.attempt)


def lost(fence: Fence) -> LeaseLost:
    return LeaseLost(f"delivery {fence.delivery_id}, attempt {fence.attempt}: no longer held", delivery_id=fence.delivery_id)


def tell_dependents(s: Session, delivery_id: int, error: str) -> None:
    waiting = update(Delivery).where(Delivery.depends_on_id == delivery_id, Delivery.state == "pending")
    s.execute(waiting.values(last_error=error), execution_options={"synchronize_session": "fetch"})


def record(s: Session, kind: str, delivery_id: int, at: datetime, facts: dict[str, Any]) -> None:
    query = select(Delivery.peer, Job.id, Job.study_id).join(ResultObject, ResultObject.id == Delivery.result_id)
    peer, job_id, study_id = s.execute(query.join(Job, Job.id == ResultObject.job_id).where(Delivery.id == delivery_id)).one()
    events.record(s, kind, at, study_id, job_id, delivery_id, peer=peer, **facts)


def _carry(s: Session, fence: Fence, to: str, at: datetime, facts: dict[str, Any], **values: Any) -> None:
    if not move(s, Delivery, "sending", to, *held_by(fence), lease_until=None, **values):
        raise lost(fence)
    kind = "delivery.put-off" if to == "pending" else f"delivery.{to}"
    record(s, kind, fence.delivery_id, at, {"attempt": fence.attempt, **facts})
