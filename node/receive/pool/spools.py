"""Taking a spool at the start of a life: its former life's rest put in order, the new life on record."""

from __future__ import annotations

from node.receive.pool.config import ReceiverConfig
from node.receive.spool.reconcile import reconcile
from node.receive.spool.records import ReceiverStarted, ReceiverStopped
from node.receive.spool.spool import Spool, open_spool
from storage.base.clock import Clock
from storage.base.errors import ConfigError, TransientError
from storage.base.log import get_logger

_log = get_logger(__name__)

HELD = "spool-held"
# A former life's workers end by themselves: they finish an instance, or are being killed.
WAIT_S, LOOK_EVERY_S = 10.0, 0.05


def begin_spool(config: ReceiverConfig, name: str, clock: Clock) -> Spool:
    """Take a spool, waiting a while for a former life to let it go, and begin to use it.

    Raises
    ------
    ConfigError
        Another receiver holds it, or the disk can't be used.
    """
    end_s = clock.monotonic_s() + WAIT_S
    while True:
        try:
            spool = open_spool(config.spool, name, clock, config.minimum_free_bytes)
            break
        except ConfigError as error:
            if error.reason_code != HELD or clock.monotonic_s() >= end_s:
                raise
        clock.sleep(LOOK_EVERY_S)
    try:
        reconcile(spool.folders)
        spool.put_record(ReceiverStarted(spool.receiver, spool.boot, clock.utc()))
    except TransientError as error:
        spool.close()
        raise ConfigError(f"store.spool: {spool.folders.home}: {error.message}; free some space or choose another") from error
    return spool


def end_spool(spool: Spool, clock: Clock) -> None:
    """Let a spool go, the end of the life on record. Where that can't be written, the life counts as one that was cut off."""
    try:
        spool.put_record(ReceiverStopped(spool.receiver, spool.boot, clock.utc()))
    except TransientError as error:
        _log.warning("spool.end-not-written", receiver=spool.receiver, error_code=error.reason_code)
    finally:
        spool.close()


def settle_former(config: ReceiverConfig, clock: Clock) -> None:
    """Put in order the spools of workers that there are no more, and close what associations they left open.

    Raises
    ------
    ConfigError
        The disk can't be used.
    """
    current = {config.spool_of(worker) for worker in range(config.processes)}
    homes = [home for home in sorted(config.spool.glob(f"{config.receiver}*")) if (home / "state.json").exists()]
    for name in (home.name for home in homes if home.name not in current):
        if name != config.receiver and not name.removeprefix(f"{config.receiver}-").isdecimal():
            continue  # another receiver's, whose name begins like ours
        end_spool(begin_spool(config, name, clock), clock)
        _log.info("spool.settled", spool=name)
