"""One piece of work done by several receivers in turns, and the table of who took how long."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench.meter import Cost, median_cost, metered
from tests.bench.objects import Batch
from tests.bench.receivers import Setup, environment
from tests.support.attacker import IMPLICIT, VERIFICATION, RawPeer, associate_rq
from tests.support.peers import Peer
from tests.support.ports import LOOPBACK
from tests.support.wetread_node import SCANNER

Work = Callable[[Peer], None]


def echo(peer: Peer) -> None:
    """One C-ECHO."""
    with RawPeer(peer.port, LOOPBACK) as raw:
        raw.negotiate(associate_rq([(1, VERIFICATION, (IMPLICIT,))], SCANNER, peer.ae_title))
        assert raw.echo() == 0
        raw.release()


def contest(folder: Path, setups: Sequence[Setup], batch: Batch, work: Work, repeats: int, warm: Work = echo) -> dict[str, Cost]:
    """The median cost for each receiver by name; all take turns, so that what else the machine does hits all alike.

    Each turn begins with an empty store and ends with a check that all of ``batch`` is there. ``warm`` goes before what is
    measured, so that no receiver pays for what it does once.
    """
    costs: dict[str, list[Cost]] = {setup.name: [] for setup in setups}
    for turn in range(repeats):
        for index, setup in enumerate(setups):
            home = folder / f"{turn}-{index}"
            costs[setup.name].append(_turn(home, setup, batch, work, warm))
            shutil.rmtree(home)
    return {name: median_cost(found) for name, found in costs.items()}


def _turn(home: Path, setup: Setup, batch: Batch, work: Work, warm: Work) -> Cost:
    with environment(setup.environment), setup.make(home) as receiver:
        warm(receiver.peer)
        with metered(receiver.pid) as cost:
            work(receiver.peer)
        receiver.check(batch)
    return cost


@dataclass(frozen=True)
class Row:
    """``ours`` and ``theirs`` in ``unit``; ``ratio`` is how many times better ours is, ``goal`` the ratio to reach."""

    work: str
    unit: str
    ours: float
    peer: str = ""
    theirs: float | None = None
    goal: float | None = None
    limit: float | None = None

    @property
    def ratio(self) -> float | None:
        return None if self.theirs is None else self.theirs / max(self.ours, 1e-9)

    @property
    def verdict(self) -> str:
        """Whether the goal is met; no verdict where there is none."""
        if self.limit is not None:
            return "met" if self.ours < self.limit else "NOT MET"
        if self.goal is None or self.ratio is None:
            return ""
        return "met" if self.ratio >= self.goal else "NOT MET"

    def cells(self) -> list[str]:
        goal = "" if self.goal is None else f"≥ {self.goal:.2g}×"
        goal = goal if self.limit is None else f"< {self.limit:g} {self.unit}"
        theirs = "" if self.theirs is None else f"{self.theirs:.3g}"
        ratio = "" if self.ratio is None else f"{self.ratio:.2f}×"
        return [self.work, f"{self.ours:.3g} {self.unit}", self.peer, theirs, ratio, goal, self.verdict]


@dataclass
class Report:
    """All rows of a run, and what else is to be printed at its end."""

    rows: list[Row] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, row: Row) -> None:
        """One more row; it is printed at once too, since a run takes minutes."""
        self.rows.append(row)
        Console().print("  ".join(cell for cell in row.cells() if cell), markup=False, highlight=False)

    def print(self, title: str) -> None:
        """The table and the notes."""
        table = Table(title=title)
        for column in ("work", "ours", "peer", "peer's", "ratio", "goal", ""):
            table.add_column(column, justify="left" if column in ("work", "peer") else "right")
        for row in self.rows:
            table.add_row(*row.cells())
        console = Console(width=130)
        console.print(table)
        for note in self.notes:
            console.print(note, markup=False, highlight=False)
