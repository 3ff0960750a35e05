"""One association on the fast path, in the calling thread, whose reads from the connection are as short as a test wants."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

from pynetdicom import AE
from pynetdicom._globals import MODE_ACCEPTOR
from pynetdicom.transport import AddressInformation

from node.receive.associate.admission import Admission
from node.receive.associate.sessions import Sessions
from node.receive.desk.admissions import Admissions
from node.receive.desk.desk import Desk
from node.receive.desk.events import Handlers
from node.receive.fast.association import FastAssociation
from node.receive.fast.limits import Limits
from node.receive.fast.wire import Wire
from node.receive.spool.spool import Spool, open_spool
from node.receive.store.storer import Storer
from storage.base.clock import Clock, SystemClock
from tests.support.ports import LOOPBACK

SCANNER, WETREAD = "SCANNER", "WETREAD"
# Both ends wait for nothing long: a test that hangs says so soon.
LIMITS = Limits(request_s=5.0, pdu_s=5.0, idle_s=5.0, send_s=5.0, drain_s=5.0, linger_s=1.0)


class ShortReads(socket.socket):
    """A connected socket that reads no more at once than ``sizes`` say, then whatever is there."""

    sizes: Iterator[int] = iter(())

    def recv_into(self, buffer: memoryview, nbytes: int = 0, flags: int = 0) -> int:  # type: ignore[override]
        """As its parent, but shorter."""
        most = next(self.sizes, len(buffer))
        return super().recv_into(buffer[: max(1, most)], nbytes, flags)


def connected_pair() -> tuple[socket.socket, ShortReads]:
    """Both ends of a TCP connection on loopback; the second is ours."""
    with socket.create_server((LOOPBACK, 0)) as listening:
        peer = socket.create_connection(listening.getsockname())
        accepted, _ = listening.accept()
    return peer, ShortReads(fileno=accepted.detach())


class Counter:
    """A desk with its spool, and what an association on the fast path needs of a server."""

    def __init__(self, spool: Path, limits: Limits = LIMITS, clock: Clock | None = None) -> None:
        self.clock = clock or SystemClock()
        self.limits = limits
        self.spool: Spool = open_spool(spool, "receiver", self.clock, 0)
        self.sessions = Sessions(self.spool, self.clock)
        self.storer = Storer(self.spool, self.clock)
        self.admissions = Admissions(Admission(WETREAD, frozenset({SCANNER})))
        self.desk = Desk(self.admissions, self.spool, self.sessions, self.storer)
        self._ae = AE(WETREAD)
        self._ae.maximum_pdu_size = limits.max_pdu_bytes

    def close(self) -> None:
        """Let the spool go."""
        self.spool.close()

    def serve(self, ours: socket.socket, drain: int = -1, ready: Callable[[FastAssociation], None] = lambda assoc: None) -> None:
        """Serve one association until its end, then close the socket."""
        assoc = FastAssociation(self._ae, MODE_ACCEPTOR)
        wire = Wire(ours, self.clock, self.limits)
        if drain >= 0:
            wire.watch(drain)
        assoc.set_socket(assoc.attach(wire, self.limits, self.clock, self.desk.sparing))
        assoc.acceptor.maximum_length = self.limits.max_pdu_bytes
        assoc.acceptor.ae_title = WETREAD
        assoc.acse_timeout = self.limits.request_s
        assoc.acceptor.address_info = AddressInformation(LOOPBACK, 104)
        assoc.requestor.address_info = AddressInformation(LOOPBACK, 11112)
        for binding in Handlers(self.desk).shared_bindings():
            assoc.bind(*binding)
        ready(assoc)
        try:
            assoc.serve(self.desk, self.limits)
        finally:
            self.desk.ended(assoc)
            ours.close()


def exchange(counter: Counter, stream: bytes, sizes: Iterator[int]) -> bytes:
    """Send a whole association's bytes before the first is read; what came back until the connection's end."""
    peer, ours = connected_pair()
    ours.sizes = sizes
    with peer:
        peer.settimeout(10.0)
        peer.sendall(stream)
        peer.shutdown(socket.SHUT_WR)
        counter.serve(ours)
        answered = b""
        while piece := peer.recv(2**16):
            answered += piece
    return answered
