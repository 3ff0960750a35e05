"""The fast path, as the listening side asks for one."""

from __future__ import annotations

import socket
from typing import cast

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from node.receive.desk.desk import Desk
from node.receive.fast.association import FastAssociation
from node.receive.fast.limits import Limits
from node.receive.fast.wire import Wire
from node.receive.listen.terms import NetworkPath
from storage.base.clock import Clock


def fast_path(desk: Desk, limits: Limits | None = None, drain: int = -1) -> NetworkPath:
    """Associations of `FastAssociation`; all of them end once the descriptor ``drain`` is readable, after the message at hand."""
    bounds = limits or Limits()

    def make_socket(assoc: Association, connected: socket.socket, clock: Clock) -> AssociationSocket:
        wire = Wire(connected, clock, bounds)
        if drain >= 0:
            wire.watch(drain)
        return cast(FastAssociation, assoc).attach(wire, bounds, clock, desk.sparing)

    def run(assoc: Association) -> None:
        cast(FastAssociation, assoc).serve(desk, bounds)

    return NetworkPath("fast", FastAssociation, make_socket, run)
