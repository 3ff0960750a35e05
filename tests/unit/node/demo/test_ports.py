from __future__ import annotations

import socket

from node.demo.ports import LOOPBACK, free_ports


def test_ports_are_free_distinct_and_out_of_reach_of_outgoing_connections() -> None:
    ports = free_ports(50)
    assert len(set(ports)) == 50
    assert all(20_000 <= port <= 32_000 for port in ports)
    for port in ports[:5]:
        with socket.socket() as one:
            one.bind((LOOPBACK, port))
