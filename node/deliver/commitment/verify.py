"""Whether we hold what a requester names: known, of that class, and every byte still as it came.

A commitment says that the sender may delete its own. So the files are read again, from the disk and not from the kernel's memory
of it where that can be asked for, and the data sets hashed: what was right when it came may have rotted since.
"""

from __future__ import annotations

import errno
import hashlib
import os
import struct
from collections.abc import Sequence
from contextlib import suppress
from typing import BinaryIO

from storage.base.errors import TransientError
from storage.blobs import Blobs
from storage.blobs.base import BlobMissing
from storage.commitments import Held

# Failure Reason (0008,1197): PS3.3 C.14.1.1.
PROCESSING_FAILURE = 0x0110
NO_SUCH_INSTANCE = 0x0112
CLASS_INSTANCE_CONFLICT = 0x0119
DUPLICATE_TRANSACTION_UID = 0x0131

_CHUNK = 2**20
_META_HEAD = 144  # preamble, prefix, and the group length element of the file meta information (PS3.10 7.1)
_LONGEST_META = 64 * 2**10  # one damaged bit of the length must not read gigabytes at once
_OF_ONE_FILE = frozenset({errno.EIO, errno.EACCES, errno.EPERM})


def judge(sop_class_uid: str, versions: Sequence[Held], blobs: Blobs) -> int | None:
    """The reason why we can't commit to an Instance, None where we do. Every version that came under its UID must be whole.

    Raises
    ------
    TransientError
        The blob store doesn't answer: nothing can be said.
    """
    if not versions:
        return NO_SUCH_INSTANCE
    if any(version.sop_class_uid != sop_class_uid for version in versions):
        return CLASS_INSTANCE_CONFLICT
    return None if all(is_whole(version, blobs) for version in versions) else PROCESSING_FAILURE


def is_whole(version: Held, blobs: Blobs) -> bool:
    """Whether the stored data set is, byte by byte, what was received. Raises TransientError as `judge`."""
    try:
        with blobs.open(version.blob_key) as file:
            _forget_cached(file)
            return _is_whole(file, version)
    except BlobMissing:
        return False
    except TransientError as error:
        if _is_of_one_file(error.__cause__):
            return False
        raise
    except OSError as error:
        if _is_of_one_file(error):
            return False
        raise TransientError(f"blob {version.blob_key}: {error.strerror}", code="blobs") from error


def _is_whole(file: BinaryIO, version: Held) -> bool:
    head = file.read(_META_HEAD)
    if len(head) < _META_HEAD or head[128:132] != b"DICM":
        return False
    (rest,) = struct.unpack_from("<I", head, _META_HEAD - 4)
    if rest > _LONGEST_META:
        return False
    file.read(rest)
    digest, size = hashlib.sha256(), 0
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
        size += len(chunk)
        if size > version.size_bytes:
            return False
    return size == version.size_bytes and digest.hexdigest() == version.sha256


def _forget_cached(file: BinaryIO) -> None:
    """Let the kernel drop what it remembers of the file; a stream from elsewhere has nothing to drop.

    To the disk first: it doesn't drop what it hasn't written, and a source of durability ``os`` was answered before it had.
    """
    try:
        fd = file.fileno()
    except (OSError, AttributeError, ValueError):
        return
    os.fdatasync(fd)
    with suppress(OSError):
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)


def _is_of_one_file(error: BaseException | None) -> bool:
    """A bad sector or a file that can't be used, rather than a store that is away."""
    return isinstance(error, OSError) and error.errno in _OF_ONE_FILE
