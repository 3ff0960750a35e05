"""From an accepted connection to the end of its association, in one thread of its own."""

from __future__ import annotations

import contextlib
import socket
import ssl
from typing import Any

from pynetdicom import evt
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.association import Association
from pynetdicom.transport import AddressInformation, AssociationServer, RequestHandler

from node.receive.listen.connections import Connection
from node.receive.listen.sockets import prepare, readable
from node.receive.listen.terms import Terms
from node.receive.listen.tls import ServerTls


class ConnectionHandler(RequestHandler):
    """One connection: is its host welcome, TLS, then an association on the worker's network path until its end.

    An association is made when the first byte has come, since it costs much more than a connection.

    The association gets the attributes ``tls``, ``certificate``, ``connected_at_s`` and ``request_until_s``, both by the
    monotonic clock.
    """

    def __init__(
        self, connection: Connection, address: Any, server: AssociationServer, terms: Terms, tls: ServerTls | None
    ) -> None:
        self._connection = connection
        self._terms = terms
        self._tls = tls
        super().__init__(connection.socket, address, server)

    def handle(self) -> None:
        """Serve the connection; returns when the association has ended."""
        try:
            if not self._terms.may_connect(self._connection.host):
                self._tell("connection.refused", "host-not-admitted")
                return
            prepare(self._connection.socket)
            if self._tls is not None:
                self._shake_hands(self._tls.context())
            if not self._says_something():
                return
        except ssl.SSLError as error:
            self._tell("connection.refused", "tls", detail=error.reason or type(error).__name__)
        except TimeoutError:
            self._tell("connection.refused", "tls-handshake-too-slow")
        except OSError as error:
            self._tell("connection.lost", "error", errno=error.errno)
        else:
            self._associate()

    def finish(self) -> None:
        """Close the socket, whatever has become of the association."""
        close(self._connection.socket)

    def _shake_hands(self, context: ssl.SSLContext) -> None:
        """TLS, within the time that the peer has for its A-ASSOCIATE-RQ (PS3.15 B.12, PS3.8 9.1.5)."""
        wrapped = context.wrap_socket(self._connection.socket, server_side=True, do_handshake_on_connect=False)
        self._connection.socket = self.request = wrapped
        wrapped.settimeout(self._left_s())
        wrapped.do_handshake()
        wrapped.settimeout(None)

    def _says_something(self) -> bool:
        """Whether anything comes before the end of the connection or of the peer's time."""
        connected = self._connection.socket
        if not readable(connected, self._left_s()):
            self._tell("connection.refused", "silent")
            return False
        if self._tls is None and not connected.recv(1, socket.MSG_PEEK):
            self._tell("connection.lost", "silent")
            return False
        return True

    def _associate(self) -> None:
        assoc = self._create_association()
        self._connection.association = assoc
        try:
            evt.trigger(assoc, evt.EVT_CONN_OPEN, {"address": self.client_address})
            self._terms.path.run(assoc)
        finally:
            self._terms.ended(assoc)

    def _create_association(self) -> Association:
        """An acceptor as the parent makes it, but of our class, on our socket, and with the contexts shared (not copied)."""
        server, connection = self.server, self._connection
        assoc = self._terms.path.association_class(self.ae, MODE_ACCEPTOR)
        assoc._server = server
        assoc.name = "association"
        for fact, value in self._facts().items():
            setattr(assoc, fact, value)
        assoc.acse_timeout = self._left_s()
        assoc.set_socket(self._terms.path.make_socket(assoc, connection.socket, self._terms.clock))
        acceptor = assoc.acceptor
        acceptor.maximum_length = self.ae.maximum_pdu_size
        acceptor.ae_title = server.ae_title
        acceptor.address_info = AddressInformation.from_tuple(server.server_address)
        acceptor.implementation_class_uid = self.ae.implementation_class_uid
        acceptor.implementation_version_name = self.ae.implementation_version_name
        acceptor.supported_contexts = server.contexts
        assoc.requestor.address_info = self.remote
        for binding in self._terms.bindings:
            assoc.bind(*binding)
        return assoc

    def _facts(self) -> dict[str, Any]:
        """What admission wants to know of a connection: attributes of its association."""
        connected = self._connection.socket
        certificate = None
        if self._tls is not None and isinstance(connected, ssl.SSLSocket):
            certificate = self._tls.peer_certificate(connected)
        return {
            "tls": self._tls is not None,
            "certificate": certificate,
            "connected_at_s": self._connection.accepted_at_s,
            "request_until_s": self._until_s(),
        }

    def _until_s(self) -> float:
        """When, by the monotonic clock, the peer's A-ASSOCIATE-RQ must have come whole."""
        return self._connection.accepted_at_s + self._terms.request_s

    def _tell(self, event: str, reason: str, **facts: str | int | None) -> None:
        self._terms.sparing.tell(event, reason, self._connection.host, **facts)

    def _left_s(self) -> float:
        """How long the peer may still take to that."""
        return max(0.001, self._until_s() - self._terms.clock.monotonic_s())


def close(connected: socket.socket) -> None:
    """Close a socket that the peer may have closed before."""
    with contextlib.suppress(OSError):
        connected.shutdown(socket.SHUT_RDWR)
    connected.close()
