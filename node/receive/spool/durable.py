"""The door to the spool's disk: a file is seen under its name only when all its bytes are on the disk.

Every OSError leaves here as a TransientError with code ``no-space`` or ``spool``.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from storage.base.errors import TransientError

Bytes = bytes | memoryview

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_OF_ONE_FILE = frozenset({errno.EIO, errno.EACCES, errno.EPERM})


@contextmanager
def disk_errors(what: str) -> Iterator[None]:
    """Turn an OSError of the block into a TransientError that says what was being done."""
    try:
        yield
    except OSError as error:
        raise failure(what, error) from error


def failure(what: str, error: BaseException) -> TransientError:
    """The TransientError that says what was being done; raise it from ``error``."""
    number = error.errno if isinstance(error, OSError) else None
    code = "no-space" if number in _FULL else "spool"
    return TransientError(f"spool: can't {what} ({os.strerror(number or 0)})", code=code)


def is_of_one_file(error: BaseException | None) -> bool:
    """Whether an error tells of a file that can't be used, such as a bad sector, rather than of the whole disk."""
    return isinstance(error, OSError) and error.errno in _OF_ONE_FILE


def write_file(part: Path, target: Path, chunks: Sequence[Bytes]) -> None:
    """Write ``part``, force its bytes to the disk, give it the name ``target``. The name itself lasts after `sync_folder`.

    On any failure neither name remains.
    """
    with disk_errors("write a file"):
        fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            try:
                for chunk in chunks:
                    _write_all(fd, chunk)
                os.fdatasync(fd)
            finally:
                os.close(fd)
            part.rename(target)
        except BaseException:
            part.unlink(missing_ok=True)
            raise


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` last over a power cut."""
    with disk_errors("sync a folder"):
        fsync_folder(folder)


def fsync_folder(folder: Path) -> None:
    """As `sync_folder`, for those who meet the OSError themselves."""
    fd = open_folder(folder)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def open_folder(folder: Path) -> int:
    """A descriptor of a folder, to name what is in it and to sync it."""
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)


def make_folder(folder: Path) -> None:
    """Make ``folder`` and its parents so that they last."""
    missing = []
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    with disk_errors("make a folder"):
        for path in reversed(missing):
            path.mkdir(exist_ok=True)
            sync_folder(path.parent)


def free_bytes(folder: Path | int) -> int:
    """What an ordinary user may still write to the file system of ``folder``, a path or a descriptor."""
    with disk_errors("ask for free space"):
        found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize


def _write_all(fd: int, chunk: Bytes) -> None:
    left = memoryview(chunk).cast("B")
    while left:
        left = left[os.write(fd, left) :]
