"""The fast path over TLS, whose records end elsewhere than PDUs and reads do."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator

import pytest

from tests.support.attacker import (
    ABORT,
    ASSOCIATE_AC,
    P_DATA,
    RELEASE_RP,
    associate_rq,
    echo_rq,
    fragments,
    p_data,
    release,
    store_rq,
)
from tests.support.certificates import authority
from tests.support.fast_path import Counter, connected_pair
from tests.support.recorder import Recording, pdus
from tests.unit.node.receive.encoding import element, encoded, identified

pytestmark = pytest.mark.heavy
DATA = encoded(identified()) + element(0x7FE00010, "OW", bytes(range(256)) * 2000)
ASKED, ECHO = associate_rq(), p_data(1, 3, echo_rq())
STORE = p_data(3, 3, store_rq("1.2.3.4")) + b"".join(fragments(3, DATA, 100_000))


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Ours and the peer's."""
    pair = authority(tmp_path_factory.mktemp("ca")).pair("wetread")
    ours = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ours.load_cert_chain(pair.certificate, pair.key)
    return ours, ssl.create_default_context(cafile=str(pair.authority))


@pytest.fixture(scope="module")
def counter(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counter]:
    found = Counter(tmp_path_factory.mktemp("spool"))
    yield found
    found.close()


def serve(counter: Counter, context: ssl.SSLContext, ours: socket.socket) -> None:
    wrapped = context.wrap_socket(ours, server_side=True)
    counter.serve(wrapped)


def exchange(counter: Counter, contexts: tuple[ssl.SSLContext, ssl.SSLContext], stream: bytes, record: int) -> bytes:
    """Send ``stream`` in TLS records of ``record`` bytes; what came back until the peer was told that nothing more comes."""
    plain, ours = connected_pair()
    thread = threading.Thread(target=serve, args=(counter, contexts[0], ours))
    thread.start()
    answered = b""
    with contexts[1].wrap_socket(plain, server_hostname="localhost", suppress_ragged_eofs=False) as peer:
        peer.settimeout(10.0)
        for at in range(0, len(stream), record):
            peer.sendall(stream[at : at + record])
        while piece := peer.recv(2**16):
            answered += piece
    thread.join(10)
    assert not thread.is_alive()
    return answered


@pytest.mark.parametrize("record", [500, 16_384, 2**20])
def test_an_association_over_tls(counter: Counter, contexts: tuple[ssl.SSLContext, ssl.SSLContext], record: int) -> None:
    answered = exchange(counter, contexts, ASKED + ECHO + STORE + ECHO + STORE + release(), record)
    assert [kind for kind, _ in pdus(answered)] == [ASSOCIATE_AC, P_DATA, P_DATA, P_DATA, P_DATA, RELEASE_RP]
    assert [one.command[0x900] for one in Recording(bytearray(), bytearray(answered)).answers()] == [b"\0\0"] * 4


def test_a_broken_protocol_over_tls(counter: Counter, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    answered = exchange(counter, contexts, ASKED + b"\x17\0\0\0\0\4", 2**14)
    assert list(pdus(answered))[1:] == [(ABORT, b"\0\0\2\1")]
