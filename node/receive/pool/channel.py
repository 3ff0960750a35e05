"""What binds workers to their master: a pipe that ends with it, and one on which they tell it of themselves."""

from __future__ import annotations

import json
import os
from typing import Any

_MOST_TOLD = 500  # characters of a text, so that a line is written to the pipe in one piece


class Channel:
    """Made by the master before any worker. ``parent`` comes to its end in the workers, ``told`` is readable in the master."""

    def __init__(self) -> None:
        self.parent, self._alive = os.pipe()
        self.told, self._telling = os.pipe()

    def keep_workers_ends(self) -> None:
        """In a worker: let the master's ends go, else its own end would never be seen."""
        os.close(self._alive)
        os.close(self.told)

    def tell(self, **facts: str | int) -> None:
        """From a worker to the master."""
        short = {name: fact[:_MOST_TOLD] if isinstance(fact, str) else fact for name, fact in facts.items()}
        os.write(self._telling, json.dumps(short).encode("ascii") + b"\n")

    def hear(self) -> list[dict[str, Any]]:
        """What workers have told; once ``told`` is readable."""
        return [json.loads(line) for line in os.read(self.told, 65536).splitlines()]

    def close(self) -> None:
        """In the master: let all ends go."""
        for fd in (self.parent, self._alive, self.told, self._telling):
            os.close(fd)
