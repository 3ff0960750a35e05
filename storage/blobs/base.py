"""What every blob store does, and its keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, ClassVar, Protocol

from storage.base.errors import TransientError, WetreadError

_KEY = re.compile(r"[a-z0-9_-][a-z0-9._-]*(/[a-z0-9_-][a-z0-9._-]*)*")


@dataclass(frozen=True)
class BlobInfo:
    """Digest and size of what was put."""

    sha256: str
    size_bytes: int


class BlobMissing(TransientError):
    """There is no blob under this key."""

    code: ClassVar[str] = "blob-missing"


class BlobExists(WetreadError):
    """There is a blob under this key already."""

    code: ClassVar[str] = "blob-exists"


class Blobs(Protocol):
    """Every call raises TransientError (code ``blobs``, ``no-space`` or ``blob-missing``) when it can't do its work."""

    def put(self, key: str, data: bytes, *, only_new: bool = False) -> BlobInfo:
        """Write a blob; nobody ever sees a part of it. An existing one is replaced, or BlobExists raised if ``only_new``."""

    def adopt(self, key: str, path: Path) -> None:
        """Take a file whose bytes are on disk already (fdatasync'ed); linked, not copied, where both lie on one file system.

        The file may be unlinked afterwards and must never be written again.
        """

    def adopt_many(self, files: Iterable[tuple[str, Path]]) -> None:
        """``adopt`` for many, with one directory sync a folder."""

    def get(self, key: str) -> bytes:
        """The whole blob."""

    def open(self, key: str) -> BinaryIO:
        """The blob as a stream; the caller closes it."""

    def exists(self, key: str) -> bool:
        """Whether there is such a blob."""

    def delete(self, key: str) -> None:
        """Remove a blob; does nothing when there is none."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """Keys that begin with ``prefix``, sorted."""

    def local_path(self, key: str) -> Path | None:
        """The blob's file on this machine to be read, never written; None where there is none."""


def check_key(key: str) -> str:
    """Return ``key`` if it is one: parts of ``a-z 0-9 . _ -`` joined by ``/``, none beginning with a dot, up to 512 characters.

    Raises
    ------
    ValueError
        A key is made by the program, so a bad one is a bug.
    """
    if len(key) > 512 or not _KEY.fullmatch(key):
        raise ValueError("a blob key isn't parts of a-z 0-9 . _ - joined by /")
    return key
