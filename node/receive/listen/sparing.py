"""Log lines about connections that never became associations: anybody can cause them, so they must not fill a disk."""

from __future__ import annotations

from threading import Lock

from storage.base.clock import Clock
from storage.base.log import get_logger

_log = get_logger(__name__)

MOST, WINDOW_S = 20, 60.0


class Sparing:
    """Tells of each event and reason `MOST` times a minute at most, then how many were left out. Threads may share it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = Lock()
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}  # when each began, and how many it has had

    def tell(self, event: str, reason: str, host: str, **facts: str | int | None) -> None:
        """Log ``event`` unless there were too many like it."""
        left_out = self._left_out((event, reason))
        if left_out is None:
            return
        if left_out:
            facts["left_out"] = left_out
        _log.warning(event, reason=reason, host=host, **facts)

    def _left_out(self, key: tuple[str, str]) -> int | None:
        """How many were left out since the last line; None when this one is too."""
        now_s = self._clock.monotonic_s()
        with self._lock:
            begun_s, count = self._windows.get(key, (now_s, 0))
            if now_s - begun_s >= WINDOW_S:
                self._windows[key] = (now_s, 1)
                return max(0, count - MOST)
            self._windows[key] = (begun_s, count + 1)
            return 0 if count < MOST else None
