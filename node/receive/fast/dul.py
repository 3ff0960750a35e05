"""pynetdicom's upper layer without its thread: the association's thread pumps it, PDU by PDU.

The state machine and the coders of association, release and abort are pynetdicom's; P-DATA-TF goes to the assembler.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from socket import SHUT_RD
from typing import Any

from pynetdicom import evt
from pynetdicom.dul import DULServiceProvider
from pynetdicom.fsm import TRANSITION_TABLE, StateMachine
from pynetdicom.pdu import A_ABORT_RQ
from pynetdicom.pdu_primitives import A_ABORT, A_ASSOCIATE, A_P_ABORT, A_RELEASE
from pynetdicom.transport import AssociationSocket

from node.receive.fast.limits import Limits
from node.receive.fast.lines import Line
from node.receive.fast.pdata import Assembler, ProtocolError
from node.receive.fast.remembered import remembered
from node.receive.fast.requests import check_request
from node.receive.fast.timers import MonotonicTimer
from node.receive.fast.transport import FastSocket
from node.receive.fast.wire import Closed, Drained, TimedOut, Wire
from node.receive.listen.sparing import Sparing
from storage.base.clock import Clock

A_ASSOCIATE_RQ_TYPE, P_DATA_TYPE, A_ABORT_TYPE = 0x01, 0x04, 0x07
_EVENTS = {0x01: "Evt6", 0x02: "Evt3", 0x03: "Evt4", 0x04: "Evt10", 0x05: "Evt12", 0x06: "Evt13", 0x07: "Evt16"}
_REQUEST = _EVENTS[A_ASSOCIATE_RQ_TYPE]
_SHORT = frozenset({0x05, 0x06, 0x07})  # release and abort: a body of four bytes (PS3.8 9.3.6 to 9.3.8)
_UNRECOGNIZED, _UNEXPECTED, _INVALID = 1, 2, 6
_ENDED = frozenset({"Sta1", "Sta13"})
_ACSE = (A_ASSOCIATE, A_RELEASE, A_ABORT, A_P_ABORT)


class _Unacceptable(Exception):
    """A PDU whose body isn't read: the state machine gets ``event``."""

    def __init__(self, event: str, reason: int) -> None:
        super().__init__()
        self.event = event
        self.reason = reason


