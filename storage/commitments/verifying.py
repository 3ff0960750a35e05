"""What the store knows of the Instances that a request names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage.commitments.claim import CommitmentClaim
from storage.schema import Association, Commitment, Instance

_CHUNK = 500  # bound parameters a query; SQLite builds may take no more than 999


@dataclass(frozen=True)
class Held:
    """One version of an Instance: where its file lies, and what its data set's bytes were when they came."""

    sop_class_uid: str
    blob_key: str
    sha256: str
    size_bytes: int


def held_versions(s: Session, sop_instance_uids: Collection[str]) -> dict[str, list[Held]]:
    """Every version that is held, by SOP Instance UID; what isn't held is left out."""
    wanted = sorted(set(sop_instance_uids))
    found: dict[str, list[Held]] = {}
    for start in range(0, len(wanted), _CHUNK):
        query = select(Instance).where(Instance.sop_instance_uid.in_(wanted[start : start + _CHUNK])).order_by(Instance.version)
        for i in s.scalars(query):
            found.setdefault(i.sop_instance_uid, []).append(Held(i.sop_class_uid, i.blob_key, i.sha256, i.size_bytes))
    return found


def has_closed(s: Session, association_uid: str) -> bool:
    """Whether an association is known to have ended. One that isn't known at all may be open."""
    state = s.scalar(select(Association.state).where(Association.uid == association_uid))
    return state is not None and state != "open"


def is_reused(s: Session, claim: CommitmentClaim) -> bool:
    """Whether the requester had used the Transaction UID before, for another list."""
    earlier = select(Commitment.id).where(
        Commitment.requester == claim.requester,
        Commitment.transaction_uid == claim.transaction_uid,
        Commitment.id < claim.id,
    )
    return s.scalars(earlier.limit(1)).first() is not None
