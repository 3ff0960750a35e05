"""While the database is away no sender is refused; when it is back everything is caught up, each Instance once."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
from pydicom.uid import generate_uid
from sqlalchemy import func, select

from node.receive.index.indexer import index_pending
from node.route.ticks import Tick, run_ticks
from storage.base.clock import SystemClock
from storage.blobs import open_blobs
from storage.database import Database
from storage.schema import Arrival, Instance, Study
from tests.support.attacker import ASSOCIATE_AC, RawPeer, associate_rq
from tests.support.databases import opened, own_postgres
from tests.support.ports import LOOPBACK, free_port
from tests.support.receiver import receiver_process
from tests.support.wetread_node import WetreadNode, node_settings
from tests.unit.node.receive.encoding import element, encoded, identified

AWAY_S = [4.0, pytest.param(180.0, marks=[pytest.mark.slow, pytest.mark.timeout(900)])]
LOCKER = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=60)
connection.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.read()
connection.execute("COMMIT")
"""


@dataclass
class Scanner:
    """Sends small Instances, some to an association, about twenty a second; ``statuses`` is what it was answered."""

    port: int
    statuses: list[int | None] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)

    def run(self, stop: Event) -> None:
        study = generate_uid()
        while not stop.is_set():
            with RawPeer(self.port, LOOPBACK) as peer:
                if peer.negotiate(associate_rq()) != ASSOCIATE_AC:
                    self.statuses.append(None)
                    continue
                for _ in range(10):
                    uid = generate_uid()
                    data = encoded(identified(uid, study, f"{study[:60]}.1")) + element(0x7FE00010, "OW", bytes(2048))
                    status = peer.store(data, uid)
                    self.statuses.append(status)
                    if status == 0:
                        self.acknowledged.add(uid)
                    stop.wait(0.05)
                peer.release()


@contextmanager
def scanning(port: int) -> Iterator[Scanner]:
    """A scanner at work beside the block."""
    scanner, stop = Scanner(port), Event()
    thread = Thread(target=scanner.run, args=(stop,))
    thread.start()
    try:
        yield scanner
    finally:
        stop.set()
        thread.join(30)


def until(condition: Any, within_s: float) -> None:
    end_s = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < end_s
        time.sleep(0.1)


def held(db: Database) -> Counter[str]:
    """How many arrivals the database holds of each SOP Instance UID."""
    with db.read() as s:
        query = select(Instance.sop_instance_uid, func.count(Arrival.id)).join(Arrival, Arrival.instance_id == Instance.id)
        return Counter({uid: count for uid, count in s.execute(query.group_by(Instance.sop_instance_uid))})


def assert_all_is_there(db: Database, scanner: Scanner) -> None:
    assert set(scanner.statuses) == {0x0000}, Counter(scanner.statuses)
    assert held(db) == Counter(dict.fromkeys(scanner.acknowledged, 1))
    with db.read() as s:
        assert s.scalar(select(func.count(Instance.id))) == len(scanner.acknowledged)
        assert s.scalars(select(Study.arrival_count)).all() == [len(scanner.acknowledged)]


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Another process holds the SQLite database in BEGIN EXCLUSIVE."""
    command = [sys.executable, "-c", LOCKER, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as locker:
        assert locker.stdout is not None and locker.stdout.readline() == b"locked\n"
        try:
            yield
        finally:
            locker.communicate(timeout=30)


@pytest.mark.parametrize("away_s", AWAY_S)
def test_a_node_whose_sqlite_database_is_locked_refuses_nobody(tmp_path: Path, away_s: float) -> None:
    port = free_port()
    node = WetreadNode(tmp_path, port, node_settings(tmp_path, port, None, []))
    node.start()
    try:
        with opened(node.settings["store"]["database"], SystemClock()) as db:
            with scanning(port) as scanner:
                until(lambda: held(db), 30.0)
                with locked(tmp_path / "wetread.db"):
                    before, sent = sum(held(db).values()), len(scanner.acknowledged)
                    time.sleep(away_s)
                    assert len(scanner.acknowledged) >= sent + away_s, "the scanner was held up"
                    assert sum(held(db).values()) == before
            until(lambda: sum(held(db).values()) >= len(scanner.acknowledged), 60.0)
            assert_all_is_there(db, scanner)
        assert_the_router_was_brief(node, away_s)
    finally:
        node.stop()


def assert_the_router_was_brief(node: WetreadNode, away_s: float) -> None:
    """It lived on, and told of the outage in a line or a few, without a stack."""
    assert not node.log_lines("role.died")
    failed = node.log_lines("tick.failed")
    assert len(failed) <= 2 + away_s / 30
    assert not any("exception" in line or "exc_info" in line for line in failed)
    assert all("database" in line["error_message"] for line in failed)


@pytest.mark.parametrize("away_s", AWAY_S)
def test_while_postgres_is_stopped_nobody_is_refused(tmp_path: Path, away_s: float, capfd: pytest.CaptureFixture[str]) -> None:
    spool, stop = tmp_path / "spool", Event()
    blobs = open_blobs(tmp_path / "blobs")
    with (
        own_postgres() as server,
        opened(server.url, SystemClock()) as db,
        receiver_process(spool, tmp_path / "log") as (_, port),
    ):
        db.migrate()
        # The router's own periodic work, so that its way of waiting is what is tested.
        indexing = Thread(target=run_ticks, args=([Tick("index", 0.5, lambda: _index(spool, db, blobs))], stop))
        indexing.start()
        try:
            with scanning(port) as scanner:
                until(lambda: held(db), 30.0)
                server.stop()
                sent = len(scanner.acknowledged)
                time.sleep(away_s)
                assert len(scanner.acknowledged) >= sent + away_s, "the scanner was held up"
                server.start()
            until(lambda: sum(held(db).values()) >= len(scanner.acknowledged), 60.0)
        finally:
            stop.set()
            indexing.join(60)
        assert_all_is_there(db, scanner)
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines() if line.startswith("{")]
    failed = [line for line in lines if line["event"] == "tick.failed"]
    assert 1 <= len(failed) <= 10 and not any("exception" in line for line in failed)
    assert [line["event"] for line in lines].count("tick.recovered") == 1


def _index(spool: Path, db: Database, blobs: Any) -> None:
    index_pending(spool, db, blobs)
