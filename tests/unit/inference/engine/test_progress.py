"""Stages: what is told, what is timed, where a cancel takes hold."""

from __future__ import annotations

import pytest

from inference.engine.progress import INTERVAL_S, Cancelled, Stages
from storage.base.clock import ManualClock


def test_seconds_are_counted_by_stage_and_add_up() -> None:
    clock = ManualClock()
    stages = Stages(clock, lambda stage, fraction: None, lambda: False)
    for stage, seconds in (("read", 2.0), ("network", 5.0), ("read", 1.0), ("store", 0.5)):
        stages(stage, 0.0)
        clock.sleep(seconds)
    assert stages.timings_s == {"read": 3.0, "network": 5.0, "store": 0.5}


def test_a_change_of_stage_is_told_at_once_and_the_rest_now_and_then() -> None:
    clock, told = ManualClock(), []
    stages = Stages(clock, lambda stage, fraction: told.append((stage, fraction)), lambda: False)
    stages("read", 0.0)
    stages("network", 0.0)
    for number in range(1, 100):
        clock.sleep(INTERVAL_S / 10)
        stages("network", number / 100)
    stages("network", 1.0)
    assert told[:2] == [("read", 0.0), ("network", 0.0)]
    assert told[-1] == ("network", 1.0)
    assert len(told) == 2 + 9 + 1


def test_a_fraction_outside_its_range_is_brought_back() -> None:
    told: list[float] = []
    stages = Stages(ManualClock(), lambda stage, fraction: told.append(fraction), lambda: False)
    stages("read", -0.5)
    stages("network", 1.5)
    assert told == [0.0, 1.0]


def test_a_cancel_takes_hold_at_the_next_call() -> None:
    cancelled = False
    stages = Stages(ManualClock(), lambda stage, fraction: None, lambda: cancelled)
    stages("network", 0.1)
    cancelled = True
    with pytest.raises(Cancelled):
        stages("network", 0.2)
