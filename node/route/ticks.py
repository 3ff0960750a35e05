"""Periodic work in one process: each tick by itself, never twice at once, one router of all at a time.

The scheduler keeps its times by the wall clock. Set back an hour, it would wait an hour; so `keep_time` brings ticks back that
lie further off than their own period. A tick that fails is logged and comes again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Event

from apscheduler.schedulers.background import BackgroundScheduler

from storage import leases
from storage.base.errors import TransientError, WetreadError
from storage.base.log import get_logger
from storage.database import Database

_log = get_logger(__name__)

WATCH_S = 1.0


@dataclass(frozen=True)
class Tick:
    """Something to do every ``period_s`` seconds."""

    name: str
    period_s: float
    work: Callable[[], None]


@dataclass
class Leadership:
    """The right to act on ticks, by a row: held for ``lease_s``, renewed when a third of that has passed."""

    db: Database
    name: str
    holder: str
    lease_s: float
    renewed_s: float | None = None
    waits: bool = False

    def held(self) -> bool:
        """Take or renew it; writes nothing while it was renewed of late."""
        now_s = self.db.clock.monotonic_s()
        if self.renewed_s is not None and now_s - self.renewed_s < self.lease_s / 3:
            return True
        with self.db.write() as s:
            held = leases.acquire(s, self.name, self.holder, self.lease_s, self.db.clock.utc())
        self.renewed_s = now_s if held else None
        if not held and not self.waits:
            _log.warning("router.waiting-for-lease", lease=self.name, holder=self.holder)
        self.waits = not held
        return held

    def give_up(self) -> None:
        """Let the next router begin at once. While the database is away it must wait until the lease has run out."""
        self.renewed_s = None
        try:
            with self.db.write() as s:
                leases.release(s, self.name, self.holder)
        except TransientError as error:
            _log.warning("router.lease-not-released", lease=self.name, error_message=error.message)


def run_ticks(ticks: list[Tick], stop: Event) -> None:
    """Run the ticks until ``stop`` is set; returns when the work in hand is done."""
    logging.getLogger("apscheduler").setLevel(logging.ERROR)  # a tick that is skipped because the last still runs is no news
    scheduler = BackgroundScheduler(timezone=UTC, job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None})
    for tick in ticks:
        work = _Guarded(tick).run
        scheduler.add_job(work, "interval", seconds=tick.period_s, id=tick.name, next_run_time=_now())
    scheduler.start()
    try:
        while not stop.wait(WATCH_S):
            keep_time(scheduler)
    finally:
        scheduler.shutdown(wait=True)


def keep_time(scheduler: BackgroundScheduler) -> None:
    """Bring forward every tick that a step of the wall clock has put further off than its period."""
    now = _now()
    for job in scheduler.get_jobs():
        period: timedelta = job.trigger.interval
        if job.next_run_time and job.next_run_time > now + period + timedelta(seconds=WATCH_S):
            job.reschedule("interval", seconds=period.total_seconds())
            job.modify(next_run_time=now)


@dataclass
class _Guarded:
    """A tick that outlives its failures. Those that are ours to wait out, such as a database that is away, are told ever more
    seldom: at the first, second, fourth, eighth and so on, and when they are over."""

    tick: Tick
    failures: int = 0

    def run(self) -> None:
        try:
            self.tick.work()
        except WetreadError as error:
            self.failures += 1
            if self.failures & (self.failures - 1) == 0:
                facts = {"error_code": error.reason_code, "error_message": error.message, "failures": self.failures}
                _log.error("tick.failed", tick=self.tick.name, **facts)
        except Exception:  # noqa: BLE001  # the outermost loop: a bug in one pass must not end the process's periodic work
            _log.exception("tick.failed", tick=self.tick.name)
        else:
            if self.failures:
                _log.info("tick.recovered", tick=self.tick.name, failures=self.failures)
            self.failures = 0


def _now() -> datetime:
    return datetime.now(UTC)  # noqa: TID251  # the scheduler's own clock, which no injected one can replace
