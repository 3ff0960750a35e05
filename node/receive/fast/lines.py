"""What stands in for pynetdicom's queues where one thread is at both ends."""

from __future__ import annotations

import queue
from collections import deque
from typing import Generic, TypeVar

T = TypeVar("T")


class Line(Generic[T]):
    """As much of `queue.Queue` as pynetdicom uses; never waits."""

    def __init__(self) -> None:
        self.queue: deque[T] = deque()

    def put(self, item: T) -> None:
        """Put at the end."""
        self.queue.append(item)

    def get(self, block: bool = False, timeout: float | None = None) -> T:
        """Take the first.

        Raises
        ------
        queue.Empty
        """
        if not self.queue:
            raise queue.Empty
        return self.queue.popleft()

    def empty(self) -> bool:
        """Whether nothing waits."""
        return not self.queue
