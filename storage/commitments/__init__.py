"""Requests for storage commitment: noted from the spool, verified and reported under leases; the only writer of their rows.

A request is the same when requester, Transaction UID and list are: it may come again, and is then verified and reported again.
One that reuses a Transaction UID for another list is refused as a whole (PS3.3 C.14.1.1, 0131).
"""

from storage.commitments.claim import (
    CommitmentClaim,
    Fence,
    Reference,
    expired,
    failed,
    make_due,
    reap_expired,
    release_former,
    renew,
    requesters_due,
    take,
)
from storage.commitments.moves import fail, mark_reported, mark_verified, report_later, verify_later
from storage.commitments.requests import note_reported, note_requested
from storage.commitments.verifying import Held, has_closed, held_versions, is_reused

__all__ = [
    "CommitmentClaim",
    "Fence",
    "Held",
    "Reference",
    "expired",
    "fail",
    "failed",
    "has_closed",
    "held_versions",
    "is_reused",
    "make_due",
    "mark_reported",
    "mark_verified",
    "note_reported",
    "note_requested",
    "reap_expired",
    "release_former",
    "renew",
    "report_later",
    "requesters_due",
    "take",
    "verify_later",
]
