"""The connections that one process has accepted, each with its place among those of all processes.

Who connects and says nothing must keep nobody out: when there is no place left, the connection that has been without an
association for longest makes room, first among those of the same host. A peer that means it needs milliseconds to get past that.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from threading import Lock

from pynetdicom.association import Association

from node.receive.associate.places import Places
from node.receive.listen.sparing import Sparing
from storage.base.clock import Clock


@dataclass(eq=False)
class Connection:
    """One accepted connection. ``association`` is None until its thread has made one; ``place`` is None once given back."""

    socket: socket.socket
    host: str
    place: int | None
    accepted_at_s: float
    association: Association | None = None

    @property
    def is_half_open(self) -> bool:
        """Whether it has no association yet: its peer has cost us something and told us nothing."""
        association = self.association
        return association is None or not association.is_established


class Connections:
    """Open connections of one process. Threads may share it; `enter` is for the one that accepts."""

    def __init__(self, places: Places, clock: Clock, sparing: Sparing) -> None:
        self._places = places
        self._sparing = sparing
        self._clock = clock
        self._lock = Lock()
        self._open: dict[Connection, None] = {}  # a set in the order of arrival

    def __len__(self) -> int:
        return len(self._open)

    def __iter__(self) -> Iterator[Connection]:
        with self._lock:
            return iter(list(self._open))

    def associations(self) -> list[Association]:
        """The associations that have a thread now, established or not."""
        return [one.association for one in self if one.association is not None]

    def enter(self, accepted: socket.socket, host: str) -> Connection | None:
        """Count an accepted connection; None when there are too many and none makes room."""
        place = self._places.take("", host)
        if place is None and self._make_room(host):
            place = self._places.take("", host)
        if place is None:
            return None
        connection = Connection(accepted, host, place, self._clock.monotonic_s())
        with self._lock:
            self._open[connection] = None
        return connection

    def leave(self, connection: Connection) -> None:
        """Forget a connection, which its thread has closed."""
        with self._lock:
            self._open.pop(connection, None)
            self._free(connection)

    def cut_half_open(self) -> None:
        """End all connections that have no association yet."""
        for connection in self:
            if connection.is_half_open:
                _cut(connection)

    def _make_room(self, host: str) -> bool:
        """Cut the oldest half-open connection of a host, or where that host has few, of any."""
        waiting = [one for one in self if one.place is not None and one.is_half_open]
        found = [one for one in waiting if one.host == host]
        if not found and not self._places.is_full_for(host):
            found = waiting
        if not found:
            return False
        self._sparing.tell("connection.cut", "too-many-connections", found[0].host)
        with self._lock:
            self._free(found[0])
        _cut(found[0])
        return True

    def _free(self, connection: Connection) -> None:
        place, connection.place = connection.place, None
        if place is not None:
            self._places.give_back(place)


def _cut(connection: Connection) -> None:
    """End it under the thread that serves it, which sees that and closes it; also where TLS lies over the connection."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection.socket, socket.SHUT_RDWR)
