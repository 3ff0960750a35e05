"""A proxy on loopback that passes everything on and keeps it: what a peer really sent, whatever it made of its files."""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from threading import Thread

from tests.support.attacker import ASSOCIATE_AC, LAST, P_DATA, parse_command
from tests.support.ports import LOOPBACK


@dataclass(frozen=True)
class Message:
    """A DIMSE message as its sender encoded it; ``transfer_syntax`` is the one accepted for its context."""

    context_id: int
    transfer_syntax: str
    command: dict[int, bytes]
    data: bytes

    def uid(self, number: int) -> str:
        """A UID of the command set."""
        return self.command.get(number, b"").rstrip(b"\0 ").decode("latin-1")


@dataclass
class Recording:
    """Both directions of one connection."""

    sent: bytearray = field(default_factory=bytearray)
    answered: bytearray = field(default_factory=bytearray)

    def messages(self) -> list[Message]:
        """The messages that were sent whole and have a data set or want none."""
        return list(_messages(bytes(self.sent), self.accepted()))

    def answers(self) -> list[Message]:
        """The messages that came back."""
        return list(_messages(bytes(self.answered), self.accepted()))

    def accepted(self) -> dict[int, str]:
        """Context identifiers and the transfer syntaxes accepted for them."""
        found = {}
        for kind, body in pdus(bytes(self.answered)):
            if kind == ASSOCIATE_AC:
                for item, content in _items(body[68:]):
                    if item == 0x21 and content[2] == 0:
                        found[content[0]] = content[8:].rstrip(b"\0").decode()
        return found


def pdus(stream: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and body of each whole PDU."""
    pos = 0
    while pos + 6 <= len(stream):
        kind, length = struct.unpack_from(">BxI", stream, pos)
        if pos + 6 + length > len(stream):
            return
        yield kind, stream[pos + 6 : pos + 6 + length]
        pos += 6 + length


def _items(body: bytes) -> Iterator[tuple[int, bytes]]:
    pos = 0
    while pos + 4 <= len(body):
        kind, length = struct.unpack_from(">BxH", body, pos)
        yield kind, body[pos + 4 : pos + 4 + length]
        pos += 4 + length


def _messages(stream: bytes, accepted: dict[int, str]) -> Iterator[Message]:
    command, pieces = b"", list[bytes]()
    for kind, body in pdus(stream):
        pos = 0
        while kind == P_DATA and pos < len(body):
            length, context_id, control = struct.unpack_from(">IBB", body, pos)
            content = body[pos + 6 : pos + 4 + length]
            pos += 4 + length
            if control & 1:
                command += content
                fields = parse_command(command)
                whole = bool(control & LAST) and fields.get(0x800) == b"\1\1"
            else:
                pieces.append(content)
                fields, whole = parse_command(command), bool(control & LAST)
            if whole:
                yield Message(context_id, accepted.get(context_id, ""), fields, b"".join(pieces))
                command, pieces = b"", []


@contextmanager
def recorder(port: int) -> Iterator[tuple[int, list[Recording]]]:
    """A port that leads to ``port``, and the recordings of all its connections, complete when the context has been left."""
    recordings: list[Recording] = []
    threads: list[Thread] = []
    with socket.create_server((LOOPBACK, 0)) as listening:

        def accept() -> None:
            while True:
                try:
                    client, _ = listening.accept()
                except OSError:
                    return
                recording = Recording()
                recordings.append(recording)
                threads.append(Thread(target=_relay, args=(client, port, recording), daemon=True))
                threads[-1].start()

        accepting = Thread(target=accept, daemon=True)
        accepting.start()
        try:
            yield listening.getsockname()[1], recordings
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            accepting.join(10)
            for thread in threads:
                thread.join(30)


def _relay(client: socket.socket, port: int, recording: Recording) -> None:
    with client, socket.create_connection((LOOPBACK, port)) as server:
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = Thread(target=_pump, args=(server, client, recording.answered), daemon=True)
        back.start()
        _pump(client, server, recording.sent)
        back.join(30)


def _pump(source: socket.socket, target: socket.socket, kept: bytearray) -> None:
    try:
        while piece := source.recv(2**16):
            kept += piece
            target.sendall(piece)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        for end in (source, target):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue
