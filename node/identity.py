"""Who a role is on a data folder: one process at a time, under a name that outlives it.

The identity names the leases of all lives of a dispatcher or deliverer, so that a restarted one takes back at once what the
dead one held. The lock on the same file makes sure that the one before is dead.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from storage.base.errors import ConfigError


def lock_name(role: str) -> str:
    """The file in the data folder that holds lock and identity of a role."""
    return f"{role}.lock"


@contextmanager
def sole_identity(folder: Path, role: str) -> Iterator[str]:
    """Hold the lock of this data folder's ``role``; yields its identity, the same at every start.

    Raises
    ------
    ConfigError
        Somebody else holds it, or the folder can't be written.
    """
    path = folder / lock_name(role)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"store.spool: {folder} can't be written ({error.strerror}); choose a writable folder") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ConfigError(f"{folder}: another {role} works on this data folder; stop it first") from None
        yield _identity(descriptor)
    finally:
        os.close(descriptor)


def _identity(descriptor: int) -> str:
    """What the lock file says; a new or torn file gets a new identity, whose former leases then simply run out."""
    text = os.pread(descriptor, 64, 0).decode("ascii", "replace").strip()
    if len(text) == 12 and text.isalnum():
        return text
    identity = uuid.uuid4().hex[:12]
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, identity.encode() + b"\n", 0)
    os.fsync(descriptor)
    return identity
