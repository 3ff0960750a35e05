"""Free loopback ports for tests, and waiting until something listens on one."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable

from node.demo.ports import LOOPBACK, free_ports

__all__ = ["LOOPBACK", "free_port", "free_ports", "wait_until_listening"]


def free_port() -> int:
    """One port that was free a moment ago."""
    return free_ports(1)[0]


def wait_until_listening(port: int, timeout_s: float = 20.0, alive: Callable[[], bool] = lambda: True) -> bool:
    """Whether a connection to loopback ``port`` was taken within ``timeout_s``; gives up at once when not ``alive``."""
    end_s = time.monotonic() + timeout_s
    while time.monotonic() < end_s and alive():
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex((LOOPBACK, port)) == 0:
                return True
        time.sleep(0.05)
    return False
