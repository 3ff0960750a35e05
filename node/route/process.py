"""The router's process: index what has come, evaluate what is complete, free what workers left behind."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from threading import Event

from node.route.sweep import Sweep
from node.route.ticks import Leadership, Tick, run_ticks
from node.settings import Settings
from storage import deliveries, jobs
from storage.base.clock import Clock
from storage.base.log import get_logger
from storage.database import Database, open_database

_log = get_logger(__name__)

TICK_S = 1.0
REAP_S = 5.0
LEASE_S = 30.0

# One indexing pass: everything received before the moment it returns is in rows.
Index = Callable[[Database], datetime]


def route_until(settings: Settings, clock: Clock, stop: Event, index: Index) -> None:
    """Route until ``stop`` is set. ``index`` is called before every sweep."""
    db = open_database(settings.store.database, clock)
    leadership = Leadership(db, "router", f"router/{uuid.uuid4().hex[:12]}", LEASE_S)
    router = Router(settings, db, index, leadership)
    _log.info("router.running", holder=leadership.holder)
    try:
        run_ticks([Tick("route", TICK_S, router.route), Tick("reap", REAP_S, router.reap)], stop)
        leadership.give_up()
        _log.info("router.stopped", holder=leadership.holder)
    finally:
        db.dispose()


class Router:
    """The two ticks of a router. ``index`` yields the moment up to which everything received is indexed."""

    def __init__(self, settings: Settings, db: Database, index: Index, leadership: Leadership) -> None:
        self._db = db
        self._index = index
        self._leadership = leadership
        self._sweep = Sweep(db, settings.completion)
        self._infra_limit = settings.dispatch.infra_failure_limit
        self._job_lease_s = settings.dispatch.lease_s

    def route(self) -> None:
        """Index, then sweep. Does nothing while another router leads."""
        if not self._leadership.held():
            return
        monotonic_s = self._db.clock.monotonic_s()
        as_of = self._index(self._db)
        self._sweep.run(as_of, monotonic_s)

    def reap(self) -> None:
        """Take jobs and deliveries back whose worker has let its lease run out; a glance first, so that idling writes nothing."""
        at = self._db.clock.utc()
        with self._db.read() as s:
            idle = not jobs.expired(s, at, self._job_lease_s) and not deliveries.expired(s, at)
        if idle or not self._leadership.held():
            return
        with self._db.write() as s:
            freed_jobs = jobs.reap_expired(s, at, self._infra_limit, self._job_lease_s)
            freed_deliveries = deliveries.reap_expired(s, at)
        _log.warning("leases.reaped", jobs=len(freed_jobs), deliveries=len(freed_deliveries))
