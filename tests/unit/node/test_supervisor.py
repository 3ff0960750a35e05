"""The supervisor with real children: restarts with back-off, drains, kills what does not end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from node.supervisor import Child, Supervisor
from storage.base.clock import ManualClock, SystemClock

pytestmark = pytest.mark.heavy


def _python(code: str) -> Callable[[str], list[str]]:
    return lambda role: [sys.executable, "-S", "-c", code]


def _until(condition: Callable[[], bool], timeout_s: float = 20.0) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.02)


def test_a_child_that_dies_is_started_again_and_a_stop_ends_it(tmp_path: Path) -> None:
    marks = tmp_path / "marks"
    code = (
        f"import pathlib, sys; marks = pathlib.Path({str(marks)!r})\n"
        "first = not marks.exists(); marks.open('a').write('x')\n"
        "sys.exit(3) if first else sys.stdin.read()"
    )
    supervisor, stop = Supervisor(_python(code), SystemClock(), roles=("one",)), Event()
    thread = Thread(target=supervisor.run, args=(stop,))
    thread.start()
    _until(lambda: marks.exists() and len(marks.read_text()) == 2)
    stop.set()
    thread.join(20.0)
    assert not thread.is_alive()
    assert not supervisor.children[0].running


def test_the_pause_before_a_restart_doubles_to_a_cap_and_forgets_after_a_steady_run() -> None:
    clock = ManualClock()
    supervisor = Supervisor(_python("raise SystemExit(1)"), clock, roles=("one",))
    child, pauses = Child("one"), []
    for _ in range(9):
        pauses.append(_crash(supervisor, child, clock, ran_s=1.0))
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert _crash(supervisor, child, clock, ran_s=61.0) == 0.5


def test_a_child_that_ignores_sigterm_is_killed() -> None:
    code = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(600)"
    supervisor = Supervisor(_python(code), SystemClock(), roles=("one",), drain_s=0.5)
    stop = Event()
    thread = Thread(target=supervisor.run, args=(stop,))
    thread.start()
    _until(lambda: bool(supervisor.children) and supervisor.children[0].running)
    time.sleep(0.5)
    stop.set()
    thread.join(20.0)
    assert not thread.is_alive()


def _crash(supervisor: Supervisor, child: Child, clock: ManualClock, ran_s: float) -> float:
    """Let the child run and die once; returns the pause that follows."""
    clock.sleep(max(0.0, child.restart_at_s - clock.monotonic_s()))
    supervisor._tend(child)
    assert child.process is not None
    child.process.wait(20.0)
    clock.sleep(ran_s)
    supervisor._tend(child)
    return child.restart_at_s - clock.monotonic_s()


def test_settings_are_taken_anew_by_the_receiver_alone(tmp_path: Path) -> None:
    """SIGHUP would end a role that doesn't take it."""
    marks = tmp_path / "marks"
    code = (
        f"import pathlib, signal, sys; marks = pathlib.Path({str(marks)!r})\n"
        "signal.signal(signal.SIGHUP, lambda *_: marks.open('a').write('h')) if sys.argv[1] == 'receiver' else None\n"
        "marks.open('a').write('s'); sys.stdin.read()"
    )
    supervisor = Supervisor(lambda role: [sys.executable, "-S", "-c", code, role], SystemClock(), roles=("receiver", "router"))
    stop, reload = Event(), Event()
    thread = Thread(target=supervisor.run, args=(stop, reload))
    thread.start()
    _until(lambda: marks.exists() and marks.read_text() == "ss")
    reload.set()
    _until(lambda: marks.read_text() == "ssh")
    time.sleep(0.3)
    assert all(child.running and child.crashes == 0 for child in supervisor.children)
    stop.set()
    thread.join(20.0)
    assert not thread.is_alive() and marks.read_text() == "ssh"
