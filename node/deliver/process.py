"""The deliverer's process: builds the loop from settings and runs it until told to stop."""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread

from node.deliver.backoff import Backoff
from node.deliver.commitment.loop import Committer
from node.deliver.commitment.reporter import Reporter
from node.deliver.commitment.verifier import Mark, Verifier, Wait
from node.deliver.loop import Deliverer
from node.identity import sole_identity
from node.offers import FOLDER as OFFERS_FOLDER
from node.offers import Offers
from node.settings import Settings
from storage import commitments, deliveries
from storage.base.clock import Clock
from storage.base.log import get_logger
from storage.blobs import open_blobs
from storage.database import Database, open_database

_log = get_logger(__name__)

JOIN_S = 25.0
# A request of thousands of instances takes minutes to read again: another one needn't wait for it.
VERIFIERS = 2


def deliver_until(settings: Settings, clock: Clock, stop: Event, mark: Mark) -> None:
    """Deliver until ``stop`` is set. ``mark``: see `Verifier`."""
    db = open_database(settings.store.database, clock)
    try:
        with sole_identity(settings.store.spool.parent, "deliverer") as identity:
            worker = f"deliverer-{identity}/{uuid.uuid4().hex[:8]}"
            _free_former_leases(db, f"deliverer-{identity}/", worker)
            _log.info("deliverer.running", worker=worker)
            with beside(build_committer(settings, db, worker, mark).run, stop):
                build_deliverer(settings, db, worker).run(stop)
            _log.info("deliverer.stopped", worker=worker)
    finally:
        db.dispose()


def build_deliverer(settings: Settings, db: Database, worker: str) -> Deliverer:
    """The loop over the peers that may be sent to, as configured."""
    return Deliverer(
        db=db,
        blobs=open_blobs(settings.store.blobs),
        peers={peer.name: peer for peer in settings.peers if peer.send_to},
        ae_title=settings.node.ae_title,
        worker=worker,
        backoff=Backoff(settings.deliver.retry_base_s, settings.deliver.retry_cap_s),
        give_up_after_s=settings.deliver.give_up_after_h * 3600.0,
        chance=random.SystemRandom(),
    )


def build_committer(settings: Settings, db: Database, worker: str, mark: Mark) -> Committer:
    """Storage commitment for whoever asked, reported to any configured peer of its AE title."""
    deliver = settings.deliver
    blobs = open_blobs(settings.store.blobs)
    waits: dict[tuple[int, int], Wait] = {}
    return Committer(
        db=db,
        verifiers=[Verifier(db, blobs, worker, mark, waits) for _ in range(VERIFIERS)],
        reporter=Reporter(
            db=db,
            offers=Offers(settings.store.spool / OFFERS_FOLDER),
            peers=settings.peers,
            ae_title=settings.node.ae_title,
            worker=worker,
            backoff=Backoff(deliver.retry_base_s, deliver.retry_cap_s),
            give_up_after_s=deliver.give_up_after_h * 3600.0,
            chance=random.SystemRandom(),
        ),
    )


@contextmanager
def beside(run: Callable[[Event], None], stop: Event) -> Iterator[None]:
    """Run something in a thread beside the block, until both end; if it dies of a bug, the block is told to stop, then raises."""
    died: list[Exception] = []

    def guarded() -> None:
        try:
            run(stop)
        except Exception as error:  # noqa: BLE001 - raised again in the main thread, whose end restarts the process
            died.append(error)
            stop.set()

    thread = Thread(target=guarded, name="commitment", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(JOIN_S)
    if died:
        raise died[0]


def _free_former_leases(db: Database, prefix: str, worker: str) -> None:
    """What a former process of this name held when it died goes again at once."""
    with db.write() as session:
        freed = deliveries.release_former(session, prefix, worker, db.clock.utc())
        freed += commitments.release_former(session, prefix, worker, db.clock.utc())
    if freed:
        _log.warning("deliverer.resumed", freed=len(freed))
