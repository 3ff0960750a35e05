"""Back-off grows, is capped, and its jitter stays inside its bounds."""

from __future__ import annotations

import random

import pytest

from node.deliver.backoff import Backoff


@pytest.mark.parametrize(("attempts", "full_s"), [(1, 5.0), (2, 10.0), (5, 80.0), (11, 3600.0), (5000, 3600.0)])
def test_delay_lies_in_the_upper_half_of_the_doubled_base(attempts: int, full_s: float) -> None:
    chance = random.Random(1)
    delays = [Backoff(5.0, 3600.0).delay_s(attempts, chance) for _ in range(200)]
    assert full_s / 2 <= min(delays) < max(delays) <= full_s


def test_jitter_spreads() -> None:
    chance = random.Random(1)
    assert len({Backoff().delay_s(3, chance) for _ in range(50)}) == 50
