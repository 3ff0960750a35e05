"""Segments for a journal: files of zeros, made before they are needed.

Writing into blocks that are there already and hold data changes no metadata, which halves the cost of a sync; zeros are written
since merely reserved blocks would have to be marked as used. The next file is made by a thread of its own while the one in use
has room, and gets its name, which closes the one before, when its first line is about to be written.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread

from node.receive.spool import durable
from node.receive.spool.segments import SUFFIX

SEGMENT_BYTES = 4 * 2**20
_AHEAD = "ahead"
_ZEROS = bytes(256 * 2**10)


class Supply:
    """The segments of one life: ``BOOT-NUMBER.journal`` in ``folder``."""

    def __init__(self, folder: Path, boot: int) -> None:
        self._folder = folder
        self._boot = boot
        self._number = 0
        self._making = Lock()
        self._made_bytes = 0
        self._thread: Thread | None = None

    def next(self, least_bytes: int) -> tuple[int, int]:
        """A new segment, opened for writing, and its size: all zeros, and its name lasts.

        Raises
        ------
        OSError
            The disk failed or is full.
        """
        ahead = self._folder / _AHEAD
        with self._making:
            if self._made_bytes < least_bytes:
                self._make(max(SEGMENT_BYTES, least_bytes))
            size, self._made_bytes = self._made_bytes, 0
            fd = os.open(ahead, os.O_RDWR | os.O_CLOEXEC)
            try:
                self._number += 1
                ahead.rename(self._path())
                durable.fsync_folder(self._folder)
            except BaseException:
                os.close(fd)
                with suppress(OSError):
                    self._path().unlink(missing_ok=True)
                raise
        return fd, size

    def make_ahead(self) -> None:
        """Have the next segment made, unless it is or is being made. Returns at once; a failure is met again in `next`."""
        if self._made_bytes or (self._thread is not None and self._thread.is_alive()):
            return
        self._thread = Thread(target=self._make_quietly, name="journal-ahead", daemon=True)
        with suppress(RuntimeError):  # no more threads: `next` makes it
            self._thread.start()

    def discard(self) -> None:
        """Remove the segment that was last begun: it holds nothing."""
        with suppress(OSError):
            self._path().unlink(missing_ok=True)

    def close(self) -> None:
        """Wait for the thread, if there is one, and take away what nobody will use."""
        if self._thread is not None and self._thread.is_alive():
            self._thread.join()
        with suppress(OSError):
            (self._folder / _AHEAD).unlink(missing_ok=True)

    def _path(self) -> Path:
        return self._folder / f"{self._boot:08d}-{self._number:06d}{SUFFIX}"

    def _make_quietly(self) -> None:
        with suppress(OSError), self._making:
            if not self._made_bytes:
                self._make(SEGMENT_BYTES)

    def _make(self, size: int) -> None:
        """Write the file ahead; it must be closed over by ``_making``."""
        ahead = self._folder / _AHEAD
        ahead.unlink(missing_ok=True)
        self._made_bytes = 0
        fd = os.open(ahead, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            for start in range(0, size, len(_ZEROS)):
                left = memoryview(_ZEROS)[: size - start]
                while left:
                    left = left[os.write(fd, left) :]
            os.fdatasync(fd)
        except BaseException:
            ahead.unlink(missing_ok=True)
            raise
        finally:
            os.close(fd)
        self._made_bytes = size
