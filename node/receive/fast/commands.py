"""Command sets (PS3.7 6.3.1, E.1) by hand: the few elements that a receiver reads and writes.

Implicit VR little endian, group 0000 alone. pynetdicom's way through data set objects costs more than storing a small image does.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

C_STORE_RQ, C_ECHO_RQ, C_CANCEL_RQ = 0x0001, 0x0030, 0x0FFF
RESPONSE = 0x8000
NO_DATA_SET = 0x0101
UNRECOGNIZED_OPERATION, NO_SUCH_CLASS = 0x0211, 0x0118
LONGEST_UID = 64

_ELEMENT = struct.Struct("<HHI")
_US = struct.Struct("<H")
_GROUP_LENGTH = struct.Struct("<HHII")
# Command Field, Message ID Being Responded To, Command Data Set Type, Status: tag, length 2, value.
_FIXED = struct.Struct("<HHIH HHIH HHIH HHIH")
_AFFECTED_CLASS, _REQUESTED_CLASS, _FIELD, _MESSAGE_ID, _RESPONDED_TO = 0x0002, 0x0003, 0x0100, 0x0110, 0x0120
_DATA_SET_TYPE, _STATUS, _OFFENDING, _COMMENT, _AFFECTED_INSTANCE = 0x0800, 0x0900, 0x0901, 0x0902, 0x1000


class CommandError(ValueError):
    """A command set that can't be read, or lacks what every command has."""


@dataclass(frozen=True, slots=True)
class Command:
    """What the receiver needs of a command set; UIDs are empty where it has none."""

    field: int
    message_id: int
    has_data_set: bool
    sop_class_uid: str = ""
    sop_instance_uid: str = ""

    @property
    def is_response(self) -> bool:
        """Whether it answers a message of ours."""
        return bool(self.field & RESPONSE)


def decode(data: bytes) -> Command:
    """Read a command set.

    Raises
    ------
    CommandError
        Cut off, of another group, with an element twice, or without Command Field, Message ID or Command Data Set Type.
    """
    found: dict[int, bytes] = {}
    at, end = 0, len(data)
    while at < end:
        if end - at < 8:
            raise CommandError("cut off")
        group, element, length = _ELEMENT.unpack_from(data, at)
        at += 8
        if group or length > end - at or element in found:
            raise CommandError("malformed")
        found[element] = data[at : at + length]
        at += length
    field = _us(found, _FIELD)
    number = _RESPONDED_TO if field & RESPONSE or field == C_CANCEL_RQ else _MESSAGE_ID
    return Command(
        field,
        _us(found, number),
        _us(found, _DATA_SET_TYPE) != NO_DATA_SET,
        _uid(found.get(_AFFECTED_CLASS) or found.get(_REQUESTED_CLASS, b"")),
        _uid(found.get(_AFFECTED_INSTANCE, b"")),
    )


def response(command: Command, status: int, comment: str = "", offending: int = 0) -> bytes:
    """The command set that answers ``command``: a C-STORE-RSP, a C-ECHO-RSP, or of whichever command it is.

    Repeats the UIDs of the request that a UID's length allows (PS3.7 9.1.1.1.4, 9.1.1.1.5).
    """
    parts = [
        _uid_element(_AFFECTED_CLASS, command.sop_class_uid),
        _FIXED.pack(
            *(0, _FIELD, 2, command.field | RESPONSE),
            *(0, _RESPONDED_TO, 2, command.message_id),
            *(0, _DATA_SET_TYPE, 2, NO_DATA_SET),
            *(0, _STATUS, 2, status),
        ),
    ]
    if offending:
        parts.append(_ELEMENT.pack(0, _OFFENDING, 4) + struct.pack("<HH", offending >> 16, offending & 0xFFFF))
    if comment:
        text = comment.encode("ascii", "replace")[:64]
        text += b" " * (len(text) % 2)
        parts.append(_ELEMENT.pack(0, _COMMENT, len(text)) + text)
    parts.append(_uid_element(_AFFECTED_INSTANCE, command.sop_instance_uid))
    body = b"".join(parts)
    return _GROUP_LENGTH.pack(0, 0, 4, len(body)) + body


def _uid_element(number: int, uid: str) -> bytes:
    if not uid or len(uid) > LONGEST_UID:
        return b""
    value = uid.encode("latin-1")
    if len(value) % 2:
        value += b"\0"
    return _ELEMENT.pack(0, number, len(value)) + value


def _us(found: dict[int, bytes], number: int) -> int:
    value = found.get(number, b"")
    if len(value) < 2:
        raise CommandError(f"no (0000,{number:04X})")
    return int(_US.unpack_from(value)[0])


def _uid(value: bytes) -> str:
    return value.rstrip(b"\0 ").decode("latin-1")
