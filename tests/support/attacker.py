"""A peer that speaks the DICOM Upper Layer by bytes (PS3.8 clause 9), so that it can say what no library would.

Builders make one PDU, item or command set each and check nothing. `RawPeer` is a blocking socket with just enough of a state to
negotiate, to send and to read answers.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType

from tests.support.ports import LOOPBACK

APPLICATION_CONTEXT = "1.2.840.10008.3.1.1.1"
VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
IMPLICIT, EXPLICIT, DEFLATED = "1.2.840.10008.1.2", "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.1.99"

ASSOCIATE_RQ, ASSOCIATE_AC, ASSOCIATE_RJ, P_DATA, RELEASE_RQ, RELEASE_RP, ABORT = range(1, 8)
COMMAND, LAST = 1, 2  # bits of a fragment's message control header (PS3.8 E.2)
NO_DATA_SET = 0x0101
STATUS = 0x0900
# (identifier, abstract syntax, transfer syntaxes)
Context = tuple[int, str, Sequence[str]]
ECHO_AND_CT: tuple[Context, ...] = ((1, VERIFICATION, (IMPLICIT,)), (3, CT, (EXPLICIT,)))
# Another address than that of the good peer, so that quotas per address can tell them apart.
ATTACKER = "127.0.0.66"


def pdu(kind: int, body: bytes, length: int | None = None) -> bytes:
    """A PDU, which may lie about its length."""
    return struct.pack(">BBI", kind, 0, len(body) if length is None else length) + body


def pdv(context_id: int, control: int, content: bytes) -> bytes:
    """One fragment (PS3.8 9.3.5.1)."""
    return struct.pack(">IBB", len(content) + 2, context_id, control) + content


def p_data(context_id: int, control: int, content: bytes) -> bytes:
    """A P-DATA-TF PDU of one fragment."""
    return pdu(P_DATA, pdv(context_id, control, content))


def abort() -> bytes:
    """An A-ABORT of the service user."""
    return pdu(ABORT, bytes(4))


def release() -> bytes:
    """An A-RELEASE-RQ."""
    return pdu(RELEASE_RQ, bytes(4))


def item(kind: int, body: bytes) -> bytes:
    """An item or sub-item of an A-ASSOCIATE PDU."""
    return struct.pack(">BBH", kind, 0, len(body)) + body


def associate_rq(
    contexts: Iterable[Context] = ECHO_AND_CT,
    calling: str = "SCANNER",
    called: str = "WETREAD",
    max_pdu: int = 16384,
    user_items: bytes = b"",
) -> bytes:
    """An A-ASSOCIATE-RQ (PS3.8 9.3.2)."""
    user = item(0x51, struct.pack(">I", max_pdu)) + item(0x52, b"1.2.3.4.5") + user_items
    body = struct.pack(">HH", 1, 0) + called.encode().ljust(16) + calling.encode().ljust(16) + bytes(32)
    body += item(0x10, APPLICATION_CONTEXT.encode())
    body += b"".join(_context(*context) for context in contexts)
    return pdu(ASSOCIATE_RQ, body + item(0x50, user))


def _context(identifier: int, abstract_syntax: str, transfer_syntaxes: Sequence[str]) -> bytes:
    syntaxes = b"".join(item(0x40, uid.encode()) for uid in transfer_syntaxes)
    return item(0x20, struct.pack(">B3x", identifier) + item(0x30, abstract_syntax.encode()) + syntaxes)


def user_identity(name: str, passcode: str) -> bytes:
    """A User Identity sub-item with name and passcode, no answer asked for (PS3.7 D.3.3.7)."""
    first, second = name.encode(), passcode.encode()
    return item(0x58, b"\2\0" + struct.pack(">H", len(first)) + first + struct.pack(">H", len(second)) + second)


def command_set(fields: Mapping[int, bytes]) -> bytes:
    """A command set of elements (0000,xxxx) in implicit VR little endian with its group length (PS3.7 6.3.1)."""
    elements = b"".join(struct.pack("<HHI", 0, number, len(value)) + value for number, value in fields.items())
    return struct.pack("<HHII", 0, 0, 4, len(elements)) + elements


def short(value: int) -> bytes:
    """A value of VR US."""
    return struct.pack("<H", value)


def uid(text: str) -> bytes:
    """A value of VR UI, padded to an even length."""
    return text.encode("latin-1") + b"\0" * (len(text) % 2)


def echo_rq(message_id: int = 1) -> bytes:
    """The command set of a C-ECHO-RQ."""
    return command_set({2: uid(VERIFICATION), 0x100: short(0x30), 0x110: short(message_id), 0x800: short(NO_DATA_SET)})


def store_rq(sop_instance: str, sop_class: str = CT, message_id: int = 1) -> bytes:
    """The command set of a C-STORE-RQ."""
    fields = {2: uid(sop_class), 0x100: short(1), 0x110: short(message_id), 0x700: short(0), 0x800: short(0)}
    return command_set(fields | {0x1000: uid(sop_instance)})


def parse_command(data: bytes) -> dict[int, bytes]:
    """The elements of a command set by their number."""
    found, pos = {}, 0
    while pos + 8 <= len(data):
        _, number, length = struct.unpack_from("<HHI", data, pos)
        found[number] = data[pos + 8 : pos + 8 + length]
        pos += 8 + length
    return found


@dataclass
class RawPeer:
    """A connection. ``read_pdu`` gives None at its end, also when it was reset; socket timeouts raise TimeoutError."""

    port: int
    source: str = ATTACKER
    timeout_s: float = 10.0
    host: str = LOOPBACK
    accepted: dict[int, str] = field(default_factory=dict)
    max_pdu: int = 16384

    def __post_init__(self) -> None:
        self.socket = socket.create_connection((self.host, self.port), self.timeout_s, (self.source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def __enter__(self) -> RawPeer:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection without a word."""
        self.socket.close()

    def send(self, *data: bytes) -> bool:
        """Send; False when the other side is gone."""
        try:
            for piece in data:
                self.socket.sendall(piece)
        except (BrokenPipeError, ConnectionResetError):
            return False
        return True

    def read_pdu(self) -> tuple[int, bytes] | None:
        """Type and body of the next PDU; None when the connection has ended."""
        head = self._read(6)
        if head is None:
            return None
        kind, _, length = struct.unpack(">BBI", head)
        body = self._read(length)
        return None if body is None else (kind, body)

    def _read(self, size: int) -> bytes | None:
        data = b""
        while len(data) < size:
            try:
                piece = self.socket.recv(size - len(data))
            except (ConnectionResetError, BrokenPipeError):
                return None
            if not piece:
                return None
            data += piece
        return data

    def negotiate(self, request: bytes | None = None) -> int | None:
        """Ask for an association; the type of the answer, None for none. ``accepted`` then maps contexts to their syntax."""
        self.send(associate_rq() if request is None else request)
        answer = self.read_pdu()
        if answer is None:
            return None
        if answer[0] == ASSOCIATE_AC:
            self._learn(answer[1])
        return answer[0]

    def _learn(self, body: bytes) -> None:
        pos = 68
        while pos + 4 <= len(body):
            kind, length = struct.unpack_from(">BxH", body, pos)
            content = body[pos + 4 : pos + 4 + length]
            if kind == 0x21 and content[2] == 0:
                self.accepted[content[0]] = content[8:].rstrip(b"\0").decode()
            if kind == 0x50:
                (self.max_pdu,) = struct.unpack_from(">I", content, 4)
            pos += 4 + length

    def read_command(self) -> dict[int, bytes] | None:
        """The next answer's command set; None when an abort or the end came instead."""
        command = b""
        while True:
            answer = self.read_pdu()
            if answer is None or answer[0] != P_DATA:
                return None
            pos = 0
            while pos < len(answer[1]):
                length, _, control = struct.unpack_from(">IBB", answer[1], pos)
                command += answer[1][pos + 6 : pos + 4 + length]
                pos += 4 + length
                if control & LAST:
                    return parse_command(command)

    def read_status(self) -> int | None:
        """The status of the next answer; None when an abort or the end came instead."""
        command = self.read_command()
        return None if command is None else int.from_bytes(command.get(STATUS, b"\xff\xff"), "little")

    def echo(self, context_id: int = 1, message_id: int = 1) -> int | None:
        """The status of a C-ECHO."""
        self.send(p_data(context_id, COMMAND | LAST, echo_rq(message_id)))
        return self.read_status()

    def store(self, data: bytes, sop_instance: str, context_id: int = 3, sop_class: str = CT) -> int | None:
        """The status of a C-STORE."""
        self.send(
            p_data(context_id, COMMAND | LAST, store_rq(sop_instance, sop_class)), *fragments(context_id, data, self.max_pdu)
        )
        return self.read_status()

    def release(self) -> bool:
        """Whether the association was released in order."""
        self.send(release())
        answer = self.read_pdu()
        return answer is not None and answer[0] == RELEASE_RP


def fragments(context_id: int, data: bytes, max_pdu: int = 16384) -> Iterable[bytes]:
    """A data set as P-DATA PDUs of at most ``max_pdu`` bytes after their head."""
    size = (max_pdu or 2**18) - 6
    for start in range(0, max(len(data), 1), size):
        piece = data[start : start + size]
        yield p_data(context_id, LAST if start + size >= len(data) else 0, piece)
