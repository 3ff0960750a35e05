"""Telling requesters: first on the association that asked, while it is open; then on one of ours; else when they come again.

A result is sent at least once; a requester that is told twice knows the Transaction UID. While nobody knows where a requester
listens, and between our tries, its result lies ready for any association that it opens with us.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from node.deliver import scu
from node.deliver.backoff import Backoff
from node.offers import STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE, Offer, Offers
from storage import commitments
from storage.base.errors import PeerError, TransientError
from storage.base.log import get_logger
from storage.commitments import CommitmentClaim
from storage.database import Database
from storage.states import LeaseLost

_log = get_logger(__name__)

LEASE_S = 300.0
OFFER_S = 2.0
LOOK_S = 0.1
# Without an address only a restart with new settings, or the requester itself, changes anything.
UNKNOWN_S = 1800.0
MOST_FAILED = 1000


@dataclass
class Reporter:
    """Sends results. ``peers`` are all that are configured; one whose host is the requester's goes before others of its title."""

    db: Database
    offers: Offers
    peers: Sequence[scu.Peer]
    ae_title: str
    worker: str
    backoff: Backoff
    give_up_after_s: float
    chance: random.Random

    def serve_once(self, requester: str) -> bool:
        """Report the result that is due, of one requester; False when none is. Raises TransientError."""
        claim = commitments.take(self.db, self.worker, LEASE_S, "report", of=[requester])
        if claim is None:
            return False
        try:
            self._report(claim)
        except LeaseLost:  # its own association was faster, or we were slow: whoever holds it goes on
            _log.warning("commitment.lease-lost", commitment=claim.id)
        return True

    def offer_failed(self) -> None:
        """Let those of whom we gave up fetch their results when they come. Raises TransientError."""
        with self.db.read() as s:
            claims = commitments.failed(s, MOST_FAILED)
        for claim in claims:
            self.offers.put(claim.requester, _offer(claim))

    def _report(self, claim: CommitmentClaim) -> None:
        self.offers.withdraw(claim.requester, claim.id)
        if claim.attempts == 1 and self._taken_by_its_association(claim):
            return  # the answer comes back as a spool record; without one the lease runs out
        peer = self._peer(claim)
        if peer is None:
            why = f"no peer has the AE title {claim.requester}: add it under peers; or it may fetch the result by an association"
            self._later(claim, None, why, UNKNOWN_S)
            return
        try:
            status = scu.notify(peer, self.ae_title, _notification(claim))
        except (TransientError, PeerError) as error:
            self._again(claim, None, error.message)
            return
        if status != 0:
            self._again(claim, status, f"peer {peer.name}: answered the result with 0x{status:04X}; see its log")
            return
        with self.db.write() as s:
            commitments.mark_reported(s, claim.fence, self.db.clock.utc())
        _log.info("commitment.reported", commitment=claim.id, peer=peer.name)

    def _taken_by_its_association(self, claim: CommitmentClaim) -> bool:
        """Offer the result to the association that asked, while it may be open; whether it was taken."""
        with self.db.read() as s:
            if commitments.has_closed(s, claim.association_uid):
                return False
        self.offers.put(claim.requester, _offer(claim, claim.association_uid))
        until_s = self.db.clock.monotonic_s() + OFFER_S
        while self.db.clock.monotonic_s() < until_s and self.offers.has(claim.requester, claim.id):
            self.db.clock.sleep(LOOK_S)
        return not self.offers.withdraw(claim.requester, claim.id)

    def _peer(self, claim: CommitmentClaim) -> scu.Peer | None:
        named = [peer for peer in self.peers if peer.ae_title == claim.requester]
        return next((peer for peer in named if peer.host == claim.host), named[0] if named else None)

    def _again(self, claim: CommitmentClaim, status: int | None, why: str) -> None:
        now = self.db.clock.utc()
        if now - claim.tried_since > timedelta(seconds=self.give_up_after_s):
            with self.db.write() as s:
                commitments.fail(s, claim.fence, status, why, now)
            self.offers.put(claim.requester, _offer(claim))
        else:
            self._later(claim, status, why, self.backoff.delay_s(claim.attempts, self.chance))
        _log.warning("commitment.not-reported", commitment=claim.id, requester=claim.requester, status=status, why=why)

    def _later(self, claim: CommitmentClaim, status: int | None, why: str, delay_s: float) -> None:
        with self.db.write() as s:
            commitments.report_later(s, claim.fence, status, why, delay_s, self.db.clock.utc())
        self.offers.put(claim.requester, _offer(claim))


def _offer(claim: CommitmentClaim, association_uid: str = "") -> Offer:
    return Offer(
        commitment=claim.id,
        asked=claim.asked,
        transaction_uid=claim.transaction_uid,
        association_uid=association_uid,
        committed=tuple((r.sop_class_uid, r.sop_instance_uid) for r in claim.references if r.failure_reason is None),
        failed=tuple((r.sop_class_uid, r.sop_instance_uid, r.failure_reason) for r in claim.references if r.failure_reason),
    )


def _notification(claim: CommitmentClaim) -> scu.Notification:
    offer = _offer(claim)
    return scu.Notification(STORAGE_COMMITMENT, STORAGE_COMMITMENT_INSTANCE, offer.event_type, offer.event_information())
