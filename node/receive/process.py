"""The receiver role: what it takes from the settings, as a pool of processes or, for a test or a tool, within this process."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from threading import Event

from node.receive.associate.configure import admission_of
from node.receive.fast.limits import Limits
from node.receive.listen.sockets import Listen, raise_descriptor_limit
from node.receive.listen.tls import tls_of
from node.receive.pool.config import RECEIVER, ReceiverConfig
from node.receive.pool.doors import open_doors
from node.receive.pool.master import Master
from node.receive.pool.scp import StorageSCP
from node.receive.pool.spools import begin_spool, end_spool
from node.settings import Settings, load_settings
from storage.base.clock import Clock
from storage.base.log import get_logger

__all__ = ["RECEIVER", "ReceiverConfig", "receive", "receiver_config", "run_receiver"]

_log = get_logger(__name__)

TEND_S = 1.0
_KIB, _MIB = 2**10, 2**20
_MOST_PROCESSES = 4


def receiver_config(settings: Settings) -> ReceiverConfig:
    """The receiver's part of the settings."""
    node, given = settings.node, settings.receive
    per_host = given.max_per_host or max(1, node.max_associations * 4 // 5)
    return ReceiverConfig(
        listen=Listen(node.host, node.port, node.max_associations, per_host, request_s=given.request_s),
        admission=admission_of(settings),
        spool=settings.store.spool,
        minimum_free_bytes=settings.store.minimum_free_mb * _MIB,
        processes=given.processes or min(_MOST_PROCESSES, os.cpu_count() or 1),
        path=given.path,
        limits=Limits(
            request_s=given.request_s,
            pdu_s=given.pdu_s,
            idle_s=given.idle_s,
            send_s=given.send_s,
            max_pdu_bytes=given.max_pdu_kb * _KIB,
        ),
        tls=tls_of(settings),
        tls_only=settings.tls is not None and settings.tls.only,
    )


def run_receiver(path: Path | None, clock: Clock, parent: int | None = None) -> None:
    """Receive with the settings of a file until SIGTERM, or until the descriptor ``parent`` comes to its end.

    Raises
    ------
    ConfigError
        A setting, a port, a certificate or the spool can't be used.
    """
    config = receiver_config(load_settings(path))
    raise_descriptor_limit()
    Master(config, clock, lambda: receiver_config(load_settings(path))).run(parent)


def receive(config: ReceiverConfig, clock: Clock, stop: Event, ready: Callable[[int], None] = lambda port: None) -> None:
    """One receiver within this process, on the spool ``config.receiver``, until ``stop`` is set; ``ready`` is told the port.

    Raises
    ------
    ConfigError
        The port or the spool can't be used.
    """
    spool = begin_spool(config, config.receiver, clock)
    try:
        doors = open_doors(config)
        try:
            scp = StorageSCP(doors, config, 0, spool, clock)
            scp.start()
            _log.info("receiver.listening", host=config.listen.host, port=doors.port, boot=spool.boot)
            ready(doors.port or doors.tls_port or 0)
            while not stop.wait(TEND_S):
                scp.tend()
            scp.stop()
        finally:
            doors.close()
    except BaseException:
        spool.close()
        raise
    end_spool(spool, clock)
    _log.info("receiver.stopped", boot=spool.boot)
