"""pynetdicom's view of the connection."""

from __future__ import annotations

from typing import Any

from pynetdicom.transport import AssociationSocket

from node.receive.fast.wire import Closed, Wire


class FastSocket(AssociationSocket):
    """pynetdicom's socket around a `Wire`."""

    def __init__(self, assoc: Any, wire: Wire) -> None:
        super().__init__(assoc, client_socket=wire.socket)
        self._wire = wire

    def send(self, bytestream: bytes) -> None:
        """Send within the deadline; a failure is a closed connection to the state machine (Evt17)."""
        try:
            self._wire.send(bytestream)
        except Closed:
            self.event_queue.put("Evt17")
