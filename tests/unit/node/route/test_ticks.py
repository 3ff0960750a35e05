"""Periodic work: it goes on after failures, survives steps of the clock, and one router does it at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from threading import Event, Thread

import pytest
from apscheduler.schedulers.background import BackgroundScheduler
from structlog.testing import capture_logs

from node.route.process import Router
from node.route.ticks import Leadership, Tick, keep_time, run_ticks
from node.settings import Settings
from storage import jobs
from storage.base.clock import ManualClock
from storage.base.errors import TransientError
from storage.database import Database
from storage.schema import Job
from tests.support.seeds import asked, request


def run_until(enough: Event, *ticks: Tick) -> None:
    stop = Event()
    thread = Thread(target=run_ticks, args=(list(ticks), stop))
    thread.start()
    try:
        assert enough.wait(20)
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("error", [TransientError("the database is away"), ValueError("a bug")])
def test_a_tick_that_fails_comes_again(error: Exception) -> None:
    done, calls = Event(), []

    def work() -> None:
        calls.append(1)
        if len(calls) >= 3:
            done.set()
        raise error

    run_until(done, Tick("work", 0.05, work))
    assert len(calls) >= 3


def test_a_long_outage_is_told_in_few_lines_and_its_end_in_one() -> None:
    done, calls = Event(), []

    def work() -> None:
        calls.append(1)
        if len(calls) <= 20:
            raise TransientError("the database is away")
        done.set()

    with capture_logs() as told:
        run_until(done, Tick("work", 0.01, work))
    failed = [line for line in told if line["event"] == "tick.failed"]
    assert [line["failures"] for line in failed] == [1, 2, 4, 8, 16]
    assert not any("exc_info" in line for line in failed)
    assert [line["failures"] for line in told if line["event"] == "tick.recovered"] == [20]


def test_a_slow_tick_is_not_started_twice_and_holds_up_no_other() -> None:
    done, running, most = Event(), [0], [0]
    others: list[int] = []

    def slow() -> None:
        running[0] += 1
        most[0] = max(most[0], running[0])
        done.wait(20)
        running[0] -= 1

    def quick() -> None:
        others.append(1)
        if len(others) >= 5:
            done.set()

    run_until(done, Tick("slow", 0.05, slow), Tick("quick", 0.05, quick))
    assert most[0] == 1


@pytest.fixture
def scheduler() -> Iterator[BackgroundScheduler]:
    made = BackgroundScheduler(timezone=UTC)
    made.start(paused=True)
    yield made
    made.shutdown()


@pytest.mark.parametrize(("off_s", "brought_back"), [(3600.0, True), (0.5, False)])
def test_a_clock_set_back_does_not_hold_up_ticks(scheduler: BackgroundScheduler, off_s: float, brought_back: bool) -> None:
    """To the scheduler, a clock set back an hour looks like a tick that is due in an hour."""
    due = datetime.now(UTC) + timedelta(seconds=off_s)
    scheduler.add_job(print, "interval", seconds=1, id="tick", next_run_time=due)
    keep_time(scheduler)
    job = scheduler.get_job("tick")
    assert (job.next_run_time <= datetime.now(UTC)) is brought_back
    assert job.trigger.get_next_fire_time(None, datetime.now(UTC)) <= datetime.now(UTC) + timedelta(seconds=2)


def test_one_router_leads(db: Database) -> None:
    clock = db.clock
    one, other = (Leadership(db, "router", name, 30.0) for name in ("one", "other"))
    assert one.held() and not other.held()
    clock.sleep(29)
    assert one.held() and not other.held(), "renewed"
    clock.sleep(31)
    assert other.held() and not one.held()
    other.give_up()
    assert one.held()


def test_a_router_that_waits_says_so_once(db: Database, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (Leadership(db, "router", name, 30.0) for name in ("one", "other"))
    assert one.held() and not other.held() and not other.held()
    assert capsys.readouterr().err.count("router.waiting-for-lease") == 1
    one.give_up()
    assert other.held() and not one.held()
    other.give_up()
    assert one.held() and not other.held()
    assert capsys.readouterr().err.count("router.waiting-for-lease") == 2


def test_a_clock_set_back_does_not_keep_the_next_router_waiting(db: Database) -> None:
    assert isinstance(db.clock, ManualClock)
    dead, next_one = (Leadership(db, "router", name, 30.0) for name in ("dead", "next"))
    assert dead.held()
    db.clock.jump(-3600)
    assert next_one.held()


def indexed_until(db: Database) -> datetime:
    return db.clock.utc()


def no_index(_db: Database) -> datetime:
    raise AssertionError("another router leads")


@pytest.fixture
def router(db: Database) -> Callable[..., Router]:
    def build(name: str, index: Callable[[Database], datetime] = indexed_until) -> Router:
        return Router(Settings(), db, index, Leadership(db, "router", name, 30.0))

    return build


def test_a_router_that_does_not_lead_neither_indexes_nor_sweeps(router: Callable[..., Router]) -> None:
    leader = router("one")
    leader.route()
    router("other", no_index).route()
    leader.route()


def test_leases_that_ran_out_are_reaped(db: Database, router: Callable[..., Router]) -> None:
    assert isinstance(db.clock, ManualClock)
    with db.write() as s:
        job_id = request(s, asked(s))[0].id
    db.clock.sleep(200)
    with db.write() as s:
        assert jobs.claim(s, "w", 15.0, 1, db.clock.utc())
    reaper = router("one")
    reaper.reap()
    with db.read() as s:
        assert s.get_one(Job, job_id).state == "inferring"
    db.clock.sleep(16)
    router("one").route()
    router("other").reap()
    with db.read() as s:
        assert s.get_one(Job, job_id).state == "inferring", "another router leads"
    reaper.reap()
    with db.read() as s:
        job = s.get_one(Job, job_id)
        assert (job.state, job.infra_failures) == ("ready", 1)
