"""Many connections at once: beyond the descriptor numbers that `select` knows, and when no descriptor is left."""

from __future__ import annotations

import resource
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.attacker import ASSOCIATE_AC, RawPeer
from tests.support.attacks import good_echo
from tests.support.receiver import receiver_process, worker_pids
from tests.support.vitals import MIB, settle, vitals
from tests.unit.node.receive.encoding import encoded, identified

IDLE = 1100
ECHO_S = 10.0


@pytest.fixture
def many_descriptors() -> None:
    """This process opens the peers' ends: let it."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 2 * IDLE:
        pytest.skip("too few descriptors are allowed here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_a_good_peer_is_served_beside_1100_idle_connections(tmp_path: Path) -> None:
    """All in one worker, so that its descriptors pass 1,024; their threads end with them."""
    with receiver_process(tmp_path / "spool", tmp_path / "log", most_waiting=3 * IDLE) as (process, port):
        good_echo(port)
        before = vitals(process.pid)
        with ExitStack() as stack:
            for _ in range(IDLE):
                stack.enter_context(RawPeer(port))
            now = settle(process.pid, lambda now: now.descriptors >= IDLE)
            assert now.descriptors >= IDLE
            assert good_echo(port) < ECHO_S
            assert vitals(process.pid).resident_bytes - before.resident_bytes < IDLE * MIB // 8
        after = settle(process.pid, lambda now: now.descriptors <= before.descriptors and now.threads <= before.threads)
        assert (after.threads, after.descriptors) <= (before.threads, before.descriptors)


def test_too_many_connections_of_one_host_make_room_for_each_other(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with receiver_process(tmp_path / "spool", log, max_associations=4, most_waiting=20) as (_, port), ExitStack() as stack:
        idle = [stack.enter_context(RawPeer(port)) for _ in range(40)]
        assert good_echo(port) < ECHO_S
        with RawPeer(port) as peer:  # also one of the host that the idle ones are from
            assert peer.negotiate() == ASSOCIATE_AC
        assert idle[0].read_pdu() is None  # the oldest had to go
    assert '"connection.cut"' in log.read_text()


def test_a_worker_without_descriptors_goes_on_when_some_are_free(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with receiver_process(tmp_path / "spool", log, max_associations=200, most_waiting=2000) as (process, port):
        assert good_echo(port) < ECHO_S
        pid = worker_pids(log)[0]
        held = vitals(pid).descriptors
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (held + 20, held + 20))
        with ExitStack() as stack:
            for _ in range(60):  # more than it may accept; the rest wait in the kernel
                stack.enter_context(RawPeer(port))
            end_s = time.monotonic() + 20
            while '"receiver.accept-failed"' not in log.read_text():
                assert time.monotonic() < end_s
                time.sleep(0.05)
        assert good_echo(port) < ECHO_S
        assert log.read_text().count('"receiver.accept-failed"') == 1
        assert process.poll() is None


@pytest.mark.parametrize(
    ("associations", "instances"),
    [(100, 400), pytest.param(100_000, 100_000, marks=[pytest.mark.soak, pytest.mark.timeout(7200)])],
)
def test_work_leaves_memory_descriptors_and_threads_as_they_were(tmp_path: Path, associations: int, instances: int) -> None:
    """An instance for each association, then many over one."""
    with receiver_process(tmp_path / "spool", tmp_path / "log") as (process, port):
        _store(port, 0, 100)
        before = settle(process.pid, lambda now: now.threads <= 4)
        for number in range(associations):
            _store(port, 10**6 + number, 1)
        _store(port, 2 * 10**6, instances)
        after = settle(process.pid, lambda now: now.descriptors <= before.descriptors and now.threads <= before.threads)
    assert (after.threads, after.descriptors) <= (before.threads, before.descriptors)
    assert after.resident_bytes - before.resident_bytes < 8 * MIB


def _store(port: int, first: int, count: int) -> None:
    """C-STORE of ``count`` small instances over one association."""
    with RawPeer(port, "127.0.0.1") as peer:
        assert peer.negotiate() == ASSOCIATE_AC
        for number in range(first, first + count):
            uid = f"1.2.3.{number}"
            assert peer.store(encoded(identified(uid)), uid) == 0
        assert peer.release()
