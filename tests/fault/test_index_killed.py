"""A pass that dies at any step and is done again gives the rows of one that did not; a locked database loses nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from node.receive.index.indexer import index_pending
from node.receive.spool import durable
from node.receive.spool.records import AssociationClosed
from node.receive.spool.spool import SpoolFolders
from storage import database, intake
from storage.base.clock import ManualClock, SystemClock
from storage.base.errors import TransientError
from storage.blobs import open_blobs
from storage.database import Database, open_database
from storage.schema import Arrival, Association, Event, Instance, InstanceHeader, Study
from tests.support.databases import SQLiteCopies, opened
from tests.support.dicom_builders import ct_series
from tests.support.receiver import running_receiver, send
from tests.unit.node.receive.samples import AT, facts, put, spool_in, waiting


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


class Steps:
    """Counts what a pass does to disk and database, and dies at step ``deadly``."""

    def __init__(self, deadly: int) -> None:
        self.done = 0
        self._deadly = deadly

    def step(self) -> None:
        if self.done == self._deadly:
            raise Killed
        self.done += 1

    def around(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*arguments: Any, **keywords: Any) -> Any:
            self.step()
            answer = call(*arguments, **keywords)
            self.step()
            return answer

        return counted


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> SQLiteCopies:
    return SQLiteCopies(tmp_path_factory.mktemp("sqlite"))


def facts_of(db: Database) -> dict[str, Any]:
    """Everything that an index pass writes, without row numbers."""
    with db.read() as s:
        return {
            "instances": sorted((i.sop_instance_uid, i.sha256, i.version) for i in s.scalars(select(Instance))),
            "arrivals": sorted((a.spool_record, a.duplicate) for a in s.scalars(select(Arrival))),
            "associations": sorted((a.uid, a.state) for a in s.scalars(select(Association))),
            "studies": sorted((x.study_instance_uid, x.arrival_count) for x in s.scalars(select(Study))),
            "headers": len(s.scalars(select(InstanceHeader)).all()),
            "events": sorted(e.kind for e in s.scalars(select(Event))),
        }


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A spool with a new instance, a duplicate, a version, a second study and the end of an association."""
    root = tmp_path_factory.mktemp("filled")
    spool = spool_in(root)
    for keywords in ({}, {"association": "a2"}, {"Rows": 7}, {"sop": "1.5", "study": "1.9"}):
        put(spool, **keywords)
    spool.put_record(AssociationClosed(facts(spool), "released", AT))
    spool.close()
    return root


@contextmanager
def a_world(folder: Path, filled: Path, copies: SQLiteCopies) -> Iterator[tuple[Path, Database, Any]]:
    shutil.copytree(filled, folder / "spool")
    with copies.fresh(folder) as url, opened(url, ManualClock()) as db:
        yield folder / "spool", db, open_blobs(folder / "blobs")


def run_and_die(monkeypatch: pytest.MonkeyPatch, steps: Steps, spool: Path, db: Database, blobs: Any) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(type(blobs), "adopt_many", steps.around(type(blobs).adopt_many))
        patch.setattr(intake, "take_in", steps.around(intake.take_in))
        patch.setattr(durable, "sync_folder", steps.around(durable.sync_folder))
        patch.setattr(Path, "unlink", steps.around(Path.unlink))
        patch.setattr("sqlalchemy.orm.Session.commit", steps.around(__import__("sqlalchemy").orm.Session.commit))
        index_pending(spool, db, blobs)


def test_a_pass_that_dies_at_any_step_and_is_repeated_gives_one_row_set(
    tmp_path: Path, filled: Path, copies: SQLiteCopies, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = Steps(-1)
    (tmp_path / "whole").mkdir()
    with a_world(tmp_path / "whole", filled, copies) as (spool, db, blobs):
        run_and_die(monkeypatch, whole, spool, db, blobs)
        expected = facts_of(db)
    assert whole.done > 20 and len(expected["arrivals"]) == 4 and len(expected["instances"]) == 3
    for deadly in range(whole.done):
        folder = tmp_path / str(deadly)
        folder.mkdir()
        with a_world(folder, filled, copies) as (spool, db, blobs):
            with pytest.raises(Killed):
                run_and_die(monkeypatch, Steps(deadly), spool, db, blobs)
            index_pending(spool, db, blobs)
            assert facts_of(db) == expected, f"died at step {deadly}"
            assert len(list(blobs.list("instances/"))) == 3
            assert waiting(SpoolFolders(spool / "receiver")) == []


LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
connection.execute("COMMIT")
"""


def test_a_locked_database_refuses_no_sender_and_all_is_caught_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.3)
    path = tmp_path / "wetread.db"
    db = open_database(f"sqlite:///{path}", SystemClock())
    db.migrate()
    blobs = open_blobs(tmp_path / "blobs")
    series = ct_series(8)
    command = [sys.executable, "-c", LOCKER, str(path)]
    with running_receiver(tmp_path / "spool") as receiver:
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as locker:
            assert locker.stdout is not None and locker.stdout.readline() == b"locked\n"
            for dataset in series:
                assert send(receiver.port, dataset) == [0x0000]
                with pytest.raises(TransientError):
                    index_pending(receiver.spool, db, blobs)
            locker.communicate(timeout=20)
        assert index_pending(receiver.spool, db, blobs).indexed == 8
    found = facts_of(db)
    db.dispose()
    assert [uid for uid, _, _ in found["instances"]] == sorted(str(d.SOPInstanceUID) for d in series)


def test_passes_beside_a_receiver_at_work_lose_and_repeat_nothing(tmp_path: Path, copies: SQLiteCopies) -> None:
    from threading import Thread

    blobs = open_blobs(tmp_path / "blobs")
    series = ct_series(40)
    with copies.fresh(tmp_path) as url, opened(url, SystemClock()) as db, running_receiver(tmp_path / "spool") as receiver:
        thread = Thread(target=send, args=(receiver.port, *series))
        thread.start()
        passes = indexed = 0
        while thread.is_alive() or indexed < 40:
            indexed += index_pending(receiver.spool, db, blobs).indexed
            passes += 1
        thread.join()
        found = facts_of(db)
    assert passes > 1 and len(found["arrivals"]) == indexed == 40
    assert os.listdir(receiver.folders.objects) == []  # noqa: PTH208
