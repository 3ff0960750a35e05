"""What takes the data set of each kind of message (`node.receive.fast.pdata.DataSet`)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from threading import Lock

from node.receive.desk.receptions import Receiving
from node.receive.fast.pdata import INVALID_PARAMETER, ProtocolError
from node.receive.spool.durable import Bytes
from node.receive.store.status import Answer


class Storing:
    """A C-STORE's, on its way into the store."""

    def __init__(self, receiving: Receiving, answer: Callable[[Answer], None]) -> None:
        self._receiving = receiving
        self._answer = answer
        self.write = receiving.write
        self.abandon = receiving.abandon

    def end(self) -> None:
        """Answer when it is durable or refused."""
        self._answer(self._receiving.finish())


class Unwanted:
    """One that nobody takes: it goes by, up to a measure, and then the message is answered or not."""

    def __init__(self, most_bytes: int, end: Callable[[], None] = lambda: None) -> None:
        self._left = most_bytes
        self.end = end

    def write(self, data: Bytes) -> None:
        """Let the bytes go by."""
        self._left -= len(data)
        if self._left < 0:
            raise ProtocolError("a data set beyond all measure", INVALID_PARAMETER)

    def abandon(self) -> None:
        """Nothing was kept."""


class Budget:
    """Bytes that all associations of a process may hold together."""

    def __init__(self, most_bytes: int) -> None:
        self._lock = Lock()
        self._left = most_bytes

    def take(self, size: int) -> bool:
        """Whether so many were left; if so they are taken."""
        with self._lock:
            if size > self._left:
                return False
            self._left -= size
            return True

    def give_back(self, size: int) -> None:
        """What was taken is free again."""
        with self._lock:
            self._left += size


class Collected:
    """One for pynetdicom's services, in memory until it is whole; ``deliver`` gets it, and what to call when it is served."""

    def __init__(self, most_bytes: int, budget: Budget, deliver: Callable[[bytes, Callable[[], None]], None]) -> None:
        self._most_bytes = most_bytes
        self._budget = budget
        self._deliver = deliver
        self._data = bytearray()

    def write(self, data: Bytes) -> None:
        """Keep the bytes."""
        if len(self._data) + len(data) > self._most_bytes:
            raise ProtocolError("a data set beyond all measure", INVALID_PARAMETER)
        if not self._budget.take(len(data)):
            raise ProtocolError("too much is being received at once that must be held in memory")
        self._data += data

    def end(self) -> None:
        """Hand it on; it counts until it has been served, since more may come before that."""
        data, self._data = bytes(self._data), bytearray()
        self._deliver(data, partial(self._budget.give_back, len(data)))

    def abandon(self) -> None:
        """Let go of it."""
        self._budget.give_back(len(self._data))
        self._data = bytearray()
