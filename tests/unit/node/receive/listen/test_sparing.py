"""A flood of connections is told of, and not one line for each."""

from __future__ import annotations

import json

import pytest

from node.receive.listen.sparing import MOST, WINDOW_S, Sparing
from storage.base.clock import ManualClock


def _lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().err.splitlines()]


def test_a_flood_is_cut_short_and_counted(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock()
    sparing = Sparing(clock)
    for _ in range(MOST + 100):
        sparing.tell("connection.refused", "silent", "10.0.0.1")
    assert len(_lines(capsys)) == MOST
    sparing.tell("connection.refused", "tls", "10.0.0.1")  # another reason is another count
    assert len(_lines(capsys)) == 1
    clock.sleep(WINDOW_S)
    for _ in range(2):
        sparing.tell("connection.refused", "silent", "10.0.0.2")
    first, second = _lines(capsys)
    assert (first["left_out"], first["host"]) == (100, "10.0.0.2") and "left_out" not in second


def test_a_trickle_is_told_whole(capsys: pytest.CaptureFixture[str]) -> None:
    clock = ManualClock()
    sparing = Sparing(clock)
    for _ in range(3 * MOST):
        sparing.tell("connection.lost", "error", "10.0.0.1", errno=104)
        clock.sleep(WINDOW_S / MOST)
    assert len(_lines(capsys)) == 3 * MOST
