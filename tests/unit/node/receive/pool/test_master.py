"""When a worker that died is started again, and signals as bytes of a pipe."""

from __future__ import annotations

import signal
import threading
from pathlib import Path

import pytest

from node.receive.associate.admission import Admission
from node.receive.listen.sockets import Listen
from node.receive.pool.config import ReceiverConfig
from node.receive.pool.doors import open_doors
from node.receive.pool.master import RESTART_CAP_S, STEADY_S, Master
from node.receive.pool.signals import SignalPipe, held_back
from storage.base.clock import ManualClock
from tests.support.ports import LOOPBACK


def _pauses(tmp_path: Path, lives_s: list[float]) -> list[float]:
    """How long a worker stays away after lives of these lengths."""
    clock = ManualClock()
    config = ReceiverConfig(Listen(LOOPBACK, 0, 2), Admission("WETREAD", frozenset({"CT"})), tmp_path, 0)
    master = Master(config, clock)
    master._doors = open_doors(config)
    (seat,), pauses = master._seats, []
    for life_s in lives_s:
        seat.started_s = clock.monotonic_s()
        clock.sleep(life_s)
        master._note_end(seat, 1)
        pauses.append(seat.start_at_s - clock.monotonic_s())
        clock.sleep(pauses[-1])
    master._doors.close()
    return pauses


def test_who_dies_young_again_and_again_is_started_less_and_less_often(tmp_path: Path) -> None:
    pauses = [round(pause, 6) for pause in _pauses(tmp_path, [0.1] * 9)]
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, RESTART_CAP_S, RESTART_CAP_S]


def test_who_was_well_is_started_again_at_once(tmp_path: Path) -> None:
    assert _pauses(tmp_path, [0.1, 0.1, STEADY_S + 1, 0.1])[2:] == pytest.approx([0.0, 0.05])


def test_very_many_deaths_are_counted_without_end(tmp_path: Path) -> None:
    assert _pauses(tmp_path, [0.0] * 2000)[-1] == pytest.approx(RESTART_CAP_S)


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
