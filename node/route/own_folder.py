"""The node's own folder of model packages: NAME-VERSION for each, and a lock for who changes what is in use.

A package comes in and goes out by one rename, so that every folder seen here is whole; names that begin with a dot are under way.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from inference.manifest import read_manifest
from storage.base.errors import ConfigError, ModelError

LOCK = ".lock"


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Nobody else changes the folder or what is in use of it meanwhile; waits for who does. Nothing where there is no folder."""
    if not folder.is_dir():
        yield
        return
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"store.models: {folder}: can't be written ({error.strerror})", code="models") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def own_versions(folder: Path) -> dict[str, list[Path]]:
    """The package folders in the node's own folder by name, highest version first; nothing where the folder isn't there.

    Raises
    ------
    ConfigError
        A manifest can't be read; the message names its path.
    """
    found: dict[str, list[tuple[tuple[int, ...], Path]]] = {}
    for path in _folders(folder):
        try:
            manifest = read_manifest(path)
        except ModelError as error:
            raise ConfigError(f"models: {error.message}; mend the package or move it away", code="models") from error
        found.setdefault(manifest.name, []).append((tuple(map(int, manifest.version.split("."))), path))
    return {name: [path for _, path in sorted(versions, reverse=True)] for name, versions in found.items()}


def _folders(folder: Path) -> Iterator[Path]:
    """What begins with a dot is being copied or removed."""
    try:
        entries = sorted(folder.iterdir()) if folder.exists() else []
    except OSError as error:
        raise ConfigError(f"store.models: {folder}: can't be read ({error.strerror})", code="models") from error
    return (path for path in entries if path.is_dir() and not path.name.startswith("."))
