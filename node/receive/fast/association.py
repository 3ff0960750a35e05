"""One association from its connection to its end, in the thread that calls `FastAssociation.serve`."""

from __future__ import annotations

from threading import Event, Thread, get_ident
from typing import Any

from pynetdicom import events, evt
from pynetdicom._globals import MODE_ACCEPTOR, MODE_REQUESTOR
from pynetdicom.acse import ACSE
from pynetdicom.association import Association, ServiceUser
from pynetdicom.pdu_primitives import A_ASSOCIATE, A_P_ABORT, A_RELEASE
from pynetdicom.transport import AssociationSocket

from node.receive.desk.desk import Desk
from node.receive.fast.dimse import FastDIMSE
from node.receive.fast.dul import FastDUL
from node.receive.fast.limits import Limits
from node.receive.fast.messages import Context, Service, context
from node.receive.fast.pdata import Assembler
from node.receive.fast.wire import Wire
from node.receive.listen.sparing import Sparing
from storage.base.clock import Clock
from storage.base.log import get_logger

_log = get_logger(__name__)

_DEFAULTS: dict[Any, Any] = {event: (events.get_default_handler(event), None) for event in events._INTERVENTION_EVENTS}
_GO = Event()
_GO.set()


class FastAssociation(Association):
    """An association acceptor whose thread reads, stores and answers by itself."""

    def __init__(self, ae: Any, mode: str) -> None:
        # Not the parent's, but its parent's: that would make a second upper layer with a thread. A test holds what is set here
        # against what that sets.
        Thread.__init__(self, name="association", daemon=True)
        self._ae = ae
        self.mode = mode
        self._server = None
        self.requestor = ServiceUser(self, MODE_REQUESTOR)
        self.acceptor = ServiceUser(self, MODE_ACCEPTOR)
        self.is_established = self.is_rejected = self.is_aborted = self.is_released = False
        self._sent_abort = self._sent_release = self._kill = False
        self._accepted_cx = {}
        self._rejected_cx = []
        self.acse = ACSE(self)
        self.dul = self._fast = FastDUL(self)
        self.dimse = self._messages = FastDIMSE(self)
        self.acse_timeout = ae.acse_timeout
        self.connection_timeout = ae.connection_timeout
        self.dimse_timeout = ae.dimse_timeout
        self.network_timeout = ae.network_timeout
        self.network_timeout_response = "A-ABORT"
        self._handlers = _DEFAULTS.copy()
        self._started_dul = True
        self._is_paused = True  # nobody but this thread reads: pynetdicom's send_… methods needn't wait for another
        self._dul_ready = self._reactor_checkpoint = _GO
        self._timer_resolution = None
        self._owner = get_ident()

    def attach(self, wire: Wire, limits: Limits, clock: Clock, sparing: Sparing) -> AssociationSocket:
        """Take the connection; the answer is pynetdicom's socket around it."""
        return self._fast.attach(wire, limits, clock, sparing)

    def serve(self, desk: Desk, limits: Limits) -> None:
        """Serve the association until its end. The socket is shut down after it, and closed by who made it."""
        self._owner = get_ident()
        try:
            if self._establish():
                self._converse(desk, limits)
        except Exception as error:  # noqa: BLE001 - the outermost place of the association
            _log.error("association.failed", exc_info=error)
            self._fast.refuse("Evt19", 0)
            self._has_ended()
        finally:
            self.is_established = False
            self._messages.let_go()
            self._fast.close()

    def _establish(self) -> bool:
        """Read the request and answer it (PS3.8 7.1)."""
        self._fast.act()  # the connection itself: Evt5
        primitive = self._fast.receive_pdu(wait=True, timeout=self.acse_timeout)
        if not isinstance(primitive, A_ASSOCIATE):
            return False
        self.requestor.primitive = primitive
        evt.trigger(self, evt.EVT_REQUESTED, {})
        if not self.is_aborted and not self.is_rejected:
            self.acse.negotiate_association()
        return self.is_established

    def _converse(self, desk: Desk, limits: Limits) -> None:
        session = desk.sessions.get(self)
        contexts: dict[int, Context] = {
            number: context(str(accepted.abstract_syntax), str(accepted.transfer_syntax[0]))
            for number, accepted in self._accepted_cx.items()
        }
        peer_max = self.requestor.maximum_length or 0
        service = Service(desk, session, contexts, self._fast.send_bytes, self._messages, limits, peer_max)
        idle_s = limits.idle_s if session is None else session.grant.idle_s
        self._fast.converse(Assembler(contexts, service, limits.max_command_bytes), idle_s)
        while not self._has_ended():
            if self._fast.is_draining and self._fast.is_between_messages:
                self.acse.send_abort(0x00)
                continue
            self._read_on(desk)
            while self._messages.requests and not self._fast.is_over:
                number, message = self._messages.requests.popleft()
                self._serve_request(message, number)
                self._is_paused = True
            self._messages.let_go()

    def _read_on(self, desk: Desk) -> None:
        """Read a PDU; where the desk has something to send, no longer than until it wants to be asked."""
        look_s = desk.look_every_s(self)
        if look_s is None or self._fast.is_overdue:
            self._fast.pump()
            return
        self._fast.pump_until(lambda: bool(self._messages.requests), look_s)
        if self._fast.silent_s >= look_s and not self._messages.requests and not self._fast.is_over:
            desk.between_messages(self)

    def _has_ended(self) -> bool:
        """Whether the association is over; if so, says how to those who listen."""
        if self._fast.to_user_queue.empty() and not self._fast.is_over:
            return False
        primitive = self._fast.receive_pdu(wait=False)
        if isinstance(primitive, A_RELEASE) and self.is_established:
            self.acse.send_release(is_response=True)
            self.is_released = True
            self.is_established = False
            evt.trigger(self, evt.EVT_RELEASED, {})
        else:
            if primitive is None and not self._sent_abort and not self.is_aborted:
                evt.trigger(self, evt.EVT_ACSE_RECV, {"primitive": A_P_ABORT()})
            self.is_aborted = True
            self.is_established = False
            evt.trigger(self, evt.EVT_ABORTED, {})
        return True

    def _abort_blocking(self, block: bool = True) -> None:
        """What ``abort`` does: at once in the association's own thread; another thread's wish is left to that."""
        if self._sent_abort or self.is_released:
            return
        if get_ident() != self._owner:
            self._fast.interrupt()
            return
        self._sent_abort = True
        self.acse.send_abort(0x00)
        evt.trigger(self, evt.EVT_ABORTED, {})

    def kill(self) -> None:
        """End it; there is no other thread to be ended."""
        self._kill = True
        self.is_established = False
