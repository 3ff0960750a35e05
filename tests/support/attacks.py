"""Attacks that last until they are stopped, and the good peer that must be served meanwhile.

    with under_attack("half-header", port, pid) as seen:
        time.sleep(5)
    print(seen.percentile_s(99), seen.growth_bytes)

The attacker comes from 127.0.0.66, the good peer from 127.0.0.1: what one address may hold of us shall not be all there is.
"""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from threading import Event, Thread

from tests.support.attacker import (
    COMMAND,
    CT,
    DEFLATED,
    EXPLICIT,
    LAST,
    P_DATA,
    RawPeer,
    associate_rq,
    command_set,
    echo_rq,
    fragments,
    p_data,
    pdu,
    pdv,
    short,
    store_rq,
    uid,
)
from tests.support.vitals import PeakMemory
from tests.unit.node.receive.encoding import ITEM_END, SEQUENCE_END, UNDEFINED, element, encoded, identified, item

GIANT = 768 * 2**20
COMMITMENT = "1.2.840.10008.1.20.1"
CONNECTIONS = 60
LOOPS = 3
DEFLATED_CT = associate_rq([(1, CT, (DEFLATED,))])

# One turn of an attack against a port; it is called again and again until the event is set.
Turn = Callable[[int, Event], None]


def nested(depth: int) -> bytes:
    """A data set with sequences in sequences, of undefined length."""
    inner = b""
    for _ in range(depth):
        inner = element(0x0040A730, "SQ", item(inner + ITEM_END, UNDEFINED) + SEQUENCE_END, UNDEFINED)
    return encoded(identified("1.2.3.4.5")) + inner


