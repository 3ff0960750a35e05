"""An orderly end: SIGINT and SIGTERM ask a run to stop after its step; a second one ends it at once."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType

from storage.base.errors import WetreadError


class RunStopped(WetreadError):
    """The run was asked to stop; it can go on."""

    code = "stopped"

    def __init__(self, reason: str, step: int, checkpoint: Path | None) -> None:
        self.step = step
        kept = f"; {checkpoint} holds it, and the same command goes on from there" if checkpoint is not None else ""
        super().__init__(f"stopped by {reason or 'another process'} after step {step}{kept}", step=step)


@contextmanager
def stop_signals() -> Iterator[Callable[[], str]]:
    """Within it the first SIGINT or SIGTERM is noted; yields a function that tells its name, or an empty text.

    The former handlers come back with the first signal, so that a second one does what it always does. In a thread other than the
    main one nothing is caught.
    """
    noted: list[str] = []
    former = {which: signal.getsignal(which) for which in (signal.SIGINT, signal.SIGTERM)}

    def note(number: int, _frame: FrameType | None) -> None:
        noted.append(signal.Signals(number).name)
        restore()

    def restore() -> None:
        for which, handler in former.items():
            signal.signal(which, handler)

    if current_thread() is not main_thread():
        yield lambda: ""
        return
    for which in former:
        signal.signal(which, note)
    try:
        yield lambda: noted[0] if noted else ""
    finally:
        restore()
