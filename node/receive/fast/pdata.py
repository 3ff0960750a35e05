"""P-DATA-TF: the fragments of messages, put in order (PS3.8 9.3.5 and annex E.2).

A message is a command set and perhaps a data set, each in one or more fragments of one presentation context; fragments of two
messages never mix. Whatever breaks this is a protocol error, found at its first byte.
"""

from __future__ import annotations

import struct
from collections.abc import Container
from typing import Protocol

from node.receive.spool.durable import Bytes

_PDV = struct.Struct(">IBB")  # item length, presentation context ID, message control header
_PDV_BYTES = 6
_COMMAND, _LAST = 1, 2

INVALID_PARAMETER, UNEXPECTED_PARAMETER = 6, 5


class ProtocolError(Exception):
    """The peer broke the protocol; ``reason`` as an A-ABORT gives it (PS3.8 9.3.8)."""

    def __init__(self, message: str, reason: int = 0) -> None:
        super().__init__(message)
        self.reason = reason


class DataSet(Protocol):
    """Takes the data set of one message. ``end`` answers the message, ``abandon`` is for one that will never be whole."""

    def write(self, data: Bytes) -> None:
        """The next bytes, which may be overwritten after the call."""

    def end(self) -> None:
        """No more comes."""

    def abandon(self) -> None:
        """The rest won't come."""


class Messages(Protocol):
    """What becomes of messages."""

    def begin(self, context_id: int, command: bytes) -> DataSet | None:
        """A command set is whole: what takes its data set, or None if it has none and is dealt with."""


class Assembler:
    """Takes the bodies of P-DATA-TF PDUs of one association."""

    def __init__(self, contexts: Container[int], messages: Messages, max_command_bytes: int) -> None:
        self._contexts = contexts
        self._messages = messages
        self._max_command_bytes = max_command_bytes
        self._context_id = 0  # of the message on its way; 0 is no valid one (PS3.8 9.3.2.2)
        self._command = bytearray()
        self._data: DataSet | None = None

    @property
    def is_between_messages(self) -> bool:
        """Whether no fragment of a message waits for its rest."""
        return self._context_id == 0

    @property
    def awaits_data(self) -> bool:
        """Whether a data set waits for its rest."""
        return self._data is not None

    def feed(self, view: memoryview, at: int, end: int) -> None:
        """Take one PDU's presentation data values, ``view[at:end]``.

        Raises
        ------
        ProtocolError
        """
        if at == end:
            raise ProtocolError("a P-DATA-TF without a value", INVALID_PARAMETER)
        while at < end:
            if end - at < _PDV_BYTES:
                raise ProtocolError("a value's head is cut off", INVALID_PARAMETER)
            length, context_id, control = _PDV.unpack_from(view, at)
            stop = at + 4 + length
            if length < 2 or stop > end:
                raise ProtocolError("a value's length doesn't fit its PDU", INVALID_PARAMETER)
            if context_id != self._context_id or not context_id:  # 0 is none of ours, and stands for none
                self._begin(context_id)
            if control & _COMMAND:
                self._take_command(view[at + _PDV_BYTES : stop], control)
            elif self._data is None:
                raise ProtocolError("a data set without its command", UNEXPECTED_PARAMETER)
            else:
                if stop > at + _PDV_BYTES:
                    self._data.write(view[at + _PDV_BYTES : stop])
                if control & _LAST:
                    self._end()
            at = stop

    def abandon(self) -> None:
        """The association is over: let go of a message on its way."""
        data, self._data = self._data, None
        self._context_id = 0
        if data is not None:
            data.abandon()

    def _begin(self, context_id: int) -> None:
        if self._context_id:
            raise ProtocolError("a message is interrupted by one of another context", UNEXPECTED_PARAMETER)
        if context_id not in self._contexts:
            raise ProtocolError("a presentation context that was not accepted", INVALID_PARAMETER)
        self._context_id = context_id

    def _take_command(self, fragment: memoryview, control: int) -> None:
        if self._data is not None:
            raise ProtocolError("a command within a data set", UNEXPECTED_PARAMETER)
        if len(self._command) + len(fragment) > self._max_command_bytes:
            raise ProtocolError("a command set beyond all measure", INVALID_PARAMETER)
        self._command += fragment
        if control & _LAST:
            command, self._command = bytes(self._command), bytearray()
            self._data = self._messages.begin(self._context_id, command)
            if self._data is None:
                self._context_id = 0

    def _end(self) -> None:
        data, self._data = self._data, None
        self._context_id = 0
        assert data is not None
        data.end()
