"""The accept loop: one thread for all listening sockets of a worker, which waits for no peer."""

from __future__ import annotations

import os
import select
from collections.abc import Callable, Sequence
from contextvars import copy_context
from threading import Thread

from node.receive.listen.server import Server
from storage.base.clock import Clock
from storage.base.log import get_logger

_log = get_logger(__name__)

PAUSE_S = 0.1  # when there are no descriptors or memory: associations that end free some
TELL_EVERY_S = 60.0


class AcceptLoop:
    """Accepts for some servers in a thread of its own.

    ``lag_s`` says how long this worker should leave a waiting connection to the others before it takes it.
    """

    def __init__(self, servers: Sequence[Server], clock: Clock, lag_s: Callable[[], float] = lambda: 0.0) -> None:
        self._servers = {server.fileno(): server for server in servers}
        self._clock = clock
        self._lag_s = lag_s
        self._told_at_s: float | None = None
        self._wake_read, self._wake_write = os.pipe()
        self._thread = Thread(target=copy_context().run, args=(self._run,), name="accept", daemon=True)

    def start(self) -> None:
        """Begin to accept."""
        self._thread.start()

    def stop(self) -> None:
        """Accept nothing more; returns when no accept is going on."""
        os.write(self._wake_write, b"x")
        self._thread.join()
        for server in self._servers.values():
            server.server_close()
        os.close(self._wake_read)
        os.close(self._wake_write)

    def _run(self) -> None:
        waiting = select.poll()
        for fd in (*self._servers, self._wake_read):
            waiting.register(fd, select.POLLIN)
        while True:
            ready = [fd for fd, _ in waiting.poll()]
            if self._wake_read in ready:
                return
            lag_s = self._lag_s()
            if lag_s > 0.0:
                self._clock.sleep(lag_s)
            for fd in ready:
                self._accept(self._servers[fd])

    def _accept(self, server: Server) -> None:
        try:
            server.accept_one()
        except Exception as error:  # noqa: BLE001 - no descriptor, memory or thread now: the loop must go on
            self._tell(error)
            self._clock.sleep(PAUSE_S)

    def _tell(self, error: Exception) -> None:
        now_s = self._clock.monotonic_s()
        if self._told_at_s is None or now_s - self._told_at_s >= TELL_EVERY_S:
            self._told_at_s = now_s
            _log.error("receiver.accept-failed", errno=getattr(error, "errno", None), exc_info=error)
