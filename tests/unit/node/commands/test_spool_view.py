"""What `wetread status` tells of the spool."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

from node.commands import spool_view
from node.commands.narrative import status_lines
from node.commands.spool_view import UNKNOWN, spool_overview
from node.receive.associate.admission import Grant
from node.receive.associate.sessions import Session
from node.receive.spool import place
from node.receive.spool.place import Place
from node.receive.spool.segments import segments
from node.receive.store.storer import StoreCommand, Storer
from storage.base.clock import ManualClock
from tests.unit.node.receive.encoding import CT, EXPLICIT, encoded, identified
from tests.unit.node.receive.samples import facts, put, spool_in

COUNTS = dict.fromkeys(("studies", "studies_waiting", "instances", "size_bytes", "open_associations"), 0)
STATUS: dict[str, Any] = defaultdict(dict, COUNTS, attention=defaultdict(tuple))


def test_everything_put_apart_is_seen_once_and_with_its_reason(tmp_path: Path) -> None:
    folder = tmp_path / "receiver" / "quarantine"
    folder.mkdir(parents=True)
    for name in ("1-both.dcm", "2-object.dcm"):
        (folder / name).write_bytes(b"")
    (folder / "1-both.json").write_text(json.dumps({"reason": "truncated"}))
    (folder / "3-record.json").write_text("{")
    found = spool_overview(tmp_path)
    assert found["quarantined"] == 3
    assert found["newest_quarantined"] == [
        {"name": "receiver/quarantine/3-record", "reason": "unreadable"},
        {"name": "receiver/quarantine/2-object", "reason": UNKNOWN},
        {"name": "receiver/quarantine/1-both", "reason": "truncated"},
    ]


def test_what_waits_and_what_is_missing(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    indexed, missing, _ = put(spool, "1.1"), put(spool, "1.2"), put(spool, "1.3")
    for name in (indexed, missing):
        spool.folders.object_of(name).unlink()
    (segment,) = segments(spool.folders.journal)
    place.save(spool.folders, {segment.name: Place(next(segment.lines()).end)})
    found = spool_overview(tmp_path)
    assert (found["waiting"], found["missing"]) == (2, [missing])


def test_a_full_quarantine_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool_view, "MOST_RECORDS", 2)
    folder = tmp_path / "receiver" / "quarantine"
    folder.mkdir(parents=True)
    (folder / "1.json").write_text("{}")
    assert not spool_overview(tmp_path)["quarantine_full"]
    (folder / "2.json").write_text("{}")
    assert spool_overview(tmp_path)["quarantine_full"]


def test_a_refused_instance_is_listed_with_its_reason(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    reception = Storer(spool, ManualClock()).begin(StoreCommand(CT, "1.2.3.4", CT, EXPLICIT), Session(facts(spool), Grant("A")))
    reception.write(encoded(identified())[:-1])
    assert reception.finish().status == 0xC010
    found = spool_overview(tmp_path)
    (entry,) = found["newest_quarantined"]
    assert entry["reason"] == "truncated" and (tmp_path / f"{entry['name']}.dcm").exists()
    STATUS["spool"] = {**found, "missing": ["NAME"], "quarantine_full": True}
    told = "\n".join(status_lines(STATUS))
    assert "0 waiting, 1 MISSING, 1 quarantined (full: " in told
    assert f"quarantined: {entry['name']} (truncated)" in told
    assert "missing: NAME was acknowledged" in told
