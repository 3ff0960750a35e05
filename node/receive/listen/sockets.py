"""Sockets as a receiver needs them: listening ones, the options of accepted ones, and waiting without `select`.

`select` fails for descriptors from 1024 on, and a blocking read has no end: here every wait is a `poll` with a deadline.
"""

from __future__ import annotations

import errno
import resource
import select
import socket
import ssl
from dataclasses import dataclass

from pynetdicom.association import Association
from pynetdicom.transport import AssociationSocket

from storage.base.clock import Clock
from storage.base.errors import ConfigError

BACKLOG = 512
KEEPALIVE_IDLE_S, KEEPALIVE_EVERY_S, KEEPALIVE_PROBES = 20, 10, 4
MAX_REQUEST_BYTES = 2**20  # of any one PDU on the stock path: P-DATA of our maximum length, or a large A-ASSOCIATE-RQ


@dataclass(frozen=True)
class Listen:
    """Where and how to listen; port 0 takes a free one.

    ``max_associations`` in all and ``max_per_host`` from one host (None: as many) are counted over all workers, and so are the
    ``most_waiting`` connections that may be open besides, half of them from one host. ``request_s``: from the connection to the
    whole A-ASSOCIATE-RQ, a TLS handshake included.
    """

    host: str
    port: int
    max_associations: int
    max_per_host: int | None = None
    most_waiting: int = 1000
    request_s: float = 30.0


def listen_on(host: str, port: int, key: str = "node.port") -> socket.socket:
    """A listening, non-blocking socket that child processes may inherit.

    Raises
    ------
    ConfigError
        The address can't be used; names ``key`` and the mend.
    """
    found = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind((host, port))
        found.listen(BACKLOG)
        found.setblocking(False)
    except OSError as error:
        found.close()
        mend = f"stop the program that holds it or change {key}"
        if error.errno in (errno.EADDRNOTAVAIL, socket.EAI_NONAME):
            mend = "set node.host to an address of this machine"
        raise ConfigError(f"{key}: {host}:{port} can't be used ({error.strerror}); {mend}", code="port") from error
    return found


def raise_descriptor_limit() -> int:
    """Let this process, and those that it forks, open as many descriptors as it is allowed to; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard


def prepare(accepted: socket.socket) -> None:
    """Options of an accepted connection: our answers are small and awaited (no Nagle), and a peer that vanished is noticed."""
    accepted.setblocking(True)
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    accepted.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S)
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_EVERY_S)
    accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_PROBES)
    acknowledge_at_once(accepted)


def give_up_untaken(connected: socket.socket, seconds: float) -> None:
    """Have the kernel end the connection once the peer has taken nothing of what waits for it for so long (RFC 9293, 3.9.1).

    Waiting for room in the send buffer doesn't notice that: the buffer holds megabytes. And a peer's kernel whose receive buffer
    is full throws our segments away with the acknowledgements in them, so that we wait for requests which it sends again in vain.
    It bounds an unanswered keepalive too, and what a closed connection still has to send.
    """
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, max(1, round(seconds * 1000.0)))


def acknowledge_at_once(connected: socket.socket) -> None:
    """A sender under Nagle holds back the rest until the first bytes are acknowledged: don't let the kernel wait with that.

    Linux takes this back whenever we send, so it is said again before each read.
    """
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)


def readable(connected: socket.socket, timeout_s: float) -> bool:
    """Whether something is there to be read (or the end) within ``timeout_s``; any descriptor number will do.

    An urgent byte is nothing: a read that follows it would wait for another without end.
    """
    if isinstance(connected, ssl.SSLSocket) and connected.pending():
        return True
    waiting = select.poll()
    waiting.register(connected.fileno(), select.POLLIN)
    return bool(waiting.poll(timeout_s * 1000.0))


class StockSocket(AssociationSocket):
    """pynetdicom's socket with bounds: waits by `poll`, and a PDU has a deadline and a greatest length.

    Errors are those that its reader takes for a lost connection (PS3.8 9.2.3, Evt17).
    """

    pdu_s = 60.0
    send_s = 60.0

    def __init__(self, assoc: Association, connected: socket.socket, clock: Clock) -> None:
        super().__init__(assoc, client_socket=connected)
        give_up_untaken(connected, self.send_s)
        self._clock = clock

    @property
    def ready(self) -> bool:
        """Whether there is data to be read."""
        if self.socket is None or not self._is_connected:
            return False
        try:
            return readable(self.socket, 0.0)
        except (OSError, ValueError):
            self.event_queue.put("Evt17")
            return False

    def recv(self, nr_bytes: int) -> bytearray:
        """Read ``nr_bytes``, or fewer at the end of the connection.

        Raises
        ------
        OSError
            Too many asked for, or not all came in time.
        """
        if nr_bytes > MAX_REQUEST_BYTES:
            raise OSError(errno.EMSGSIZE, "PDU too long")
        connected = self.socket
        if connected is None:
            raise OSError(errno.ENOTCONN, "no connection")
        read = bytearray()
        end_s = self._clock.monotonic_s() + self.pdu_s
        if not self.assoc.is_established:
            end_s = min(end_s, getattr(self.assoc, "request_until_s", end_s))
        while len(read) < nr_bytes:
            acknowledge_at_once(connected)
            if not readable(connected, max(0.0, end_s - self._clock.monotonic_s())):
                raise TimeoutError
            chunk = connected.recv(nr_bytes - len(read))
            if not chunk:
                break
            read += chunk
        return read
