"""Peers that don't speak TLS, or don't finish its handshake, on the port that asks for it."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.attacker import RawPeer, associate_rq
from tests.support.attacks import good_echo
from tests.support.besieged import Besieged, besieged
from tests.support.certificates import authority
from tests.support.peers import run_tool
from tests.support.ports import LOOPBACK, free_port
from tests.support.vitals import settle, vitals

REQUEST_S = 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture(scope="module")
def secure(folder: Path) -> Iterator[tuple[Besieged, int]]:
    """A receiver with both ports, and its port with TLS."""
    made = authority(folder / "ca")
    ours, port = made.pair("node"), free_port()
    tls = (str(ours.certificate), str(ours.key), str(ours.authority))
    with besieged(folder, listen={"request_s": REQUEST_S}, tls=tls, tls_port=port) as running:
        yield running, port
        assert '"level": "error"' not in running.log.read_text()


def test_silent_and_babbling_peers_hold_up_nobody(secure: tuple[Besieged, int], folder: Path) -> None:
    running, port = secure
    before = vitals(running.pid)
    silent = [RawPeer(port) for _ in range(30)]
    babbling = [RawPeer(port) for _ in range(5)]
    for peer in babbling:
        peer.send(associate_rq())  # plain DICOM
    halfway = [RawPeer(port) for _ in range(5)]
    for peer in halfway:
        peer.send(hello()[:-20])
    begun_s = time.monotonic()
    assert good_echo(running.port) < 10
    assert secure_echo(port, folder / "ca" / "ca.pem") < 10
    for peer in (*babbling, *halfway, *silent):
        while peer.read_pdu() is not None:  # perhaps a TLS alert, then the end
            pass
        peer.close()
    assert time.monotonic() - begun_s < REQUEST_S + 10
    after = settle(running.pid, lambda now: now.threads <= before.threads)
    assert after.threads <= before.threads


def test_a_handshake_that_ends_and_a_request_that_never_comes(secure: tuple[Besieged, int], folder: Path) -> None:
    running, port = secure
    context = ssl.create_default_context(cafile=str(folder / "ca" / "ca.pem"))
    with (
        socket.create_connection((LOOPBACK, port), 10) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as told,
    ):
        begun_s = time.monotonic()
        assert told.recv(10) == b""
        assert time.monotonic() - begun_s < REQUEST_S + 5
    assert good_echo(running.port) < 10


def test_dcmtk_echoes_by_tls_meanwhile(secure: tuple[Besieged, int]) -> None:
    _, port = secure
    silent = [RawPeer(port) for _ in range(10)]
    answered = run_tool(
        "echoscu", "-aet", "SCANNER", "-aec", "WETREAD", "+tla", "-ic", LOOPBACK, str(port), timeout_s=20
    )  # fmt: skip
    for peer in silent:
        peer.close()
    assert answered.returncode == 0, answered.stderr


def hello() -> bytes:
    """The first flight of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def secure_echo(port: int, authority_file: Path) -> float:
    """Seconds of a connection by TLS with a C-ECHO."""
    begun_s = time.monotonic()
    context = ssl.create_default_context(cafile=str(authority_file))
    peer = RawPeer(port, LOOPBACK)
    peer.socket = context.wrap_socket(peer.socket, server_hostname="localhost")
    with peer:
        assert peer.negotiate() == 2
        assert peer.echo() == 0
        assert peer.release()
    return time.monotonic() - begun_s
