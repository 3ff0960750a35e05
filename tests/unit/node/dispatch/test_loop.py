"""The loop over a real store and real child processes that misbehave on demand."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from node.dispatch.local import LocalExecutor
from node.dispatch.loop import Dispatcher
from storage import deliveries, events, jobs, packages
from storage.base.clock import SystemClock
from storage.base.errors import TransientError
from storage.database import Database
from tests.unit.node.dispatch.conftest import OpenStore
from tests.unit.node.dispatch.seed import add_job, add_package, state_of
from tests.unit.node.dispatch.tasks import DIGEST_B, FAKE_HOST, PATIENCE_S

pytestmark = pytest.mark.heavy


@dataclass
class Bench:
    """A store and a dispatcher over it."""

    db: Database
    dispatcher: Dispatcher
    executor: LocalExecutor
    made: list[LocalExecutor] = field(default_factory=list)

    def step_until(self, done: Callable[[], bool]) -> None:
        for _ in range(int(PATIENCE_S / 0.05)):
            if done():
                return
            self.dispatcher.step()
        raise AssertionError("it never came to that")

    def step_until_state(self, job_id: int, *states: str) -> None:
        self.step_until(lambda: state_of(self.db, job_id) in states)


@pytest.fixture
def bench(open_store: OpenStore, tmp_path: Path) -> Iterator[Bench]:
    db = open_store(SystemClock())
    add_package(db, tmp_path)
    executor = LocalExecutor(db.clock, workers=1, blobs=str(tmp_path), threads=1, command=FAKE_HOST, cancel_limit_s=0.5)
    yield Bench(db, Dispatcher(db, executor, "dispatcher-x/1", 15.0, 3, drain_s=1.0), executor)
    executor.close()


def kinds(db: Database, job_id: int) -> list[str]:
    with db.read() as s:
        return [event.kind for event in events.list_(s, job_id=job_id)]


def test_a_job_ends_done_with_results_and_deliveries(bench: Bench) -> None:
    job_id = add_job(bench.db, 1)
    bench.step_until_state(job_id, "done")
    with bench.db.read() as s:
        assert [result.role for result in jobs.list_results(s, job_id)] == ["seg", "sr"]
        job = jobs.get_job(s, job_id)
        assert job.attempt == 2
        assert (job.attempts, job.infra_failures) == (0, 0)
    with bench.db.write() as s:
        first = deliveries.claim_due(s, "w", 15.0, 10, bench.db.clock.utc())
    assert [delivery.peer for delivery in first] == ["pacs"]


def test_outputs_of_each_attempt_have_a_prefix_of_their_own(bench: Bench) -> None:
    job_id = add_job(bench.db, 1)
    bench.step_until_state(job_id, "done")
    with bench.db.read() as s:
        job = jobs.get_job(s, job_id)
        assert job.prediction is not None
        keys = {job.prediction["key"], *(result.blob_key for result in jobs.list_results(s, job_id))}
    assert keys == {f"jobs/{job.blob_prefix}/1/infer", f"jobs/{job.blob_prefix}/2/report"}


def test_progress_is_told_once_a_stage(bench: Bench) -> None:
    job_id = add_job(bench.db, 1, fault="hang")
    bench.step_until(lambda: "job.progress" in kinds(bench.db, job_id))
    for _ in range(3):
        bench.dispatcher.step()
    with bench.db.read() as s:
        stages = [e.facts["stage"] for e in events.list_(s, job_id=job_id) if e.kind == "job.progress"]
    assert stages in (["network"], ["read", "network"])


def test_nothing_is_claimed_beyond_live_capacity(bench: Bench) -> None:
    add_job(bench.db, 1, fault="hang")
    second = add_job(bench.db, 2)
    for _ in range(4):
        bench.dispatcher.step()
    assert state_of(bench.db, second) == "ready"


def test_a_crash_is_counted_and_the_next_job_runs(bench: Bench) -> None:
    crashed, good = add_job(bench.db, 1, fault="crash"), add_job(bench.db, 2)
    bench.step_until_state(good, "done")
    with bench.db.read() as s:
        job = jobs.get_job(s, crashed)
        assert (job.state, job.infra_failures, job.reason_code) == ("ready", 1, "host-died")


def test_a_person_cancels_a_running_job_and_its_host_stops(bench: Bench) -> None:
    job_id, good = add_job(bench.db, 1, fault="wait-for-cancel"), add_job(bench.db, 2)
    bench.dispatcher.lease_s = 0.3
    bench.step_until(lambda: "job.progress" in kinds(bench.db, job_id))
    with bench.db.write() as s:
        jobs.cancel(s, job_id, bench.db.clock.utc())
    bench.step_until_state(good, "done")
    assert state_of(bench.db, job_id) == "cancelled"


def test_a_long_task_keeps_its_lease(bench: Bench) -> None:
    job_id = add_job(bench.db, 1, fault="hang")
    bench.dispatcher.lease_s = 0.9
    bench.dispatcher.step()
    until = bench.db.clock.monotonic_s() + 2.0
    while bench.db.clock.monotonic_s() < until:
        bench.dispatcher.step()
        with bench.db.read() as s:
            assert jobs.expired(s, bench.db.clock.utc()) == []
    assert state_of(bench.db, job_id) == "inferring"


def test_jobs_of_a_quarantined_package_fail_with_the_way_out(bench: Bench, tmp_path: Path) -> None:
    package_id = add_package(bench.db, tmp_path, name="bad", digest=DIGEST_B)
    job_id = add_job(bench.db, 1, package="bad")
    with bench.db.write() as s:
        packages.quarantine(s, package_id, "broken", bench.db.clock.utc())
    bench.step_until_state(job_id, "failed")
    with bench.db.read() as s:
        job = jobs.get_job(s, job_id)
        assert job.reason_code == "package-quarantined"
        assert f"wetread jobs retry {job_id}" in job.reason
    assert bench.executor.free() == 1


def test_an_outcome_waits_for_a_database_that_does_not_answer(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    job_id = add_job(bench.db, 1, fault="refuse")
    bench.step_until_state(job_id, "inferring")
    write = bench.db.write
    away = True

    def out_of_reach() -> object:
        if away:
            raise TransientError("gone", code="database")
        return write()

    monkeypatch.setattr(bench.db, "write", out_of_reach)
    for _ in range(8):
        bench.dispatcher.step()
    assert state_of(bench.db, job_id) == "inferring"
    away = False
    bench.step_until_state(job_id, "refused")


def test_draining_lets_a_short_task_finish_and_claims_no_more(bench: Bench) -> None:
    first, second = add_job(bench.db, 1), add_job(bench.db, 2)
    bench.dispatcher.step()
    assert state_of(bench.db, first) == "inferring"
    bench.dispatcher.drain_s = PATIENCE_S
    bench.dispatcher.drain()
    assert (state_of(bench.db, first), state_of(bench.db, second)) == ("inferred", "ready")


@pytest.mark.parametrize("fault", ["wait-for-cancel", "hang"])
def test_draining_hands_a_long_task_back_uncounted(bench: Bench, fault: str) -> None:
    job_id = add_job(bench.db, 1, fault=fault)
    bench.step_until(lambda: "job.progress" in kinds(bench.db, job_id))
    bench.dispatcher.drain()
    with bench.db.read() as s:
        job = jobs.get_job(s, job_id)
        assert (job.state, job.attempts, job.infra_failures) == ("ready", 0, 0)
    assert kinds(bench.db, job_id)[-1] == "job.handed-back"


def test_run_ends_when_told(bench: Bench) -> None:
    stop = threading.Event()
    thread = threading.Thread(target=bench.dispatcher.run, args=(stop,))
    thread.start()
    stop.set()
    thread.join(5.0)
    assert not thread.is_alive()
