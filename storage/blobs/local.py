"""Blobs in a local folder.

A blob is written under a private name in ``.tmp`` of the same file system, fdatasync'ed, renamed, and its folder synced; so are
folders made on the way. What a killed process leaves in ``.tmp`` is nobody's and swept when the store is opened a day later.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from storage.base.errors import ConfigError, TransientError
from storage.blobs.base import BlobExists, BlobInfo, BlobMissing, check_key

_ABANDONED_S = 24 * 3600
_FULL = (errno.ENOSPC, errno.EDQUOT)
_NOT_LINKABLE = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP)


class LocalBlobs:
    """A folder as a blob store; made when missing. Any number of processes may use it."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self._private = self.root / ".tmp"
        try:
            self._private.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigError(f"store.blobs: can't make {root} ({error.strerror})", code="blobs") from error
        if not os.access(self._private, os.W_OK | os.X_OK):
            raise ConfigError(f"store.blobs: {root} isn't writable", code="blobs")
        with suppress(OSError):
            self._sweep()

    def put(self, key: str, data: bytes, *, only_new: bool = False) -> BlobInfo:
        with self._faults(key):
            temporary = self._private_name()
            try:
                _write_synced(temporary, data)
                self._publish(temporary, self._path(key), only_new)
            finally:
                temporary.unlink(missing_ok=True)
        return BlobInfo(hashlib.sha256(data).hexdigest(), len(data))

    def adopt(self, key: str, path: Path) -> None:
        self.adopt_many([(key, path)])

    def adopt_many(self, files: Iterable[tuple[str, Path]]) -> None:
        folders: set[Path] = set()
        for key, path in files:
            with self._faults(key):
                target = self._path(key)
                self._make_folder(target.parent)
                self._adopt_unsynced(path, target)
                folders.add(target.parent)
        for folder in folders:
            with self._faults(str(folder.relative_to(self.root))):
                _sync_folder(folder)

    def get(self, key: str) -> bytes:
        with self._faults(key):
            return self._path(key).read_bytes()

    def open(self, key: str) -> BinaryIO:
        with self._faults(key):
            return self._path(key).open("rb")

    def exists(self, key: str) -> bool:
        with self._faults(key):
            return self._path(key).is_file()

    def delete(self, key: str) -> None:
        with self._faults(key):
            self._path(key).unlink(missing_ok=True)

    def list(self, prefix: str = "") -> Iterator[str]:
        keys = []
        for folder, folders, names in os.walk(self.root):
            folders[:] = [name for name in folders if not name.startswith(".")]
            keys += [(Path(folder) / name).relative_to(self.root).as_posix() for name in names]
        return iter(sorted(key for key in keys if key.startswith(prefix)))

    def local_path(self, key: str) -> Path | None:
        return self._path(key)

    def _path(self, key: str) -> Path:
        return self.root / check_key(key)

    def _private_name(self) -> Path:
        return self._private / uuid.uuid4().hex

    def _sweep(self) -> None:
        marker = self._private_name()
        marker.touch()
        try:
            for path in self._private.iterdir():
                if marker.stat().st_mtime - path.stat().st_mtime > _ABANDONED_S:
                    path.unlink()
        finally:
            marker.unlink()

    def _adopt_unsynced(self, path: Path, target: Path) -> None:
        temporary = self._private_name()
        try:
            try:
                temporary.hardlink_to(path)
            except OSError as error:
                if error.errno not in _NOT_LINKABLE:
                    raise
                _copy_synced(path, temporary)
            temporary.replace(target)
        finally:
            # Renaming a link over another of the same file does nothing and leaves it (POSIX rename).
            temporary.unlink(missing_ok=True)

    def _publish(self, temporary: Path, target: Path, only_new: bool) -> None:
        self._make_folder(target.parent)
        if only_new:
            target.hardlink_to(temporary)  # fails when there is one, unlike a rename
        else:
            temporary.replace(target)
        _sync_folder(target.parent)

    def _make_folder(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folder(folder.parent)
        with suppress(FileExistsError):
            folder.mkdir()
        _sync_folder(folder.parent)

    @contextmanager
    def _faults(self, key: str) -> Iterator[None]:
        try:
            yield
        except FileExistsError as error:
            raise BlobExists(f"blob {key}: exists already") from error
        except FileNotFoundError as error:
            raise BlobMissing(f"blob {key}: there is none under {self.root}") from error
        except OSError as error:
            code = "no-space" if error.errno in _FULL else "blobs"
            raise TransientError(f"blob {key} under {self.root}: {error.strerror}", code=code) from error


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("xb", buffering=0) as stream:
        rest = memoryview(data)
        while rest:
            rest = rest[stream.write(rest) :]
        os.fdatasync(stream.fileno())


def _copy_synced(source: Path, path: Path) -> None:
    with source.open("rb") as reader, path.open("xb") as writer:
        shutil.copyfileobj(reader, writer, 1 << 20)
        writer.flush()
        os.fdatasync(writer.fileno())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
