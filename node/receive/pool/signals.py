"""Signals as bytes of a pipe, to be waited for together with sockets and other pipes, and children that die with their parent."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

_PR_SET_PDEATHSIG = 1


class SignalPipe:
    """``fd`` is readable when one of some signals has come. For the main thread of a process."""

    def __init__(self, numbers: Iterable[signal.Signals]) -> None:
        self.fd, self._write = os.pipe()
        os.set_blocking(self.fd, False)
        os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)

    def take(self) -> list[int]:
        """The numbers of the signals that have come since the last call."""
        try:
            return list(os.read(self.fd, 4096))
        except BlockingIOError:
            return []

    def close(self) -> None:
        """Let the pipe go; the signals stay without effect."""
        signal.set_wakeup_fd(-1)
        os.close(self.fd)
        os.close(self._write)


@contextmanager
def held_back(numbers: Iterable[signal.Signals]) -> Iterator[None]:
    """Let signals wait: around a fork, so that none meant for the child is told to the parent's pipe."""
    former = signal.pthread_sigmask(signal.SIG_BLOCK, numbers)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent ends, however that ends."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)  # it ended before we said so
