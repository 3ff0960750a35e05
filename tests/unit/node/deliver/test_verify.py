"""Whether an Instance may be committed to: its class, its bytes, and which fault is whose."""

from __future__ import annotations

import errno
import hashlib
import os
import tracemalloc
from pathlib import Path
from typing import BinaryIO

import pytest

from node.deliver.commitment import verify
from node.receive.dataset.part10 import file_head
from storage.base.errors import TransientError
from storage.blobs import Blobs, open_blobs
from storage.blobs.local import LocalBlobs
from storage.commitments import Held

CT = "1.2.840.10008.5.1.4.1.1.2"
DATA = bytes(range(256)) * 9000  # more than one read


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(str(tmp_path / "blobs"))


def keep(blobs: Blobs, key: str = "instances/a.dcm", data: bytes = DATA, stored: bytes | None = None) -> Held:
    head = file_head(CT, "1.2.3", "1.2.840.10008.1.2.1")
    blobs.put(key, head + (data if stored is None else stored))
    return Held(CT, key, hashlib.sha256(data).hexdigest(), len(data))


def test_what_is_whole_is_committed_to(blobs: Blobs) -> None:
    assert verify.judge(CT, [keep(blobs)], blobs) is None
    assert verify.judge(CT, [keep(blobs, data=b"")], blobs) is None


def test_nothing_held_and_another_class(blobs: Blobs) -> None:
    held = keep(blobs)
    assert verify.judge(CT, [], blobs) == 0x0112
    assert verify.judge("1.2.840.10008.5.1.4.1.1.4", [held], blobs) == 0x0119


@pytest.mark.parametrize("stored", [DATA[:-1], DATA + b"\0", DATA[:-1] + b"\0", b""])
def test_bytes_that_differ(blobs: Blobs, stored: bytes) -> None:
    assert verify.judge(CT, [keep(blobs, stored=stored)], blobs) == 0x0110


@pytest.mark.parametrize("file", [b"", b"DICM", b"\0" * 200])
def test_a_file_that_is_none_of_ours(blobs: Blobs, file: bytes) -> None:
    held = keep(blobs)
    blobs.put(held.blob_key, file)
    assert verify.judge(CT, [held], blobs) == 0x0110


def test_a_damaged_length_reads_no_more_than_else(blobs: Blobs) -> None:
    held = keep(blobs, data=bytes(32 * 2**20))
    stored = bytearray(blobs.get(held.blob_key))
    stored[143] ^= 0x40  # the highest byte of the length of the file meta information
    blobs.put(held.blob_key, bytes(stored))
    del stored
    tracemalloc.start()
    try:
        assert verify.judge(CT, [held], blobs) == 0x0110
        assert tracemalloc.get_traced_memory()[1] < 4 * 2**20
    finally:
        tracemalloc.stop()


def test_every_version_counts_and_a_missing_one_is_damage(blobs: Blobs) -> None:
    first, second = keep(blobs), keep(blobs, "instances/b.dcm", b"other")
    assert verify.judge(CT, [first, second], blobs) is None
    blobs.delete(second.blob_key)
    assert verify.judge(CT, [first, second], blobs) == 0x0110


def test_what_is_only_in_the_kernel_s_memory_goes_to_the_disk_before_it_is_read(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    held, steps = keep(blobs), []
    monkeypatch.setattr(os, "fdatasync", lambda fd: steps.append("sync"))
    monkeypatch.setattr(os, "posix_fadvise", lambda *_: steps.append("drop"))
    assert verify.judge(CT, [held], blobs) is None and steps == ["sync", "drop"]


@pytest.mark.parametrize(("number", "answer"), [(errno.EIO, 0x0110), (errno.ENOSPC, None)])
def test_bytes_that_can_not_be_brought_to_the_disk_are_not_committed_to(
    blobs: Blobs, monkeypatch: pytest.MonkeyPatch, number: int, answer: int | None
) -> None:
    def failing(_: int) -> None:
        raise OSError(number, "injected")

    held = keep(blobs)
    monkeypatch.setattr(os, "fdatasync", failing)
    if answer is None:
        with pytest.raises(TransientError):
            verify.judge(CT, [held], blobs)
    else:
        assert verify.judge(CT, [held], blobs) == answer


class _Failing(LocalBlobs):
    """A store whose files can't be opened."""

    def __init__(self, root: Path, number: int) -> None:
        super().__init__(root)
        self._number = number

    def open(self, key: str) -> BinaryIO:
        with self._faults(key):
            raise OSError(self._number, "injected")


def test_a_bad_sector_is_of_one_file_and_a_store_that_is_away_is_waited_for(tmp_path: Path, blobs: Blobs) -> None:
    held = keep(blobs)
    assert verify.judge(CT, [held], _Failing(tmp_path / "b", errno.EIO)) == 0x0110
    with pytest.raises(TransientError):
        verify.judge(CT, [held], _Failing(tmp_path / "b", errno.ESTALE))
