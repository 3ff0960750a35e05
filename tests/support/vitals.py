"""What a process and its children hold: resident memory, threads, descriptors, as /proc tells."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
MIB = 2**20


@dataclass(frozen=True)
class Vitals:
    """Sums over a process and all its descendants; ``largest_bytes`` is the resident memory of the largest."""

    processes: int
    resident_bytes: int
    largest_bytes: int
    threads: int
    descriptors: int


def family(pid: int) -> list[int]:
    """A process and its descendants, those that still are."""
    found = [pid]
    for one in found:
        try:
            tasks = list(Path(f"/proc/{one}/task").iterdir())
            found += [int(child) for task in tasks for child in (task / "children").read_text().split()]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


def vitals(pid: int) -> Vitals:
    """What the family of ``pid`` holds now."""
    resident, threads, descriptors, count = [0], 0, 0, 0
    for one in family(pid):
        try:
            resident.append(int(Path(f"/proc/{one}/statm").read_text().split()[1]) * _PAGE)
            threads += len(list(Path(f"/proc/{one}/task").iterdir()))
            descriptors += len(list(Path(f"/proc/{one}/fd").iterdir()))
            count += 1
        except (FileNotFoundError, ProcessLookupError):
            continue
    return Vitals(count, sum(resident), max(resident), threads, descriptors)


def settle(pid: int, is_calm: Callable[[Vitals], bool], within_s: float = 20.0) -> Vitals:
    """The vitals as soon as they are calm, or the last ones seen."""
    end_s = time.monotonic() + within_s
    while not is_calm(now := vitals(pid)) and time.monotonic() < end_s:
        time.sleep(0.1)
    return now


class PeakMemory:
    """The largest sum of resident memory that was seen at calls of `look`, above what it was at first."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self.first_bytes = self.peak_bytes = vitals(pid).resident_bytes

    def look(self) -> None:
        """Measure now."""
        self.peak_bytes = max(self.peak_bytes, vitals(self._pid).resident_bytes)

    @property
    def growth_bytes(self) -> int:
        return self.peak_bytes - self.first_bytes
