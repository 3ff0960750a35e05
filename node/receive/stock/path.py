"""The path of stock pynetdicom: its association and upper layer as they are, on a socket with deadlines."""

from __future__ import annotations

from pynetdicom.association import Association

from node.receive.listen.sockets import StockSocket
from node.receive.listen.terms import NetworkPath


def _run(assoc: Association) -> None:
    """Its reactors are two threads of their own; here we wait for their end."""
    assoc.start()
    assoc.join()


STOCK = NetworkPath("stock", Association, StockSocket, _run)
