"""pynetdicom's association server on a listening socket that others share, with our bounds and without its waits.

What differs from its parent: the socket is given, accepting never blocks, TLS is left to the connection's thread, and no periodic
garbage collection is run.
"""

from __future__ import annotations

import socket
from contextvars import copy_context
from threading import Thread
from typing import Any, cast

from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.transport import ThreadedAssociationServer

from node.receive.associate import negotiation
from node.receive.listen.connections import Connection, Connections
from node.receive.listen.handler import ConnectionHandler, close
from node.receive.listen.terms import Terms
from node.receive.listen.tls import ServerTls
from storage.base.log import get_logger

_log = get_logger(__name__)


class Server(ThreadedAssociationServer):
    """Accepts on one listening socket; each connection gets a thread."""

    def __init__(
        self, ae: AE, listening: socket.socket, connections: Connections, terms: Terms, tls: ServerTls | None = None
    ) -> None:
        self._listening = listening
        self._connections = connections
        self._terms = terms
        self._tls = tls
        super().__init__(ae, listening.getsockname(), ae.ae_title, negotiation.supported_contexts([]))

    @property
    def active_associations(self) -> list[Association]:
        """The associations of this process; pynetdicom would look through the names of all threads."""
        return self._connections.associations()

    def server_bind(self) -> None:
        """Take the listening socket in place of the one that the parent has made."""
        cast(socket.socket, self.socket).close()
        self.socket = self._listening

    def server_activate(self) -> None:
        """The socket listens already."""

    def server_close(self) -> None:
        """Close our descriptor alone: other processes go on listening."""
        self._listening.close()

    def accept_one(self) -> bool:
        """Accept a connection if one waits, and give it a thread; whether one was there.

        Raises
        ------
        OSError
            No descriptors or memory now.
        RuntimeError
            No thread can be started now.
        """
        try:
            accepted, address = self._listening.accept()
        except (BlockingIOError, ConnectionAbortedError, InterruptedError):
            return False  # another worker has it, or it is gone
        connection = self._connections.enter(accepted, address[0])
        if connection is None:
            self._terms.sparing.tell("connection.refused", "too-many-connections", address[0])
            close(accepted)
            return True
        try:
            serve = copy_context().run  # what this process's log lines have in common joins those of the thread too
            Thread(target=serve, args=(self._serve, connection, address), name="connection", daemon=True).start()
        except RuntimeError:
            self._close(connection)
            raise
        return True

    def _serve(self, connection: Connection, address: Any) -> None:
        try:
            ConnectionHandler(connection, address, self, self._terms, self._tls)
        except Exception as error:  # noqa: BLE001 - the outermost place of the thread: one connection's failure is its own
            _log.error("connection.failed", host=connection.host, exc_info=error)
        finally:
            self._close(connection)

    def _close(self, connection: Connection) -> None:
        close(connection.socket)
        self._connections.leave(connection)
