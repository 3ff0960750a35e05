"""What a peer's C-STORE status means for a Delivery (PS3.4 B.2.3, PS3.7 9.1.1.1.9)."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """``STORED``: the peer holds the object. ``AGAIN``: not now. ``NEVER``: a person must change something first."""

    STORED = "stored"
    AGAIN = "again"
    NEVER = "never"


_WARNINGS = frozenset({0xB000, 0xB006, 0xB007})


def judge(status: int) -> Verdict:
    """Read one status. Warnings mean that the object was stored; out of resources (A7xx) and processing failure (0110) pass."""
    if status == 0x0000 or status in _WARNINGS:
        return Verdict.STORED
    if 0xA700 <= status <= 0xA7FF or status == 0x0110:
        return Verdict.AGAIN
    return Verdict.NEVER


def explain(status: int) -> str:
    """One line for the operator: the status and what to do about it."""
    if 0xA700 <= status <= 0xA7FF:
        return f"0x{status:04X}: the peer is out of resources; it will be tried again"
    if 0xA900 <= status <= 0xA9FF:
        return f"0x{status:04X}: the peer says the data set does not match its SOP Class; read the peer's log"
    if 0xC000 <= status <= 0xCFFF:
        return f"0x{status:04X}: the peer can't understand the object; read the peer's log"
    if status == 0x0122:
        return "0x0122: the peer does not store this SOP Class; enable it there"
    if status == 0x0124:
        return "0x0124: the peer does not allow us to store; add our AE title there"
    return f"0x{status:04X}: the peer answered with a failure; read the peer's log"
