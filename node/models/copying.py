"""A package's files copied into a folder of ours: all of them or none, durable before the copy has its name.

Files are copied that the digest is taken over, and the documents beside them; what begins with a dot stays behind. A copy that
was broken off lies under a name that nothing reads, and the next one clears it away.
"""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from pathlib import Path

from inference.manifest import package_digest
from storage.base.errors import ConfigError, ModelError

_UNDER_WAY = ".copying-"
_GOING = ".removing-"
_CHUNK_BYTES = 1 << 20


def copy_package(source: Path, target: Path, digest: str) -> None:
    """Copy ``source`` to ``target``, which doesn't exist yet.

    Raises
    ------
    ConfigError
        The copy can't be written.
    ModelError
        Code ``package-changed``: what was copied isn't the package of that digest.
    """
    part = target.parent / f"{_UNDER_WAY}{uuid.uuid4().hex[:12]}"
    try:
        _copy_files(source, part)
        if package_digest(part) != digest:
            raise ModelError(f"{source}: changed while it was copied; add it again when it is whole", code="package-changed")
        part.rename(target)
        _sync_folder(target.parent)
    except OSError as error:
        where = error.filename or target.parent
        raise ConfigError(f"store.models: {where}: can't be copied ({error.strerror})", code="not-writable") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def remove_package(path: Path) -> None:
    """Take a package's folder away, by one rename, and then its files.

    Raises
    ------
    ConfigError
        It can't be removed; it is whole then.
    """
    going = path.parent / f"{_GOING}{uuid.uuid4().hex[:12]}"
    try:
        path.rename(going)
        _sync_folder(path.parent)
    except OSError as error:
        raise ConfigError(f"{path}: can't be removed ({error.strerror})", code="not-writable") from error
    shutil.rmtree(going, ignore_errors=True)


def clear_leftovers(folder: Path) -> None:
    """Remove what copies and removals that were killed have left. The caller holds the folder."""
    for prefix in (_UNDER_WAY, _GOING):
        for path in folder.glob(f"{prefix}*"):
            shutil.rmtree(path, ignore_errors=True)


def _copy_files(source: Path, target: Path) -> None:
    folders = {target}
    target.mkdir(parents=True)
    for path in _files(source):
        copy = target / path.relative_to(source)
        copy.parent.mkdir(parents=True, exist_ok=True)
        folders.update(folder for folder in copy.parents if folder.is_relative_to(target))
        with path.open("rb") as read, copy.open("xb") as write:
            shutil.copyfileobj(read, write, _CHUNK_BYTES)
            write.flush()
            os.fsync(write.fileno())
    for folder in sorted(folders, reverse=True):
        _sync_folder(folder)


def _files(package: Path) -> Iterator[Path]:
    """A link to a file counts as the file; a link to a folder isn't followed, as the digest follows none."""
    for folder, below, names in os.walk(package):
        below[:] = [name for name in below if not name.startswith(".")]
        yield from (Path(folder) / name for name in names if not name.startswith(".") and (Path(folder) / name).is_file())


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
