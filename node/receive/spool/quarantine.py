"""Which refused bytes are kept: the same ones once, and `LARGEST_BYTES` in all, so that no peer fills the disk with them.

What is kept is counted when the first bytes are refused, and again when the folder seems full: a person may have emptied it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from node.receive.spool import durable, records
from node.receive.spool.records import Quarantined, RecordDamaged

LARGEST_BYTES = 5 * 2**30

Verdict = Literal["keep", "kept-already", "quarantine-full"]


class Quarantine:
    """What lies in one receiver's quarantine. Not for several threads at once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._objects: dict[str, Path] | None = None
        self._bytes = 0

    def judge(self, sha256: str, size_bytes: int) -> Verdict:
        """Whether bytes of this digest are to be kept."""
        if self._objects is None:
            self._count()
        if self._holds(sha256):
            return "kept-already"
        if self._bytes + size_bytes > LARGEST_BYTES:
            self._count()
        return "quarantine-full" if self._bytes + size_bytes > LARGEST_BYTES else "keep"

    def add(self, sha256: str, path: Path, size_bytes: int) -> None:
        """Bytes of this digest are kept in ``path`` now."""
        assert self._objects is not None
        self._objects[sha256] = path
        self._bytes += size_bytes

    def _holds(self, sha256: str) -> bool:
        path = (self._objects or {}).get(sha256)
        return path is not None and path.exists()

    def _count(self) -> None:
        self._objects, self._bytes = {}, 0
        with durable.disk_errors("count the quarantine"):
            for path in self._folder.iterdir():
                self._bytes += path.stat().st_size if path.exists() else 0
                if path.suffix == ".dcm" and (sha256 := _digest(path.with_suffix(".json"))):
                    self._objects[sha256] = path


def _digest(path: Path) -> str:
    """Of the data set that a record tells of; "" without a record that can be read."""
    try:
        record = records.decode(path.read_bytes())
    except (OSError, RecordDamaged):
        return ""
    return record.sha256 if isinstance(record, Quarantined) else ""
