"""The delivery loop: claim what is due, send it peer by peer, write every answer down as it comes.

A Delivery is claimed under a lease before its first byte leaves. Killed between the peer's answer and our commit, it is sent
again with the same SOP Instance UID and the same bytes, which a PACS holds once. An unreachable peer holds up its own
deliveries only: each peer is served by a thread of its own, one association at a time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from hashlib import sha256
from threading import Event, Thread

from node.deliver import scu
from node.deliver.backoff import Backoff
from node.deliver.status import Verdict
from storage import deliveries
from storage.base.errors import PeerError, TransientError, WetreadError
from storage.base.log import get_logger
from storage.blobs import Blobs
from storage.database import Database
from storage.deliveries import DeliveryClaim
from storage.states import LeaseLost

_log = get_logger(__name__)

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
BATCH = 32
# Long enough for a batch over a slow link; a restarted deliverer frees its former leases at once, so it costs nothing then.
LEASE_S = deliveries.LEASE_MOST_S
IDLE_S = 0.25
STRAYS_S = 5.0
# After a stop an association in progress may end its object.
DRAIN_S = 20.0


class ObjectDamaged(WetreadError):
    """A stored result is not what was validated."""

    code = "object-damaged"


@dataclass
class Deliverer:
    """Sends Deliveries; ``worker`` is unique per start, ``give_up_after_s`` counts from a Delivery's creation."""

    db: Database
    blobs: Blobs
    peers: Mapping[str, scu.Peer]
    ae_title: str
    worker: str
    backoff: Backoff
    give_up_after_s: float
    chance: random.Random

    def run(self, stop: Event) -> None:
        """Serve until ``stop``, one thread a peer; a thread that dies of a bug ends the process, which is then restarted."""
        threads = [Thread(target=self._serve, args=(name, stop), name=f"deliver-{name}", daemon=True) for name in self.peers]
        for thread in threads:
            thread.start()
        while not stop.is_set() and all(thread.is_alive() for thread in threads):
            self._patiently(self._fail_strays)
            stop.wait(STRAYS_S)
        for thread in threads:
            thread.join(DRAIN_S)
        if not stop.is_set():
            raise RuntimeError("a delivery thread ended by itself")

    def serve_once(self, name: str) -> int:
        """Claim and send what is due for one peer; returns how many deliveries that were."""
        claims = deliveries.take(self.db, self.worker, LEASE_S, BATCH, to=[name], rest_most_s=self.backoff.cap_s)
        if claims:
            self._send(self.peers[name], claims)
        return len(claims)

    def _serve(self, name: str, stop: Event) -> None:
        while not stop.is_set():
            if not self._patiently(partial(self.serve_once, name)):
                stop.wait(IDLE_S)

    def _patiently(self, work: Callable[[], int]) -> int:
        """Do one round; a database or disk that doesn't answer is waited for."""
        try:
            return work()
        except TransientError as error:
            _log.warning("deliver.waiting", code=error.reason_code)
            return 0

    def _fail_strays(self) -> int:
        """Deliveries to peers that are not configured (any more) end visibly."""
        claims = deliveries.take(self.db, self.worker, LEASE_S, BATCH, not_to=list(self.peers), rest_most_s=self.backoff.cap_s)
        for claim in claims:
            reason = f"no peer named {claim.peer} to send to; add it under peers, then `wetread deliveries retry {claim.id}`"
            self._settle(claim, None, reason, Verdict.NEVER)
        return len(claims)

    def _send(self, peer: scu.Peer, batch: Sequence[DeliveryClaim]) -> None:
        unanswered = {claim.id: claim for claim in batch}
        try:
            for sent in scu.send(peer, self.ae_title, [self._outbound(claim) for claim in batch]):
                self._answer(unanswered.pop(sent.key), sent)
        except (TransientError, PeerError) as error:
            self._try_again(unanswered.values(), error.message)
        except Exception as error:  # noqa: BLE001 - a bug with one peer must not stop the others; its text may quote a header
            _log.error("deliver.bug", peer=peer.name, exc_info=error)
            self._try_again(unanswered.values(), f"an internal error ({type(error).__name__}); see the log")

    def _try_again(self, claims: Iterable[DeliveryClaim], reason: str) -> None:
        for claim in list(claims):
            self._settle(claim, None, reason, Verdict.AGAIN)

    def _outbound(self, claim: DeliveryClaim) -> scu.Outbound:
        return scu.Outbound(
            key=claim.id,
            sop_class_uid=claim.sop_class_uid,
            transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN,
            size_bytes=claim.size_bytes,
            load=partial(self._load, claim),
        )

    def _load(self, claim: DeliveryClaim) -> bytes:
        """The validated bytes, and only those; holding on to the delivery, since a batch may take long."""
        with self.db.write() as session:
            deliveries.renew(session, claim.fence, LEASE_S, self.db.clock.utc())
        payload = self.blobs.get(claim.blob_key)
        if sha256(payload).hexdigest() != claim.sha256:
            mend = f"make it anew by `wetread jobs rerun {claim.job_id}`"
            raise ObjectDamaged(f"the stored {claim.role} is not what was validated, so it is not sent; {mend}")
        return payload

    def _answer(self, claim: DeliveryClaim, sent: scu.Sent) -> None:
        mend = f"; then `wetread deliveries retry {claim.id}`" if sent.verdict is Verdict.NEVER else ""
        self._settle(claim, sent.status, sent.reason + mend, sent.verdict)

    def _settle(self, claim: DeliveryClaim, status: int | None, reason: str, verdict: Verdict) -> None:
        """Write one answer down; a lease lost meanwhile means that another deliverer owns it now."""
        now = self.db.clock.utc()
        given_up = now - claim.created_at > timedelta(seconds=self.give_up_after_s)
        try:
            with self.db.write() as session:
                if verdict is Verdict.STORED and status is not None:
                    deliveries.mark_delivered(session, claim.fence, status, now)
                elif verdict is Verdict.NEVER or given_up:
                    deliveries.fail(session, claim.fence, status, reason, now)
                else:
                    delay_s = self.backoff.delay_s(claim.attempts, self.chance)
                    deliveries.retry_later(session, claim.fence, status, reason, delay_s, now)
        except LeaseLost:
            _log.warning("delivery.lease-lost", delivery_id=claim.id)
        except WetreadError as error:
            # The peer may hold the object though we could not write it down: the lease runs out and the same bytes go again.
            _log.error("delivery.unrecorded", delivery_id=claim.id, code=error.reason_code)
        else:
            _log.info("delivery.answered", delivery_id=claim.id, peer=claim.peer, verdict=verdict.value, status=status)
