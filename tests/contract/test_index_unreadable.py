"""Spool files that can't be read or removed, on both databases: they stay and are told, everything else goes on."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from node.receive.index.indexer import IndexPass, index_pending
from node.receive.spool.reconcile import reconcile
from node.receive.spool.segments import segments
from node.receive.spool.spool import Spool
from storage.base.errors import TransientError
from storage.blobs import Blobs, open_blobs
from storage.database import Database
from storage.schema import Instance
from tests.unit.node.receive.samples import put, spool_in, waiting_names

SICK, WELL = "1.2", ["1.1", "1.3"]
Spoil = Callable[[str, Path, int], None]


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_in(tmp_path / "spool")


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path / "blobs")


@pytest.fixture
def spoil(monkeypatch: pytest.MonkeyPatch) -> Spoil:
    """Let one call fail for one file, as a bad sector or lost permissions do."""

    def spoil(call: str, file: Path, number: int) -> None:
        owner: Any = os if call == "pread" else Path
        real = getattr(owner, call)

        def failing(first: Any, *rest: Any, **named: Any) -> Any:
            path = Path(f"/proc/self/fd/{first}").readlink() if call == "pread" else first
            if path == file:
                raise OSError(number, os.strerror(number))
            return real(first, *rest, **named)

        monkeypatch.setattr(owner, call, failing)

    return spoil


def index(spool: Spool, db: Database, blobs: Blobs) -> IndexPass:
    return index_pending(spool.folders.home.parent, db, blobs)


def indexed(db: Database) -> list[str]:
    with db.read() as s:
        return sorted(s.scalars(select(Instance.sop_instance_uid)))


def three(spool: Spool) -> str:
    return [put(spool, sop) for sop in ("1.1", SICK, "1.3")][1]


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EPERM])
@pytest.mark.parametrize("call", ["pread", "stat"])
def test_an_unreadable_file_keeps_no_other_waiting(
    spool: Spool,
    db: Database,
    blobs: Blobs,
    spoil: Spoil,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    call: str,
    number: int,
) -> None:
    name = three(spool)
    spoil(call, spool.folders.object_of(name), number)
    done = index(spool, db, blobs)
    assert (done.indexed, done.stuck, done.put_apart) == (2, 1, 0)
    told = capsys.readouterr().err
    assert "spool.record-stuck" in told and name in told
    assert indexed(db) == WELL
    monkeypatch.undo()
    assert index(spool, db, blobs).indexed == 1
    assert indexed(db) == ["1.1", SICK, "1.3"]


def test_a_disk_that_fails_as_a_whole_ends_the_pass(spool: Spool, db: Database, blobs: Blobs, spoil: Spoil) -> None:
    name = three(spool)
    spoil("stat", spool.folders.object_of(name), errno.EMFILE)
    with pytest.raises(TransientError):
        index(spool, db, blobs)


@pytest.mark.parametrize("sick", [True, False])
def test_pixels_that_can_t_be_read_keep_no_other_waiting(
    spool: Spool, db: Database, blobs: Blobs, spoil: Spoil, monkeypatch: pytest.MonkeyPatch, sick: bool
) -> None:
    """The blob store copies objects where it can't link them; without a sick object its fault is its own."""
    name = three(spool)
    path = spool.folders.object_of(name)
    real = blobs.adopt_many

    def adopt_many(files: Any) -> None:
        listed = list(files)
        if path in (object_path for _, object_path in listed):
            raise TransientError("blob: Input/output error", code="blobs")
        real(listed)

    monkeypatch.setattr(blobs, "adopt_many", adopt_many)
    if not sick:
        with pytest.raises(TransientError):
            index(spool, db, blobs)
        return
    monkeypatch.setattr("node.receive.index.indexer.is_unreadable", lambda entry: entry.object == path)
    assert index(spool, db, blobs).stuck == 1
    assert indexed(db) == WELL


def test_a_name_that_can_t_be_removed_keeps_no_other_waiting(
    spool: Spool, db: Database, blobs: Blobs, spoil: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = three(spool)
    spoil("unlink", spool.folders.object_of(name), errno.EPERM)
    assert index(spool, db, blobs).stuck == 1
    assert waiting_names(spool.folders) == [name]
    assert [path.stem for path in spool.folders.objects.iterdir()] == [name]
    assert indexed(db) == ["1.1", SICK, "1.3"]
    monkeypatch.undo()
    assert index(spool, db, blobs).stuck == 0
    assert waiting_names(spool.folders) == [] and list(spool.folders.objects.iterdir()) == []


def test_a_segment_that_can_t_be_read_keeps_no_other_waiting(
    spool: Spool, db: Database, blobs: Blobs, spoil: Spoil, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(spool, "1.1")
    spool.close()
    again = spool_in(spool.folders.home.parent)
    put(again, SICK)
    sick, _ = segments(spool.folders.journal)
    spoil("open", sick.path, errno.EIO)
    assert index(again, db, blobs).stuck == 1
    assert indexed(db) == [SICK] and sick.path.exists()
    monkeypatch.undo()
    assert index(again, db, blobs).indexed == 1
    assert indexed(db) == ["1.1", SICK] and not sick.path.exists()


@pytest.mark.parametrize("code", ["blobs", "transient"])
def test_the_place_never_runs_ahead_of_the_rows(
    spool: Spool, db: Database, blobs: Blobs, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """A blob store whose own disk is sick fails the pass; what it did not take is taken by the next one."""
    three(spool)
    spool.close()
    again = spool_in(spool.folders.home.parent)
    put(again, "1.4")
    real, calls = blobs.adopt_many, [0]

    def adopt_many(files: Any) -> None:
        calls[0] += 1
        if calls[0] == 1:
            raise TransientError("sick", code=code) from OSError(errno.EIO, "sick")
        real(files)

    monkeypatch.setattr(blobs, "adopt_many", adopt_many)
    with pytest.raises(TransientError):
        index(again, db, blobs)
    assert len(waiting_names(again.folders)) == 4
    assert index(again, db, blobs).indexed == 4


def test_a_receiver_starts_beside_an_unreadable_place(spool: Spool, spoil: Spoil) -> None:
    name = three(spool)
    spoil("read_bytes", spool.folders.place, errno.EIO)
    assert reconcile(spool.folders).missing == 0
    assert spool.folders.object_of(name).exists()
