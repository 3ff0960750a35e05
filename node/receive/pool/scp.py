"""One worker's Storage and Verification SCP: its servers on the shared listening sockets, and how they start and stop."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence
from typing import cast

from pynetdicom import AE, _config
from pynetdicom.association import Association

from node.receive.associate.admission import Admission
from node.receive.associate.sessions import Sessions
from node.receive.dataset.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from node.receive.listen.accept import AcceptLoop
from node.receive.listen.connections import Connections
from node.receive.listen.server import Server
from node.receive.listen.sockets import Listen
from node.receive.listen.terms import NetworkPath, Terms
from node.receive.spool.spool import Spool
from node.receive.stock.handlers import Handlers
from node.receive.stock.path import STOCK
from node.receive.store.storer import Storer
from storage.base.clock import Clock

MAX_PDU_BYTES = 256 * 2**10
ANSWER_S = 0.05
DRAIN_S = 15.0


class StorageSCP:
    """A Storage and Verification SCP that writes to one spool."""

    def __init__(
        self, sockets: Sequence[socket.socket], listen: Listen, admission: Admission, spool: Spool, clock: Clock,
        path: NetworkPath = STOCK,
    ) -> None:  # fmt: skip
        self._clock = clock
        self._sessions = Sessions(spool, clock)
        self._storer = Storer(spool, clock)
        quiet_pynetdicom()
        handlers = Handlers(admission, spool, self._sessions, self._storer)
        connections = Connections(lambda host: 0, lambda place: None, clock)
        terms = Terms(path, handlers.bindings(), clock, listen.request_s, ended=self._ended)
        ae = _entity(admission.ae_title, listen.max_associations)
        self._accept = AcceptLoop([Server(ae, found, connections, terms) for found in sockets], clock)

    def start(self) -> None:
        """Begin to accept associations; returns at once."""
        self._accept.start()

    def tend(self) -> None:
        """Write the ends of associations that could not be written."""
        self._sessions.write_ends()

    def stop(self) -> None:
        """Accept nothing more, let each association finish its current instance, then abort it (PS3.8 9.3.8)."""
        self._storer.stopping = True
        self._accept.stop()
        deadline_s = self._clock.monotonic_s() + DRAIN_S
        for key in self._sessions.associations():
            self._finish(cast(Association, key), deadline_s)
        self.tend()

    def _ended(self, assoc: Association) -> None:
        """Close the session of an association whose thread has ended without saying so."""
        self._sessions.close(assoc, "lost")

    def _finish(self, assoc: Association, deadline_s: float) -> None:
        session = self._sessions.get(assoc)
        if session is None:
            return
        if session.busy.acquire(timeout=max(0.1, deadline_s - self._clock.monotonic_s())):
            session.busy.release()
        self._clock.sleep(ANSWER_S)  # the answer of a finished instance is on its way to the sender's queue
        assoc.abort()


def quiet_pynetdicom() -> None:
    """No pynetdicom handler may log a message's content: it holds patient data."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    logging.getLogger("pynetdicom").setLevel(logging.CRITICAL)


def _entity(ae_title: str, max_associations: int) -> AE:
    ae = AE(ae_title)
    ae.maximum_associations = max_associations
    ae.maximum_pdu_size = MAX_PDU_BYTES
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    return ae
