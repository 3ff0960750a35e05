"""The receiver role: opens the spool, puts it in order, listens, and ends without losing what it has acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from node.receive.associate.admission import Admission
from node.receive.listen.sockets import Listen, listen_on
from node.receive.pool.scp import StorageSCP
from node.receive.spool.reconcile import reconcile
from node.receive.spool.records import ReceiverStarted
from node.receive.spool.spool import Spool, open_spool
from node.settings import Settings
from storage.base.clock import Clock
from storage.base.errors import ConfigError, TransientError
from storage.base.log import get_logger

_log = get_logger(__name__)

RECEIVER = "receiver"
TEND_S = 1.0
_MIB = 2**20


@dataclass(frozen=True)
class ReceiverConfig:
    """What a receiver needs of the settings."""

    listen: Listen
    admission: Admission
    spool: Path
    minimum_free_bytes: int
    receiver: str = RECEIVER


def receiver_config(settings: Settings) -> ReceiverConfig:
    """The receiver's part of the settings."""
    node = settings.node
    return ReceiverConfig(
        listen=Listen(node.host, node.port, node.max_associations),
        admission=Admission(node.ae_title, settings.known_calling_ae_titles(), node.require_called_ae_title),
        spool=settings.store.spool,
        minimum_free_bytes=settings.store.minimum_free_mb * _MIB,
    )


def run_receiver(settings: Settings, clock: Clock, stop: Event) -> None:
    """Receive until ``stop`` is set.

    Raises
    ------
    ConfigError
        The port or the spool can't be used.
    """
    receive(receiver_config(settings), clock, stop)


def receive(config: ReceiverConfig, clock: Clock, stop: Event, ready: Callable[[int], None] = lambda port: None) -> None:
    """As `run_receiver`; ``ready`` is told the real port once associations are accepted."""
    spool = open_spool(config.spool, config.receiver, clock, config.minimum_free_bytes)
    try:
        _begin(spool, clock)
        listening = listen_on(config.listen.host, config.listen.port)
        port = listening.getsockname()[1]
        scp = StorageSCP([listening], config.listen, config.admission, spool, clock)
        scp.start()
        _log.info(
            "receiver.listening",
            host=config.listen.host,
            port=port,
            ae_title=config.admission.ae_title,
            boot=spool.boot,
            known_ae_titles=len(config.admission.calling),
        )
        ready(port)
        while not stop.wait(TEND_S):
            scp.tend()
        scp.stop()
        _log.info("receiver.stopped", boot=spool.boot)
    finally:
        spool.close()


def _begin(spool: Spool, clock: Clock) -> None:
    """Put the former life's rest in order and record that this one began."""
    try:
        reconcile(spool.folders)
        spool.put_record(ReceiverStarted(spool.receiver, spool.boot, clock.utc()))
    except TransientError as error:
        raise ConfigError(f"store.spool: {spool.folders.home}: {error.message}; free some space or choose another") from error
