"""The listening side: a stock pynetdicom server with our handlers, and how it starts and stops.

Absent on purpose: TLS and a fast path of our own; stock pynetdicom holds an object in memory while it arrives.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from threading import Thread
from typing import Any, cast

from pynetdicom import AE, _config
from pynetdicom.association import Association
from pynetdicom.transport import ThreadedAssociationServer

from node.receive.associate import negotiation
from node.receive.associate.admission import Admission
from node.receive.associate.sessions import Sessions
from node.receive.dataset.part10 import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from node.receive.spool.spool import Spool
from node.receive.stock.handlers import Handlers
from node.receive.store.storer import Storer
from storage.base.clock import Clock
from storage.base.errors import ConfigError
from storage.base.log import get_logger

_log = get_logger(__name__)

MAX_PDU_BYTES = 256 * 2**10
BACKLOG = 128
POLL_S = 0.25  # of the accept loop; pynetdicom collects garbage every sixty polls
ANSWER_S = 0.05
DRAIN_S = 15.0


@dataclass(frozen=True)
class Listen:
    """Where and how to listen; port 0 takes a free one."""

    host: str
    port: int
    max_associations: int


class _Server(ThreadedAssociationServer):
    request_queue_size = BACKLOG
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        _log.error("association.connection-failed", exc_info=True)


class StorageSCP:
    """A Storage and Verification SCP that writes to one spool."""

    def __init__(self, listen: Listen, admission: Admission, spool: Spool, clock: Clock) -> None:
        self._clock = clock
        self._sessions = Sessions(spool, clock)
        self._storer = Storer(spool, clock)
        quiet_pynetdicom()
        handlers = Handlers(admission, spool, self._sessions, self._storer)
        self._server = _make_server(listen, admission.ae_title, handlers.bindings())
        self._thread = Thread(target=self._server.serve_forever, args=(POLL_S,), name="accept", daemon=True)

    @property
    def port(self) -> int:
        """The port that we listen on."""
        return self._server.server_address[1]

    def start(self) -> None:
        """Begin to accept associations; returns at once."""
        self._thread.start()

    def tend(self) -> None:
        """Write the ends of associations that could not be written, or whose thread died without saying so."""
        for key in self._sessions.associations():
            if not cast(Association, key).is_alive():
                self._sessions.close(key, "lost")
        self._sessions.write_ends()

    def stop(self) -> None:
        """Accept nothing more, let each association finish its current instance, then abort it (PS3.8 9.3.8)."""
        self._storer.stopping = True
        self._server.shutdown()
        self._thread.join()
        deadline_s = self._clock.monotonic_s() + DRAIN_S
        for key in self._sessions.associations():
            self._finish(cast(Association, key), deadline_s)
        self.tend()

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


def _make_server(listen: Listen, ae_title: str, bindings: list[Any]) -> _Server:
    ae = AE(ae_title)
    ae.maximum_associations = listen.max_associations
    ae.maximum_pdu_size = MAX_PDU_BYTES
    ae.implementation_class_uid = IMPLEMENTATION_CLASS_UID
    ae.implementation_version_name = IMPLEMENTATION_VERSION_NAME
    make = cast(Callable[..., _Server], ae.make_server)
    try:
        server = make(
            (listen.host, listen.port),
            contexts=negotiation.supported_contexts([]),
            evt_handlers=bindings,
            server_class=_Server,
        )
    except OSError as error:
        mend = "stop the program that holds it or change node.port"
        where = f"{listen.host}:{listen.port}"
        raise ConfigError(f"node.port: {where} can't be used ({error.strerror}); {mend}", code="port") from error
    ae._servers.append(server)  # make_server leaves this to start_server; shutdown() takes it out again
    return server
