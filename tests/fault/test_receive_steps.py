"""A receiver that dies before any one of its calls to the disk: the next life finds what was acknowledged, and nothing half."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from sqlalchemy import select

from node.receive.associate.admission import Grant
from node.receive.associate.sessions import Session
from node.receive.index.indexer import index_pending
from node.receive.spool import supply
from node.receive.spool.reconcile import reconcile
from node.receive.spool.records import AssociationClosed, ReceiverStarted
from node.receive.spool.spool import Spool, SpoolFolders, open_spool
from node.receive.spool.supply import Supply
from node.receive.store.storer import StoreCommand, Storer
from storage.base.clock import ManualClock
from storage.blobs import open_blobs
from storage.schema import Arrival, Event, Instance
from tests.support.databases import SQLiteCopies, opened
from tests.support.receiver import held
from tests.unit.node.receive.encoding import CT, EXPLICIT, encoded, identified
from tests.unit.node.receive.samples import AT, facts

CALLS = ("open", "write", "writev", "pwrite", "fdatasync", "fsync", "rename", "unlink", "truncate")


@dataclass(frozen=True)
class Death:
    """A copy of the spool as the kernel held it before one call, and the SOP Instance UIDs acknowledged by then."""

    before: str
    spool: Path
    acknowledged: frozenset[str]


class Steps:
    """Copies the spool before each call to the disk: what a kill -9 at that place would leave."""

    def __init__(self, spool: Path, copies: Path) -> None:
        self.deaths: list[Death] = []
        self.acknowledged: set[str] = set()
        self._spool = spool
        self._copies = copies
        self._copying = False

    @contextmanager
    def watched(self, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        with monkeypatch.context() as patch:
            for call in CALLS:
                patch.setattr(os, call, self._around(call, getattr(os, call)))
            yield

    def _around(self, name: str, call: Any) -> Any:
        def watched(*arguments: Any, **named: Any) -> Any:
            if not self._copying:
                self._copying = True
                copy = self._copies / f"{len(self.deaths):03d}"
                shutil.copytree(self._spool, copy)
                self.deaths.append(Death(name, copy, frozenset(self.acknowledged)))
                self._copying = False
            return call(*arguments, **named)

        return watched


def life(root: Path, steps: Steps | None) -> None:
    """Two instances durable, one left to the system, a refused one, an association's end; across a change of segments."""
    spool = open_spool(root, "receiver", ManualClock(), 0)
    reconcile(spool.folders)
    spool.put_record(ReceiverStarted("receiver", spool.boot, AT))
    for sop, durability, cut in (("1.1", "full", 0), ("1.2", "os", 0), ("1.3", "full", 2 if steps else 1), ("1.4", "full", 0)):
        data = encoded(identified(sop))
        status = _store(spool, sop, data[: len(data) - cut], durability)
        assert status == (0xC010 if cut else 0x0000)
        if steps is not None and not cut:
            steps.acknowledged.add(sop)
    spool.put_record(AssociationClosed(facts(spool), "released", AT))
    spool.close()


def _store(spool: Spool, sop: str, data: bytes, durability: Any) -> int:
    session = Session(facts(spool), Grant("SCANNER", durability=durability))
    reception = Storer(spool, ManualClock()).begin(StoreCommand(CT, sop, CT, EXPLICIT), session)
    for start in range(0, len(data), 40):
        reception.write(data[start : start + 40])
    return reception.finish().status


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[Path]:
    """A folder whose syncs cost nothing, where there is one: a death leaves what the kernel holds, not what the disk does."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with TemporaryDirectory(dir="/dev/shm") as name:
        yield Path(name)


@pytest.mark.parametrize("index_every", [8, pytest.param(1, marks=pytest.mark.slow)])
def test_a_death_before_any_call_loses_nothing(memory: Path, monkeypatch: pytest.MonkeyPatch, index_every: int) -> None:
    monkeypatch.setattr(supply, "SEGMENT_BYTES", 1600)
    monkeypatch.setattr(Supply, "make_ahead", lambda self: None)  # its thread would change what is being copied
    spool, copies = memory / "spool", memory / "copies"
    life(spool, None)  # so that there is a former life with lines that aren't indexed
    copies.mkdir()
    steps = Steps(spool, copies)
    with steps.watched(monkeypatch):
        life(spool, steps)
    assert len(steps.deaths) > 40 and {death.before for death in steps.deaths} >= {"rename", "fsync", "pwrite", "fdatasync"}
    databases = SQLiteCopies(memory)
    for number, death in enumerate(steps.deaths):
        _check_next_life(death)
        if number % index_every == 0:
            _check_rows(death, databases)
        shutil.rmtree(death.spool)


def _check_next_life(death: Death) -> None:
    folders = SpoolFolders(death.spool / "receiver")
    again = open_spool(death.spool, "receiver", ManualClock(), 0)
    found = reconcile(folders)
    again.put_record(ReceiverStarted("receiver", again.boot, AT))
    again.close()
    assert found.missing == 0 and list(folders.part.iterdir()) == [], death
    lines = held(folders)
    assert all(one.is_whole for one in lines), death
    # the former life acknowledged three
    assert [one.record.sop_instance_uid for one in lines[:3]] == ["1.1", "1.2", "1.4"], death
    assert {one.record.sop_instance_uid for one in lines[3:]} >= death.acknowledged, death
    assert {path.stem for path in folders.objects.iterdir()} == {one.name for one in lines}, death


def _check_rows(death: Death, databases: SQLiteCopies) -> None:
    expected = [(one.record.sop_instance_uid, one.record.sha256) for one in held(SpoolFolders(death.spool / "receiver"))]
    blobs = open_blobs(death.spool / "blobs")
    with databases.fresh(death.spool) as url, opened(url, ManualClock()) as db:
        for _ in range(2):
            index_pending(death.spool, db, blobs)
        with db.read() as s:
            instances = list(s.scalars(select(Instance)))
            arrivals = list(s.scalars(select(Arrival.spool_record)))
            events = list(s.scalars(select(Event.kind)))
    assert {(one.sop_instance_uid, one.sha256) for one in instances} == set(expected), death
    assert len(arrivals) == len(set(arrivals)) == len(expected), death
    assert "spool.put-apart" not in events and "instance.version" not in events, death
    for instance in instances:
        content = blobs.get(instance.blob_key)
        assert hashlib.sha256(content[-instance.size_bytes :]).hexdigest() == instance.sha256, death
    assert list((death.spool / "receiver" / "objects").iterdir()) == [], death
