"""Beginning deliveries, and what a person may see and ask of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.database import lease_time
from storage.deliveries.moves import record, tell_dependents
from storage.rows import insert_new, move
from storage.schema import Delivery, ResultObject
from storage.states import MoveRefused, UnknownRow


def add_deliveries(s: Session, results: Sequence[ResultObject], peers: Sequence[str], at: datetime) -> list[Delivery]:
    """Begin the deliveries that are missing among DICOM results of one job and peers; the SR waits for the SEG."""
    sent = sorted((r for r in results if r.sop_instance_uid), key=lambda r: (r.role == "sr", r.id))
    made = []
    for peer in peers:
        before: Delivery | None = None
        for result in sent:
            delivery, new = _add(s, result, peer, before if result.role == "sr" else None, at)
            if result.role == "seg":
                before = delivery
            if new:
                made.append(delivery)
    return made


def retry(s: Session, delivery_id: int, at: datetime) -> Delivery:
    """A person's retry of a failed delivery, counters and patience anew; a pending one becomes due at once.

    Raises
    ------
    MoveRefused
        It is being sent or delivered.
    UnknownRow
        There is no such delivery.
    """
    query = select(Delivery).where(Delivery.id == delivery_id).with_for_update()
    delivery = s.scalars(query.execution_options(populate_existing=True)).one_or_none()
    if delivery is None:
        raise UnknownRow(f"there is no delivery {delivery_id}", code="unknown-delivery")
    if delivery.state not in ("failed", "pending"):
        raise MoveRefused(f"delivery {delivery_id} is {delivery.state}; there is nothing to retry", came_from=delivery.state)
    if delivery.state == "failed":
        move(s, Delivery, "failed", "pending", Delivery.id == delivery_id, attempts=0, tried_since=at)
        tell_dependents(s, delivery_id, "")
    delivery.next_attempt_at = lease_time(s, at)
    s.flush()
    record(s, "delivery.retried", delivery_id, at, {})
    return delivery


def list_(
    s: Session, *, state: str | None = None, peer: str | None = None, job_id: int | None = None, limit: int = 200
) -> list[Delivery]:
    """The newest deliveries, newest first."""
    query = select(Delivery).order_by(Delivery.id.desc()).limit(limit)
    if state is not None:
        query = query.where(Delivery.state == state)
    if peer is not None:
        query = query.where(Delivery.peer == peer)
    if job_id is not None:
        query = query.join(ResultObject, ResultObject.id == Delivery.result_id).where(ResultObject.job_id == job_id)
    return list(s.scalars(query).all())


def _add(s: Session, result: ResultObject, peer: str, before: Delivery | None, at: datetime) -> tuple[Delivery, bool]:
    key = {"result_id": result.id, "peer": peer}
    times = {"next_attempt_at": lease_time(s, at), "created_at": at, "tried_since": at}
    new = insert_new(s, Delivery, **key, **times, state="pending", depends_on_id=before.id if before else None)
    delivery = s.scalars(select(Delivery).filter_by(**key)).one()
    if new:
        record(s, "delivery.requested", delivery.id, at, {"role": result.role})
    if new and before is not None and before.state == "failed":
        tell_dependents(s, before.id, f"waits for delivery {before.id}, which has failed")
    return delivery, new
