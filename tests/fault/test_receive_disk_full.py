"""A disk that really fills: A700, nothing partial, nothing deleted, and back to work by itself when there is room again."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.dicom_builders import ct_series
from tests.support.receiver import held, running_receiver, send


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
