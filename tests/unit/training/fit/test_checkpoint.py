"""What happens to the checkpoint when it can't be written."""

from __future__ import annotations

import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.base.errors import TransientError
from tests.unit.training.fit.task import cases, digest, recipe, silent
from training.fit.checkpoint import save_checkpoint
from training.fit.trainer import Trainer


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 256 KiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", folder], capture_output=True, check=False)
    if mounted.returncode != 0:
        pytest.skip("this user may not mount a file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_is_named_and_the_former_checkpoint_stays(small_disk: Path) -> None:
    path = small_disk / "checkpoint.pt"
    Trainer(recipe(), cases()).run(silent, path, until=2)
    before = path.read_bytes()
    (small_disk / "filler").write_bytes(bytes(os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize - 8192))
    trainer = Trainer(recipe(), cases())
    trainer.resume(path)
    with pytest.raises(TransientError, match=r"checkpoint of step 4 can't be written \(No space left.*make room") as caught:
        trainer.run(silent, path)
    assert caught.value.reason_code == "checkpoint-unwritable"
    assert path.read_bytes() == before and sorted(file.name for file in small_disk.iterdir()) == ["checkpoint.pt", "filler"]
    (small_disk / "filler").unlink()
    again = Trainer(recipe(), cases())
    again.resume(path)
    again.run(silent, path)
    whole = Trainer(recipe(), cases())
    whole.run(silent)
    assert digest(again) == digest(whole)


def test_a_kill_before_the_rename_leaves_the_former_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"step": 1})
    before = path.read_bytes()

    def killed(_handle: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        save_checkpoint(path, {"step": 2})
    assert path.read_bytes() == before


def test_an_error_of_the_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(TransientError, match=r"checkpoint\.pt: the checkpoint of step 2 can't be written \(Input/output error\)"):
        save_checkpoint(tmp_path / "checkpoint.pt", {"step": 2})
    assert list(tmp_path.iterdir()) == []
