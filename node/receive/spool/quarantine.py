"""Which refused bytes are kept: the same ones once, and `LARGEST_BYTES` in all, so that no peer fills the disk with them.

Why they were refused is kept each time, up to `MOST_RECORDS`; then the log alone tells, and `wetread status` says that it is so.
What is kept is counted when the first bytes are refused, and again when the folder is full and somebody else changed it: a
person may have emptied it.
"""

from __future__ import annotations

from pathlib import Path
from threading import Lock
from typing import Literal

from node.receive.spool import durable, records
from node.receive.spool.records import Quarantined, RecordDamaged

LARGEST_BYTES = 5 * 2**30
MOST_RECORDS = 10_000

Verdict = Literal["keep", "kept-already", "quarantine-full", "records-full"]


class Quarantine:
    """What lies in one receiver's quarantine. Threads may share it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._objects: dict[str, Path] | None = None
        self._bytes = 0
        self._records = 0
        self._under_way = 0
        self._seen_ns = 0

    def admit(self, sha256: str, path: Path, size_bytes: int) -> Verdict:
        """What to do with an object of this digest that would get the name ``path``; it is counted, and ended by `done`.

        Raises
        ------
        TransientError
            The folder can't be read.
        """
        with self._lock:
            if self._objects is None or (self._is_full(size_bytes) and self._is_changed()):
                self._objects = self._count()
            self._under_way += 1
            if self._records >= MOST_RECORDS:
                return "records-full"
            self._records += 1
            if (known := self._objects.get(sha256)) is not None and known.exists():
                return "kept-already"
            if self._bytes + size_bytes > LARGEST_BYTES:
                return "quarantine-full"
            self._objects[sha256] = path
            self._bytes += size_bytes
            return "keep"

    def forget(self, sha256: str, path: Path, size_bytes: int) -> None:
        """What was admitted couldn't be written."""
        with self._lock:
            self._records -= 1
            if self._objects is not None and self._objects.get(sha256) == path:
                del self._objects[sha256]
                self._bytes -= size_bytes

    def done(self) -> None:
        """What was admitted has been written, or forgotten."""
        with self._lock:
            self._under_way -= 1
            self._seen_ns = self._changed_ns()

    def _is_changed(self) -> bool:
        """Whether somebody else was at the folder; unknown while we write to it ourselves."""
        return not self._under_way and self._changed_ns() != self._seen_ns

    def _changed_ns(self) -> int:
        try:
            return self._folder.stat().st_mtime_ns
        except OSError:
            return 0

    def _is_full(self, size_bytes: int) -> bool:
        return self._records >= MOST_RECORDS or self._bytes + size_bytes > LARGEST_BYTES

    def _count(self) -> dict[str, Path]:
        objects: dict[str, Path] = {}
        self._bytes = self._records = 0
        with durable.disk_errors("count the quarantine"):
            for path in self._folder.iterdir():
                self._records += path.suffix != ".dcm"
                self._bytes += path.stat().st_size if path.exists() else 0
                if path.suffix == ".dcm" and (sha256 := _digest(path.with_suffix(".json"))):
                    objects[sha256] = path
        return objects


def _digest(path: Path) -> str:
    """Of the data set that a record tells of; "" without a record that can be read."""
    try:
        record = records.decode(path.read_bytes())
    except (OSError, RecordDamaged):
        return ""
    return record.sha256 if isinstance(record, Quarantined) else ""
