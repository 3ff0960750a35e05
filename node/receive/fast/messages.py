"""What becomes of each message: C-STORE and C-ECHO are served here, other services' go to pynetdicom, the rest is refused."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from node.offers import STORAGE_COMMITMENT
from node.receive.associate.negotiation import (
    INSTANCE_AVAILABILITY_NOTIFICATION,
    MODALITY_PERFORMED_PROCEDURE_STEP,
    VERIFICATION,
    is_storage,
)
from node.receive.associate.sessions import Session
from node.receive.desk.desk import Desk
from node.receive.desk.receptions import Receiving, Turned
from node.receive.fast import commands
from node.receive.fast.commands import Command, CommandError
from node.receive.fast.datasets import Budget, Collected, Storing, Unwanted
from node.receive.fast.limits import Limits
from node.receive.fast.pdata import INVALID_PARAMETER, DataSet, ProtocolError
from node.receive.store.status import TABLE, Answer
from node.receive.store.storer import StoreCommand

_P_DATA = struct.Struct(">BxIIBB")  # PDU type and length, item length, presentation context ID, message control header
_COMMAND, _LAST_COMMAND = 1, 3


# What pynetdicom serves for us, by abstract syntax: N-ACTION; N-CREATE and N-SET; N-CREATE (PS3.4 J, F.7, R).
_SERVED_ELSEWHERE: Mapping[str, frozenset[int]] = {
    STORAGE_COMMITMENT: frozenset({0x0130}),
    MODALITY_PERFORMED_PROCEDURE_STEP: frozenset({0x0120, 0x0140}),
    INSTANCE_AVAILABILITY_NOTIFICATION: frozenset({0x0140}),
}
_collected = Budget(64 * 2**20)


@dataclass(frozen=True, slots=True)
class Context:
    """An accepted presentation context; ``elsewhere`` are the operations that pynetdicom serves on it."""

    abstract_syntax: str
    transfer_syntax: str
    is_storage: bool
    elsewhere: frozenset[int]


def context(abstract_syntax: str, transfer_syntax: str) -> Context:
    """What a context's abstract syntax makes of it."""
    elsewhere = _SERVED_ELSEWHERE.get(abstract_syntax, frozenset())
    return Context(abstract_syntax, transfer_syntax, is_storage(abstract_syntax), elsewhere)


class Elsewhere(Protocol):
    """Serves the messages that aren't served here."""

    @property
    def awaits_response(self) -> bool:
        """Whether a message of ours waits for its answer."""

    def deliver(self, context_id: int, command: Command, encoded: bytes, data: bytes, done: Callable[[], None]) -> None:
        """Take a whole message; it is served when the PDU at hand has been read to its end. ``done`` is called after that."""


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
        if decoded.has_data_set:
            return found
        found.end()
        return None

    def _data_set(self, context_id: int, command: Command, encoded: bytes) -> DataSet:
        context = self._contexts[context_id]
        most_bytes = self._limits.max_collected_bytes

        def answer(found: Answer) -> None:
            self._respond(context_id, command, found)

        if command.field == commands.C_STORE_RQ:
            return Storing(self._receiving(context, command), answer)
        if command.field == commands.C_ECHO_RQ:
            return Unwanted(0, lambda: answer(Answer(self._echo_status(context, command))))
        if command.field == commands.C_CANCEL_RQ or (command.is_response and not self._elsewhere.awaits_response):
            return Unwanted(most_bytes)  # nothing runs that it could cancel (PS3.7 9.3.2.3), or awaits it
        if command.is_response or command.field in context.elsewhere:
            if command.is_response or command.sop_class_uid == context.abstract_syntax:
                deliver = partial(self._elsewhere.deliver, context_id, command, encoded)
                return Collected(most_bytes, _collected, deliver)
            return Unwanted(most_bytes, lambda: answer(Answer(commands.NO_SUCH_CLASS)))
        return Unwanted(most_bytes, lambda: answer(Answer(commands.UNRECOGNIZED_OPERATION)))

    def _receiving(self, context: Context, command: Command) -> Receiving:
        if not context.is_storage:
            return Turned(self._session, "not-negotiated")
        return self._desk.begin_store(
            self._session,
            StoreCommand(command.sop_class_uid, command.sop_instance_uid, context.abstract_syntax, context.transfer_syntax),
        )

    def _echo_status(self, context: Context, command: Command) -> int:
        if command.sop_class_uid != VERIFICATION or context.abstract_syntax != VERIFICATION:
            return TABLE["not-negotiated"].status
        return self._desk.echo(self._session)

    def _respond(self, context_id: int, command: Command, answer: Answer) -> None:
        """Send the response to a request, in as many fragments as the peer's maximum length asks for (PS3.8 D.1.1)."""
        body = commands.response(command, answer.status, answer.comment, answer.offending)
        room = max(1, self._room)
        pdus = []
        for at in range(0, len(body), room):
            fragment = body[at : at + room]
            control = _LAST_COMMAND if at + room >= len(body) else _COMMAND
            pdus.append(_P_DATA.pack(4, len(fragment) + 6, len(fragment) + 2, context_id, control) + fragment)
        self._send(b"".join(pdus))
