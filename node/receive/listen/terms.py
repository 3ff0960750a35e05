"""What a worker's connections have in common, whichever port they come by, and the network path that carries them."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from node.receive.listen.sparing import Sparing
from storage.base.clock import Clock


@dataclass(frozen=True)
class NetworkPath:
    """How associations are carried: ``run`` serves one, in the calling thread, and returns at its end.

    ``make_socket`` wraps the connected socket as pynetdicom's transport.
    """

    name: str
    association_class: type[Association]
    make_socket: Callable[[Association, socket.socket, Clock], AssociationSocket]
    run: Callable[[Association], None]


@dataclass(frozen=True)
class Terms:
    """``bindings``: events and handlers as pynetdicom takes them. ``may_connect``: is a host worth reading a byte from?

    ``request_s``: from the connection to the whole A-ASSOCIATE-RQ, a TLS handshake included. ``ended`` is told when the thread
    of an association has done with it, however that came.
    """

    path: NetworkPath
    bindings: list[Any]
    clock: Clock
    sparing: Sparing
    request_s: float = 30.0
    may_connect: Callable[[str], bool] = lambda host: True
    ended: Callable[[Association], None] = lambda assoc: None
