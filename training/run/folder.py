"""A run's folder: made or refused before any work is done, and where in it everything lies."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError

from storage.base.errors import ConfigError, TransientError


@dataclass(frozen=True)
class RunFolder:
    """``plan.json``, ``statement.json``, ``checkpoint.pt``, ``metrics.csv``, ``metrics.json``, ``package/NAME``, ``fold-N/``."""

    path: Path

    @classmethod
    def made(cls, path: Path) -> RunFolder:
        """The folder, made where it is missing.

        Raises
        ------
        ConfigError
            Code ``not-writable``.
        """
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"{path}: can't be made ({error.strerror}); name another --out", code="not-writable") from error
        return cls(path)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Within it the folder is this process's alone; a process that was killed holds it no longer.

        Raises
        ------
        ConfigError
            Code ``run-busy``: another training is at work in it.
        """
        lock = self.path / "run.lock"
        with writable(lock):
            stream = lock.open("w")
        with stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                message = f"{self.path}: another training is at work in it; wait until it has ended, or name another --out"
                raise ConfigError(message, code="run-busy") from error
            yield

    @property
    def plan(self) -> Path:
        """What self-configuration decided."""
        return self.path / "plan.json"

    @property
    def checkpoint(self) -> Path:
        """The state that a stopped run is taken up from."""
        return self.path / "checkpoint.pt"

    @property
    def metrics(self) -> Path:
        """A row every few steps."""
        return self.path / "metrics.csv"

    def package(self, name: str) -> Path:
        """The exported package."""
        return self.path / "package" / name

    def fold(self, number: int) -> RunFolder:
        """The folder of one member of an ensemble, counted from 1."""
        return RunFolder.made(self.path / f"fold-{number}")

    def write(self, name: str, document: Mapping[str, Any]) -> None:
        """Write a JSON document, whole or not at all.

        Raises
        ------
        TransientError
            Code ``run-unwritable``.
        """
        part = self.path / f"{name}.part"
        with writable(self.path / name):
            part.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
            part.replace(self.path / name)


@contextmanager
def writable(path: Path) -> Iterator[None]:
    """Within it a write that fails, by a full disk or a folder that is gone, is named with its mend.

    Raises
    ------
    TransientError
        Code ``run-unwritable``.
    """
    try:
        yield
    except (OSError, SafetensorError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        message = f"{path}: can't be written ({reason}); make room and start the run again: it goes on from its checkpoint"
        raise TransientError(message, code="run-unwritable") from error
