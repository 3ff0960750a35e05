"""Attacks that last: a good peer's C-ECHO is answered all the while, and memory, threads and descriptors don't grow.

For the figures under each attack see ``make bench``.
"""

from __future__ import annotations

import socket
import time

import pytest

from node.receive.dataset.header import read_header
from node.receive.spool.records import Quarantined, decode
from tests.fault.conftest import DEADLINE_S
from tests.support.attacker import ABORT, COMMAND, LAST, RawPeer, echo_rq, p_data
from tests.support.attacks import ATTACKS, DEFLATED_CT, bomb, declares_4_gb, good_echo, nested, under_attack
from tests.support.besieged import Besieged
from tests.support.receiver import held
from tests.support.vitals import MIB, settle, vitals
from tests.unit.node.receive.encoding import element, encoded, identified

ECHO_S = 10.0
ATTACK_S = 0.25
# A stored bomb's first 16 MiB are looked at, in each of three associations; the rest is buffers and the allocator's own.
GROWTH = {"deflate-bomb": 160 * MIB}
USUAL_GROWTH = 48 * MIB
SLACK = 8


@pytest.mark.parametrize("name", ATTACKS)
def test_a_good_peer_is_served_and_memory_is_bounded(receiver: Besieged, name: str) -> None:
    before = vitals(receiver.pid)
    with under_attack(name, receiver.port, receiver.pid, 0.02) as seen:
        time.sleep(ATTACK_S)
    assert seen.seconds
    assert max(seen.seconds) < ECHO_S
    assert seen.growth_bytes < GROWTH.get(name, USUAL_GROWTH)
    after = settle(receiver.pid, lambda now: now.threads <= before.threads and now.descriptors <= before.descriptors + SLACK)
    assert after.processes == before.processes
    assert after.threads <= before.threads
    assert after.descriptors <= before.descriptors + SLACK


def test_broken_data_sets_are_kept_apart_and_a_sound_bomb_is_stored(receiver: Besieged) -> None:
    with RawPeer(receiver.port, timeout_s=30.0) as peer:
        assert peer.negotiate() == 2
        assert peer.store(nested(300), "1.2.3.4.5") == 0xC011
        assert peer.store(declares_4_gb(), "1.2.3.4.7") == 0xC010
    with RawPeer(receiver.port, timeout_s=30.0) as peer:
        assert peer.negotiate(DEFLATED_CT) == 2
        assert peer.store(bomb(), "1.2.3.4.6", 1) == 0
    kept = [decode(path.read_bytes()) for folder in receiver.folders for path in folder.quarantine.glob("*.json")]
    assert {"too-deep", "truncated"} <= {record.reason for record in kept if isinstance(record, Quarantined)}
    stored = {one.record.sop_instance_uid for folder in receiver.folders for one in held(folder)}
    assert "1.2.3.4.6" in stored and not stored & {"1.2.3.4.5", "1.2.3.4.7"}


@pytest.mark.parametrize("associations", [200, pytest.param(100_000, marks=[pytest.mark.soak, pytest.mark.timeout(3600)])])
def test_associations_leave_nothing(receiver: Besieged, associations: int) -> None:
    before = vitals(receiver.pid)
    for n in range(associations):
        if n % 4:
            assert good_echo(receiver.port) < ECHO_S
        else:
            with RawPeer(receiver.port) as peer:  # as many end without a word
                assert peer.negotiate() == 2
    after = settle(receiver.pid, lambda now: now.threads <= before.threads and now.descriptors <= before.descriptors)
    assert (after.threads, after.descriptors) <= (before.threads, before.descriptors)
    assert after.resident_bytes - before.resident_bytes < 16 * MIB


def test_what_is_half_open_ends_in_time(receiver: Besieged) -> None:
    """Whatever of a request has come: the deadline counts from the connection (PS3.8 9.1.5, ARTIM). So it does for half a PDU."""
    begun_s = time.monotonic()
    established = RawPeer(receiver.port)
    assert established.negotiate() == 2
    established.send(b"\4\0\0\0\1\0abc")
    peers = [RawPeer(receiver.port) for _ in range(3)]
    peers[1].send(b"\1")
    peers[2].send(b"\1\0\0\0\1\0" + bytes(80))
    while time.monotonic() - begun_s < DEADLINE_S - 0.5:
        time.sleep(0.2)
        peers[2].send(b"\0")  # a byte now and then buys no time
    answer = established.read_pdu()
    assert answer is not None and answer[0] == ABORT
    assert established.read_pdu() is None
    for peer in peers:
        assert peer.read_pdu() is None
    assert DEADLINE_S - 0.5 < time.monotonic() - begun_s < DEADLINE_S + 4.0
    for peer in (established, *peers):
        peer.close()


def test_one_address_cannot_take_all_places(receiver: Besieged) -> None:
    """Associations count per host: those of another are left for the good peer."""
    peers, answers = list[RawPeer](), list[int | None]()
    try:
        for _ in range(60):  # each asks as soon as it is connected: its deadline runs from there
            peers.append(RawPeer(receiver.port))
            answers.append(peers[-1].negotiate())
        assert answers.count(2) == 20
        assert set(answers) == {2, 3}  # the others are rejected in words
        assert good_echo(receiver.port) < ECHO_S
    finally:
        for peer in peers:
            peer.close()


def test_a_peer_that_reads_nothing_is_let_go(receiver: Besieged) -> None:
    """Its requests wait in its own buffers: none is read while it doesn't take the answers to those before."""
    before = vitals(receiver.pid)
    with RawPeer(receiver.port, timeout_s=60.0) as peer:
        peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        assert peer.negotiate() == 2
        sent = 0
        while peer.send(p_data(1, COMMAND | LAST, echo_rq()) * 200):  # raises when nothing is taken for a minute
            sent += 1
            assert sent < 10_000
    assert vitals(receiver.pid).resident_bytes - before.resident_bytes < USUAL_GROWTH


def test_dimensions_are_nothing_to_the_receiver(receiver: Besieged) -> None:
    """65,535 x 65,535 x 2,147,483,647 pixels announced, four there: stored as it came, and its header read."""
    dataset = identified("1.2.3.4.9")
    dataset.Rows, dataset.Columns, dataset.NumberOfFrames, dataset.BitsAllocated = 65535, 65535, "2147483647", 65535
    data = encoded(dataset) + element(0x7FE00010, "OW", bytes(4))
    with RawPeer(receiver.port) as peer:
        assert peer.negotiate() == 2
        assert peer.store(data, "1.2.3.4.9") == 0
    ((folder, one),) = [(f, one) for f in receiver.folders for one in held(f) if one.record.sop_instance_uid == "1.2.3.4.9"]
    assert one.data == data
    found = read_header(folder.object_of(one.name), one.record.data_offset, one.record.transfer_syntax_uid)
    assert found["00280008"]["Value"] == [2147483647]
