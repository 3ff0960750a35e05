"""No peer holds an association of the fast path longer than it may, and stopping waits for the message at hand alone."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest

from node.receive.associate.admission import Admission, Grant
from node.receive.fast.association import FastAssociation
from node.receive.fast.limits import Limits
from tests.support.attacker import ABORT, ASSOCIATE_AC, ASSOCIATE_RJ, LAST, P_DATA, associate_rq, echo_rq, p_data, pdu, store_rq
from tests.support.fast_path import SCANNER, WETREAD, Counter, ShortReads, connected_pair
from tests.support.recorder import pdus
from tests.unit.node.receive.encoding import encoded, identified

pytestmark = pytest.mark.heavy

SHORT_S, LONG_S = 0.2, 20.0
FLOOD_S = 6.0
PATIENT = Limits(request_s=LONG_S, pdu_s=LONG_S, send_s=LONG_S, drain_s=LONG_S, linger_s=SHORT_S)
ECHO = p_data(1, 3, echo_rq())
STORE = p_data(3, 3, store_rq("1.2.3.4"))
DATA = encoded(identified())
HALF = p_data(3, 0, DATA)[:-10]


@contextmanager
def desk(folder: pytest.TempPathFactory, limits: Limits, idle_s: float = LONG_S) -> Iterator[Counter]:
    counter = Counter(folder.mktemp("spool"), limits)
    counter.admissions.replace(Admission(WETREAD, frozenset({SCANNER}), ordinary=Grant("", idle_s=idle_s)))
    yield counter
    counter.close()


def read_all(peer: socket.socket) -> bytes:
    """What came before the end of the connection, however that came."""
    found = b""
    try:
        while piece := peer.recv(2**16):
            found += piece
    except ConnectionResetError:
        pass
    return found


def ended(counter: Counter, *stream: bytes) -> tuple[list[int], bytes, str]:
    """What came to a peer that sends this and falls silent: types of PDUs, the last one's body, and how its session ended."""
    ends: list[str] = []
    close = counter.sessions.close
    counter.sessions.close = lambda key, end: (ends.append(end), close(key, end))[1]  # type: ignore[method-assign,func-returns-value]
    peer, ours = connected_pair()
    with peer:
        peer.settimeout(LONG_S)
        peer.sendall(b"".join(stream))
        began_s = time.monotonic()
        counter.serve(ours)
        assert time.monotonic() - began_s < LONG_S / 4
        answered = list(pdus(read_all(peer)))
    return [kind for kind, _ in answered], answered[-1][1] if answered else b"", ends[0]


ASKED = associate_rq()
USER, PROVIDER = b"\0\0\0\0", b"\0\0\2\0"


@pytest.mark.parametrize("said", [b"", b"\1", ASKED[:6], ASKED[:-1]])
def test_a_request_has_its_time(tmp_path_factory: pytest.TempPathFactory, said: bytes) -> None:
    with desk(tmp_path_factory, replace(PATIENT, request_s=SHORT_S)) as counter:
        assert ended(counter, said)[0] == []


@pytest.mark.parametrize("said", [b"\4", pdu(P_DATA, b"", 1000), STORE + HALF])
def test_a_pdu_that_began_has_its_time(tmp_path_factory: pytest.TempPathFactory, said: bytes) -> None:
    with desk(tmp_path_factory, replace(PATIENT, pdu_s=SHORT_S)) as counter:
        assert ended(counter, ASKED, said) == ([ASSOCIATE_AC, ABORT], PROVIDER, "lost")
        assert list(counter.spool.folders.part.iterdir()) == []


def test_bytes_one_by_one_are_no_progress(tmp_path_factory: pytest.TempPathFactory) -> None:
    with desk(tmp_path_factory, replace(PATIENT, pdu_s=SHORT_S)) as counter:
        peer, ours = connected_pair()
        peer.sendall(ASKED + pdu(P_DATA, b"", 1000))
        stop = threading.Event()
        thread = threading.Thread(target=_drip, args=(peer, stop))
        thread.start()
        began_s = time.monotonic()
        counter.serve(ours)
        assert SHORT_S <= time.monotonic() - began_s < LONG_S / 4
        stop.set()
        thread.join()
        peer.close()


def _drip(peer: socket.socket, stop: threading.Event) -> None:
    try:
        while not stop.wait(0.02):
            peer.sendall(b"\0")
    except OSError:
        pass


def test_silence_between_messages_is_aborted(tmp_path_factory: pytest.TempPathFactory) -> None:
    with desk(tmp_path_factory, PATIENT, idle_s=SHORT_S) as counter:
        assert ended(counter, ASKED, ECHO) == ([ASSOCIATE_AC, P_DATA, ABORT], USER, "aborted")


def test_silence_within_a_message_is_aborted(tmp_path_factory: pytest.TempPathFactory) -> None:
    with desk(tmp_path_factory, PATIENT, idle_s=SHORT_S) as counter:
        assert ended(counter, ASKED, STORE, p_data(3, 0, DATA)) == ([ASSOCIATE_AC, ABORT], PROVIDER, "lost")


def test_a_peer_that_takes_no_answers_is_left(tmp_path_factory: pytest.TempPathFactory) -> None:
    with desk(tmp_path_factory, replace(PATIENT, send_s=SHORT_S)) as counter:
        peer, ours = connected_pair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        peer.sendall(ASKED)
        peer.settimeout(LONG_S)
        thread = threading.Thread(target=_flood, args=(peer,))
        thread.start()
        began_s = time.monotonic()
        counter.serve(ours)
        assert time.monotonic() - began_s < LONG_S / 2
        thread.join()
        peer.close()
        assert counter.sessions.associations() == []


