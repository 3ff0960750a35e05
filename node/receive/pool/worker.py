"""One worker process: its spool, its SCP, and a main thread that waits for signals and for the end of its parent."""

from __future__ import annotations

import os
import select
import signal
import sys
from collections.abc import Callable

import structlog

from node.receive.pool.channel import Channel
from node.receive.pool.config import ReceiverConfig
from node.receive.pool.doors import Doors
from node.receive.pool.scp import StorageSCP, quiet_pydicom
from node.receive.pool.signals import SignalPipe
from node.receive.pool.spools import begin_spool, end_spool
from storage.base.clock import Clock
from storage.base.errors import ConfigError
from storage.base.log import get_logger

_log = get_logger(__name__)

TEND_S = 1.0
Load = Callable[[], ReceiverConfig]


class Worker:
    """Worker ``number`` of a receiver, which takes orders by signals and ends with the process that forked it."""

    def __init__(
        self, number: int, config: ReceiverConfig, doors: Doors, channel: Channel, clock: Clock, load: Load | None
    ) -> None:
        self.number = number
        self.channel = channel
        self._config = config
        self._doors = doors
        self._clock = clock
        self._load = load

    def run(self, signals: SignalPipe, ready: Callable[[], None]) -> None:
        """Receive until SIGTERM; ``ready`` is called once associations are accepted.

        Raises
        ------
        ConfigError
            The spool or a certificate can't be used.
        """
        spool = begin_spool(self._config, self._config.spool_of(self.number), self._clock)
        try:
            scp = StorageSCP(self._doors, self._config, self.number, spool, self._clock)
            scp.start()
            _log.info("worker.ready", boot=spool.boot, path=self._config.path)
            ready()
            self._wait(signals, scp)
            scp.stop()
        except BaseException:
            spool.close()
            raise
        end_spool(spool, self._clock)
        _log.info("worker.stopped", boot=spool.boot)

    def _wait(self, signals: SignalPipe, scp: StorageSCP) -> None:
        waiting = select.poll()
        waiting.register(signals.fd, select.POLLIN)
        waiting.register(self.channel.parent, select.POLLIN)
        while True:
            ready = [fd for fd, _ in waiting.poll(TEND_S * 1000.0)]
            if self.channel.parent in ready:
                os._exit(1)  # a next life may begin at once, and needs the port and the spool
            arrived = signals.take()
            if signal.SIGTERM in arrived:
                return
            if signal.SIGHUP in arrived:
                self._reload(scp)
            scp.tend()

    def _reload(self, scp: StorageSCP) -> None:
        if self._load is None:
            return
        try:
            scp.replace_admission(self._load().admission)
        except ConfigError as error:
            _log.error("settings.not-taken", problem=error.message)
        else:
            _log.info("settings.taken")


def be_worker(worker: Worker) -> int:
    """Do a worker's work in this process, just forked with its parent's signals held back; returns the exit status."""
    structlog.contextvars.bind_contextvars(worker=worker.number)
    try:
        signals = SignalPipe((signal.SIGTERM, signal.SIGHUP))
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # of a terminal: the master gets it too, and tells us
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        quiet_pydicom()
        worker.run(signals, lambda: worker.channel.tell(ready=worker.number))
        return 0
    except ConfigError as error:
        worker.channel.tell(refused=error.message, code=error.reason_code)
    except BaseException as error:  # noqa: BLE001 - the outermost place of the process
        _log.critical("worker.failed", exc_info=error)
    finally:
        sys.stderr.flush()
    return 1
