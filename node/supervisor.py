"""`wetread serve`: one child process per role, restarted with back-off, drained on SIGTERM.

A child dies with us: it reads its standard input, a pipe of ours, and stops at end-of-file. Nothing is forked after threads or
torch; each child is a fresh interpreter running the same command with `--role`.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread

from storage.base.clock import Clock
from storage.base.log import get_logger

_log = get_logger(__name__)

ROLES = ("receiver", "router", "dispatcher", "deliverer")
RELOADING = ("receiver",)  # roles that take SIGHUP; it ends the others
POLL_S = 0.2
RESTART_BASE_S = 0.5
RESTART_CAP_S = 30.0
# A child that has run this long has recovered: its next crash starts the back-off anew.
STEADY_S = 60.0
DRAIN_S = 30.0
_SERVE = [sys.executable, "-m", "node.cli", "serve"]


@dataclass
class Child:
    """One role's process and how often it crashed of late."""

    role: str
    process: subprocess.Popen[bytes] | None = None
    started_s: float = 0.0
    crashes: int = 0
    restart_at_s: float = 0.0

    @property
    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None


@dataclass
class Supervisor:
    """Keeps the roles running; ``command`` gives the argument list of a role."""

    command: Callable[[str], list[str]]
    clock: Clock
    roles: Sequence[str] = ROLES
    drain_s: float = DRAIN_S
    children: list[Child] = field(default_factory=list)

    def run(self, stop: Event, reload: Event | None = None) -> int:
        """Serve until ``stop``; returns the exit status. Each time ``reload`` is set, the receiver takes the settings anew."""
        self.children = [Child(role) for role in self.roles]
        try:
            while not stop.is_set():
                for child in self.children:
                    self._tend(child)
                if reload is not None and reload.is_set():
                    reload.clear()
                    self._reload()
                stop.wait(POLL_S)
        finally:
            self._drain()
        return 0

    def _tend(self, child: Child) -> None:
        if child.running:
            return
        now_s = self.clock.monotonic_s()
        if child.process is not None:
            self._note_crash(child, now_s)
        elif now_s >= child.restart_at_s:
            self._start(child, now_s)

    def _note_crash(self, child: Child, now_s: float) -> None:
        assert child.process is not None
        child.crashes = 1 if now_s - child.started_s > STEADY_S else child.crashes + 1
        delay_s = min(RESTART_CAP_S, RESTART_BASE_S * 2.0 ** min(child.crashes - 1, 10))
        child.restart_at_s = now_s + delay_s
        _log.error("role.died", role=child.role, exit_status=child.process.returncode, restart_in_s=delay_s)
        _close_pipe(child.process)
        child.process = None

    def _start(self, child: Child, now_s: float) -> None:
        try:
            child.process = subprocess.Popen(self.command(child.role), stdin=subprocess.PIPE, start_new_session=True)
        except OSError as error:  # no memory or no process slot now: the other roles go on
            child.restart_at_s = now_s + RESTART_CAP_S
            _log.error("role.not-started", role=child.role, errno=error.errno, again_in_s=RESTART_CAP_S)
            return
        child.started_s = now_s
        _log.info("role.started", role=child.role, pid=child.process.pid)

    def _reload(self) -> None:
        for child in self.children:
            if child.role in RELOADING and child.process is not None and child.running:
                child.process.send_signal(signal.SIGHUP)

    def _drain(self) -> None:
        """Ask all children to finish, then wait for them together, then end what is left."""
        alive = [child.process for child in self.children if child.process is not None and child.running]
        for process in alive:
            process.terminate()
        deadline_s = self.clock.monotonic_s() + self.drain_s
        for process in alive:
            try:
                process.wait(max(0.1, deadline_s - self.clock.monotonic_s()))
            except subprocess.TimeoutExpired:
                _log.error("role.killed", pid=process.pid, after_s=self.drain_s)
                process.kill()
                process.wait()
            _close_pipe(process)


def _close_pipe(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()


def receiver_command(config: Path | None, *, child: bool = True) -> list[str]:
    """How the receiver is run: by itself, since its processes are forked and many, and carry nothing they don't need."""
    given = [] if config is None else ["--config", str(config)]
    return [sys.executable, "-m", "node.receive", *(["--child"] if child else []), *given]


def role_command(config: Path | None) -> Callable[[str], list[str]]:
    """How `wetread serve` runs a role. ``config`` None means the built-in defaults and the environment."""
    given = [] if config is None else ["--config", str(config)]
    return lambda role: receiver_command(config) if role == "receiver" else [*_SERVE, "--role", role, "--child", *given]


def stop_on_signals() -> Event:
    """An event that SIGTERM and SIGINT set."""
    stop = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def reload_on_signal() -> Event:
    """An event that SIGHUP sets."""
    reload = Event()
    signal.signal(signal.SIGHUP, lambda *_: reload.set())
    return reload


def stop_with_parent(stop: Event) -> None:
    """Set ``stop`` when the supervisor's end of our standard input closes, and leave hard if the role does not end then."""

    def watch() -> None:
        while os.read(0, 4096):
            pass
        stop.set()
        Event().wait(DRAIN_S)
        os._exit(1)

    Thread(target=watch, name="parent-watch", daemon=True).start()
