"""How far the indexer has come in each segment of a spool.

Written after the rows are committed, so it never runs ahead of them; when it is lost, lines are read again and change nothing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TypeAlias

from node.receive.spool import durable
from node.receive.spool.lines import Line
from node.receive.spool.spool import SpoolFolders

Span: TypeAlias = tuple[int, int]


@dataclass
class Place:
    """In one segment: lines before ``at`` are indexed but for ``stuck`` ones; objects of lines before ``cleared`` are gone."""

    at: int = 0
    cleared: int = 0
    stuck: list[Span] = field(default_factory=list)

    def copy(self) -> Place:
        """As it is now."""
        return Place(self.at, self.cleared, list(self.stuck))

    def become(self, other: Place) -> None:
        """Take over another's state."""
        self.at, self.cleared, self.stuck = other.at, other.cleared, list(other.stuck)

    def has(self, line: Line) -> bool:
        """Whether the line is indexed."""
        return line.end <= self.at and (line.start, line.end) not in self.stuck


def load(folders: SpoolFolders) -> dict[str, Place]:
    """The places by segment name; none where the file is absent or can't be read whole.

    Raises
    ------
    OSError
        The disk failed as a whole.
    """
    try:
        found = json.loads(folders.place.read_bytes())
        return {
            str(name): Place(int(p["at"]), int(p["cleared"]), [(int(start), int(end)) for start, end in p["stuck"]])
            for name, p in found.items()
        }
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {}
    except OSError as error:
        if not durable.is_of_one_file(error):
            raise
        return {}


def save(folders: SpoolFolders, places: dict[str, Place]) -> None:
    """Make the places durable.

    Raises
    ------
    TransientError
        The disk failed.
    """
    document = {name: {"at": p.at, "cleared": p.cleared, "stuck": p.stuck} for name, p in places.items()}
    part = folders.place.with_suffix(".part")
    with durable.disk_errors("remove a part"):
        part.unlink(missing_ok=True)
    durable.write_file(part, folders.place, [json.dumps(document).encode("ascii")])
