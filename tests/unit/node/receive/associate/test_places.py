"""Places counted over processes: real forked ones, also such as are killed while they hold places or the lock."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from node.receive.associate.places import Places, PlaceTable


@pytest.fixture
def table() -> Iterator[PlaceTable]:
    made = PlaceTable(workers=3, most=6, most_per_host=4)
    yield made
    made.close()


@contextmanager
def forked(work: Callable[[], object]) -> Iterator[int]:
    """A child process that does ``work``, says so, and waits to be killed; entered once it has said so."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work()
            os.write(write, b"x")
            signal.pause()
        finally:
            os._exit(1)
    os.close(write)
    try:
        assert os.read(read, 1) == b"x"
        yield child
    finally:
        os.close(read)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def test_all_hosts_together_and_each_alone_are_bounded(table: PlaceTable) -> None:
    one, other = table.of(0), table.of(1)
    assert [one.take("s", "10.0.0.1") for _ in range(2)] == [0, 1]
    assert [other.take("s", "10.0.0.1") for _ in range(2)] == [0, 1]
    assert one.take("s", "10.0.0.1") is None
    assert one.is_full_for("10.0.0.1") and not one.is_full_for("10.0.0.2")
    assert one.take("s", "10.0.0.2") == 2 and other.take("s", "10.0.0.3") == 2
    assert other.take("s", "10.0.0.4") is None  # six in all
    other.give_back(1)
    assert other.take("s", "10.0.0.4") == 1


def test_a_source_has_a_bound_of_its_own(table: PlaceTable) -> None:
    places = table.of(0)
    assert places.take("ct1", "10.0.0.1", 1) == 0
    assert places.take("ct1", "10.0.0.2", 1) is None
    assert places.take("ct2", "10.0.0.1", 1) == 1
    places.give_back(0)
    assert places.take("ct1", "10.0.0.2", 1) == 0


def test_ipv6_addresses_of_one_network_are_one_host(table: PlaceTable) -> None:
    places = table.of(0)
    taken = [places.take("", f"2001:db8:0:1::{n:x}") for n in range(5)]
    assert taken == [0, 1, 2, 3, None]
    assert places.take("", "2001:db8:0:2::1") == 4


def test_ipv4_addresses_that_a_socket_of_both_families_gives_are_hosts_of_their_own(table: PlaceTable) -> None:
    places = table.of(0)
    assert [places.take("", "::ffff:10.0.0.1") for _ in range(5)] == [0, 1, 2, 3, None]
    assert places.take("", "10.0.0.1") is None, "the same host"
    assert places.take("", "::ffff:10.0.0.2") == 4


def test_a_place_can_be_given_back_and_taken_for_ever(table: PlaceTable) -> None:
    places = table.of(2)
    for _ in range(1000):
        place = places.take("s", "10.0.0.1")
        assert place == 0
        places.give_back(place)
    assert table.used_rows() == (0, b"")


def test_processes_share_the_bound(table: PlaceTable) -> None:
    with forked(lambda: take(table.of(1), 3)):
        assert take(table.of(0), 5) == 1


def test_a_killed_worker_keeps_its_places_until_they_are_cleared(table: PlaceTable) -> None:
    places = table.of(0)
    with forked(lambda: take(table.of(1), 4)):
        pass
    assert places.take("s", "10.0.0.1") is None
    table.clear(1)
    assert take(places, 5) == 4
    assert table.of(1).take("s", "10.0.0.2") == 0


def test_a_worker_killed_inside_the_lock_lets_it_go(table: PlaceTable) -> None:
    held = table.locked()
    with forked(held.__enter__) as child:
        taken: list[int | None] = []
        thread = threading.Thread(target=lambda: taken.append(table.of(0).take("s", "10.0.0.1")))
        thread.start()
        thread.join(0.2)
        assert thread.is_alive() and taken == []  # the lock holds
        os.kill(child, signal.SIGKILL)
        thread.join(10)
        assert taken == [0]


def test_many_processes_and_threads_never_take_too_many(table: PlaceTable) -> None:
    """Each child takes and gives back from two threads for a moment; the sum is looked at all the while."""
    children = [_busy_child(table, worker) for worker in range(3)]
    end_s, seen = time.monotonic() + 1.0, set()
    while time.monotonic() < end_s:
        with table.locked():
            seen.add(table.used_rows()[0])
    for child in children:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    assert max(seen) <= 6 and len(seen) > 2
    for worker in range(3):
        table.clear(worker)
    assert table.used_rows() == (0, b"")


def test_a_head_is_never_seen_half_written(table: PlaceTable) -> None:
    """A count that is low for a moment lets another worker take a place too many."""
    with forked(lambda: _restless(table.of(1), 3)):
        end_s = time.monotonic() + 0.3
        seen = set()
        while time.monotonic() < end_s:
            seen.add(table.used_rows()[0])
    assert seen == {3}


def _restless(places: Places, count: int) -> None:
    """Take places and write the head over and over, from a thread that outlives the call."""
    assert take(places, count) == count

    def write() -> None:
        while True:
            places.set_alive(True)

    threading.Thread(target=write, daemon=True).start()


def test_loads_are_those_of_living_workers(table: PlaceTable) -> None:
    one, other = table.of(0), table.of(1)
    one.set_alive(True)
    take(one, 2)
    assert one.excess() == 0
    other.set_alive(True)
    assert table.loads() == {0: 2, 1: 0} and one.excess() == 2 and other.excess() == 0
    other.set_alive(False)
    assert one.excess() == 0


def take(places: Places, count: int) -> int:
    """How many of ``count`` tries got a place."""
    return sum(places.take("s", "10.0.0.1") is not None for _ in range(count))


def _busy_child(table: PlaceTable, worker: int) -> int:
    child = os.fork()
    if child == 0:
        try:
            places = table.of(worker)
            threads = [threading.Thread(target=_take_and_give_back, args=(places, f"10.0.{worker}.{n}")) for n in range(2)]
            for thread in threads:
                thread.start()
            threads[0].join()
        finally:
            sys.stderr.flush()
            os._exit(1)
    return child


def _take_and_give_back(places: Places, host: str) -> None:
    while True:
        taken = [place for _ in range(3) if (place := places.take("s", host)) is not None]
        for place in taken:
            places.give_back(place)
