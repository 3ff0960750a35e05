"""The journal under power cuts: a line whose `append` forced it to the disk is read afterwards, and no other text ever is.

A cut leaves of each sector that was written since the last sync either the old bytes or the new ones.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.receive.spool import durable, lines, supply
from node.receive.spool.journal import Journal
from node.receive.spool.records import ReceiverStarted
from node.receive.spool.segments import segments
from node.receive.spool.supply import Supply
from tests.unit.node.receive.samples import AT

SECTOR = 64
pytestmark = pytest.mark.heavy


class Disk:
    """A journal folder of which it is known what has reached the disk."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.on_disk: dict[str, bytes] = {}

    def fdatasync(self, fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        self.on_disk[path.name] = path.read_bytes()

    def cut_power(self, chance: random.Random) -> None:
        """Give each segment the bytes that a cut may leave."""
        for path in self.folder.glob("*.journal"):
            now = path.read_bytes()
            synced = self.on_disk.get(path.name, self.on_disk.get("ahead", bytes(len(now))))
            pieces = [
                chance.choice((synced, now))[start : start + SECTOR] for start in range(0, max(len(now), len(synced)), SECTOR)
            ]
            path.write_bytes(b"".join(pieces))


@contextmanager
def a_disk() -> Iterator[Disk]:
    with tempfile.TemporaryDirectory() as name, patch.object(supply, "SEGMENT_BYTES", 1024):
        disk = Disk(Path(name))
        with patch.object(os, "fdatasync", disk.fdatasync), patch.object(os, "fsync", lambda fd: None):
            yield disk


def one_life(disk: Disk, boot: int, appends: list[bool], long: int) -> tuple[set[str], set[str]]:
    """Append lines; the names of those that were forced to the disk, and of all."""
    objects_fd = durable.open_folder(disk.folder)
    journal = Journal(Supply(disk.folder, boot), objects_fd)
    synced: set[str] = set()
    every: set[str] = set()
    try:
        for number, sync in enumerate(appends):
            name = f"{boot:08d}-{number:010d}-0123abcd"
            text = "r" * (long * (number % 3))
            journal.append(lines.encode(name, ReceiverStarted(text, boot, AT)), names=False, sync=sync)
            every.add(name)
            if sync:
                synced.add(name)
    finally:
        journal.close()
        os.close(objects_fd)
    return synced, every


@settings(max_examples=60, deadline=None)
@given(
    lives=st.lists(st.lists(st.booleans(), max_size=14), min_size=1, max_size=3),
    long=st.integers(0, 200),
    seed=st.integers(0, 2**32),
)
def test_a_power_cut_takes_no_synced_line_and_makes_up_none(lives: list[list[bool]], long: int, seed: int) -> None:
    chance = random.Random(seed)
    synced: set[str] = set()
    every: set[str] = set()
    with a_disk() as disk:
        for boot, appends in enumerate(lives, 1):
            new_synced, new_every = one_life(disk, boot, appends, long)
            synced |= new_synced
            every |= new_every
            disk.cut_power(chance)
        found = [line for segment in segments(disk.folder) for line in segment.lines()]
    names = [line.name for line in found if line.record is not None]
    assert len(names) == len(set(names))
    assert synced <= set(names) <= every
    for line in found:
        if line.record is not None:
            assert isinstance(line.record, ReceiverStarted) and line.record.boot == int(line.name[:8])
