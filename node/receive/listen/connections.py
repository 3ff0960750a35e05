"""The connections that one process has accepted, each with its place among those of all processes."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Lock

from pynetdicom.association import Association

from storage.base.clock import Clock


@dataclass(eq=False)
class Connection:
    """One accepted connection. ``association`` is None until its thread has made one."""

    socket: socket.socket
    host: str
    place: int
    accepted_at_s: float
    association: Association | None = None

    @property
    def is_half_open(self) -> bool:
        """Whether it has no association yet: its peer has cost us something and told us nothing."""
        association = self.association
        return association is None or not association.is_established


class Connections:
    """Open connections of one process; threads may share it.

    ``take`` finds a place for a host or None, ``give_back`` frees it.
    """

    def __init__(self, take: Callable[[str], int | None], give_back: Callable[[int], None], clock: Clock) -> None:
        self._take = take
        self._give_back = give_back
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
        """Count an accepted connection; None when there are too many."""
        place = self._take(host)
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
        self._give_back(connection.place)
