"""What a peer says on one association, as a structure that can be broken at every level: PDUs, messages, elements, bytes."""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from tests.support.attacker import (
    ASSOCIATE_RQ,
    COMMAND,
    CT,
    EXPLICIT,
    IMPLICIT,
    LAST,
    NO_DATA_SET,
    P_DATA,
    VERIFICATION,
    associate_rq,
    command_set,
    pdu,
    pdv,
    release,
    short,
    uid,
)
from tests.support.recorder import Message, Recording, pdus

DEFLATED, BIG = "1.2.840.10008.1.2.1.99", "1.2.840.10008.1.2.2"
COMMITMENT, STEP, AVAILABILITY = "1.2.840.10008.1.20.1", "1.2.840.10008.3.1.2.3.3", "1.2.840.10008.5.1.4.33"
PRIVATE = "1.2.826.0.1.3680043.9.9999.1"
CONTEXTS = (
    (1, VERIFICATION, (IMPLICIT,)),
    (3, CT, (EXPLICIT,)),
    (5, CT, (IMPLICIT,)),
    (7, CT, (DEFLATED,)),
    (9, CT, (BIG,)),
    (11, PRIVATE, (EXPLICIT, IMPLICIT)),
    (13, COMMITMENT, (IMPLICIT,)),
    (15, STEP, (IMPLICIT,)),
    (17, AVAILABILITY, (EXPLICIT,)),
)
CALLING, CALLED = "SCANNER", "WETREAD"


@dataclass(frozen=True)
class Said:
    """One DIMSE message: its command set by element number, and its data set. ``size``: of the fragments it is cut into."""

    context_id: int
    command: dict[int, bytes]
    data: bytes | None = None
    size: int = 16000

    def pdus(self) -> list[bytes]:
        """The PDUs that carry it."""
        found = self._cut(command_set(self.command), COMMAND)
        return found if self.data is None else found + self._cut(self.data, 0)

    def _cut(self, content: bytes, kind: int) -> list[bytes]:
        pieces = [content[at : at + self.size] for at in range(0, max(len(content), 1), self.size)]
        last = len(pieces) - 1
        return [pdu(P_DATA, pdv(self.context_id, kind | (LAST if n == last else 0), piece)) for n, piece in enumerate(pieces)]


@dataclass(frozen=True)
class Exchange:
    """A request for an association, messages, and the last PDUs. ``name`` says where it comes from."""

    name: str
    request: bytes
    said: Sequence[Said] = ()
    ending: bytes = field(default_factory=release)

    def pdus(self) -> list[bytes]:
        """All PDUs in their order."""
        return [self.request, *(piece for message in self.said for piece in message.pdus()), self.ending]


def store(context_id: int, sop_instance: str, data: bytes, message_id: int = 1, sop_class: str = CT) -> Said:
    """A C-STORE."""
    fields = {2: uid(sop_class), 0x100: short(1), 0x110: short(message_id), 0x700: short(0), 0x800: short(1)}
    return Said(context_id, fields | {0x1000: uid(sop_instance)}, data)


def echo(context_id: int = 1, message_id: int = 7) -> Said:
    """A C-ECHO."""
    return Said(context_id, {2: uid(VERIFICATION), 0x100: short(0x30), 0x110: short(message_id), 0x800: short(NO_DATA_SET)})


def normalized(context_id: int, field_: int, sop_class: str, sop_instance: str, data: bytes, more: dict[int, bytes]) -> Said:
    """A DIMSE-N request (PS3.7 10.3); N-ACTION and N-SET name what they request, N-CREATE what is affected."""
    affected = field_ == 0x140
    named = {2 if affected else 3: uid(sop_class), 0x1000 if affected else 0x1001: uid(sop_instance)}
    rest = {0x100: short(field_), 0x110: short(9), 0x800: short(1)}
    return Said(context_id, dict(sorted((named | rest | more).items())), data)


def of_recording(name: str, recording: Recording) -> Exchange | None:
    """A recorded connection."""
    return of_stream(name, bytes(recording.sent), recording.messages())


def of_stream(name: str, stream: bytes, messages: Iterable[Message] | None = None) -> Exchange | None:
    """A recorded direction; its AE titles become those that are admitted."""
    found = list(pdus(stream))
    if not found or found[0][0] != ASSOCIATE_RQ:
        return None
    body = found[0][1]
    request = pdu(ASSOCIATE_RQ, body[:4] + CALLED.encode().ljust(16) + CALLING.encode().ljust(16) + body[36:])
    if messages is None:
        recording = Recording(bytearray(stream))
        messages = recording.messages()
    said = [Said(m.context_id, {k: v for k, v in m.command.items() if k}, m.data or None) for m in messages]
    return Exchange(name, request, said)


def request() -> bytes:
    """A request with all contexts that the receiver serves."""
    return associate_rq(CONTEXTS, CALLING, CALLED)


def with_said(exchange: Exchange, said: Sequence[Said]) -> Exchange:
    """The same with other messages."""
    return replace(exchange, said=said)


def lengths(data: bytes) -> list[tuple[int, str]]:
    """Where a data set in explicit VR little endian holds lengths, and their form; guesses are good enough."""
    found: list[tuple[int, str]] = []
    pos = 0
    while pos + 8 <= len(data) and len(found) < 4096:
        vr = data[pos + 4 : pos + 6]
        if vr in (b"OB", b"OW", b"SQ", b"UN", b"UT", b"OF", b"UC", b"UR") and pos + 12 <= len(data):
            found.append((pos + 8, "<I"))
            (length,) = struct.unpack_from("<I", data, pos + 8)
            pos += 12 + (0 if vr == b"SQ" or length == 0xFFFFFFFF else length)
        elif vr.isalpha() and vr.isupper():
            found.append((pos + 6, "<H"))
            pos += 8 + int(struct.unpack_from("<H", data, pos + 6)[0])
        else:
            found.append((pos + 4, "<I"))
            (length,) = struct.unpack_from("<I", data, pos + 4)
            pos += 8 + (0 if data[pos : pos + 2] == b"\xfe\xff" or length == 0xFFFFFFFF else length)
    return found
