"""When a worker that died is started again, and signals as bytes of a pipe."""

from __future__ import annotations

import signal
import threading

import pytest

from node.receive.pool.seat import RESTART_CAP_S, STEADY_S, Seat
from node.receive.pool.signals import SignalPipe, held_back


def _pauses(lives_s: list[float]) -> list[float]:
    """How long a worker stays away after lives of these lengths."""
    now_s, seat, pauses = 0.0, Seat(0), []
    for life_s in lives_s:
        seat.started_s = now_s
        now_s += life_s
        pauses.append(seat.note_end(now_s))
        assert seat.is_due(now_s + pauses[-1]) and seat.is_due(now_s) == (pauses[-1] == 0.0)
        now_s += pauses[-1]
    return pauses


def test_who_dies_young_again_and_again_is_started_less_and_less_often() -> None:
    pauses = _pauses([0.1] * 9)
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, RESTART_CAP_S, RESTART_CAP_S]


def test_who_was_well_is_started_again_at_once() -> None:
    assert _pauses([0.1, 0.1, STEADY_S + 1, 0.1])[2:] == pytest.approx([0.0, 0.05])


def test_very_many_deaths_are_counted_without_end() -> None:
    assert _pauses([0.0] * 2000)[-1] == pytest.approx(RESTART_CAP_S)


def test_signals_come_as_bytes_and_wait_while_they_are_held_back() -> None:
    former = signal.getsignal(signal.SIGUSR1)
    pipe = SignalPipe([signal.SIGUSR1])
    try:
        assert pipe.take() == []
        with held_back([signal.SIGUSR1]):
            signal.pthread_kill(threading.get_ident(), signal.SIGUSR1)
            assert pipe.take() == []
        assert pipe.take() == [signal.SIGUSR1]
    finally:
        pipe.close()
        signal.signal(signal.SIGUSR1, former)
