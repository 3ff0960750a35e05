"""One worker process: its spool, its SCP, and a main thread that waits for signals and for the end of its parent."""

from __future__ import annotations

import os
import select
import signal
from collections.abc import Callable

from node.receive.pool.config import ReceiverConfig
from node.receive.pool.doors import Doors
from node.receive.pool.scp import StorageSCP
from node.receive.pool.signals import SignalPipe
from node.receive.pool.spools import begin_spool, end_spool
from storage.base.clock import Clock
from storage.base.errors import ConfigError
from storage.base.log import get_logger

_log = get_logger(__name__)

TEND_S = 1.0
Load = Callable[[], ReceiverConfig]


class Worker:
    """Work number ``number`` of a receiver. ``parent`` is a pipe that ends with the process that forked this one."""

    def __init__(self, number: int, config: ReceiverConfig, doors: Doors, parent: int, clock: Clock, load: Load | None) -> None:
        self._number = number
        self._config = config
        self._doors = doors
        self._parent = parent
        self._clock = clock
        self._load = load

    def run(self, signals: SignalPipe, ready: Callable[[], None]) -> None:
        """Receive until SIGTERM; ``ready`` is called once associations are accepted.

        Raises
        ------
        ConfigError
            The spool or a certificate can't be used.
        """
        spool = begin_spool(self._config, self._config.spool_of(self._number), self._clock)
        try:
            scp = StorageSCP(self._doors, self._config, self._number, spool, self._clock)
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
        waiting.register(self._parent, select.POLLIN)
        while True:
            ready = [fd for fd, _ in waiting.poll(TEND_S * 1000.0)]
            if self._parent in ready:
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
