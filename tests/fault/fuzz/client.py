"""Puts a case on the wire and says what came back."""

from __future__ import annotations

import hashlib
import socket
import struct
import time
from dataclasses import dataclass, field

from tests.fault.fuzz.mutate import Case
from tests.support.ports import LOOPBACK
from tests.support.recorder import Message, Recording

PATIENCE_S = 10.0
_STORED, _STATUS, _FIELD, _INSTANCE = b"\x01\x80", 0x900, 0x100, 0x1000
_RESET = struct.pack("ii", 1, 0)


@dataclass
class Heard:
    """The end of one case. ``acknowledged``: SOP Instance UIDs that were answered 0000. ``hung``: nobody closed in time."""

    case: Case
    answered: bytes = b""
    hung: bool = False
    statuses: list[str] = field(default_factory=list)
    acknowledged: list[str] = field(default_factory=list)
    possible: set[tuple[str, str]] = field(default_factory=set)
    held: socket.socket | None = None


def deliver(port: int, case: Case) -> Heard:
    """Send a case the way it says and read the answers to their end."""
    heard = Heard(case)
    connection = socket.create_connection((LOOPBACK, port), PATIENCE_S)
    try:
        _send(connection, case)
        if case.ending == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        elif case.ending != "close":
            if case.ending == "half":
                connection.shutdown(socket.SHUT_WR)
            heard.answered, ended = _read(connection, PATIENCE_S if case.ending == "half" else 0.1)
            heard.hung = not ended and case.ending == "half"
            if case.ending == "hold" and not ended:
                heard.held = connection
    except TimeoutError:
        heard.hung = True
    except OSError:  # thrown out, as is right
        pass
    finally:
        if heard.held is None:
            connection.close()
    _understand(heard)
    return heard


def _send(connection: socket.socket, case: Case) -> None:
    start = 0
    for cut in (*case.cuts, len(case.stream)):
        connection.sendall(case.stream[start:cut])
        start = cut


def _read(connection: socket.socket, patience_s: float) -> tuple[bytes, bool]:
    answered, end_s = b"", time.monotonic() + patience_s
    while (left_s := end_s - time.monotonic()) > 0:
        connection.settimeout(left_s)
        try:
            piece = connection.recv(2**16)
        except TimeoutError:
            break
        except OSError:
            return answered, True
        if not piece:
            return answered, True
        answered += piece
    return answered, False


def _understand(heard: Heard) -> None:
    """Which instances were acknowledged, and which data sets the receiver may have understood under their UIDs."""
    recording = Recording(bytearray(heard.case.stream), bytearray(heard.answered))
    for answer in _messages(recording, sent=False):
        status = answer.command.get(_STATUS, b"")
        heard.statuses.append(status[::-1].hex())
        if answer.command.get(_FIELD) == _STORED and status == b"\0\0":
            heard.acknowledged.append(answer.uid(_INSTANCE))
    if heard.acknowledged:
        for message in _messages(recording, sent=True):
            heard.possible.add((message.uid(_INSTANCE), hashlib.sha256(message.data).hexdigest()))


def _messages(recording: Recording, sent: bool) -> list[Message]:
    try:
        return recording.messages() if sent else recording.answers()
    except (struct.error, IndexError, ValueError):  # our own reader is no judge of broken bytes
        return []
