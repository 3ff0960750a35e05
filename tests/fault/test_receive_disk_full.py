"""A disk that really fills: A700, nothing partial, nothing deleted, and back to work by itself when there is room again."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from node.receive.spool.reconcile import Reconciled, reconcile
from tests.support.dicom_builders import ct_series
from tests.support.peers import run_tool
from tests.support.ports import LOOPBACK
from tests.support.receiver import SCANNER, WETREAD, held, receiver_config, running_receiver, send


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 8 MiB, of which the journal takes 4."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_real_disk_fills_and_is_freed(small_disk: Path) -> None:
    series = ct_series(30, rows=256, columns=256)
    with running_receiver(small_disk / "spool") as receiver:
        filler = small_disk / "filler"
        filler.write_bytes(bytes(2**20))
        statuses = send(receiver.port, *series)
        stored = statuses.count(0x0000)
        assert 0 < stored < 30 and set(statuses) == {0x0000, 0xA700}
        first = held(receiver.folders)
        assert len(first) == stored and all(one.is_whole for one in first)
        assert list(receiver.folders.part.iterdir()) == []
        assert len(list(receiver.folders.objects.iterdir())) == stored
        filler.unlink()
        assert send(receiver.port, series[-1]) == [0x0000]
        assert {one.name for one in held(receiver.folders)} > {one.name for one in first}


def test_a_disk_below_its_watermark_turns_senders_away_until_there_is_room(small_disk: Path) -> None:
    """First A700 for each instance, then associations rejected for now (2,3,2); nothing is deleted and nobody restarts us."""
    series = ct_series(12, rows=256, columns=256)
    config = receiver_config(small_disk / "spool", minimum_free_bytes=2 * 2**20)
    with running_receiver(small_disk / "spool", config) as receiver:
        assert send(receiver.port, series[0]) == [0x0000]
        fill(small_disk / "first", leaving=1.5 * 2**20)
        assert send(receiver.port, *series[1:3]) == [0xA700, 0xA700]
        fill(small_disk / "second", leaving=0.5 * 2**20)
        told = run_tool("echoscu", "-aet", SCANNER, "-aec", WETREAD, LOOPBACK, str(receiver.port))
        assert told.returncode != 0
        assert "Rejected Transient" in told.stderr and "Reason: Local Limit Exceeded" in told.stderr
        (before,) = held(receiver.folders)
        assert before.is_whole and list(receiver.folders.part.iterdir()) == []
        (small_disk / "first").unlink()
        (small_disk / "second").unlink()
        assert send(receiver.port, *series[1:3]) == [0x0000, 0x0000]
        after = held(receiver.folders)
        assert after[0].name == before.name and len(after) == 3


def fill(path: Path, leaving: float) -> None:
    free = os.statvfs(path.parent)
    path.write_bytes(bytes(int(free.f_bavail * free.f_frsize - leaving)))


FAULTS = [
    pytest.param("fdatasync", "part", id="sync of the object"),
    pytest.param("rename", "part", id="rename"),
    pytest.param("fsync", "objects", id="sync of the names"),
    pytest.param("pwrite", "journal", id="write of the line"),
    pytest.param("fdatasync", "journal", id="sync of the line"),
]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize(("call", "folder"), FAULTS)
def test_a_step_that_fails_once_is_a700_and_a_resend_is_stored_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str, folder: str, number: int
) -> None:
    """A sync that failed isn't asked for again: Linux may say yes to the second and have lost the pages."""
    first, again = ct_series(2)
    real, failed = getattr(os, call), [0]
    with running_receiver(tmp_path / "spool") as receiver:
        assert send(receiver.port, first) == [0x0000]

        def failing(fd: Any, *rest: Any, **named: Any) -> Any:
            where = named.get("src_dir_fd", fd)
            if failed[0] == 0 and isinstance(where, int) and f"/receiver/{folder}" in os.readlink(f"/proc/self/fd/{where}"):  # noqa: PTH115
                failed[0] += 1
                raise OSError(number, os.strerror(number))
            return real(fd, *rest, **named)

        monkeypatch.setattr(os, call, failing)
        assert send(receiver.port, again, again) == [0xA700, 0x0000]
    assert failed[0] == 1
    found = held(receiver.folders)
    assert [one.record.sop_instance_uid for one in found] == [str(first.SOPInstanceUID), str(again.SOPInstanceUID)]
    assert all(one.is_whole for one in found)
    assert {path.stem for path in receiver.folders.objects.iterdir()} == {one.name for one in found}
    assert reconcile(receiver.folders) == Reconciled(0, 0, 0, 0)


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_a_failing_write_is_a700_and_the_next_one_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int) -> None:
    real = os.writev
    with running_receiver(tmp_path / "spool") as receiver:
        home = str(receiver.folders.part)

        def failing(fd: int, pieces: Any) -> int:
            if home in os.readlink(f"/proc/self/fd/{fd}"):  # noqa: PTH115
                real(fd, [pieces[0][:5]])
                raise OSError(number, os.strerror(number))
            return real(fd, pieces)

        with monkeypatch.context() as patch:
            patch.setattr(os, "writev", failing)
            assert send(receiver.port, *ct_series(2)) == [0xA700, 0xA700]
        assert held(receiver.folders) == []
        assert list(receiver.folders.part.iterdir()) == list(receiver.folders.objects.iterdir()) == []
        assert send(receiver.port, *ct_series(1)) == [0x0000]
