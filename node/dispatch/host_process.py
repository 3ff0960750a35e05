"""One model host as seen from the dispatcher: a child process, our end of its socket pair, the task it runs, its deadline.

Nothing here blocks: the socket is non-blocking both ways and a killed child is reaped later. The host can't outlive us: our
end closes when we die, and end-of-file means die.
"""

from __future__ import annotations

import contextlib
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field

from pydantic import BaseModel, ValidationError

from inference.protocol import MAX_ANSWER_BYTES, LineCutter, Outcome, Progress, Ready, TaskSpec, encode_line, from_host

_CHUNK_BYTES = 1 << 16
_REAP_S = 1.0


class HostLost(Exception):
    """The host is of no more use; ``code`` and ``reason`` say why."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(eq=False)
class HostProcess:
    """A running host. ``limit_s`` is the monotonic time at which it is killed, None while it idles."""

    digest: str
    process: subprocess.Popen[bytes]
    socket: socket.socket
    ready: bool = False
    task: TaskSpec | None = None
    cancelling: bool = False
    limit_s: float | None = None
    last_used_s: float = 0.0
    _outgoing: bytearray = field(default_factory=bytearray)
    _lines: LineCutter = field(default_factory=lambda: LineCutter(MAX_ANSWER_BYTES))

    @property
    def wants_to_write(self) -> bool:
        return bool(self._outgoing)

    def send(self, message: BaseModel) -> None:
        """Queue a message; ``flush`` carries it as the socket takes it."""
        self._outgoing += encode_line(message)
        self.flush()

    def flush(self) -> None:
        """Write what the socket takes now. A broken socket is left for ``receive`` to report."""
        with contextlib.suppress(OSError):
            while self._outgoing:
                del self._outgoing[: self.socket.send(self._outgoing[:_CHUNK_BYTES])]

    def receive(self) -> list[Ready | Progress | Outcome]:
        """The messages that have arrived.

        Raises
        ------
        HostLost
            The host ended or does not speak the protocol.
        """
        try:
            chunk = self.socket.recv(_CHUNK_BYTES)
        except BlockingIOError:
            return []
        except OSError:
            chunk = b""
        if not chunk:
            raise HostLost("host-died" if self.ready else "host-start-failed", self._how_it_ended())
        try:
            return [from_host.validate_json(line) for line in self._lines.feed(chunk)]
        except ValidationError:
            raise HostLost("host-protocol", "the model host sent a line that is no message") from None
        except ValueError:
            raise HostLost("host-protocol", f"the model host sent a line over {MAX_ANSWER_BYTES} bytes") from None

    def kill(self) -> None:
        """End the host at once; reaping is the caller's (``process.poll``)."""
        self.socket.close()
        self.process.kill()

    def _how_it_ended(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(_REAP_S)
        return f"the model host {_ending(self.process.returncode)}"


def start_host(command: Sequence[str], digest: str) -> HostProcess:
    """Spawn ``command --digest DIGEST --fd N`` with one end of a socket pair as file descriptor N.

    Raises
    ------
    OSError
        The machine can't start a process now.
    """
    ours, theirs = socket.socketpair()
    try:
        with theirs:
            process = subprocess.Popen(
                [*command, "--digest", digest, "--fd", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
            )
    except OSError:
        ours.close()
        raise
    ours.setblocking(False)
    return HostProcess(digest=digest, process=process, socket=ours)


def _ending(returncode: int | None) -> str:
    if returncode is None:
        return "closed its connection"
    if returncode >= 0:
        return f"exited with status {returncode}"
    try:
        name = signal.Signals(-returncode).name
    except ValueError:
        name = str(-returncode)
    hint = " (the system's out-of-memory killer does that)" if name == "SIGKILL" else ""
    return f"was ended by {name}{hint}"
