"""Too many connections: who makes room for whom. With real sockets, and associations in name only."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import cast

import pytest
from pynetdicom.association import Association

from node.receive.associate.places import PlaceTable
from node.receive.listen.connections import Connection, Connections
from node.receive.listen.sparing import Sparing
from storage.base.clock import ManualClock

Enter = Callable[[str], Connection | None]


@pytest.fixture
def peers() -> Iterator[dict[int, socket.socket]]:
    """The other ends, by the descriptors of ours."""
    made: dict[int, socket.socket] = {}
    yield made
    for peer in made.values():
        peer.close()


@pytest.fixture
def connections() -> Iterator[Connections]:
    table = PlaceTable(workers=1, most=4, most_per_host=3)
    clock = ManualClock()
    made = Connections(table.of(0), clock, Sparing(clock))
    yield made
    for connection in made:
        connection.socket.close()
    table.close()


@pytest.fixture
def enter(connections: Connections, peers: dict[int, socket.socket]) -> Enter:
    def enter_from(host: str) -> Connection | None:
        ours, theirs = socket.socketpair()
        theirs.settimeout(5)
        peers[ours.fileno()] = theirs
        connection = connections.enter(ours, host)
        if connection is None:
            ours.close()
        return connection

    return enter_from


def establish(connection: Connection | None) -> None:
    assert connection is not None
    connection.association = cast(Association, SimpleNamespace(is_established=True))


def test_the_oldest_half_open_one_of_the_same_host_makes_room(
    connections: Connections, enter: Enter, peers: dict[int, socket.socket]
) -> None:
    waiting = [enter("10.0.0.1") for _ in range(3)]
    establish(waiting[0])
    assert enter("10.0.0.1") is not None
    second = waiting[1]
    assert second is not None and peers[second.socket.fileno()].recv(1) == b""
    assert second.place is None
    second.socket.close()
    connections.leave(second)  # gives no second place back
    assert enter("10.0.0.2") is not None and len(connections) == 4


def test_established_ones_make_no_room(connections: Connections, enter: Enter) -> None:
    for _ in range(3):
        establish(enter("10.0.0.1"))
    assert enter("10.0.0.1") is None
    establish(enter("10.0.0.2"))
    assert enter("10.0.0.3") is None
    assert len(connections) == 4


def test_a_host_with_few_is_let_in_before_the_waiting_of_others(enter: Enter) -> None:
    first, _, _ = (enter("10.0.0.1") for _ in range(3))
    assert enter("10.0.0.2") is not None
    assert enter("10.0.0.3") is not None
    assert first is not None and first.place is None


def test_a_host_with_its_fill_takes_no_others_place(enter: Enter) -> None:
    for _ in range(3):
        establish(enter("10.0.0.1"))
    other = enter("10.0.0.2")
    assert enter("10.0.0.1") is None
    assert other is not None and other.place is not None


def test_at_the_end_the_waiting_are_cut(connections: Connections, enter: Enter, peers: dict[int, socket.socket]) -> None:
    established, waiting = enter("10.0.0.1"), enter("10.0.0.1")
    establish(established)
    connections.cut_half_open()
    assert waiting is not None and peers[waiting.socket.fileno()].recv(1) == b""
    assert established is not None
    peers[established.socket.fileno()].settimeout(0.05)
    with pytest.raises(TimeoutError):
        peers[established.socket.fileno()].recv(1)
