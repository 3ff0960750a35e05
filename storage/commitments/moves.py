"""How a held request goes on. Each call is fenced and raises LeaseLost when it is held no more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from storage import events, evidence
from storage.commitments.claim import REST_MOST_S, Fence, held_by, lost
from storage.database import lease_time
from storage.rows import move
from storage.schema import Commitment, CommitmentInstance


def mark_verified(s: Session, fence: Fence, failures: Mapping[int, int], at: datetime) -> None:
    """-> ``verified``. ``failures``: Failure Reason (0008,1197) by the id of the reference that can't be committed to."""
    row = _carry(s, fence, "verifying", "verified", verified_at=at, last_error="", next_attempt_at=lease_time(s, at))
    of_request = CommitmentInstance.commitment_id == row.id
    s.execute(
        update(CommitmentInstance).where(of_request, CommitmentInstance.failure_reason.is_not(None)).values(failure_reason=None)
    )
    if failures:
        s.execute(update(CommitmentInstance), [{"id": key, "failure_reason": reason} for key, reason in failures.items()])
    uids = list(s.scalars(select(CommitmentInstance.sop_instance_uid).where(of_request)))
    evidence.note_commitment(
        s,
        transaction_uid=row.transaction_uid,
        ae_title=row.requester,
        sop_instance_uids=uids,
        at=row.requested_at,
    )
    _tell(s, "commitment.verified", row, at, instances=len(uids), failed=len(failures))


def verify_later(s: Session, fence: Fence, error: str, delay_s: float, at: datetime) -> None:
    """-> ``requested``, to be looked at again after ``delay_s`` seconds."""
    again = lease_time(s, at) + timedelta(seconds=delay_s)
    _carry(s, fence, "verifying", "requested", last_error=error, next_attempt_at=again)


def mark_reported(s: Session, fence: Fence, at: datetime) -> None:
    """-> ``reported``: the requester answered the N-EVENT-REPORT with success."""
    row = _carry(s, fence, "reporting", "reported", last_status=0, last_error="", reported_at=at)
    _tell(s, "commitment.reported", row, at, own=True)


def report_later(s: Session, fence: Fence, status: int | None, error: str, delay_s: float, at: datetime) -> None:
    """-> ``verified``, to be sent again after ``delay_s`` seconds, `REST_MOST_S` at most: a longer rest would count as over.

    ``status`` is None when no answer came.
    """
    again = lease_time(s, at) + timedelta(seconds=min(delay_s, REST_MOST_S))
    _carry(s, fence, "reporting", "verified", last_status=status, last_error=error, next_attempt_at=again)


def fail(s: Session, fence: Fence, status: int | None, error: str, at: datetime) -> None:
    """-> ``failed``: patience has run out. The result is still there for a requester that comes to fetch it."""
    row = _carry(s, fence, "reporting", "failed", last_status=status, last_error=error)
    _tell(s, "commitment.failed", row, at, error=error)


def _carry(s: Session, fence: Fence, a: str, b: str, **values: Any) -> Commitment:
    if not move(s, Commitment, a, b, *held_by(fence), lease_until=None, **values):
        raise lost(fence)
    return s.scalars(select(Commitment).where(Commitment.id == fence.commitment_id)).one()


def _tell(s: Session, kind: str, row: Commitment, at: datetime, **facts: Any) -> None:
    events.record(s, kind, at, transaction_uid=row.transaction_uid, requester=row.requester, **facts)