def test_answers_that_only_our_kernel_holds_are_not_taken(tmp_path_factory: pytest.TempPathFactory) -> None:
    """They fit our send buffer, so no send waits; more requests don't come, and for those the peer would have long."""
    with desk(tmp_path_factory, replace(PATIENT, send_s=SHORT_S)) as counter:
        peer, ours = connected_pair()
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        peer.sendall(ASKED + ECHO * 2500)
        began_s = time.monotonic()
        counter.serve(ours)
        assert time.monotonic() - began_s < LONG_S / 2
        peer.close()
        assert counter.sessions.associations() == []


def _flood(peer: socket.socket) -> None:
    """C-ECHO requests by the thousand, and not one answer read."""
    try:
        for _ in range(200):
            peer.sendall(ECHO * 1000)
    except OSError:
        pass


# ------------------------------------------------------------------------------------------------------------------ stopping


@pytest.fixture
def drain() -> Iterator[int]:
    descriptor = os.eventfd(0)
    yield descriptor
    os.close(descriptor)


def served(counter: Counter, ours: ShortReads, drain: int) -> threading.Thread:
    thread = threading.Thread(target=counter.serve, args=(ours, drain))
    thread.start()
    return thread


def test_stopping_aborts_who_is_between_messages(tmp_path_factory: pytest.TempPathFactory, drain: int) -> None:
    with desk(tmp_path_factory, PATIENT) as counter:
        peer, ours = connected_pair()
        thread = served(counter, ours, drain)
        with peer:
            peer.sendall(ASKED + ECHO)
            time.sleep(SHORT_S)
            os.eventfd_write(drain, 1)
            assert [kind for kind, _ in pdus(read_all(peer))] == [ASSOCIATE_AC, P_DATA, ABORT]
        thread.join(LONG_S)


def test_stopping_waits_for_the_message_at_hand(tmp_path_factory: pytest.TempPathFactory, drain: int) -> None:
    with desk(tmp_path_factory, PATIENT) as counter:
        peer, ours = connected_pair()
        thread = served(counter, ours, drain)
        with peer:
            peer.sendall(ASKED + STORE + p_data(3, 0, DATA[:20]))
            time.sleep(SHORT_S)
            os.eventfd_write(drain, 1)
            time.sleep(SHORT_S)
            peer.sendall(p_data(3, LAST, DATA[20:]))
            kinds = list(pdus(read_all(peer)))
        thread.join(LONG_S)
    assert [kind for kind, _ in kinds] == [ASSOCIATE_AC, P_DATA, ABORT]
    assert kinds[1][1].endswith(b"1.2.3.4\0")


def test_stopping_waits_no_longer_than_it_may(tmp_path_factory: pytest.TempPathFactory, drain: int) -> None:
    os.eventfd_write(drain, 1)
    with desk(tmp_path_factory, replace(PATIENT, drain_s=SHORT_S)) as counter:
        peer, ours = connected_pair()
        with peer:
            peer.sendall(ASKED + STORE + HALF)
            counter.serve(ours, drain)
            assert [kind for kind, _ in pdus(read_all(peer))] == [ASSOCIATE_AC, ABORT]


@pytest.mark.parametrize("flood", [ECHO * 100, p_data(3, 0, bytes(16_000))])
def test_a_flood_hides_no_stop(tmp_path_factory: pytest.TempPathFactory, drain: int, flood: bytes) -> None:
    with desk(tmp_path_factory, replace(PATIENT, drain_s=SHORT_S)) as counter:
        peer, ours = connected_pair()
        thread = served(counter, ours, drain)
        with peer:
            peer.sendall(ASKED + (STORE if flood != ECHO * 100 else b""))
            sender = threading.Thread(target=_without_end, args=(peer, flood))
            reader = threading.Thread(target=read_all, args=(peer,))
            sender.start()
            reader.start()
            time.sleep(SHORT_S)
            os.eventfd_write(drain, 1)
            thread.join(FLOOD_S / 2)
            assert not thread.is_alive()
            sender.join()
            reader.join()


def _without_end(peer: socket.socket, flood: bytes) -> None:
    """Messages or a data set, as fast as they are taken, for `FLOOD_S`."""
    end_s = time.monotonic() + FLOOD_S
    try:
        while time.monotonic() < end_s:
            peer.sendall(flood)
    except OSError:
        pass


def test_who_asks_while_we_stop_is_rejected(tmp_path_factory: pytest.TempPathFactory, drain: int) -> None:
    os.eventfd_write(drain, 1)
    with desk(tmp_path_factory, PATIENT) as counter:
        counter.storer.stopping = True
        peer, ours = connected_pair()
        with peer:
            peer.sendall(ASKED)
            counter.serve(ours, drain)
            assert [(kind, body) for kind, body in pdus(read_all(peer))] == [(ASSOCIATE_RJ, b"\0\2\3\1")]


def test_an_abort_from_another_thread_is_left_to_the_association_s_own(tmp_path_factory: pytest.TempPathFactory) -> None:
    with desk(tmp_path_factory, PATIENT) as counter:
        peer, ours = connected_pair()
        made: list[FastAssociation] = []
        thread = threading.Thread(target=lambda: counter.serve(ours, ready=made.append))
        thread.start()
        with peer:
            peer.sendall(ASKED)
            time.sleep(SHORT_S)
            made[0].abort()
            assert list(pdus(read_all(peer)))[1] == (ABORT, USER)
        thread.join(LONG_S)
