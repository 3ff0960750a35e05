"""kill -9 of a real model host and of its dispatcher while the network runs: the job ends done, once, and nobody is left."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from node.dispatch.local import LocalExecutor
from node.dispatch.loop import Dispatcher
from storage import deliveries, events, jobs
from storage.base.clock import SystemClock
from tests.support.real_jobs import LONG, Store, add_mr, new_store

PATIENCE_S = 120.0


class HastyClock(SystemClock):
    """The machine's clock, moved on where a test would only wait."""

    def __init__(self) -> None:
        self.ahead_s = 0.0

    def utc(self) -> datetime:
        return super().utc() + timedelta(seconds=self.ahead_s)


@pytest.fixture
def clock() -> HastyClock:
    return HastyClock()


@pytest.fixture
def store(tmp_path: Path, clock: HastyClock) -> Iterator[Store]:
    made = new_store(tmp_path, clock)
    yield made
    made.db.dispose()


def wait(store: Store, done: Callable[[], bool], meanwhile: Callable[[], object] | None = None) -> None:
    clock = SystemClock()
    until_s = clock.monotonic_s() + PATIENCE_S
    while not done():
        assert clock.monotonic_s() < until_s, "it never came to that"
        meanwhile() if meanwhile else clock.sleep(0.1)


def state(store: Store, job_id: int) -> str:
    with store.db.read() as s:
        return jobs.get_job(s, job_id).state


def in_network(store: Store, job_id: int) -> bool:
    with store.db.read() as s:
        told = [event.facts for event in events.list_(s, job_id=job_id) if event.kind == "job.progress"]
    return any(facts["stage"] == "network" for facts in told)


def assert_done_once(store: Store, job_id: int) -> None:
    """One row and one blob a role, each blob what its row says; one event of the end."""
    with store.db.read() as s:
        results = {result.role: result for result in jobs.list_results(s, job_id)}
        ends = [event for event in events.list_(s, job_id=job_id) if event.kind == "job.done"]
    assert set(results) == {"seg", "sr", "overlay", "text", "json"}
    assert len(ends) == 1
    for result in results.values():
        assert len(store.blobs.get(result.blob_key)) == result.size_bytes
    with store.db.write() as s:
        sent = deliveries.claim_due(s, "w", 15.0, 10, store.db.clock.utc())
    assert len(sent) == 1


@pytest.mark.slow
def test_a_killed_host_costs_one_attempt_and_no_result(store: Store, clock: HastyClock) -> None:
    job_id = add_mr(store, LONG)
    executor = LocalExecutor(SystemClock(), workers=1, blobs=str(store.folder / "blobs"), threads=1)
    dispatcher = Dispatcher(store.db, executor, "dispatcher-x/1", 15.0, 5)
    try:
        wait(store, lambda: in_network(store, job_id), dispatcher.step)
        [host] = executor._hosts
        os.kill(host.process.pid, signal.SIGKILL)
        wait(store, lambda: state(store, job_id) == "ready", dispatcher.step)
        clock.ahead_s += 60.0
        wait(store, lambda: state(store, job_id) == "done", dispatcher.step)
    finally:
        executor.close()
    with store.db.read() as s:
        job = jobs.get_job(s, job_id)
        assert (job.attempts, job.infra_failures) == (0, 1)
        assert job.timings.keys() >= {"read", "prepare", "network", "restore", "source", "report"}
    assert_done_once(store, job_id)


DISPATCHER = """
from node.dispatch.process import run_dispatcher
from node.settings import load_settings
from node.supervisor import stop_on_signals
from storage.base.clock import SystemClock
from storage.base.log import configure_logging
configure_logging()
run_dispatcher(load_settings(None), SystemClock(), stop_on_signals())
"""


def start_dispatcher(store: Store) -> subprocess.Popen[bytes]:
    folder = store.folder
    places = {
        "WETREAD_STORE__DATABASE": store.database_url,
        "WETREAD_STORE__BLOBS": str(folder / "blobs"),
        "WETREAD_STORE__SPOOL": str(folder / "spool"),
    }
    with (folder / "log").open("ab") as log:
        return subprocess.Popen([sys.executable, "-c", DISPATCHER], env={**os.environ, **places}, stderr=log)


def host_pid(store: Store) -> int:
    lines = [json.loads(line) for line in (store.folder / "log").read_text().splitlines() if line.startswith("{")]
    return int([line["pid"] for line in lines if line["event"] == "host.started"][-1])


def is_alive(pid: int) -> bool:
    """Whether the process runs; one that ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_a_killed_dispatcher_leaves_no_host_and_the_next_one_goes_on(store: Store, clock: HastyClock) -> None:
    job_id = add_mr(store, LONG)
    first = start_dispatcher(store)
    wait(store, lambda: in_network(store, job_id))
    orphan = host_pid(store)
    first.kill()
    first.wait()
    killed_s = clock.monotonic_s()
    wait(store, lambda: not is_alive(orphan))
    assert clock.monotonic_s() - killed_s < 2.0
    second = start_dispatcher(store)
    try:
        # At once, without waiting for the lease of the dead one.
        wait(store, lambda: state(store, job_id) == "done")
    finally:
        second.terminate()
        assert second.wait(30.0) == 0
    with store.db.read() as s:
        job = jobs.get_job(s, job_id)
        assert (job.attempts, job.infra_failures) == (0, 1)
    assert_done_once(store, job_id)
    assert not is_alive(host_pid(store))


@pytest.mark.slow
def test_a_stopped_dispatcher_hands_back_what_it_cannot_finish(store: Store) -> None:
    job_id = add_mr(store, (40, 256, 256))
    process = start_dispatcher(store)
    wait(store, lambda: in_network(store, job_id))
    process.terminate()
    assert process.wait(28.0) == 0
    with store.db.read() as s:
        job = jobs.get_job(s, job_id)
        assert (job.state, job.attempts, job.infra_failures) == ("ready", 0, 0)
    assert not is_alive(host_pid(store))
