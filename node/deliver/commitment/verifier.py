"""Verifying requests, one after the other: what isn't here yet gets a little time to be indexed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from node.deliver.commitment import verify
from storage import commitments
from storage.base.errors import TransientError
from storage.base.log import get_logger
from storage.blobs import Blobs
from storage.commitments import CommitmentClaim, Held
from storage.database import Database
from storage.states import LeaseLost

_log = get_logger(__name__)

LEASE_S = 60.0
# What was acknowledged before the request may lie in another receiver's spool that is indexed a moment later, or on another host.
PATIENCE_S = 30.0
AGAIN_S = 1.0
STORE_AWAY_S = 10.0


Mark: TypeAlias = Callable[[], Callable[[], bool]]
"""Remembers what is acknowledged now; what it returns tells whether all of that is indexed. Either may raise TransientError."""


@dataclass(frozen=True)
class Wait:
    """Since when a request waits for what isn't here, and whether all is indexed that was acknowledged by then."""

    since_s: float
    is_indexed: Callable[[], bool]


@dataclass
class Verifier:
    """Turns requests into results, in one thread; several may share ``waits``. ``worker`` is unique per start."""

    db: Database
    blobs: Blobs
    worker: str
    mark: Mark
    waits: dict[tuple[int, int], Wait] = field(default_factory=dict)
    _renewed_s: float = 0.0

    def serve_once(self) -> bool:
        """Verify the request that is due; False when none is. Raises TransientError."""
        claim = commitments.take(self.db, self.worker, LEASE_S, "verify")
        if claim is None:
            return False
        self._renewed_s = self.db.clock.monotonic_s()
        try:
            self._verify(claim)
        except LeaseLost:
            _log.warning("commitment.lease-lost", commitment=claim.id)
        return True

    def _verify(self, claim: CommitmentClaim) -> None:
        with self.db.read() as s:
            reused = commitments.is_reused(s, claim)
            held = commitments.held_versions(s, [reference.sop_instance_uid for reference in claim.references])
        missing = sum(reference.sop_instance_uid not in held for reference in claim.references)
        if missing and not reused and self._may_still_come(claim):
            self._put_off(claim, f"{missing} instances that it names aren't here yet", AGAIN_S)
            return
        try:
            failures = self._failures(claim, held, reused)
        except TransientError as error:
            self._put_off(claim, error.message, STORE_AWAY_S)
            return
        self.waits.pop((claim.id, claim.asked), None)
        with self.db.write() as s:
            commitments.mark_verified(s, claim.fence, failures, self.db.clock.utc())
        level = _log.warning if failures else _log.info
        level("commitment.verified", commitment=claim.id, instances=len(claim.references), failed=len(failures))

    def _may_still_come(self, claim: CommitmentClaim) -> bool:
        """For a while by the monotonic clock, and until the index has come as far as the journals were when we first looked."""
        now_s = self.db.clock.monotonic_s()
        key = (claim.id, claim.asked)
        try:
            if key not in self.waits:
                self.waits[key] = Wait(now_s, self.mark())
            wait = self.waits[key]
            return now_s - wait.since_s < PATIENCE_S or not wait.is_indexed()
        except TransientError as error:
            _log.warning("commitment.journals-unreadable", commitment=claim.id, code=error.reason_code)
            return True

    def _failures(self, claim: CommitmentClaim, held: dict[str, list[Held]], reused: bool) -> dict[int, int]:
        if reused:
            return {reference.id: verify.DUPLICATE_TRANSACTION_UID for reference in claim.references}
        failures = {}
        for reference in claim.references:
            self._keep(claim)
            reason = verify.judge(reference.sop_class_uid, held.get(reference.sop_instance_uid, []), self.blobs)
            if reason is not None:
                failures[reference.id] = reason
            if reason == verify.PROCESSING_FAILURE:
                _log.error("commitment.instance-damaged", sop_instance_uid=reference.sop_instance_uid)
        return failures

    def _keep(self, claim: CommitmentClaim) -> None:
        """Hold on to a request whose files take long to read."""
        now_s = self.db.clock.monotonic_s()
        if now_s - self._renewed_s > LEASE_S / 3:
            with self.db.write() as s:
                commitments.renew(s, claim.fence, LEASE_S, self.db.clock.utc())
            self._renewed_s = now_s

    def _put_off(self, claim: CommitmentClaim, why: str, delay_s: float) -> None:
        with self.db.write() as s:
            commitments.verify_later(s, claim.fence, why, delay_s, self.db.clock.utc())
