"""What `wetread status` tells of the spool."""

from __future__ import annotations

from pathlib import Path

from node.commands.spool_view import spool_overview


def test_everything_put_apart_is_seen_once(tmp_path: Path) -> None:
    folder = tmp_path / "receiver" / "quarantine"
    folder.mkdir(parents=True)
    for name in ("1-both.dcm", "1-both.json", "2-object.dcm", "3-record.json"):
        (folder / name).write_bytes(b"")
    found = spool_overview(tmp_path)
    assert found["quarantined"] == 3
    assert found["newest_quarantined"] == [f"receiver/quarantine/{name}" for name in ("3-record", "2-object", "1-both")]
