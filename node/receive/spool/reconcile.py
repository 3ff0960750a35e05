"""What a receiver does with the rest of its former life, before it listens.

A part was never acknowledged: removed. An object that is indexed: removed. An object that no line of the journal names was never
acknowledged, or is indexed and its line gone: removed when the blob store holds a link to it, else kept apart. A line without
its object contradicts the order in which both are written: it is told loudly and left to the indexer, which looks for the object
among the blobs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from pathlib import Path

from node.receive.spool import durable, place
from node.receive.spool.place import Place
from node.receive.spool.records import InstanceReceived
from node.receive.spool.segments import segments
from node.receive.spool.spool import SpoolFolders
from storage.base.log import get_logger

_log = get_logger(__name__)


@dataclass(frozen=True)
class Reconciled:
    """How many parts were removed, strays removed and kept apart, and objects found missing."""

    parts: int
    removed: int
    kept_apart: int
    missing: int


def reconcile(folders: SpoolFolders) -> Reconciled:
    """Bring a spool that nobody writes to into order; an indexer may be at work on it.

    Raises
    ------
    TransientError
        The disk failed.
    """
    with durable.disk_errors("put the spool in order"):
        parts = [_removed(path) for path in folders.part.iterdir()]
        objects = sorted(folders.objects.glob("*.dcm"))
        told = read_journal(folders)
        cleared = [
            _clear(path, folders, path.stem in told.indexed)
            for path in objects
            if path.stem not in told.waiting and (told.whole or path.stem in told.indexed)
        ]
        missing = told.waiting - {path.stem for path in objects}
        if missing:
            missing -= read_journal(folders).indexed  # the indexer has just finished with them
    for name in sorted(missing):
        _log.error("spool.object-missing", record=name)
    found = Reconciled(len(parts), cleared.count("removed"), cleared.count("kept"), len(missing))
    if parts or found.removed or found.kept_apart:
        _log.warning("spool.reconciled", parts=found.parts, removed=found.removed, kept_apart=found.kept_apart)
    return found


@dataclass(frozen=True)
class Told:
    """The names of the objects that a journal tells of; ``whole``: all of it could be read."""

    indexed: frozenset[str]
    waiting: frozenset[str]
    whole: bool


def read_journal(folders: SpoolFolders) -> Told:
    """What the journal of a spool that nobody writes to tells of; damage is logged, zeros at the end of segments are cut off.

    Raises
    ------
    OSError
        The disk failed as a whole.
    """
    names: dict[bool, set[str]] = {True: set(), False: set()}
    places = place.load(folders)
    whole = True
    for segment in segments(folders.journal):
        known = places.get(segment.name, Place())
        try:
            _cut_zeros(segment.path)
            for line in replace(segment, closed=True).lines():  # nobody writes: a line after damage counts
                if isinstance(line.record, InstanceReceived):
                    names[known.has(line)].add(line.name)
                elif line.record is None:
                    _log.error("spool.line-damaged", record=line.name, segment=segment.name, position=line.start)
        except OSError as error:
            _tell_stuck(segment.path, error)
            whole = False
    return Told(frozenset(names[True]), frozenset(names[False]), whole)


def _clear(path: Path, folders: SpoolFolders, is_indexed: bool) -> str:
    try:
        needless = is_indexed or path.stat().st_nlink > 1
        if needless:
            path.unlink()
        else:
            path.rename(folders.quarantine / path.name)
    except FileNotFoundError:
        return "gone"  # the indexer has just finished with it
    except OSError as error:
        _tell_stuck(path, error)
        return "stuck"
    _log.warning("spool.object-left-over", record=path.stem, kept_apart=not needless)
    return "removed" if needless else "kept"


def _cut_zeros(path: Path) -> None:
    """A life that was short leaves a segment that is nearly empty: its room is given back."""
    try:
        data = path.read_bytes()
        length = len(data.rstrip(b"\0"))
        if length < len(data):
            os.truncate(path, length)
    except FileNotFoundError:
        pass  # the indexer has just finished with it


def _tell_stuck(path: Path, error: OSError) -> None:
    """A file that can't be used stays where it is and keeps nobody from receiving."""
    if not durable.is_of_one_file(error):
        raise error
    _log.error("spool.record-stuck", record=path.stem, exc_info=error)


def _removed(path: Path) -> Path:
    path.unlink(missing_ok=True)
    return path
