"""pynetdicom's timer on the monotonic clock: a step of the wall clock expires no association."""

from __future__ import annotations

from pynetdicom.timer import Timer

from storage.base.clock import Clock, SystemClock


class MonotonicTimer(Timer):
    """The ARTIM timer (PS3.8 9.1.5)."""

    def __init__(self, timeout: float | None, clock: Clock | None = None) -> None:
        super().__init__(timeout)
        self._clock = clock or SystemClock()

    def start(self) -> None:
        """Start anew."""
        self._start_time = self._clock.monotonic_s()
        self._end_time = None

    def stop(self) -> None:
        """Hold the time that is left."""
        self._end_time = self._clock.monotonic_s()

    @property
    def remaining(self) -> float:
        """Seconds until it expires; 1 if it never does."""
        if self.timeout is None:
            return 1.0
        if self._start_time is None:
            return self.timeout
        end_s = self._clock.monotonic_s() if self._end_time is None else self._end_time
        return self.timeout - (end_s - self._start_time)
