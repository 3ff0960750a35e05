"""What a receiver costs, from /proc: CPU seconds of all its threads and processes, and its largest resident memory."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.support.vitals import family

_TICK_S = 1.0 / os.sysconf("SC_CLK_TCK")


@dataclass
class Cost:
    """Of one piece of work: wall and CPU seconds; ``peak_bytes`` is the most that one process of the receiver held, ever."""

    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_bytes: int = 0


def median_cost(costs: list[Cost]) -> Cost:
    """The medians of each figure."""
    return Cost(median(c.wall_s for c in costs), median(c.cpu_s for c in costs), max(c.peak_bytes for c in costs))


def cpu_s(pid: int) -> float:
    """CPU seconds, user and system, of a process, its descendants, and those that it has waited for."""
    return sum(_cpu_of(one) for one in family(pid)) * _TICK_S


def _cpu_of(pid: int) -> int:
    try:
        # The name may hold anything, what follows its bracket not: fields 14 to 17 are utime, stime and the children's.
        return sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]))
    except (FileNotFoundError, ProcessLookupError):
        return 0


def peak_bytes(pid: int) -> int:
    """The highest resident memory that any process of the family of ``pid`` ever had."""
    return max((_peak_of(one) for one in family(pid)), default=0)


def _peak_of(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:")), 0)


@contextmanager
def metered(pid: int) -> Iterator[Cost]:
    """The cost of what is done within; complete when the context has been left."""
    cost, cpu_before_s, began_s = Cost(), cpu_s(pid), time.perf_counter()
    yield cost
    cost.wall_s = time.perf_counter() - began_s
    cost.cpu_s = cpu_s(pid) - cpu_before_s
    cost.peak_bytes = peak_bytes(pid)
