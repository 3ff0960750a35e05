"""One worker's Storage and Verification SCP: its servers on the shared listening sockets, and how they start and stop."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Callable, Hashable
from contextvars import copy_context
from functools import partial
from typing import Any, cast

from pydicom import config as pydicom_config
from pynetdicom import AE, _config, dimse
from pynetdicom.association import Association

from node.receive.associate.admission import Admission
from node.receive.associate.sessions import Sessions
from node.receive.dataset.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from node.receive.desk.admissions import Admissions
from node.receive.desk.desk import Desk
from node.receive.desk.events import Handlers
from node.receive.fast.path import fast_path
from node.receive.listen.accept import AcceptLoop
from node.receive.listen.connections import Connections
from node.receive.listen.server import Server
from node.receive.listen.sparing import Sparing
from node.receive.listen.terms import Terms
from node.receive.listen.tls import ServerTls
from node.receive.pool.config import ReceiverConfig
from node.receive.pool.doors import Doors
from node.receive.spool.spool import Spool
from node.receive.stock.path import STOCK
from node.receive.store.storer import Storer
from storage.base.clock import Clock

ANSWER_S = 0.05
LOOK_EVERY_S = 0.02
DRAIN_S = 15.0
LAG_S, MOST_LAG_S = 0.01, 0.05


class StorageSCP:
    """A Storage and Verification SCP that writes to one spool."""

    def __init__(self, doors: Doors, config: ReceiverConfig, worker: int, spool: Spool, clock: Clock) -> None:
        quiet_pynetdicom()
        self._clock = clock
        self._sessions = Sessions(spool, clock)
        self._storer = Storer(spool, clock)
        self._admissions = Admissions(config.admission)
        places = doors.associations.of(worker)
        self._desk = Desk(self._admissions, spool, self._sessions, self._storer, places)
        self._is_fast = config.path == "fast"
        self._drain_read, self._drain_write = os.pipe()
        self._places = doors.connections.of(worker)
        self._sparing = Sparing(clock)
        self._connections = Connections(self._places, clock, self._sparing)
        self._accept = AcceptLoop(self._servers(doors, config), clock, self._lag_s)

    def _servers(self, doors: Doors, config: ReceiverConfig) -> list[Server]:
        handlers = Handlers(self._desk)
        path = fast_path(self._desk, config.limits, self._drain_read) if self._is_fast else STOCK
        bindings = handlers.shared_bindings() if self._is_fast else handlers.bindings()
        request_s = config.listen.request_s
        terms = Terms(path, bindings, self._clock, self._sparing, request_s, self._may_connect, self._desk.ended)
        ae = _entity(config.admission.ae_title, config.limits.max_pdu_bytes)
        servers = []
        if doors.plain is not None:
            servers.append(Server(ae, doors.plain, self._connections, terms))
        if doors.tls is not None and config.tls is not None:
            servers.append(Server(ae, doors.tls, self._connections, terms, ServerTls(config.tls, self._clock)))
        return servers

    def start(self) -> None:
        """Begin to accept associations; returns at once."""
        self._places.set_alive(True)
        self._accept.start()

    def tend(self) -> None:
        """Write the ends of associations that could not be written."""
        self._sessions.write_ends()

    def replace_admission(self, admission: Admission) -> None:
        """From now on this decides who may do what."""
        self._admissions.replace(admission)

    def stop(self) -> None:
        """Accept nothing more, let each association finish its current instance, then abort it (PS3.8 9.3.8)."""
        self._storer.stopping = True
        self._places.set_alive(False)
        self._accept.stop()
        deadline_s = self._clock.monotonic_s() + DRAIN_S
        os.close(self._drain_write)  # associations on the fast path see it and end by themselves
        if not self._is_fast:
            for key in self._sessions.associations():
                self._finish(key, deadline_s)
        self._connections.cut_half_open()
        while len(self._connections) and self._clock.monotonic_s() < deadline_s:
            self._clock.sleep(LOOK_EVERY_S)  # a connection's thread ends after the end of its association is on record
        if not len(self._connections):
            os.close(self._drain_read)
        self.tend()

    def _may_connect(self, host: str) -> bool:
        return self._admissions.current.may_connect(host)

    def _lag_s(self) -> float:
        """How long to leave a connection to workers with fewer: so that few long associations spread over all of them."""
        return min(MOST_LAG_S, LAG_S * self._places.excess())

    def _finish(self, key: Hashable, deadline_s: float) -> None:
        session = self._sessions.get(key)
        if session is None:
            return
        if session.busy.acquire(timeout=max(0.1, deadline_s - self._clock.monotonic_s())):
            session.busy.release()
        self._clock.sleep(ANSWER_S)  # the answer of a finished instance is on its way to the sender's queue
        cast(Association, key).abort()


def quiet_pynetdicom() -> None:
    """No pynetdicom handler may log a message's content: it holds patient data. Its threads log what our lines have in common."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    _config.PASS_CONTEXTVARS = True
    # 3.0.4's own lets the thread of an N-EVENT-REPORT die of its arguments.
    dimse.make_target = _in_this_context  # type: ignore[attr-defined,assignment]
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


def quiet_pydicom() -> None:
    """For a process that does nothing but receive: what pydicom finds odd in a peer's bytes is not told and not remembered.

    A request that nobody has admitted yet could make thousands of lines, and texts that the process would keep for ever.
    """
    pydicom_config.settings.reading_validation_mode = pydicom_config.IGNORE
    logging.getLogger("pydicom").setLevel(logging.CRITICAL)
    warnings.simplefilter("ignore")


def _in_this_context(target: Callable[..., Any]) -> Callable[..., Any]:
    return partial(copy_context().run, target)


class _Entity(AE):
    """An application entity that leaves the count of associations to `node.receive.associate.places`."""

    @property
    def active_associations(self) -> list[Association]:
        return []


def _entity(ae_title: str, max_pdu_bytes: int) -> AE:
    ae = _Entity(ae_title)
    ae.maximum_pdu_size = max_pdu_bytes
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    return ae
