"""The connection of one association: PDUs out of one reused buffer, and sends that end.

Every wait is a `poll` of the connection and of the drain descriptor, with a deadline. A PDU's length is judged before a byte of
its body is waited for, let alone given memory.
"""

from __future__ import annotations

import select
import socket
import ssl
import struct
from collections.abc import Callable
from contextlib import suppress
from math import inf

from node.receive.fast.limits import Limits
from node.receive.listen.sockets import give_up_untaken
from storage.base.clock import Clock

HEAD_BYTES = 6
FIRST_BYTES = 16 * 2**10
_ROOM = 16 * 2**10
_LONGEST_WAIT_S = 3600.0  # `poll` takes milliseconds in 31 bits
_LOOK_EVERY_S = 0.25
_HEAD = struct.Struct(">BxI")  # PDU type, reserved, PDU length: PS3.8 9.3.1
_POLLIN = select.POLLIN | select.POLLPRI
_WANTS_READ = (BlockingIOError, ssl.SSLWantReadError)


class Closed(Exception):
    """The peer has closed the connection, or it broke."""


class TimedOut(Exception):
    """A deadline has passed. ``in_pdu``: part of a PDU has come."""

    def __init__(self, in_pdu: bool) -> None:
        super().__init__()
        self.in_pdu = in_pdu


class Drained(Exception):
    """The receiver is stopping; raised once, and nothing that was read is lost."""


