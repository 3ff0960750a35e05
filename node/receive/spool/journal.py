"""The journal's writer: lines of many threads made durable together.

Whoever comes while nobody writes, writes at once, for all who wait by then; who comes meanwhile waits for the next turn, which
one of them takes. So one thread alone pays its own syncs and no delay, and many share them (group commit). A group is: the names
in ``objects/`` forced to the disk, its lines in one write, those forced to the disk.

A sync that failed is never asked for again and believed: Linux forgets the pages that it could not write. The segment is left
as it is and the next one begun; its last lines are taken back first, so that what was refused is not found there later.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from contextlib import suppress
from threading import Lock

from node.receive.spool.supply import Supply


class _Entry:
    """One line that waits; ``turn`` is let go when it is written, or when its thread is to write."""

    __slots__ = ("done", "error", "line", "names", "sync", "taken_back", "turn")

    def __init__(self, line: bytes, names: bool, sync: bool) -> None:
        self.line = line
        self.names = names
        self.sync = sync
        self.done = False
        self.error: BaseException | None = None
        self.taken_back = True
        self.turn = Lock()
        self.turn.acquire()


class LineNotWritten(Exception):
    """The line isn't durable. ``taken_back``: it is surely not in the journal either."""

    def __init__(self, cause: BaseException, taken_back: bool) -> None:
        super().__init__(str(cause))
        self.cause = cause
        self.taken_back = taken_back


class Journal:
    """The journal of one life of a receiver. Threads share it."""

    def __init__(self, supply: Supply, objects_fd: int) -> None:
        self._supply = supply
        self._objects_fd = objects_fd
        self._lock = Lock()
        self._waiting: list[_Entry] = []
        self._led = self._closed = False
        self._fd = -1
        self._position = self._size = 0

    def append(self, line: bytes, *, names: bool, sync: bool) -> None:
        """Write a line. With ``names`` the names in ``objects/`` reach the disk before it; with ``sync`` it is durable on return.

        Raises
        ------
        LineNotWritten
            The disk failed or is full.
        """
        entry = _Entry(line, names, sync)
        with self._lock:
            self._waiting.append(entry)
            leads, self._led = not self._led, True
        if not leads:
            entry.turn.acquire()
        if not entry.done:
            self._lead()
        if entry.error is not None:
            raise LineNotWritten(entry.error, entry.taken_back) from entry.error

    def close(self) -> None:
        """Write no more; returns when no group is under way. Who comes later is told of a failure."""
        self._closed = True
        with suppress(LineNotWritten):
            self.append(b"", names=False, sync=False)
        if self._fd >= 0:
            with suppress(OSError):
                os.ftruncate(self._fd, self._position)  # the room that wasn't used
        self._leave()
        self._supply.close()

    def _lead(self) -> None:
        """Write for all who wait now; then let the first of those who came meanwhile do the same."""
        with self._lock:
            group, self._waiting = self._waiting, []
        failed: BaseException | None = RuntimeError("the writing thread ended")
        try:
            failed = self._write(group)
        finally:
            with self._lock:
                following = self._waiting[:1]
                self._led = bool(following)
            for entry in group:
                entry.done, entry.error = True, failed
                entry.turn.release()
            for entry in following:
                entry.turn.release()

    def _write(self, group: Sequence[_Entry]) -> OSError | None:
        if self._closed:  # another life may have the spool by now
            return OSError(errno.EBADF, os.strerror(errno.EBADF))
        block = b"".join([entry.line for entry in group])
        sync = any(entry.sync for entry in group)
        try:
            if self._position + len(block) > self._size:
                self._begin_segment(len(block))
            if sync and any(entry.names for entry in group):
                os.fsync(self._objects_fd)
        except OSError as error:
            return error
        try:
            _pwrite_all(self._fd, block, self._position)
            if sync:
                os.fdatasync(self._fd)
        except BaseException as error:  # whatever it is, the fate of the lines must be known
            taken_back = self._take_back(len(block))
            for entry in group:
                entry.taken_back = taken_back
            if not isinstance(error, OSError):
                raise
            return error
        self._position += len(block)
        if 2 * self._position > self._size:
            self._supply.make_ahead()
        return None

    def _begin_segment(self, least_bytes: int) -> None:
        self._leave()
        self._fd, self._size = self._supply.next(least_bytes)
        self._position = 0

    def _take_back(self, size: int) -> bool:
        """Overwrite by zeros what may have been written of a group, and leave the segment for good."""
        try:
            _pwrite_all(self._fd, bytes(size), self._position)
            os.fdatasync(self._fd)
        except OSError:
            return False
        finally:
            self._leave(is_empty=self._position == 0)
        return True

    def _leave(self, is_empty: bool = False) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            self._position = self._size = 0
            os.close(fd)
            if is_empty:
                self._supply.discard()


def _pwrite_all(fd: int, data: bytes, position: int) -> None:
    left = memoryview(data)
    while left:
        written = os.pwrite(fd, left, position)
        left, position = left[written:], position + written
