"""The delivery loop: claim what is due, send it peer by peer, write every answer down as it comes.

A Delivery is claimed under a lease before its first byte leaves. Killed between the peer's answer and our commit, it is sent
again with the same SOP Instance UID and the same bytes, which a PACS holds once. One unreachable peer holds up its own
deliveries only: each peer is served by a thread of its own, one association at a time.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from threading import Event

from node.deliver import scu
from node.deliver.backoff import Backoff
from node.deliver.status import Verdict, explain, judge
from storage import deliveries
from storage.base.errors import PeerError, TransientError, WetreadError
from storage.base.log import get_logger
from storage.blobs import Blobs
from storage.database import Database
from storage.deliveries import DeliveryClaim
from storage.jobs import LeaseLost

_log = get_logger(__name__)

EXPLICIT_VR_LITTLE_ENDIAN = "1.2.840.10008.1.2.1"
BATCH = 32
# Long enough for a batch over a slow link; a restarted deliverer frees its former leases at once, so it costs nothing then.
LEASE_S = 900.0
IDLE_S = 0.25


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
        """Serve until ``stop``; a database that doesn't answer is waited for."""
        with ThreadPoolExecutor(max_workers=max(1, len(self.peers)), thread_name_prefix="deliver") as pool:
            while not stop.is_set():
                try:
                    idle = self.once(pool) == 0
                except TransientError as error:
                    _log.warning("deliver.waiting", code=error.reason_code)
                    idle = True
                if idle:
                    stop.wait(IDLE_S)

    def once(self, pool: ThreadPoolExecutor) -> int:
        """Claim and send one batch; returns how many were claimed."""
        with self.db.write() as session:
            claims = deliveries.claim_due(session, self.worker, LEASE_S, BATCH, self.db.clock.utc())
        by_peer: dict[str, list[DeliveryClaim]] = defaultdict(list)
        for claim in claims:
            by_peer[claim.peer].append(claim)
        for running in [pool.submit(self._serve_peer, name, batch) for name, batch in by_peer.items()]:
            running.result()
        return len(claims)

    def _serve_peer(self, name: str, batch: Sequence[DeliveryClaim]) -> None:
        peer = self.peers.get(name)
        open_claims = {claim.id: claim for claim in batch}
        if peer is None:
            reason = f"no peer named {name} is configured; add it under peers, then `wetread deliveries retry`"
            for claim in batch:
                self._settle(claim, None, reason, Verdict.NEVER)
            return
        objects = [self._outbound(claim) for claim in batch]
        try:
            for sent in scu.send(peer, self.ae_title, objects):
                self._answer(open_claims.pop(sent.key), sent)
        except (TransientError, PeerError) as error:
            for claim in open_claims.values():
                self._settle(claim, None, error.message, Verdict.AGAIN)

    def _outbound(self, claim: DeliveryClaim) -> scu.Outbound:
        return scu.Outbound(
            key=claim.id,
            sop_class_uid=claim.sop_class_uid,
            transfer_syntax_uid=EXPLICIT_VR_LITTLE_ENDIAN,
            size_bytes=claim.size_bytes,
            load=partial(self.blobs.get, claim.blob_key),
        )

    def _answer(self, claim: DeliveryClaim, sent: scu.Sent) -> None:
        if sent.status is None:
            self._settle(claim, None, f"{sent.comment}; enable its SOP Class there, then `wetread deliveries retry`", Verdict.NEVER)
            return
        verdict = judge(sent.status)
        self._settle(claim, sent.status, "" if verdict is Verdict.STORED else explain(sent.status), verdict)

    def _settle(self, claim: DeliveryClaim, status: int | None, reason: str, verdict: Verdict) -> None:
        """Write one answer down; a lease lost meanwhile means that another deliverer owns it now."""
        now = self.db.clock.utc()
        shown = "" if status is None else f"0x{status:04X}"
        expired = now - claim.created_at > timedelta(seconds=self.give_up_after_s)
        try:
            with self.db.write() as session:
                if verdict is Verdict.STORED:
                    deliveries.mark_delivered(session, claim.fence, shown, now)
                elif verdict is Verdict.NEVER or expired:
                    deliveries.fail(session, claim.fence, shown, reason, now)
                else:
                    delay_s = self.backoff.delay_s(claim.attempts + 1, self.chance)
                    deliveries.retry_later(session, claim.fence, shown, reason, delay_s, now)
        except LeaseLost:
            _log.warning("delivery.lease-lost", delivery_id=claim.id)
        except WetreadError as error:
            # The peer has the object but we could not write it down: the lease runs out and the same bytes go again.
            _log.error("delivery.unrecorded", delivery_id=claim.id, code=error.reason_code)
        else:
            _log.info(f"delivery.{verdict.value}", delivery_id=claim.id, peer=claim.peer, status=shown)
