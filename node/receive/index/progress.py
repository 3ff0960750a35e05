"""Whether the indexer knows all that was acknowledged by a moment: for whoever would say that something isn't here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from node.receive.spool import durable, place
from node.receive.spool.place import Place
from node.receive.spool.segments import Segment, segments
from node.receive.spool.spool import SpoolFolders


def mark(spool_root: Path) -> Callable[[], bool]:
    """Remember what all journals hold now; what is returned tells whether the indexer has been at all of it since.

    A line that it couldn't index counts: it is told at every pass, and nobody knows when it will be.

    Raises
    ------
    TransientError
        The disk failed; the same goes for what is returned.
    """
    with durable.disk_errors("read the journals"):
        ends = {folders: _ends(folders) for folders in (SpoolFolders(path.parent) for path in spool_root.glob("*/journal"))}

    def is_indexed() -> bool:
        for folders, waiting in list(ends.items()):
            with durable.disk_errors("read an indexer's place"):
                if not _has_passed(folders, waiting):
                    return False
            del ends[folders]
        return True

    return is_indexed


def _ends(folders: SpoolFolders) -> dict[str, int]:
    """By segment, where the last line ends that waits for the indexer."""
    places = place.load(folders)
    known = {segment: places.get(segment.name, Place()).at for segment in segments(folders.journal)}
    ends = {segment.name: _end(segment, at) for segment, at in known.items()}
    return {segment.name: ends[segment.name] for segment, at in known.items() if ends[segment.name] > at}


def _end(segment: Segment, at: int) -> int:
    try:
        for line in segment.lines(at):
            at = line.end
    except OSError as error:
        if not durable.is_of_one_file(error):  # else the indexer can't read on either
            raise
    return at


def _has_passed(folders: SpoolFolders, waiting: dict[str, int]) -> bool:
    places = place.load(folders)
    left = {segment.name for segment in segments(folders.journal)}  # one that is indexed whole is removed
    return all(name not in left or places.get(name, Place()).at >= end for name, end in waiting.items())
