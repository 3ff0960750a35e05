"""Time, injected. Facts take ``utc()``, durations ``monotonic_s()``; nothing else in the project reads a clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What the program may ask of time."""

    def utc(self) -> datetime:
        """Aware UTC wall time; may jump when the machine's clock is set."""

    def monotonic_s(self) -> float:
        """Seconds that only ever grow, meaningless across processes."""

    def sleep(self, seconds: float) -> None:
        """Let ``seconds`` pass."""


class SystemClock:
    """The machine's clocks."""

    def utc(self) -> datetime:
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class ManualClock:
    """A clock for tests: time passes when it is told to; ``jump`` moves wall time alone, as an NTP step does."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._utc = start
        self._monotonic_s = 0.0

    def utc(self) -> datetime:
        return self._utc

    def monotonic_s(self) -> float:
        return self._monotonic_s

    def sleep(self, seconds: float) -> None:
        self._utc += timedelta(seconds=seconds)
        self._monotonic_s += seconds

    def jump(self, seconds: float) -> None:
        self._utc += timedelta(seconds=seconds)