@cache
def bomb(size: int = 80 * 2**20) -> bytes:
    """A sound deflated data set, a thousandth of the size that it inflates to."""
    squeeze = zlib.compressobj(9, wbits=-15)
    pieces = [squeeze.compress(encoded(identified("1.2.3.4.6")) + element(0x7FE00010, "OB", b"", size))]
    pieces += [squeeze.compress(bytes(2**20)) for _ in range(size // 2**20)]
    return b"".join(pieces) + squeeze.flush()


def declares_4_gb() -> bytes:
    """Some 400 bytes, of which the last element claims 4 GB."""
    return encoded(identified("1.2.3.4.7")) + element(0x7FE00010, "OW", bytes(300), 0xFFFFFFFE)


@cache
def many_elements(count: int = 150_000) -> bytes:
    """A sound data set of nothing but empty items: all of them are looked at."""
    return encoded(identified("1.2.3.4.8")) + element(0x0040A730, "SQ", item(b"") * count)


def _hold(*first: bytes) -> Turn:
    """Open many connections, say the first bytes on each, and keep all that aren't closed."""

    def turn(port: int, stop: Event) -> None:
        held: list[RawPeer] = []
        try:
            while not stop.wait(0.005):
                if len(held) < CONNECTIONS:
                    held.append(RawPeer(port))
                    held[-1].send(*first)
                elif not stop.wait(0.2):
                    held = [peer for peer in held if not _is_closed(peer)]
        finally:
            for peer in held:
                peer.close()

    return turn


def _is_closed(peer: RawPeer) -> bool:
    peer.socket.settimeout(0.0)
    try:
        closed = peer.socket.recv(4096) == b""
    except BlockingIOError:
        return False
    except OSError:
        closed = True
    if closed:
        peer.close()
    return closed


def _pour(associate: bool, first: bytes, more: bytes, most: int = 2**28) -> Turn:
    """Send the same bytes over and over without reading, up to ``most`` of them."""

    def turn(port: int, stop: Event) -> None:
        with RawPeer(port, timeout_s=5.0) as peer:
            if associate and peer.negotiate() is None:
                stop.wait(0.1)
                return
            sent, alive = 0, peer.send(first)
            while alive and sent < most and not stop.is_set():
                alive = peer.send(more)
                sent += len(more)

    return turn


def _store(data: Callable[[], bytes], sop_instance: str, request: bytes | None = None, context_id: int = 3) -> Turn:
    def turn(port: int, stop: Event) -> None:
        with RawPeer(port, timeout_s=30.0) as peer:
            if peer.negotiate(request) == 2:
                peer.store(data(), sop_instance, context_id)
        stop.wait(0.05)

    return turn


def _ask_commitment(port: int, stop: Event) -> None:
    """Storage commitment of very many items that name nothing (PS3.4 J.3.2)."""
    named = {3: uid(COMMITMENT), 0x1001: uid(COMMITMENT + ".1")}
    command = command_set(named | {0x100: short(0x130), 0x110: short(1), 0x800: short(1), 0x1008: short(1)})
    with RawPeer(port, timeout_s=30.0) as peer:
        if peer.negotiate(associate_rq([(1, COMMITMENT, (EXPLICIT,))])) == 2:
            peer.send(p_data(1, COMMAND | LAST, command), *fragments(1, many_elements(), peer.max_pdu))
            peer.read_status()


def _leave(port: int, stop: Event) -> None:
    """Associate and be gone without a word."""
    with RawPeer(port) as peer:
        peer.negotiate()


ATTACKS: Mapping[str, Turn] = {
    "silent": _hold(),
    "half-header": _hold(b"\x01\x00\x00"),
    "half-request": _hold(associate_rq()[:-1]),
    "giant-before": _pour(False, pdu(P_DATA, b"", GIANT), bytes(2**18)),
    "giant-request": _pour(False, pdu(1, b"", GIANT), bytes(2**18)),
    "giant-after": _pour(True, pdu(P_DATA, pdv(3, COMMAND, b""), GIANT), bytes(2**18)),
    "giant-fragment": _pour(True, pdu(P_DATA, b"\xff\xff\xff\xff\x03\x00", 2**17), bytes(2**18)),
    "endless-command": _pour(True, b"", p_data(3, COMMAND, bytes(16000))),
    "endless-other-message": _pour(
        True, p_data(1, COMMAND | LAST, command_set({0x100: b"\x20\x00", 0x800: b"\0\0"})), p_data(1, 0, bytes(16000))
    ),
    "reads-no-answer": _pour(True, b"", p_data(1, COMMAND | LAST, echo_rq()) * 100),
    "stores-without-reading": _pour(
        True, b"", (p_data(3, COMMAND | LAST, store_rq("1.2.3.4.7")) + p_data(3, LAST, declares_4_gb())) * 20, 2**22
    ),
    "associates-and-leaves": _leave,
    "nested": _store(lambda: nested(300), "1.2.3.4.5"),
    "deflate-bomb": _store(bomb, "1.2.3.4.6", DEFLATED_CT, 1),
    "declares-4-gb": _store(declares_4_gb, "1.2.3.4.7"),
    "many-elements": _store(many_elements, "1.2.3.4.8"),
    "many-items-to-commit": _ask_commitment,
}


@dataclass
class Seen:
    """What the good peer saw: seconds of each whole association with its C-ECHO, infinity where it failed; and our memory."""

    seconds: list[float] = field(default_factory=list)
    growth_bytes: int = 0

    def percentile_s(self, percent: float) -> float:
        """The time within which this part of the echoes was answered; infinity where there was none."""
        ranked = sorted(self.seconds)
        return ranked[min(len(ranked) - 1, math.ceil(len(ranked) * percent / 100) - 1)] if ranked else math.inf


def good_echo(port: int, timeout_s: float = 10.0) -> float:
    """Seconds of one whole association with a C-ECHO, from the connection to the release; infinity where it failed."""
    begun_s = time.monotonic()
    try:
        with RawPeer(port, "127.0.0.1", timeout_s) as peer:
            well = peer.negotiate() == 2 and peer.echo() == 0 and peer.release()
    except OSError:
        well = False
    return time.monotonic() - begun_s if well else math.inf


@contextmanager
def under_attack(name: str, port: int, pid: int, pause_s: float = 0.1) -> Iterator[Seen]:
    """Attack ``port`` while a good peer echoes; the figures are complete when the context has been left."""
    bomb()  # made before anything is measured
    stop, seen, memory = Event(), Seen(), PeakMemory(pid)
    attackers = [Thread(target=_again, args=(ATTACKS[name], port, stop), daemon=True) for _ in range(LOOPS)]

    def watch() -> None:
        while not stop.wait(pause_s):
            seen.seconds.append(good_echo(port))
            memory.look()

    watcher = Thread(target=watch, daemon=True)
    for thread in (*attackers, watcher):
        thread.start()
    try:
        yield seen
    finally:
        stop.set()
        for thread in (*attackers, watcher):
            thread.join(60)
        memory.look()
        seen.growth_bytes = memory.growth_bytes


def _again(turn: Turn, port: int, stop: Event) -> None:
    while not stop.is_set():
        try:
            turn(port, stop)
        except OSError:  # we were thrown out, as is right
            stop.wait(0.05)
