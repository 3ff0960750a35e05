"""From spool records to rows: requests, and reports that went out on an association which the requester had opened."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from storage import events, evidence
from storage.database import lease_time
from storage.rows import insert_new, move
from storage.schema import Commitment, CommitmentInstance


@dataclass(frozen=True)
class Request:
    """Who asked, where, by which association."""

    requester: str
    called_ae_title: str
    host: str
    association_uid: str
    at: datetime


def note_requested(s: Session, request: Request, transaction_uid: str, references: Sequence[tuple[str, str]]) -> int:
    """An N-ACTION was answered with success; returns the row. The same one again makes it due again.

    A spool record that is indexed twice changes nothing: it comes from the same association at the same moment.
    """
    key = {"requester": request.requester, "transaction_uid": transaction_uid, "list_digest": list_digest(references)}
    now = lease_time(s, request.at)
    about = {"called_ae_title": request.called_ae_title, "host": request.host, "association_uid": request.association_uid}
    times = {"requested_at": request.at, "tried_since": request.at, "next_attempt_at": now}
    new = insert_new(s, Commitment, **key, **about, **times)
    query = select(Commitment).filter_by(**key).with_for_update().execution_options(populate_existing=True)
    row = s.scalars(query).one()
    if new:
        _add_references(s, row.id, references)
    elif (row.association_uid, row.requested_at) != (request.association_uid, request.at):
        _again(s, row, request, now)
    evidence.note_commitment(
        s,
        transaction_uid=transaction_uid,
        ae_title=request.requester,
        sop_instance_uids=[instance for _, instance in references],
        at=request.at,
    )
    return row.id


def note_reported(s: Session, commitment_id: int, asked: int, transaction_uid: str, status: int | None, at: datetime) -> bool:
    """A result went out on an association of the requester's own; False when it belongs to no request that is open now.

    ``status`` is the requester's answer, None when there was none.
    """
    query = select(Commitment).where(Commitment.id == commitment_id, Commitment.transaction_uid == transaction_uid)
    row = s.scalars(query.with_for_update().execution_options(populate_existing=True)).one_or_none()
    if row is None or row.asked != asked or row.state not in ("verified", "reporting", "failed"):
        return False
    if status == 0:
        done = {"last_status": 0, "last_error": "", "reported_at": at, "lease_until": None}
        move(s, Commitment, row.state, "reported", Commitment.id == row.id, **done)
        events.record(s, "commitment.reported", at, transaction_uid=transaction_uid, requester=row.requester, own=False)
        return True
    error = "its own association ended before the answer" if status is None else f"it answered 0x{status:04X}"
    if row.state == "reporting":
        again = {"lease_until": None, "next_attempt_at": lease_time(s, at)}
        move(s, Commitment, "reporting", "verified", Commitment.id == row.id, last_status=status, last_error=error, **again)
    return True


def list_digest(references: Sequence[tuple[str, str]]) -> str:
    """SHA-256 over the sorted lines "SOP Class UID, space, SOP Instance UID"."""
    lines = sorted({f"{sop_class} {instance}\n" for sop_class, instance in references})
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _add_references(s: Session, commitment_id: int, references: Sequence[tuple[str, str]]) -> None:
    rows = [
        {"commitment_id": commitment_id, "sop_class_uid": sop_class, "sop_instance_uid": instance}
        for sop_class, instance in dict.fromkeys(references)
    ]
    if rows:
        s.execute(insert(CommitmentInstance), rows)


def _again(s: Session, row: Commitment, request: Request, now: datetime) -> None:
    """The same request came again: what had ended begins anew, what is under way goes on for the new association."""
    if request.at < row.requested_at:
        return  # an earlier one, indexed late
    row.association_uid, row.host, row.called_ae_title = request.association_uid, request.host, request.called_ae_title
    row.requested_at = row.tried_since = request.at
    row.attempts, row.next_attempt_at = 0, now
    if row.state in ("reported", "failed"):
        row.asked += 1
        s.flush()
        move(s, Commitment, row.state, "requested", Commitment.id == row.id, verified_at=None, reported_at=None)
    s.flush()
