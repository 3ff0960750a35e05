"""One object on its way to the disk: bytes go to its part file as they come, and none but the first `WINDOW_BYTES` are held."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from contextlib import suppress

from node.receive.dataset.filebytes import PAGE_BYTES, FileBytes
from node.receive.spool.durable import Bytes, failure

WINDOW_BYTES = PAGE_BYTES
ASK_EVERY_BYTES = 8 * 2**20


class Incoming:
    """A part file that grows: ``head``, then the data set, whose size, digest and first bytes are kept. For one thread.

    End it by one of `Spool.put`, `Spool.quarantine` and `discard`.
    """

    def __init__(self, folder_fd: int, name: str, head: bytes, require_space: Callable[[int], None]) -> None:
        self.name = name
        self.data_offset = len(head)
        self.size_bytes = 0
        self._folder_fd = folder_fd
        self._head = head
        self._window = bytearray()
        self._digest = hashlib.sha256()
        self._require_space = require_space
        self._asked_at = 0
        try:
            self._fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder_fd)
        except OSError as error:
            raise failure("begin a file", error) from error

    @property
    def sha256(self) -> str:
        """Of the data set so far."""
        return self._digest.hexdigest()

    def write(self, data: Bytes) -> None:
        """Append to the data set.

        Raises
        ------
        TransientError
            Code ``no-space`` or ``spool``; what was written is of no use any more.
        """
        size = len(data)
        if len(self._window) < WINDOW_BYTES:
            self._window += data[: WINDOW_BYTES - len(self._window)]
        self._digest.update(data)
        self.size_bytes += size
        try:
            self._write(data, size)
            if self.size_bytes - self._asked_at > ASK_EVERY_BYTES:
                self._asked_at = self.size_bytes
                self._require_space(0)
                # Begins to write back, and gives the page cache to others: else the last sync would wait for all of it.
                os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            raise failure("write a file", error) from error

    def data(self) -> memoryview | FileBytes:
        """The data set to look at: from memory where that is all of it, else page by page."""
        if self.size_bytes == len(self._window):
            return memoryview(self._window)
        return FileBytes(self._fd, self.data_offset, bytes(self._window))

    def move(self, folder_fd: int, name: str, sync: bool) -> None:
        """Force the bytes to the disk, if ``sync``, and give the file its name; the name lasts after that folder's sync.

        Raises
        ------
        OSError
            The disk failed; nothing but `discard` is left to do.
        """
        if self._head:
            self._write(b"", 0)
        if sync:
            os.fdatasync(self._fd)
        os.rename(self.name, name, src_dir_fd=self._folder_fd, dst_dir_fd=folder_fd)
        self._close()

    def discard(self) -> None:
        """Remove the file, unless it has been moved. Never raises: a part that stays is removed at the next start."""
        if self._fd >= 0:
            self._close()
            with suppress(OSError):
                os.unlink(self.name, dir_fd=self._folder_fd)

    def _write(self, data: Bytes, size: int) -> None:
        if self._head:
            head, self._head = self._head, b""
            written = os.writev(self._fd, (head, data))
            if written < len(head) + size:
                _write_all(self._fd, memoryview(b"".join((head, data)))[written:])
            return
        written = os.write(self._fd, data)
        if written < size:
            _write_all(self._fd, memoryview(data)[written:])

    def _close(self) -> None:
        fd, self._fd = self._fd, -1
        with suppress(OSError):  # the bytes were synced, or their loss was to be expected
            os.close(fd)


def _write_all(fd: int, left: memoryview) -> None:
    while left:
        left = left[os.write(fd, left) :]
