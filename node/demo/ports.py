"""Free TCP ports on loopback, for servers that live as long as one run."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

LOOPBACK = "127.0.0.1"
# Below those that a system gives to outgoing connections (32768 and up, or 49152): none of them can take one meanwhile.
_LOWEST, _HIGHEST = 20_000, 32_000
_TRIES = 1000


def free_ports(count: int) -> list[int]:
    """``count`` distinct ports that were free a moment ago (all held until the last is chosen, so they never repeat)."""
    with ExitStack() as held:
        return [_hold_one(held) for _ in range(count)]


def _hold_one(held: ExitStack) -> int:
    chance = random.SystemRandom()
    for _ in range(_TRIES):
        one = held.enter_context(socket.socket())
        try:
            one.bind((LOOPBACK, chance.randint(_LOWEST, _HIGHEST)))
        except OSError:
            continue
        return int(one.getsockname()[1])
    raise OSError(f"no free port between {_LOWEST} and {_HIGHEST}")
