"""One worker's place in the pool: its process, and when it is to be started again."""

from __future__ import annotations

from dataclasses import dataclass

RESTART_BASE_S, RESTART_CAP_S = 0.05, 5.0
STEADY_S = 5.0  # who dies after this long was well: it is started again at once


@dataclass
class Seat:
    """Worker ``number``; ``crashes`` counts how often it died young of late."""

    number: int
    pid: int | None = None
    started_s: float = 0.0
    crashes: int = 0
    start_at_s: float = 0.0

    def is_due(self, now_s: float) -> bool:
        """Whether it is to be started."""
        return self.pid is None and now_s >= self.start_at_s

    def note_end(self, now_s: float) -> float:
        """Its process has died; returns in how many seconds it is started again."""
        self.pid = None
        self.crashes = 0 if now_s - self.started_s > STEADY_S else self.crashes + 1
        delay_s = min(RESTART_CAP_S, RESTART_BASE_S * 2.0 ** min(self.crashes - 1, 10)) if self.crashes else 0.0
        self.start_at_s = now_s + delay_s
        return delay_s
