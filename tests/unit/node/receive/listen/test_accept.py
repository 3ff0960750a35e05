"""The accept loop goes on whatever the system refuses it; a listening socket is bound, or the mend is named."""

from __future__ import annotations

import errno
import socket
import threading
from typing import cast

import pytest

from node.receive.listen import sockets
from node.receive.listen.accept import AcceptLoop
from node.receive.listen.server import Server
from storage.base.clock import SystemClock
from storage.base.errors import ConfigError
from tests.support.ports import LOOPBACK


class FailingServer:
    """Accepts after it has failed for a while."""

    def __init__(self, failures: list[Exception]) -> None:
        self.listening = sockets.listen_on(LOOPBACK, 0)
        self.failures = failures
        self.accepted = threading.Event()

    def fileno(self) -> int:
        return self.listening.fileno()

    def accept_one(self) -> bool:
        if self.failures:
            raise self.failures.pop(0)
        self.listening.accept()[0].close()
        self.accepted.set()
        return True

    def server_close(self) -> None:
        self.listening.close()


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EMFILE, "files"), OSError(errno.ENOMEM, "memory"), RuntimeError("can't start new thread"), MemoryError()],
)
def test_what_the_system_lacks_for_a_while_ends_nothing(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    server = FailingServer([error] * 3)
    loop = AcceptLoop([cast(Server, server)], SystemClock())
    loop.start()
    try:
        with socket.create_connection(server.listening.getsockname(), 5):
            assert server.accepted.wait(10)
    finally:
        loop.stop()
    assert capsys.readouterr().err.count("receiver.accept-failed") == 1  # said once a minute
    assert server.listening.fileno() == -1


def test_a_port_in_use_is_named_with_its_key() -> None:
    with sockets.listen_on(LOOPBACK, 0) as held:
        port = held.getsockname()[1]
        with pytest.raises(ConfigError, match=rf"^tls.port: {LOOPBACK}:{port} can't be used .*change tls.port$"):
            sockets.listen_on(LOOPBACK, port, "tls.port")


def test_an_address_that_is_not_ours_is_named_with_the_mend() -> None:
    with pytest.raises(ConfigError, match=r"set node.host to an address of this machine"):
        sockets.listen_on("192.0.2.1", 0)


def test_waiting_ends_with_data_or_with_time() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        assert not sockets.readable(ours, 0.01)
        theirs.send(b"x")
        assert sockets.readable(ours, 5.0)


def test_an_urgent_byte_alone_is_nothing_to_be_read() -> None:
    with socket.create_server((LOOPBACK, 0)) as listening:
        theirs = socket.create_connection(listening.getsockname())
        ours, _ = listening.accept()
    with ours, theirs:
        theirs.send(b"!", socket.MSG_OOB)
        assert not sockets.readable(ours, 0.1), "a blocking read would have no end"
        theirs.send(b"x")
        assert sockets.readable(ours, 5.0)
        assert ours.recv(2) == b"x"