class FastDUL(DULServiceProvider):
    """The upper layer of one association; all its methods belong to the association's thread."""

    def __init__(self, assoc: Any) -> None:
        # Not the parent's: it makes a thread, and queues for two. A test holds what is set here against what that sets.
        self._assoc = assoc
        self.socket: AssociationSocket | None = None
        self.event_queue: Any = Line[str]()
        self.to_provider_queue: Any = Line[Any]()
        self.to_user_queue: Any = Line[Any]()
        self._recv_pdu: Any = Line[Any]()
        self._idle_timer = MonotonicTimer(60.0)
        self.artim_timer = MonotonicTimer(30.0)
        self.state_machine = StateMachine(self)
        self._run_loop_delay = 0.0
        self._kill_thread = False
        self.is_draining = False
        self.assembler: Assembler | None = None
        self._reason = 0
        self._most_data_bytes = -1  # of a P-DATA-TF; none before the association is established
        self._is_interrupted = False
        self._wire: Wire
        self._limits: Limits
        self._clock: Clock
        self._sparing: Sparing

    def attach(self, wire: Wire, limits: Limits, clock: Clock, sparing: Sparing) -> AssociationSocket:
        """Take the connection; the answer is pynetdicom's socket around it."""
        self._wire, self._limits, self._clock, self._sparing = wire, limits, clock, sparing
        return FastSocket(self._assoc, wire)

    def is_alive(self) -> bool:
        """No thread of this name runs."""
        return False

    @property
    def state(self) -> str:
        """The state of the association (PS3.8 9.2.1)."""
        return self.state_machine.current_state

    @property
    def is_over(self) -> bool:
        """Whether nothing more is to be read."""
        return self.state in _ENDED

    # ------------------------------------------------------------------------------------------------- what the user sends

    def send_pdu(self, primitive: Any) -> None:
        """Send at once."""
        if isinstance(primitive, _ACSE):
            evt.trigger(self.assoc, evt.EVT_ACSE_SENT, {"primitive": primitive})
        self.to_provider_queue.put(primitive)
        self._process_recv_primitive()
        self.act()
        if not self.to_provider_queue.empty():  # nothing may be sent in this state any more
            self.to_provider_queue.get()

    def send_bytes(self, data: bytes) -> None:
        """Send encoded P-DATA-TF PDUs."""
        if self.is_over:
            return
        try:
            self._wire.send(data)
        except Closed:
            self.act("Evt17")

    def _send(self, pdu: Any) -> None:
        if isinstance(pdu, A_ABORT_RQ) and pdu.source == 2 and not pdu.reason_diagnostic:
            pdu.reason_diagnostic = self._reason
        if self.socket is not None:
            self.socket.send(pdu.encode())

    def act(self, *events: str) -> None:
        """Let the state machine act on ``events`` and what follows from them; what its table doesn't have changes nothing."""
        for event in events:
            self.event_queue.put(event)
        while not self.event_queue.empty():
            event = self.event_queue.get()
            if (event, self.state) in TRANSITION_TABLE:
                self.state_machine.do_action(event)

    # ------------------------------------------------------------------------------------------------ what the user awaits

    def receive_pdu(self, wait: bool = False, timeout: float | None = None) -> Any:
        """The next primitive for the user, read from the connection if ``wait``."""
        if wait:
            self.pump_until(lambda: False, timeout)
        return super().receive_pdu(wait=False)

    def pump_until(self, is_done: Callable[[], bool], timeout_s: float | None) -> None:
        """Read PDUs until ``is_done``, a release or abort that the user must answer, the end, or a timeout."""
        former = self._wire.until_s
        if timeout_s is not None:
            self._wire.until_s = min(former, self._clock.monotonic_s() + timeout_s)
        try:
            while not is_done() and self.to_user_queue.empty() and not self.is_over:
                self.pump(raises=True)
        except TimedOut:
            pass
        finally:
            self._wire.until_s = former

    def pump(self, raises: bool = False) -> None:
        """Read one PDU and act on it; where it leaves a data set unfinished, go on with those that follow.

        Raises
        ------
        TimedOut
            Only the wait of `pump_until` is over, and ``raises``.
        """
        try:
            kind, at, end = self._wire.read_pdu(self._judge)
            if kind == P_DATA_TYPE:
                self._feed(at, end)
            else:
                if kind == A_ASSOCIATE_RQ_TYPE:
                    check_request(self._wire.view[at:end])
                self._take(bytes(self._wire.view[at - 6 : end]))
        except Closed:
            self._lose()
        except Drained:
            self._drain()
        except TimedOut as error:
            if raises and not self._wire.is_overdue:
                raise
            self._give_up(error.in_pdu)
        except _Unacceptable as error:
            self.refuse(error.event, error.reason)
        except ProtocolError as error:
            # The text may be the peer's in part: kinds are counted by the reason that it is told.
            self._tell("association.protocol-error", f"a-abort-{error.reason}", error=str(error))
            self.refuse("Evt19", error.reason)

    def _feed(self, at: int, end: int) -> None:
        assembler, wire = self.assembler, self._wire
        assert assembler is not None
        kind = P_DATA_TYPE
        while kind == P_DATA_TYPE:
            assembler.feed(wire.view, at, end)
            if not assembler.awaits_data:
                return
            kind, at, end = wire.read_pdu(self._judge)
        self._take(bytes(wire.view[at - 6 : end]))

    def refuse(self, event: str, reason: int) -> None:
        """The peer broke the protocol: act on ``event``, with ``reason`` in the A-ABORT."""
        self._reason = reason
        self.act(event)

    def _judge(self, kind: int, length: int) -> None:
        """Whether a PDU is read at all: its type by the state, its length by its type."""
        if kind == P_DATA_TYPE and length <= self._most_data_bytes:
            return
        event = _EVENTS.get(kind)
        if event is None:
            raise _Unacceptable("Evt19", _UNRECOGNIZED)
        if kind in _SHORT:
            if length != 4:
                raise _Unacceptable("Evt19", _INVALID)
            return
        if kind == A_ASSOCIATE_RQ_TYPE and self.state == "Sta2":
            most = self._limits.max_request_bytes
        elif kind == P_DATA_TYPE and self._most_data_bytes >= 0:
            most = self._most_data_bytes
        else:
            raise _Unacceptable(event, _UNEXPECTED)
        if length > most:
            raise _Unacceptable("Evt19", _INVALID)

    def _take(self, pdu: bytes) -> None:
        """A PDU of association, release or abort."""
        try:
            decoded, event = remembered.decode(pdu) or self._decode_pdu(bytearray(pdu))
        except Exception as error:  # noqa: BLE001 - whatever pynetdicom's coders raise, the bytes are the peer's
            self._tell("association.pdu-unreadable", type(error).__name__, type=pdu[0])
            self.refuse("Evt19", _INVALID)
            return
        if event == _REQUEST:
            remembered.keep(pdu, decoded)
        self._recv_pdu.put(decoded)
        try:
            self.act(event)
        except Exception as error:  # noqa: BLE001 - as above: the state machine makes a primitive of the PDU
            self._tell("association.pdu-unreadable", type(error).__name__, type=pdu[0])
            self.refuse("Evt19", _INVALID)

    def _tell(self, event: str, reason: str, **facts: str | int) -> None:
        self._sparing.tell(event, reason, self.assoc.requestor.address, **facts)

    # ---------------------------------------------------------------------------------------------------------- its end

    def _give_up(self, in_pdu: bool) -> None:
        """A deadline has passed: before an association close, in a PDU or a message abort, else abort as its user."""
        if self.state == "Sta2":
            self.act("Evt18")
        elif in_pdu or (self.assembler is not None and not self.assembler.is_between_messages):
            self.refuse("Evt19", 0)
        else:
            self.assoc.acse.send_abort(0x00)

    def _lose(self) -> None:
        """The connection is at its end: the peer's doing, or that of a thread of ours which wants an abort."""
        if self._is_interrupted and not self.is_over:
            self.assoc.acse.send_abort(0x00)
        else:
            self.act("Evt17")

    def interrupt(self) -> None:
        """Have the association aborted by its own thread; any thread may call this."""
        self._is_interrupted = True
        with suppress(OSError, AttributeError):
            self._wire.socket.shutdown(SHUT_RD)

    def _drain(self) -> None:
        """The receiver stops: at once between messages, after the message on its way otherwise; who hasn't asked has a moment."""
        self.is_draining = True
        allowed_s = self._limits.drain_s if self.assembler is not None else self._limits.linger_s
        self._wire.end_s = self._clock.monotonic_s() + allowed_s

    @property
    def is_between_messages(self) -> bool:
        """Whether no message waits for its rest; of the next one's first PDU a part may be there."""
        return self.assembler is None or self.assembler.is_between_messages

    @property
    def is_idle(self) -> bool:
        """Whether no part of a message has come."""
        return self._wire.is_between_pdus and self.is_between_messages

    @property
    def silent_s(self) -> float:
        """For how long nothing has come; 0 within a message."""
        return self._wire.silent_s if self.is_idle else 0.0

    @property
    def is_overdue(self) -> bool:
        """Whether the next `pump` gives the peer up."""
        return self._wire.is_overdue

    def converse(self, assembler: Assembler, idle_s: float) -> None:
        """The association is established: P-DATA-TF goes to ``assembler``."""
        self.assembler = assembler
        self._most_data_bytes = self._limits.max_pdu_bytes
        self._wire.idle_s = idle_s

    def close(self) -> None:
        """Close the connection, letting the peer read our last PDU first."""
        if self.assembler is not None:
            self.assembler.abandon()
        self._wire.forget()
        if self.state == "Sta13":
            self._wire.linger(self._limits.linger_s)
        if self.state != "Sta1":
            self.act("Evt17")
        if self.socket is not None:
            self.socket._shutdown_socket()
