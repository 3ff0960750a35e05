"""What peers said that a Study holds, and what became of requests for storage commitment, for people."""

from __future__ import annotations

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from storage.evidence import listings
from storage.schema import Commitment, CommitmentInstance, Evidence
from storage.views.times import iso

Document = dict[str, Any]


def evidence_of(s: Session, study_instance_uid: str) -> list[Document]:
    """One document a kind, as completeness compares it: how many Instances it lists, and how that differs from what is held."""
    return [
        {
            "kind": listing.kind,
            "source_uid": listing.source_uid,
            "listed": listing.listed,
            "missing": listing.missing,
            "beyond": listing.beyond,
            "unfinished": listing.unfinished,
        }
        for listing in listings(s, [study_instance_uid]).get(study_instance_uid, [])
    ]


def commitments_of(s: Session, study_instance_uid: str) -> list[Document]:
    """The requests that named Instances of the Study, in the order in which they came."""
    query = (
        select(Commitment)
        .join(Evidence, (Evidence.source_uid == Commitment.transaction_uid) & (Evidence.ae_title == Commitment.requester))
        .where(Evidence.kind == "commitment", Evidence.study_instance_uid == study_instance_uid)
        .order_by(Commitment.id)
    )
    return [_commitment(s, row) for row in s.scalars(query)]


def unreported_commitments(s: Session, limit: int = 10) -> list[Document]:
    """The newest results that could not be told so far."""
    waiting = Commitment.state.in_(("verified", "failed")) & (Commitment.last_error != "")
    query = select(Commitment).where(waiting).order_by(Commitment.id.desc()).limit(limit)
    return [_commitment(s, row) for row in s.scalars(query)]


def _commitment(s: Session, row: Commitment) -> Document:
    count = select(func.count(CommitmentInstance.id), func.count(CommitmentInstance.failure_reason))
    instances, failed = s.execute(count.where(CommitmentInstance.commitment_id == row.id)).one()
    return {
        "id": row.id,
        "transaction_uid": row.transaction_uid,
        "requester": row.requester,
        "host": row.host,
        "requested_at": iso(row.requested_at),
        "state": row.state,
        "instances": instances,
        "failed": failed,
        "attempts": row.attempts,
        "next_attempt_at": iso(row.next_attempt_at) if row.state == "verified" else None,
        "last_error": row.last_error,
        "reported_at": iso(row.reported_at),
    }
