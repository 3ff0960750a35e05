"""The host's end of the socket pair.

A thread reads, so that a cancel or the dispatcher's death is noticed while the network runs: at end-of-file the process ends
there and then, before it could write another blob. Only the thread that runs tasks sends.
"""

from __future__ import annotations

import os
import queue
import socket
import threading

from pydantic import BaseModel

from inference.protocol import MAX_TASK_BYTES, Cancel, LineCutter, TaskSpec, encode_line, to_host

_CHUNK_BYTES = 1 << 16
EXIT_ORPHAN = 0
EXIT_PROTOCOL = 3


class Mailbox:
    """Tasks and cancels from the dispatcher, answers to it; ``connection`` is a connected stream socket."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._tasks: queue.SimpleQueue[TaskSpec] = queue.SimpleQueue()
        self._cancelled: set[int] = set()
        threading.Thread(target=self._read, name="mailbox", daemon=True).start()

    def next_task(self) -> TaskSpec:
        """Wait for the next task, however long."""
        return self._tasks.get()

    def is_cancelled(self, job_id: int) -> bool:
        return job_id in self._cancelled

    def send(self, message: BaseModel) -> None:
        """Send one message, waiting while the dispatcher is busy; a dead dispatcher ends this process."""
        try:
            self._connection.sendall(encode_line(message))
        except OSError:
            os._exit(EXIT_ORPHAN)

    def _read(self) -> None:
        lines = LineCutter(MAX_TASK_BYTES)
        try:
            while chunk := self._connection.recv(_CHUNK_BYTES):
                for line in lines.feed(chunk):
                    self._deliver(to_host.validate_json(line))
        except OSError:
            pass
        except ValueError:
            os._exit(EXIT_PROTOCOL)
        os._exit(EXIT_ORPHAN)

    def _deliver(self, message: TaskSpec | Cancel) -> None:
        if isinstance(message, Cancel):
            self._cancelled.add(message.job_id)
        else:
            # A cancel belongs to the attempt before it.
            self._cancelled.discard(message.job_id)
            self._tasks.put(message)
