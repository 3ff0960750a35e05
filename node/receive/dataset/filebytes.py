"""A file looked at as bytes, a page at a time.

No memory map: under one, a sector that can't be read kills the process (SIGBUS); here it is an OSError of this one file.
"""

from __future__ import annotations

import errno
import os
from typing import overload

PAGE_BYTES = 64 * 2**10


class FileBytes:
    """The bytes of an open file from ``offset`` on; every look may raise OSError. One page at most stays in memory.

    ``first`` are its first bytes, where they are known already.
    """

    def __init__(self, fd: int, offset: int, first: bytes = b"") -> None:
        self._fd = fd
        self._offset = offset
        self._length = max(0, os.fstat(fd).st_size - offset)
        self._page = first
        self._page_start = 0

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, where: int) -> int: ...
    @overload
    def __getitem__(self, where: slice) -> bytes: ...
    def __getitem__(self, where: int | slice) -> int | bytes:
        """A byte, or the bytes of a slice without a step."""
        if isinstance(where, int):
            return self._bytes(where, where + 1)[0]
        start, stop, _ = where.indices(self._length)
        return self._bytes(start, max(start, stop))

    def around(self, start: int, least: int) -> tuple[bytes, int]:
        """A stretch that holds ``[start, start + least)``, or what the file has of it, and where the stretch begins.

        ``least`` is at most a page.
        """
        self._bytes(start, max(start, min(start + least, self._length)))
        return self._page, self._page_start

    def _bytes(self, start: int, stop: int) -> bytes:
        if stop - start > PAGE_BYTES:
            return self._read(start, stop - start, stop - start)
        if not self._page_start <= start <= stop <= self._page_start + len(self._page):
            self._page, self._page_start = self._read(start, PAGE_BYTES, stop - start), start
        return self._page[start - self._page_start : stop - self._page_start]

    def _read(self, start: int, size: int, least: int) -> bytes:
        data = os.pread(self._fd, size, self._offset + start)
        if len(data) < least:  # the kernel stops short before a sector that it can't read
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return data
