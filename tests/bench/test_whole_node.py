"""Receiving while the whole node runs: what its indexer costs, and how far it falls behind the receiver."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.bench.conftest import Sizes
from tests.bench.contest import Report, Row
from tests.bench.meter import cpu_s
from tests.bench.objects import Batch
from tests.bench.receivers import environment
from tests.bench.senders import by_storescu
from tests.support.peers import Peer
from tests.support.ports import free_port
from tests.support.wetread_node import WetreadNode, node_settings

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

PATIENCE_S = 300.0


@pytest.mark.parametrize("kind", ["CT", "8 KiB"])
def test_the_indexer_beside_the_receiver(
    kind: str, ct: Batch, small: Batch, tmp_path: Path, sizes: Sizes, report: Report
) -> None:
    batch = ct if kind == "CT" else small
    port = free_port()
    tmp_path.joinpath("node").mkdir()
    node = WetreadNode(tmp_path / "node", port, {**node_settings(tmp_path / "node", port, None, []), "models": []})
    node.start()
    try:
        pids = {role: node.pid(role) for role in ("receiver", "router")}
        before_s = {role: cpu_s(pid) for role, pid in pids.items()}
        began_s = time.perf_counter()
        with environment((("TCP_NODELAY", "1"),)):
            by_storescu(Peer("WETREAD", port, tmp_path, []), batch)
        sent_s = time.perf_counter() - began_s
        indexed_s = _wait_for_rows(tmp_path / "node" / "wetread.db", len(batch.objects)) - began_s
        spent_s = {role: cpu_s(pid) - before_s[role] for role, pid in pids.items()}
    finally:
        node.stop()
    work = f"{len(batch.objects)} {kind}, whole node, no Nagle"
    report.add(Row(f"{work}: sent", "s", sent_s))
    report.add(Row(f"{work}: indexed", "s", indexed_s))
    for role, spent in spent_s.items():
        report.add(Row(f"CPU per {kind}, whole node: {role}", "ms", 1000 * spent / len(batch.objects)))


def _wait_for_rows(path: Path, count: int) -> float:
    """When all instances have rows."""
    end_s = time.perf_counter() + PATIENCE_S
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        while (found := database.execute("select count(*) from instance").fetchone()[0]) < count:
            assert time.perf_counter() < end_s, f"{found} of {count} instances are indexed"
            time.sleep(0.05)
    return time.perf_counter()
