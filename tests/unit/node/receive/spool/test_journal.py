"""The journal: what `append` returned for is on the disk, whatever happens to the rest; no sync is believed late."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from node.receive.spool import durable, lines, supply
from node.receive.spool.journal import Journal, LineNotWritten
from node.receive.spool.records import ReceiverStarted
from node.receive.spool.segments import Segment, segments
from node.receive.spool.supply import Supply
from tests.unit.node.receive.samples import AT


def name(number: int) -> str:
    return f"00000001-{number:010d}-0123abcd"


def line(number: int) -> bytes:
    return lines.encode(name(number), ReceiverStarted("receiver", number, AT))


class Bench:
    """A journal in a folder, and what a reader sees of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.objects = folder / "journal", folder / "objects"
        self.folder.mkdir()
        self.objects.mkdir()
        self.objects_fd = durable.open_folder(self.objects)
        self.journal = Journal(Supply(self.folder, 1), self.objects_fd)

    def append(self, number: int, *, sync: bool = True) -> None:
        self.journal.append(line(number), names=True, sync=sync)

    def names(self) -> list[str]:
        return [found.name for segment in segments(self.folder) for found in segment.lines()]


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.journal.close()
    os.close(bench.objects_fd)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Segments that hold a handful of lines."""
    monkeypatch.setattr(supply, "SEGMENT_BYTES", 8 * len(line(0)))


def failing(monkeypatch: pytest.MonkeyPatch, call: str, after: int = 0, times: int = 1, number: int = errno.EIO) -> None:
    """Let calls of one function of os fail, from the one after ``after`` on."""
    real, count = getattr(os, call), [0]

    def failing(*arguments: Any) -> Any:
        count[0] += 1
        if after < count[0] <= after + times:
            raise OSError(number, os.strerror(number))
        return real(*arguments)

    monkeypatch.setattr(os, call, failing)


def test_lines_are_read_as_they_were_written(bench: Bench) -> None:
    for number in range(20):
        bench.append(number)
    (segment,) = segments(bench.folder)
    found = list(segment.lines())
    assert [one.name for one in found] == [name(number) for number in range(20)]
    assert [one.record for one in found] == [ReceiverStarted("receiver", number, AT) for number in range(20)]
    assert list(segment.lines(found[7].end)) == found[8:]
    assert (segment.name, segment.closed) == ("00000001-000001", False)


def test_alone_a_line_costs_one_sync_of_names_and_one_of_the_journal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.append(0)
    steps = spied(monkeypatch)
    bench.append(1)
    assert steps == ["fsync objects", "pwrite 00000001-000001.journal", "fdatasync 00000001-000001.journal"]
    steps.clear()
    bench.journal.append(line(2), names=False, sync=True)
    assert steps == ["pwrite 00000001-000001.journal", "fdatasync 00000001-000001.journal"]
    steps.clear()
    bench.append(3, sync=False)
    assert steps == ["pwrite 00000001-000001.journal"]


def test_a_segment_s_zeros_and_name_are_on_the_disk_before_its_first_line(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    steps = spied(monkeypatch)
    bench.append(0)
    assert steps[:3] == ["fdatasync ahead", "fsync journal", "fsync objects"] and steps[3].startswith("pwrite")


def spied(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    steps: list[str] = []

    def spy(call: str) -> None:
        real = getattr(os, call)

        def told(fd: int, *rest: Any) -> Any:
            steps.append(f"{call} {Path(f'/proc/self/fd/{fd}').readlink().name}")
            return real(fd, *rest)

        monkeypatch.setattr(os, call, told)

    for call in ("fsync", "pwrite", "fdatasync"):
        spy(call)
    return steps


def test_threads_share_syncs_and_each_line_is_durable_before_its_return(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Durable: among the first bytes of the segment that a sync has covered."""
    bench.append(0)
    position, synced, syncs, late = [len(line(0))], [len(line(0))], [0], []
    real_pwrite, real_sync = os.pwrite, os.fdatasync
    slow = threading.Event()

    def pwrite(fd: int, data: Any, at: int) -> int:
        written = real_pwrite(fd, data, at)
        position[0] = at + written
        return written

    def fdatasync(fd: int) -> None:
        covered = position[0]
        slow.wait(0.002)
        real_sync(fd)
        syncs[0] += 1
        synced[0] = max(synced[0], covered)

    monkeypatch.setattr(os, "pwrite", pwrite)
    monkeypatch.setattr(os, "fdatasync", fdatasync)

    def work(first: int) -> None:
        for number in range(first, first + 25):
            bench.append(number)
            (at,) = [one.end for one in segments(bench.folder)[0].lines() if one.name == name(number)]
            if at > synced[0]:
                late.append(number)

    together(work, [100, 200, 300, 400, 500, 600, 700, 800])
    assert late == []
    assert sorted(bench.names()) == [name(0)] + [name(first + n) for first in range(100, 900, 100) for n in range(25)]
    assert syncs[0] < 100, f"{syncs[0]} syncs for 200 lines of 8 threads"


