"""The dispatcher's process: one per data folder, whose identity lives there beside the spool.

The identity names the leases of all its lives, so that a restarted dispatcher takes back at once what the dead one held. The
lock on the same file makes sure that the one before is dead. Its hosts die with it: they read end-of-file.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from node.dispatch.local import LocalExecutor
from node.dispatch.loop import Dispatcher
from node.settings import Settings
from storage import jobs
from storage.base.clock import Clock
from storage.base.errors import ConfigError
from storage.base.log import get_logger
from storage.database import Database, open_database

_log = get_logger(__name__)

LOCK_NAME = "dispatcher.lock"


def run_dispatcher(settings: Settings, clock: Clock, stop: Event) -> None:
    """Dispatch until ``stop`` is set; then let tasks finish or hand them back.

    Raises
    ------
    ConfigError
        Another dispatcher works on this data folder.
    """
    db = open_database(settings.store.database, clock)
    try:
        with sole_identity(settings.store.spool.parent) as identity:
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


@contextmanager
def sole_identity(folder: Path) -> Iterator[str]:
    """Hold the lock of this data folder's dispatcher; yields its identity, the same at every start.

    Raises
    ------
    ConfigError
        Somebody else holds it, or the folder can't be written.
    """
    path = folder / LOCK_NAME
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"store.spool: {folder} can't be written ({error.strerror}); choose a writable folder") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{folder}: another dispatcher works on this data folder; stop it first") from None
        yield _identity(descriptor)
    finally:
        os.close(descriptor)


def _identity(descriptor: int) -> str:
    """What the lock file says; a new or torn file gets a new identity, whose former leases then simply run out."""
    text = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
    if len(text) == 12 and text.isalnum():
        return text
    identity = uuid.uuid4().hex[:12]
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, identity.encode() + b"\n", 0)
    os.fsync(descriptor)
    return identity
