"""How many associations, or connections, there may be: counted over all worker processes, together and per host and source.

The counts lie in memory that the workers share. Each worker writes its own rows alone; to look at all rows and claim one is one
step under a lock of the kernel, which a process that dies lets go. The rows of a dead worker are cleared by the process that
started it, so nothing that a crash leaves behind can lock anybody out.

    per worker: alive u32, used u32, high u32 (rows in use lie below it), u32 of nothing, then rows of 32 bytes: digest of source,
    digest of host

Numbers of the head are written each by one store of an aligned word, since others read them while they change; `struct` would
clear the bytes first, and for that moment a worker would seem to have nothing.
"""

from __future__ import annotations

import fcntl
import heapq
import mmap
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import blake2b
from threading import Lock

_WORD_BYTES = 4
_HEAD_BYTES = 4 * _WORD_BYTES
_DIGEST_BYTES = 16
_ROW_BYTES = 2 * _DIGEST_BYTES
_FREE = bytes(_ROW_BYTES)


class PlaceTable:
    """The counts of all workers; made before they are forked. ``most`` in all, ``most_per_host`` from one host."""

    def __init__(self, workers: int, most: int, most_per_host: int) -> None:
        self.most, self.most_per_host = most, most_per_host
        self.workers = workers
        self._region_bytes = _HEAD_BYTES + most * _ROW_BYTES
        self._fd = os.memfd_create("places", os.MFD_CLOEXEC)
        os.ftruncate(self._fd, workers * self._region_bytes)
        self.memory = mmap.mmap(self._fd, workers * self._region_bytes)
        self._words = memoryview(self.memory).cast("I")

    def of(self, worker: int) -> Places:
        """The places as one worker takes them; to be asked for in that worker's process."""
        return Places(self, worker)

    def clear(self, worker: int) -> None:
        """Forget what a worker had that is no more."""
        start = self.start_of(worker)
        self.memory[start : start + self._region_bytes] = bytes(self._region_bytes)

    def loads(self) -> dict[int, int]:
        """How many places each worker that is alive has taken."""
        heads = {worker: self.head_of(worker) for worker in range(self.workers)}
        return {worker: head[1] for worker, head in heads.items() if head[0]}

    def head_of(self, worker: int) -> memoryview:
        """A worker's words: alive, used, high. Reading and writing one is one step."""
        first = self.start_of(worker) // _WORD_BYTES
        return self._words[first : first + 3]

    def start_of(self, worker: int) -> int:
        """Where a worker's part of the memory begins."""
        return worker * self._region_bytes

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Among processes. The kernel unlocks for a process that dies; a lock of a thread must go around this one."""
        fcntl.lockf(self._fd, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN)

    def used_rows(self) -> tuple[int, bytes]:
        """How many places are taken, and the rows among which they are."""
        total, rows = 0, []
        for worker in range(self.workers):
            start = self.start_of(worker)
            _, used, high = self.head_of(worker)
            total += used
            rows.append(self.memory[start + _HEAD_BYTES : start + _HEAD_BYTES + high * _ROW_BYTES])
        return total, b"".join(rows)

    def close(self) -> None:
        """Let the memory go, for this process."""
        self._words.release()
        self.memory.close()
        os.close(self._fd)


class Places:
    """One worker's hold on the table. Its threads may share it."""

    def __init__(self, table: PlaceTable, worker: int) -> None:
        self._table = table
        self._worker = worker
        self._start = table.start_of(worker)
        self._lock = Lock()
        self._free = list(range(table.most))
        self._used = 0
        self._high = 0
        self._alive = 0

    def set_alive(self, alive: bool) -> None:
        """Say whether this worker accepts connections, for those who compare loads."""
        with self._lock:
            self._alive = int(alive)
            self._write_head()

    def take(self, source: str, host: str, most_of_source: int | None = None) -> int | None:
        """Take a place, or None when there are as many as may be: in all, from this host, or of this source."""
        source_digest, host_digest = _digest(b"source", source.encode()), _host_digest(host)
        with self._lock, self._table.locked():
            total, rows = self._table.used_rows()
            if total >= self._table.most or rows.count(host_digest) >= self._table.most_per_host:
                return None
            if most_of_source is not None and rows.count(source_digest) >= most_of_source:
                return None
            place = heapq.heappop(self._free)
            self._write_row(place, source_digest + host_digest)
            self._used += 1
            self._high = max(self._high, place + 1)
            self._write_head()
            return place

    def give_back(self, place: int) -> None:
        """Give back a place that was taken."""
        with self._lock:
            self._write_row(place, _FREE)
            heapq.heappush(self._free, place)
            self._used -= 1
            if not self._used:
                self._high = 0
            self._write_head()

    def is_full_for(self, host: str) -> bool:
        """Whether this host has as many places as one host may have."""
        return self._table.used_rows()[1].count(_host_digest(host)) >= self._table.most_per_host

    def excess(self) -> int:
        """How many more places this worker has than the one that has the fewest."""
        return self._used - min(self._table.loads().values(), default=self._used)

    def _write_row(self, place: int, row: bytes) -> None:
        at = self._start + _HEAD_BYTES + place * _ROW_BYTES
        self._table.memory[at : at + _ROW_BYTES] = row

    def _write_head(self) -> None:
        head = self._table.head_of(self._worker)
        for word, number in enumerate((self._alive, self._used, self._high)):
            head[word] = number


def _digest(kind: bytes, key: bytes) -> bytes:
    return blake2b(key, digest_size=_DIGEST_BYTES, person=kind).digest()


def _host_digest(host: str) -> bytes:
    """Of an IPv4 address, or of the network of 64 bits that an IPv6 address is from: who has one has all addresses of it.

    A socket of both families gives IPv4 addresses the form of IPv6, all of them in one network of 64 bits.
    """
    host = host.lower().removeprefix("::ffff:") if "." in host else host
    try:
        packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])[:8] if ":" in host else socket.inet_aton(host)
    except OSError:
        packed = host.encode()
    return _digest(b"host", packed)