def together(work: Callable[[int], None], arguments: list[int]) -> None:
    threads = [threading.Thread(target=work, args=(argument,)) for argument in arguments]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
        assert not thread.is_alive()


def test_a_full_segment_gives_way_to_the_next(bench: Bench, small: None) -> None:
    for number in range(50):
        bench.append(number)
    found = segments(bench.folder)
    assert len(found) >= 6 and [one.closed for one in found] == [True] * (len(found) - 1) + [False]
    assert bench.names() == [name(number) for number in range(50)]


def test_the_next_segment_is_made_ahead_by_another_thread(bench: Bench, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    makers: list[str] = []
    real = Supply._make

    def made(self: Supply, size: int) -> None:
        makers.append(threading.current_thread().name)
        real(self, size)

    monkeypatch.setattr(Supply, "_make", made)
    for number in range(5):
        bench.append(number)
    deadline = threading.Event()
    while not (bench.folder / "ahead").exists() and not deadline.wait(0.01):
        pass
    for number in range(5, 9):
        bench.append(number)
    assert makers == ["MainThread", "journal-ahead"]
    assert bench.names() == [name(number) for number in range(9)]


def test_a_line_longer_than_a_segment_gets_one_of_its_own_size(bench: Bench, small: None) -> None:
    long = lines.encode(name(1), ReceiverStarted("r" * 10_000, 1, AT))
    bench.journal.append(long, names=False, sync=True)
    bench.append(2)
    assert bench.names() == [name(1), name(2)]


@pytest.mark.parametrize("sync_again", ["works", "fails"])
def test_a_sync_that_failed_is_never_believed_later(bench: Bench, monkeypatch: pytest.MonkeyPatch, sync_again: str) -> None:
    bench.append(0)
    with monkeypatch.context() as patch:
        failing(patch, "fdatasync", times=1 if sync_again == "works" else 2)
        with pytest.raises(LineNotWritten) as caught:
            bench.append(1)
    assert caught.value.taken_back == (sync_again == "works")
    bench.append(2)
    first, second = segments(bench.folder)
    assert (first.closed, second.closed) == (True, False), "the segment whose sync failed is left"
    assert [one.name for one in second.lines()] == [name(2)]
    if sync_again == "works":
        assert [one.name for one in first.lines()] == [name(0)], "what was refused isn't found later"


@pytest.mark.parametrize("call", ["pwrite", "fsync"])
@pytest.mark.parametrize("number", [errno.EIO, errno.ENOSPC])
def test_a_failure_is_told_and_leaves_no_line(bench: Bench, monkeypatch: pytest.MonkeyPatch, call: str, number: int) -> None:
    bench.append(0)
    with monkeypatch.context() as patch:
        failing(patch, call, number=number)
        with pytest.raises(LineNotWritten) as caught:
            bench.append(1)
    assert caught.value.taken_back and isinstance(caught.value.cause, OSError) and caught.value.cause.errno == number
    bench.append(2)
    assert bench.names() == [name(0), name(2)]


def test_half_a_write_is_taken_back(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.append(0)
    real, count = os.pwrite, [0]

    def half(fd: int, data: Any, at: int) -> int:
        count[0] += 1
        if count[0] == 2:
            raise OSError(errno.ENOSPC, "full")
        return real(fd, data[:20] if count[0] == 1 else data, at)

    with monkeypatch.context() as patch:
        patch.setattr(os, "pwrite", half)
        with pytest.raises(LineNotWritten):
            bench.append(1)
    bench.append(2)
    assert bench.names() == [name(0), name(2)]


def test_no_room_for_a_new_segment(bench: Bench, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        failing(patch, "write", times=99, number=errno.ENOSPC)
        for number in range(3):
            with pytest.raises(LineNotWritten):
                bench.append(number)
    assert list(bench.folder.iterdir()) == []
    bench.append(3)
    assert bench.names() == [name(3)]


def test_all_who_wait_are_told_of_a_failure_and_the_next_go_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.append(0)
    real, failed, stored = os.fdatasync, [], []
    healthy = threading.Event()

    def fdatasync(fd: int) -> None:
        if not healthy.wait(0.005):
            raise OSError(errno.EIO, "sick")
        real(fd)

    monkeypatch.setattr(os, "fdatasync", fdatasync)

    def work(number: int) -> None:
        for attempt in range(20):
            try:
                bench.append(number + attempt)
                stored.append(name(number + attempt))
            except LineNotWritten:
                failed.append(number + attempt)
                if len(failed) > 30:
                    healthy.set()

    together(work, [100, 200, 300, 400])
    assert len(failed) + len(stored) == 80 and stored
    assert set(bench.names()) >= {*stored, name(0)}
    assert len(segments(bench.folder)) < 5, "segments that hold nothing are removed"


class Interrupted(BaseException):
    """Stands for what may hit the leading thread at any time."""


def test_a_leader_that_is_torn_away_hands_on_the_lead(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.append(0)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", lambda fd: (_ for _ in ()).throw(Interrupted))
        with pytest.raises(Interrupted):
            bench.append(1)
    bench.append(2)
    assert bench.names()[0] == name(0) and bench.names()[-1] == name(2)


def test_closing_gives_unused_room_back(bench: Bench, small: None) -> None:
    for number in range(6):
        bench.append(number)
    bench.journal.close()
    (left,) = bench.folder.iterdir()
    assert left.name == "00000001-000001.journal" and left.stat().st_size == sum(len(line(number)) for number in range(6))
    assert bench.names() == [name(number) for number in range(6)]
    assert isinstance(segments(bench.folder)[0], Segment)


def test_nothing_is_written_after_closing(bench: Bench) -> None:
    """Another life may have the folder by then."""
    bench.append(0)
    bench.journal.close()
    with pytest.raises(LineNotWritten):
        bench.append(1)
    assert bench.names() == [name(0)] and len(segments(bench.folder)) == 1


def test_closing_waits_for_the_group_under_way(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.append(0)
    real, syncing, go_on = os.fdatasync, threading.Event(), threading.Event()

    def fdatasync(fd: int) -> None:
        syncing.set()
        assert go_on.wait(10)
        real(fd)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    writer = threading.Thread(target=bench.append, args=(1,))
    writer.start()
    assert syncing.wait(10)
    closer = threading.Thread(target=bench.journal.close)
    closer.start()
    closer.join(0.05)
    assert closer.is_alive()
    go_on.set()
    for thread in (writer, closer):
        thread.join(10)
        assert not thread.is_alive()
    assert bench.names() == [name(0), name(1)]
