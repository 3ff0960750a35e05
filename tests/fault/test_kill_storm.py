"""What was acknowledged outlives kill -9 of the receiving processes, however often. The large one is `tests.fault.kill_storm`."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from node.receive.index.indexer import index_pending
from storage.base.clock import SystemClock
from storage.blobs import open_blobs
from storage.schema import Instance
from tests.fault.kill_storm import STOP_S, Receiver, Storm, run_storm
from tests.fault.storm_ledger import Ledger, judged
from tests.support.databases import SQLiteCopies, opened
from tests.support.ports import wait_until_listening
from tests.unit.node.receive.samples import put, spool_in


@pytest.mark.parametrize(
    "storm",
    [
        Storm(kills=12, seed=11),
        pytest.param(Storm(kills=1000), marks=[pytest.mark.slow, pytest.mark.timeout(3600)]),
    ],
    ids=["12", "1000"],
)
def test_a_storm_of_kills_breaks_no_promise(tmp_path: Path, storm: Storm) -> None:
    summary = run_storm(tmp_path, storm)
    assert summary.broken == {}, summary
    assert summary.kills_of_workers + summary.kills_of_masters == storm.kills
    assert summary.kills_of_workers > summary.kills_of_masters > 0
    assert summary.acknowledged > storm.kills and summary.sent_again > 0


def test_a_receiver_that_is_told_to_stop_before_it_works_ends_well(tmp_path: Path) -> None:
    receiver = Receiver(tmp_path, workers=2)
    receiver.start(works=False)
    try:
        assert wait_until_listening(receiver.port, STOP_S)  # which it does before its workers do anything
        receiver.stop()  # raises unless its exit status is 0
    finally:
        receiver.end()


def test_each_broken_promise_is_seen(tmp_path: Path) -> None:
    """The judge of a storm, on a receiver that kept its word and then on one that did not."""
    spool = spool_in(tmp_path / "spool")
    put(spool, "1.2.3.4")
    blobs = open_blobs(tmp_path / "blobs")
    with SQLiteCopies(tmp_path).fresh(tmp_path) as url, opened(url, SystemClock()) as db:
        index_pending(tmp_path / "spool", db, blobs)
        with db.read() as s:
            held = s.scalars(select(Instance)).one()
        kept = Ledger({"1.2.3.4": held.sha256}, Counter({"1.2.3.4": 1}), {"1.2.3.4"})

        def broken(ledger: Ledger) -> set[str]:
            return set(judged(tmp_path, db, blobs, [ledger]).broken)

        assert broken(kept) == set()
        assert broken(replace(kept, acknowledged={"1.9"})) == {"missing", "acknowledged_without_an_arrival"}
        assert broken(replace(kept, sha256={"1.2.3.4": "0" * 64})) == {"other_bytes_in_rows"}
        assert broken(replace(kept, tries=Counter())) == {"arrivals_without_a_store"}
        assert broken(replace(kept, refused=Counter({0xA700: 1}))) == {"refused"}
        (spool.folders.part / "left").touch()
        (spool.folders.objects / "stray.dcm").touch()
        path = blobs.local_path(held.blob_key)
        assert path is not None
        path.write_bytes(path.read_bytes()[:-1] + b"x")
        assert broken(kept) == {"partial_files", "objects_without_a_line", "other_bytes_in_blobs"}
