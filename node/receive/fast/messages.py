"""What becomes of each message: C-STORE and C-ECHO are served here, other services' go to pynetdicom, the rest is refused."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from node.receive.associate.negotiation import VERIFICATION, is_storage
from node.receive.associate.sessions import Session
from node.receive.desk.desk import Desk
from node.receive.desk.receptions import Receiving, Turned
from node.receive.fast import commands
from node.receive.fast.commands import Command, CommandError
from node.receive.fast.limits import Limits
from node.receive.fast.pdata import INVALID_PARAMETER, DataSet, ProtocolError
from node.receive.spool.durable import Bytes
from node.receive.store.status import TABLE, Answer
from node.receive.store.storer import StoreCommand

_P_DATA = struct.Struct(">BxIIBB")  # PDU type and length, item length, presentation context ID, message control header
_COMMAND, _LAST_COMMAND = 1, 3


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context."""

    abstract_syntax: str
    transfer_syntax: str
    is_storage: bool
    is_served_elsewhere: bool


def context(abstract_syntax: str, transfer_syntax: str) -> Context:
    """What a context's abstract syntax makes of it."""
    storage = is_storage(abstract_syntax)
    return Context(abstract_syntax, transfer_syntax, storage, not storage and abstract_syntax != VERIFICATION)


class Elsewhere(Protocol):
    """Serves the messages that aren't served here."""

    def deliver(self, context_id: int, command: Command, encoded: bytes, data: bytes) -> None:
        """Take a whole message; it is served when the PDU at hand has been read to its end."""


class Service:
    """The messages of one association."""

    def __init__(
        self,
        desk: Desk,
        session: Session | None,
        contexts: Mapping[int, Context],
        send: Callable[[bytes], None],
        elsewhere: Elsewhere,
        limits: Limits,
        peer_max_pdu_bytes: int,
    ) -> None:
        self._desk = desk
        self._session = session
        self._contexts = contexts
        self._send = send
        self._elsewhere = elsewhere
        self._limits = limits
        self._room = peer_max_pdu_bytes - 6 if peer_max_pdu_bytes else limits.max_command_bytes

    def begin(self, context_id: int, command: bytes) -> DataSet | None:
        """A command set has come (see `node.receive.fast.pdata.Messages`)."""
        try:
            decoded = commands.decode(command)
        except CommandError as error:
            raise ProtocolError(f"a command set that can't be read: {error}", INVALID_PARAMETER) from error
        found = self._data_set(context_id, decoded, command)
        if found is None or decoded.has_data_set:
            return found
        found.end()
        return None

    def _data_set(self, context_id: int, command: Command, encoded: bytes) -> DataSet | None:
        context = self._contexts[context_id]
        if command.field == commands.C_STORE_RQ:
            return _Storing(self, context_id, command, self._receiving(context, command))
        if command.field == commands.C_ECHO_RQ:
            return _Echo(self, context_id, command)
        if command.field == commands.C_CANCEL_RQ and not context.is_served_elsewhere:
            return _Ignored(self._limits)  # nothing runs that it could cancel (PS3.7 9.3.2.3)
        if command.is_response or (context.is_served_elsewhere and command.field != commands.N_EVENT_REPORT_RQ):
            return _Collected(self._elsewhere, context_id, command, encoded, self._limits)
        return _Unrecognized(self, context_id, command, self._limits)

    def _receiving(self, context: Context, command: Command) -> Receiving:
        if not context.is_storage:
            return Turned(self._session, "not-negotiated")
        return self._desk.begin_store(
            self._session,
            StoreCommand(command.sop_class_uid, command.sop_instance_uid, context.abstract_syntax, context.transfer_syntax),
        )

    def echo_status(self, context_id: int, command: Command) -> int:
        """What a C-ECHO is answered."""
        if command.sop_class_uid != VERIFICATION or self._contexts[context_id].abstract_syntax != VERIFICATION:
            return TABLE["not-negotiated"].status
        return self._desk.echo(self._session)

    def respond(self, context_id: int, command: Command, answer: Answer) -> None:
        """Send the response to a request, in as many fragments as the peer's maximum length asks for (PS3.8 D.1.1)."""
        body = commands.response(command, answer.status, answer.comment, answer.offending)
        room = max(1, self._room)
        pdus = []
        for at in range(0, len(body), room):
            fragment = body[at : at + room]
            control = _LAST_COMMAND if at + room >= len(body) else _COMMAND
            pdus.append(_P_DATA.pack(4, len(fragment) + 6, len(fragment) + 2, context_id, control) + fragment)
        self._send(b"".join(pdus))


class _Storing:
    """A C-STORE's data set on its way into the store."""

    def __init__(self, service: Service, context_id: int, command: Command, receiving: Receiving) -> None:
        self._service = service
        self._context_id = context_id
        self._command = command
        self._receiving = receiving
        self.write = receiving.write
        self.abandon = receiving.abandon

    def end(self) -> None:
        self._service.respond(self._context_id, self._command, self._receiving.finish())


class _Ignored:
    """A data set that nobody wants."""

    def __init__(self, limits: Limits) -> None:
        self._left = limits.max_collected_bytes

    def write(self, data: Bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            raise ProtocolError("a data set beyond all measure", INVALID_PARAMETER)

    def end(self) -> None:
        pass

    def abandon(self) -> None:
        pass


class _Echo:
    """A C-ECHO has no data set; one that announces it is answered when that has come."""

    def __init__(self, service: Service, context_id: int, command: Command) -> None:
        self._service = service
        self._context_id = context_id
        self._command = command

    def write(self, data: Bytes) -> None:
        raise ProtocolError("a C-ECHO with a data set", INVALID_PARAMETER)

    def end(self) -> None:
        status = self._service.echo_status(self._context_id, self._command)
        self._service.respond(self._context_id, self._command, Answer(status))

    def abandon(self) -> None:
        pass


class _Unrecognized(_Ignored):
    """A request of a service that its context doesn't have (PS3.7 C.4.3: unrecognized operation)."""

    def __init__(self, service: Service, context_id: int, command: Command, limits: Limits) -> None:
        super().__init__(limits)
        self._service = service
        self._context_id = context_id
        self._command = command

    def end(self) -> None:
        self._service.respond(self._context_id, self._command, Answer(commands.UNRECOGNIZED_OPERATION))


class _Collected:
    """A message for pynetdicom's services, in memory until it is whole."""

    def __init__(self, elsewhere: Elsewhere, context_id: int, command: Command, encoded: bytes, limits: Limits) -> None:
        self._elsewhere = elsewhere
        self._context_id = context_id
        self._command = command
        self._encoded = encoded
        self._most = limits.max_collected_bytes
        self._data = bytearray()

    def write(self, data: Bytes) -> None:
        if len(self._data) + len(data) > self._most:
            raise ProtocolError("a data set beyond all measure", INVALID_PARAMETER)
        self._data += data

    def end(self) -> None:
        self._elsewhere.deliver(self._context_id, self._command, self._encoded, bytes(self._data))

    def abandon(self) -> None:
        self._data = bytearray()
