"""Progress of one task: told to the dispatcher, timed by stage, and the place where a cancel takes hold."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

from storage.base.clock import Clock

# Often enough for a smooth bar, rare enough to cost nothing.
INTERVAL_S = 0.25

Report = Callable[[str, float], None]


class Cancelled(Exception):
    """The dispatcher asked for this task to stop."""


class Stages:
    """Called as ``stages(stage, fraction)`` by whatever works; ``timings_s`` has the seconds spent in each stage so far."""

    def __init__(self, clock: Clock, report: Report, is_cancelled: Callable[[], bool]) -> None:
        self._clock = clock
        self._report = report
        self._is_cancelled = is_cancelled
        self._stage = ""
        self._since_s = self._reported_s = clock.monotonic_s()
        self._spent_s: defaultdict[str, float] = defaultdict(float)

    def __call__(self, stage: str, fraction: float) -> None:
        """Note that ``stage`` is at ``fraction`` (0 to 1).

        Raises
        ------
        Cancelled
            The task is to stop now.
        """
        if self._is_cancelled():
            raise Cancelled
        now_s = self._clock.monotonic_s()
        changed = stage != self._stage
        if changed:
            self._account(now_s)
            self._stage = stage
        if changed or fraction >= 1.0 or now_s - self._reported_s >= INTERVAL_S:
            self._reported_s = now_s
            self._report(stage, min(1.0, max(0.0, fraction)))

    @property
    def timings_s(self) -> dict[str, float]:
        self._account(self._clock.monotonic_s())
        return {stage: round(seconds, 3) for stage, seconds in self._spent_s.items()}

    def _account(self, now_s: float) -> None:
        if self._stage:
            self._spent_s[self._stage] += now_s - self._since_s
        self._since_s = now_s
