"""When a failed Delivery is tried again: exponential back-off with jitter. Pure; the deadline is a person's patience."""

from __future__ import annotations

import random
from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """``base_s`` before the second try, doubled each time up to ``cap_s``; the jitter spreads peers over half the delay."""

    base_s: float = 5.0
    cap_s: float = 3600.0

    def delay_s(self, attempts: int, chance: random.Random) -> float:
        """Seconds to wait after ``attempts`` failed tries (at least 1), drawn from [delay / 2, delay]."""
        # The exponent is bounded because 2.0 ** 1024 overflows after some weeks of a dead peer.
        delay = min(self.cap_s, self.base_s * 2.0 ** min(attempts - 1, 30))
        return delay * chance.uniform(0.5, 1.0)
