"""What lies in the spool: accepted and not yet indexed, missing, and what was quarantined, with the reason where there is one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from node.receive.spool import place
from node.receive.spool.lines import Line
from node.receive.spool.place import Place
from node.receive.spool.quarantine import MOST_RECORDS
from node.receive.spool.records import InstanceReceived
from node.receive.spool.segments import segments
from node.receive.spool.spool import SpoolFolders

LISTED = 20
UNKNOWN = "left over: no record names it"


def spool_overview(spool: str | Path) -> dict[str, Any]:
    """Counts over all receivers' spools; the newest quarantined entries, without suffix; records without their object."""
    root = Path(spool)
    spools = [_Waiting(SpoolFolders(journal.parent)) for journal in sorted(root.glob("*/journal"))]
    entries = {path.with_suffix("") for path in root.glob("*/quarantine/*")}
    newest = sorted(entries, key=lambda path: path.name, reverse=True)[:LISTED]
    return {
        "waiting": sum(len(spool.lines) for spool in spools),
        "missing": [name for spool in spools for name in spool.missing()],
        "quarantined": len(entries),
        "quarantine_full": any(len(list(folder.glob("*.json"))) >= MOST_RECORDS for folder in root.glob("*/quarantine")),
        "newest_quarantined": [{"name": str(path.relative_to(root)), "reason": _reason(path)} for path in newest],
    }


class _Waiting:
    """The lines of one journal that aren't indexed yet; damaged ones count."""

    def __init__(self, folders: SpoolFolders) -> None:
        self._folders = folders
        self.lines = self._read()

    def missing(self) -> list[str]:
        """The names of those whose object is absent."""
        absent = [(name, line.name) for name, line in self.lines if self._lacks_object(line)]
        if not absent:
            return []
        still = {(name, line.name) for name, line in self._read()}  # the indexer may have finished with them meanwhile
        return sorted(line for name, line in absent if (name, line) in still)

    def _read(self) -> list[tuple[str, Line]]:
        places = place.load(self._folders)
        found = []
        for segment in segments(self._folders.journal):
            known = places.get(segment.name, Place())
            start = min([known.at, *(start for start, _ in known.stuck)])
            found += [(segment.name, line) for line in segment.lines(start) if not known.has(line)]
        return found

    def _lacks_object(self, line: Line) -> bool:
        return isinstance(line.record, InstanceReceived) and not self._folders.object_of(line.name).exists()


def _reason(path: Path) -> str:
    try:
        return str(json.loads(path.with_suffix(".json").read_bytes())["reason"])
    except FileNotFoundError:
        return UNKNOWN
    except (OSError, ValueError, KeyError, TypeError):
        return "unreadable"
