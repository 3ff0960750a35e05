"""What happens to the checkpoint when it can't be written."""

from __future__ import annotations

import errno
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from storage.base.errors import ConfigError, TransientError
from tests.unit.training.fit.task import cases, digest, recipe, silent
from training.fit.checkpoint import FORMAT, load_checkpoint, save_checkpoint
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


def test_damage_anywhere_is_named(tmp_path: Path) -> None:
    path, like = tmp_path / "checkpoint.pt", {"recipe": "{}", "cases": ""}
    weights = torch.linspace(0, 1, 900)
    save_checkpoint(path, {"format": FORMAT, **like, "step": 1, "network": {"weight": weights}})
    whole, chance, read = path.read_bytes(), random.Random(0), 0
    damaged = [whole[: chance.randrange(len(whole))] for _ in range(20)]
    for _ in range(150):
        first = chance.randrange(len(whole) - 4)
        damaged.append(whole[:first] + chance.randbytes(4) + whole[first + 4 :])
    for payload in damaged:
        path.write_bytes(payload)
        try:
            found = load_checkpoint(path, like)
        except ConfigError as error:
            assert error.reason_code == "checkpoint-invalid" and "remove the file to begin anew" in error.message
        else:  # between the entries, where nothing is kept
            assert found["step"] == 1 and torch.equal(found["network"]["weight"], weights)
            read += 1
    assert read < 0.6 * len(damaged)
