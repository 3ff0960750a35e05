"""The process that keeps the receiver's workers running. It has one thread and holds no association: it can be forked safely.

All workers accept on the listening sockets that this process has bound. One that dies is forked anew at once, and its counts are
cleared; the others don't notice.
"""

from __future__ import annotations

import gc
import os
import select
import signal
from collections.abc import Callable
from dataclasses import replace

from node.receive.pool.channel import Channel
from node.receive.pool.config import ReceiverConfig
from node.receive.pool.doors import Doors, open_doors
from node.receive.pool.seat import RESTART_CAP_S, Seat
from node.receive.pool.signals import SignalPipe, die_with, held_back
from node.receive.pool.spools import settle_former
from node.receive.pool.worker import Load, Worker, be_worker
from storage.base.clock import Clock
from storage.base.errors import ConfigError
from storage.base.log import get_logger

_log = get_logger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
WAIT_S, LOOK_EVERY_S = 3.0, 0.05
DRAIN_S = 20.0  # for the workers, which take less


class Master:
    """Runs the workers of one receiver. ``load`` reads the settings anew at SIGHUP; ``ready`` is told the port once one works."""

    def __init__(
        self,
        config: ReceiverConfig,
        clock: Clock,
        load: Load | None = None,
        ready: Callable[[int], None] = lambda port: None,
    ) -> None:
        self._config = config
        self._clock = clock
        self._load = load
        self._ready = ready
        self._is_ready = False
        self._stop_at_s: float | None = None
        self._seats = [Seat(number) for number in range(config.processes)]

    def run(self, parent: int | None = None) -> None:
        """Receive until SIGTERM or SIGINT, or until the descriptor ``parent`` comes to its end.

        Raises
        ------
        ConfigError
            A port, a certificate or a spool can't be used.
        """
        settle_former(self._config, self._clock)
        with held_back(_SIGNALS):  # who finds us listening may tell us to stop: it must not end us without a word
            self._doors = self._take_doors()
            self._channel = Channel()
            self._signals = SignalPipe(_SIGNALS)
        gc.collect()
        gc.freeze()  # what is here now is shared with all workers: no collection shall touch, and so copy, its pages
        try:
            self._serve(parent)
        finally:
            self._kill()
            self._doors.close()
            self._signals.close()
            self._channel.close()
        _log.info("receiver.stopped")

    def _take_doors(self) -> Doors:
        """Bind the ports; a killed former life's workers may still be about to let them go."""
        end_s = self._clock.monotonic_s() + WAIT_S
        while True:
            try:
                return open_doors(self._config)
            except ConfigError:
                if self._clock.monotonic_s() >= end_s:
                    raise
            self._clock.sleep(LOOK_EVERY_S)

    def _serve(self, parent: int | None) -> None:
        waiting = select.poll()
        for fd in (self._signals.fd, self._channel.told, *([] if parent is None else [parent])):
            waiting.register(fd, select.POLLIN)
        while True:
            self._start_due()
            if self._stop_at_s is not None and not any(seat.pid for seat in self._seats):
                return
            ready = [fd for fd, _ in waiting.poll(self._pause_ms())]
            if self._channel.told in ready:
                self._hear()
            if parent in ready and not os.read(parent, 4096):
                waiting.unregister(parent)
                self._drain()
            for number in self._signals.take():
                self._obey(number)
            if self._stop_at_s is not None and self._clock.monotonic_s() >= self._stop_at_s:
                self._kill()

    def _obey(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._reap()
        elif number == signal.SIGHUP:
            self._reload()
        elif self._stop_at_s is None:
            self._drain()
        else:
            self._kill()

    def _pause_ms(self) -> float | None:
        """Until when nothing is to be done by itself."""
        due = [seat.start_at_s for seat in self._seats if seat.pid is None and self._stop_at_s is None]
        if self._stop_at_s is not None:
            due.append(self._stop_at_s)
        return max(0.0, 1000.0 * (min(due) - self._clock.monotonic_s())) + 1.0 if due else None

    def _start_due(self) -> None:
        now_s = self._clock.monotonic_s()
        for seat in self._seats:
            if self._stop_at_s is None and seat.is_due(now_s):
                self._start(seat, now_s)

    def _start(self, seat: Seat, now_s: float) -> None:
        seat.started_s = now_s
        master = os.getpid()
        try:
            with held_back(_SIGNALS):
                seat.pid = os.fork()
                if seat.pid == 0:
                    self._work(seat.number, master)
        except OSError as error:
            seat.pid = None
            seat.start_at_s = now_s + RESTART_CAP_S
            _log.error("worker.not-started", worker=seat.number, errno=error.errno, again_in_s=RESTART_CAP_S)
        else:
            _log.info("worker.started", worker=seat.number, worker_pid=seat.pid)

    def _work(self, number: int, master: int) -> None:
        """In the child: be a worker, and never come back."""
        try:
            die_with(master)
            self._signals.close()
            self._channel.keep_workers_ends()
            os._exit(be_worker(Worker(number, self._config, self._doors, self._channel, self._clock, self._load)))
        except BaseException as error:  # noqa: BLE001 - the outermost place of the process
            _log.critical("worker.failed", exc_info=error)
        finally:
            os._exit(1)

    def _hear(self) -> None:
        for told in self._channel.hear():
            if "ready" in told and not self._is_ready:
                self._is_ready = True
                if self._stop_at_s is None:  # told to stop before: it listens no more
                    self._announce()
            elif "refused" in told:
                if not self._is_ready:
                    raise ConfigError(told["refused"], code=told["code"])
                _log.error("worker.refused", problem=told["refused"])

    def _announce(self) -> None:
        config, doors = self._config, self._doors
        _log.info(
            "receiver.listening",
            host=config.listen.host,
            port=doors.port,
            tls_port=doors.tls_port,
            ae_title=config.admission.ae_title,
            workers=config.processes,
        )
        self._ready(doors.port or doors.tls_port or 0)

    def _reap(self) -> None:
        """Learn who has died, and when each is to be started again."""
        for seat in self._seats:
            if seat.pid is None:
                continue
            pid, status = os.waitpid(seat.pid, os.WNOHANG)
            if pid:
                self._note_end(seat, os.waitstatus_to_exitcode(status))

    def _note_end(self, seat: Seat, exit_status: int) -> None:
        pid, delay_s = seat.pid, seat.note_end(self._clock.monotonic_s())
        self._doors.clear(seat.number)
        if self._stop_at_s is None:
            _log.error("worker.died", worker=seat.number, worker_pid=pid, exit_status=exit_status, restart_in_s=delay_s)

    def _reload(self) -> None:
        """Take settings anew if they can be used, and have the workers do so."""
        if self._load is None:
            return
        try:
            self._config = replace(self._config, admission=self._load().admission)
        except ConfigError as error:
            _log.error("settings.not-taken", problem=error.message)
            return
        self._signal(signal.SIGHUP)

    def _drain(self) -> None:
        """Listen no more, and let the workers finish what they have begun."""
        self._stop_at_s = self._clock.monotonic_s() + DRAIN_S
        self._doors.shut()
        self._signal(signal.SIGTERM)

    def _kill(self) -> None:
        """End what is left, now."""
        for seat in self._seats:
            if seat.pid is not None:
                _log.error("worker.killed", worker=seat.number, worker_pid=seat.pid)
                os.kill(seat.pid, signal.SIGKILL)
                os.waitpid(seat.pid, 0)
                seat.pid = None

    def _signal(self, number: signal.Signals) -> None:
        for seat in self._seats:
            if seat.pid is not None:
                os.kill(seat.pid, number)
