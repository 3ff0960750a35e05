"""The dispatcher's process: one per data folder, whose identity lives there beside the spool.

The identity names the leases of all its lives, so that a restarted dispatcher takes back at once what the dead one held. The
lock on the same file makes sure that the one before is dead. Its hosts die with it: they read end-of-file.
"""

from __future__ import annotations

import uuid
from threading import Event

from node.dispatch.local import LocalExecutor
from node.dispatch.loop import Dispatcher
from node.identity import sole_identity
from node.settings import Settings
from storage import jobs
from storage.base.clock import Clock
from storage.base.log import get_logger
from storage.database import Database, open_database

_log = get_logger(__name__)


def run_dispatcher(settings: Settings, clock: Clock, stop: Event) -> None:
    """Dispatch until ``stop`` is set; then let tasks finish or hand them back.

    Raises
    ------
    ConfigError
        Another dispatcher works on this data folder.
    """
    db = open_database(settings.store.database, clock)
    try:
        with sole_identity(settings.store.spool.parent, "dispatcher") as identity:
            worker = f"dispatcher-{identity}/{uuid.uuid4().hex[:8]}"
            release_former(db, f"dispatcher-{identity}/", worker, settings.dispatch.infra_failure_limit)
            _log.info("dispatcher.running", worker=worker, workers=settings.dispatch.workers)
            build_dispatcher(settings, db, clock, worker).run(stop)
            _log.info("dispatcher.stopped", worker=worker)
    finally:
        db.dispose()


def build_dispatcher(settings: Settings, db: Database, clock: Clock, worker: str) -> Dispatcher:
    """The loop over local model hosts, as configured."""
    dispatch = settings.dispatch
    executor = LocalExecutor(clock, workers=dispatch.workers, blobs=settings.store.blobs, threads=dispatch.threads)
    return Dispatcher(db, executor, worker, dispatch.lease_s, dispatch.infra_failure_limit)


def release_former(db: Database, prefix: str, worker: str, infra_limit: int) -> None:
    """Take back what former lives of this dispatcher held when they died."""
    with db.write() as session:
        freed = jobs.release_former(session, prefix, worker, db.clock.utc(), infra_limit)
    if freed:
        _log.warning("dispatcher.resumed", freed=len(freed))
