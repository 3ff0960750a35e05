"""Blobs on a local disk: nothing half-written is ever seen, and the order of syncs is the one that survives a power cut."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from storage.base.errors import ConfigError, TransientError
from storage.blobs.local import LocalBlobs


@pytest.fixture
def blobs(tmp_path: Path) -> LocalBlobs:
    return LocalBlobs(tmp_path / "blobs")


def _files(blobs: LocalBlobs) -> list[str]:
    return sorted(p.relative_to(blobs.root).as_posix() for p in blobs.root.rglob("*") if p.is_file())


def _failing(number: int) -> Any:
    def fail(*_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number))

    return fail


@pytest.mark.parametrize("where", ["fdatasync", "fsync"])
@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "no-space"), (errno.EDQUOT, "no-space"), (errno.EIO, "blobs")])
def test_a_full_or_broken_disk_is_transient_and_leaves_nothing_half_done(
    blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch, where: str, number: int, code: str
) -> None:
    blobs.put("a/old", b"old")
    monkeypatch.setattr(os, where, _failing(number))
    with pytest.raises(TransientError, match="blob b/new") as caught:
        blobs.put("b/new", b"new")
    assert caught.value.reason_code == code
    monkeypatch.undo()
    assert [f for f in _files(blobs) if f != "a/old"] in ([], ["b/new"])
    assert not any(f.startswith(".tmp") for f in _files(blobs))
    blobs.put("b/new", b"new")
    assert blobs.get("b/new") == b"new"


def test_a_disk_that_fills_up_in_the_middle_leaves_the_old_blob(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blobs = LocalBlobs(tmp_path)
    blobs.put("a", b"old")
    monkeypatch.setattr(os, "fdatasync", _failing(errno.ENOSPC))
    with pytest.raises(TransientError):
        blobs.put("a", b"new")
    assert blobs.get("a") == b"old"


def test_bytes_are_synced_before_the_name_and_the_name_before_the_return(
    blobs: LocalBlobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    fdatasync, fsync, replace = os.fdatasync, os.fsync, Path.replace

    def watched_fdatasync(descriptor: int) -> None:
        done.append("bytes")
        fdatasync(descriptor)

    def watched_fsync(descriptor: int) -> None:
        done.append(Path(f"/proc/self/fd/{descriptor}").readlink().relative_to(blobs.root).as_posix())
        fsync(descriptor)

    def watched_replace(path: Path, target: Path) -> Path:
        done.append("rename")
        return replace(path, target)

    monkeypatch.setattr(os, "fdatasync", watched_fdatasync)
    monkeypatch.setattr(os, "fsync", watched_fsync)
    monkeypatch.setattr(Path, "replace", watched_replace)
    blobs.put("x/y/z", b"data")
    assert done == ["bytes", ".", "x", "rename", "x/y"]


def test_adopting_links_and_syncs_each_folder_once(blobs: LocalBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = []
    for number in range(5):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(b"x" * 10)
        files.append((f"in/{number}.dcm", path))
    synced: list[int] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(descriptor)
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", watched)
    blobs.adopt_many(files)
    assert len(synced) == 2, "the root for the new folder, and the folder"
    blobs.adopt_many(files)
    assert len(synced) == 3
    assert {path.stat().st_nlink for _, path in files} == {2}
    assert not any(f.startswith(".tmp") for f in _files(blobs))


def test_adopting_over_the_border_of_file_systems_copies(
    blobs: LocalBlobs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"data")
    monkeypatch.setattr(Path, "hardlink_to", _failing(errno.EXDEV))
    blobs.adopt("a", source)
    assert blobs.get("a") == b"data"
    assert source.stat().st_nlink == 1
    assert _files(blobs) == ["a"]


def test_what_was_abandoned_is_swept_when_it_is_old(tmp_path: Path) -> None:
    blobs = LocalBlobs(tmp_path)
    old, new = tmp_path / ".tmp" / "old", tmp_path / ".tmp" / "new"
    for path in (old, new):
        path.write_bytes(b"half")
    os.utime(old, (0, time.time() - 25 * 3600))
    LocalBlobs(tmp_path)
    assert (old.exists(), new.exists()) == (False, True)
    assert list(blobs.list()) == [], "what is private is no blob"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=f"{tmp_path}/file/blobs"):
        LocalBlobs(tmp_path / "file" / "blobs")