class Wire:
    """Reads PDUs and writes bytes; one thread uses it.

    The peer has ``idle_s`` for the first byte of a PDU and ``pdu_s`` for the rest of it, and nothing is read after ``end_s``;
    ``until_s`` ends a wait earlier, without the peer being late.
    """

    def __init__(self, connected: socket.socket, clock: Clock, limits: Limits) -> None:
        connected.setblocking(False)
        give_up_untaken(connected, limits.send_s)
        self.socket = connected
        self.until_s = self.end_s = inf
        self.idle_s = limits.idle_s
        self._pdu_s = limits.pdu_s
        self._send_s = limits.send_s
        self._most_bytes = HEAD_BYTES + max(limits.max_pdu_bytes, limits.max_request_bytes) + _ROOM
        self._now = clock.monotonic_s
        self._since_s = self._now()
        self._in_pdu = False
        self._buffer = bytearray(FIRST_BYTES)
        self.view = memoryview(self._buffer)
        self._start = self._stop = 0
        self._poll = select.poll()
        self._poll.register(connected.fileno(), _POLLIN)
        self._drain = -1
        self._look_at_s = self._since_s + _LOOK_EVERY_S

    def watch(self, drain: int) -> None:
        """Raise `Drained` out of a wait once this descriptor is readable."""
        self._drain = drain
        self._poll.register(drain, select.POLLIN)

    @property
    def is_between_pdus(self) -> bool:
        """Whether no byte of a next PDU has been read."""
        return self._start == self._stop

    @property
    def silent_s(self) -> float:
        """Seconds since the last PDU was read to its end."""
        return self._now() - self._since_s

    @property
    def is_overdue(self) -> bool:
        """Whether the peer has had its time for a PDU to begin, or for the rest of one."""
        return self._now() >= self._late_s

    @property
    def _late_s(self) -> float:
        return min(self.end_s, self._since_s + (self._pdu_s if self._in_pdu else self.idle_s))

    def read_pdu(self, judge: Callable[[int, int], None]) -> tuple[int, int, int]:
        """The next PDU: its type, and where its body begins and ends in ``view``, which the next read may overwrite.

        ``judge`` is called with type and length as soon as they are known and raises where they are not acceptable.

        Raises
        ------
        Closed, TimedOut, Drained
        """
        if self._since_s >= self._look_at_s:
            self._look()
        needed = HEAD_BYTES
        while True:
            have = self._stop - self._start
            if have >= needed:
                kind, length = _HEAD.unpack_from(self._buffer, self._start)
                if needed == HEAD_BYTES:
                    judge(kind, length)
                    needed += length
                if have >= needed:
                    return self._take(kind, needed)
            if have and not self._in_pdu:
                self._begin_pdu()
            self._fill(needed)

    def _look(self) -> None:
        """What waits look at, between PDUs: where the peer sends so fast that none is ever waited for."""
        self._look_at_s = self._since_s + _LOOK_EVERY_S
        self._ready(_POLLIN, 0.0)
        if self._since_s >= self.end_s:
            raise TimedOut(self._in_pdu)

    def _take(self, kind: int, size: int) -> tuple[int, int, int]:
        at = self._start + HEAD_BYTES
        end = self._start = self._start + size
        self._in_pdu = False
        self._since_s = self._now()
        if end == self._stop:
            self._start = self._stop = 0
        return kind, at, end

    def _begin_pdu(self) -> None:
        self._in_pdu = True
        self._since_s = self._now()

    def _fill(self, needed: int) -> None:
        """Read once more; there is room for ``needed`` bytes from the start of the PDU."""
        if self._stop == len(self._buffer) or self._start + needed > len(self._buffer):
            self._make_room(needed)
        while True:
            try:
                count = self.socket.recv_into(self.view[self._stop :])
            except _WANTS_READ:
                self._wait(_POLLIN)
            except ssl.SSLWantWriteError:
                self._wait(select.POLLOUT)
            except (OSError, ValueError) as error:
                raise Closed from error
            else:
                if not count:
                    raise Closed
                self._stop += count
                return

    def _make_room(self, needed: int) -> None:
        """Move the rest to the front; a peer that fills the buffer, or announces more, gets a greater one."""
        rest = self._stop - self._start
        size = len(self._buffer)
        if size < self._most_bytes and (needed > size or self._stop == size):
            grown = bytearray(min(max(needed + _ROOM, 4 * size), self._most_bytes))
            grown[:rest] = self.view[self._start : self._stop]
            self._buffer, self.view = grown, memoryview(grown)
        elif self._start:
            self.view[:rest] = self.view[self._start : self._stop]
        self._start, self._stop = 0, rest

    def _wait(self, events: int) -> None:
        """Until the connection is ready."""
        try:
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        except OSError as error:
            raise Closed from error
        left_s = min(self.until_s, self._late_s) - self._now()
        is_ready = left_s > 0 and self._ready(events, min(left_s, _LONGEST_WAIT_S))
        if not is_ready and left_s <= _LONGEST_WAIT_S:
            raise TimedOut(self._in_pdu)

    def _ready(self, events: int, left_s: float) -> bool:
        number = self.socket.fileno()
        if events != _POLLIN:
            self._poll.modify(number, events)
        try:
            found = self._poll.poll(left_s * 1000.0)
        finally:
            if events != _POLLIN:
                self._poll.modify(number, _POLLIN)
        if self._drain >= 0 and any(descriptor == self._drain for descriptor, _ in found):
            self._poll.unregister(self._drain)
            self._drain = -1
            raise Drained
        return bool(found)

    def send(self, data: bytes) -> None:
        """Write all of ``data``; while the peer takes nothing, nothing of it is read either.

        Raises
        ------
        Closed
            The connection broke, or the peer took too long.
        """
        end_s = self._now() + self._send_s
        left = memoryview(data)
        waiting = None
        while left:
            try:
                left = left[self.socket.send(left) :]
                continue
            except (BlockingIOError, ssl.SSLWantWriteError):
                events = select.POLLOUT
            except ssl.SSLWantReadError:
                events = _POLLIN
            except (OSError, ValueError) as error:
                raise Closed from error
            waiting = waiting or select.poll()
            waiting.register(self.socket.fileno(), events)
            left_s = end_s - self._now()
            if left_s <= 0 or not waiting.poll(left_s * 1000.0):
                raise Closed
        if not self._in_pdu:
            self._since_s = self._now()  # the peer's time begins when it has our answer, however long that took us

    def forget(self) -> None:
        """Let the buffer go now: the objects of an association refer to one another, and wait for the collector."""
        self._buffer, self.view = bytearray(), memoryview(b"")

    def linger(self, seconds: float) -> None:
        """Say that no more comes, and let the peer read our last PDU and close first: an early close could cost it that PDU.

        What it still sends is thrown away (PS3.8 9.2.3, AA-6).
        """
        end_s = self._now() + seconds
        scrap = bytearray(FIRST_BYTES)
        if isinstance(self.socket, ssl.SSLSocket):
            with suppress(OSError, ValueError):
                self.socket.unwrap()  # tells the peer that nothing was cut off (RFC 8446 6.1); its own word isn't waited for
        try:
            self.socket.shutdown(socket.SHUT_WR)
            waiting = select.poll()
            waiting.register(self.socket.fileno(), _POLLIN)
            while (left_s := end_s - self._now()) > 0 and waiting.poll(left_s * 1000.0):
                if not self.socket.recv_into(scrap):
                    return
        except (OSError, ValueError):
            return
