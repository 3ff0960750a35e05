"""What waits in a spool, made ready to be indexed: lines of the journal with the headers of their objects.

Absent on purpose: rows of instances. The only row written here tells a person of what could not be made ready.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.receive.dataset.encodings import is_accepted
from node.receive.dataset.header import Header, read_header
from node.receive.dataset.part10 import syntax_of
from node.receive.spool import durable
from node.receive.spool.lines import Line
from node.receive.spool.place import Place
from node.receive.spool.records import InstanceReceived, Record
from node.receive.spool.segments import Segment
from node.receive.spool.spool import SpoolFolders
from storage import events
from storage.base.errors import TransientError
from storage.base.log import get_logger
from storage.blobs import Blobs
from storage.database import Database

_log = get_logger(__name__)

_HEAD_BYTES = 1024  # no head of ours is as long


@dataclass
class Counts:
    """What a pass has done so far."""

    indexed: int = 0
    duplicates: int = 0
    put_apart: int = 0
    stuck: int = 0


@dataclass(frozen=True)
class Source:
    """One segment that is being indexed, and how far."""

    folders: SpoolFolders
    segment: Segment
    place: Place

    def begin(self, batch: Sequence[Line]) -> None:
        """These lines count as indexed from now on, but for those that are told to be stuck."""
        spans = {(line.start, line.end) for line in batch}
        self.place.stuck[:] = [span for span in self.place.stuck if span not in spans]
        self.place.at = max(self.place.at, batch[-1].end)

    def uncleared(self) -> Iterator[Line]:
        """Indexed lines whose objects a pass that was cut short may have left."""
        if self.place.cleared < self.place.at:
            for line in self.segment.lines(self.place.cleared):
                if line.end > self.place.at:
                    return
                if self.place.has(line):
                    yield line

    def remove_objects(self, indexed: Iterable[Line], total: Counts) -> None:
        """These lines are in rows: their objects aren't needed here. One that can't be removed is tried again at each pass."""
        for line in indexed:
            if not isinstance(line.record, InstanceReceived):
                continue
            try:
                with durable.disk_errors("remove an indexed object"):
                    self.folders.object_of(line.name).unlink(missing_ok=True)
            except TransientError as error:
                if not durable.is_of_one_file(error.__cause__):
                    raise
                self.tell_stuck(line, error, total)

    def tell_stuck(self, line: Line, error: Exception, total: Counts) -> None:
        """A line waits for the next pass, and is told at every one."""
        total.stuck += 1
        self.place.stuck.append((line.start, line.end))
        _log.error("spool.record-stuck", record=line.name, receiver=self.folders.home.name, exc_info=error)


@dataclass(frozen=True)
class Entry:
    """One line of the snapshot; ``header`` is filled for instances."""

    folders: SpoolFolders
    line: Line
    record: Record
    header: Header

    @property
    def name(self) -> str:
        return self.line.name

    @property
    def object(self) -> Path:
        return self.folders.object_of(self.line.name)


def entries_of(source: Source, found: Iterable[Line], blobs: Blobs, db: Database, total: Counts) -> Iterator[Entry]:
    """The lines of ``found`` that can be indexed; of the others, broken ones are put apart and unreadable ones stay, loudly."""
    for line in found:
        try:
            with durable.disk_errors("read an object of the spool"):
                entry = _entry(source.folders, line, blobs)
            if isinstance(entry, Entry):
                yield entry
            elif not source.segment.holds(line):
                _log.warning("spool.line-taken-back", record=line.name)
            else:
                _put_apart(source, line, entry, db)
                total.put_apart += 1
        except TransientError as error:
            if not durable.is_of_one_file(error.__cause__):
                raise
            source.tell_stuck(line, error, total)


def is_unreadable(entry: Entry) -> bool:
    """Whether the entry's object is there and its bytes can't be read. Reads them all."""
    try:
        with entry.object.open("rb", buffering=0) as file:
            while file.read(2**20):
                pass
    except OSError as error:
        return durable.is_of_one_file(error)
    return False


def is_kept_otherwise(entry: Entry, blobs: Blobs) -> bool:
    """Whether the very data set is kept in another transfer syntax: then that file, which was acknowledged first, stays.

    The same bytes may stand in several syntaxes, and a file is named by them alone. Only of files on this machine.
    """
    record = entry.record
    kept = blobs.local_path(blob_key(record)) if isinstance(record, InstanceReceived) else None
    if kept is None or not isinstance(record, InstanceReceived):
        return False
    try:
        with kept.open("rb", buffering=0) as file:
            syntax = syntax_of(file.read(_HEAD_BYTES))
    except OSError:
        return False  # there is none, or none that can be read
    return is_accepted(syntax) and syntax != record.transfer_syntax_uid


def _entry(folders: SpoolFolders, line: Line, blobs: Blobs) -> Entry | str:
    """A line made ready, or why it must be put apart."""
    record = line.record
    if record is None:
        return "record-damaged"
    if not isinstance(record, InstanceReceived):
        return Entry(folders, line, record, {})
    header = _header(folders.object_of(line.name), record, blobs)
    return "object-missing" if header is None else Entry(folders, line, record, header)


def _header(path: Path, record: InstanceReceived, blobs: Blobs) -> Header | None:
    """The instance's header; None when its object is gone or isn't whole. An earlier pass may have brought it to the blobs."""
    here = path if path.exists() else blobs.local_path(blob_key(record))
    if here is None or not here.exists():
        return None if not blobs.exists(blob_key(record)) else _least_header(record)
    if here.stat().st_size != record.data_offset + record.size_bytes:
        return None
    try:
        return read_header(here, record.data_offset, record.transfer_syntax_uid)
    except OSError:
        raise
    except Exception as error:  # noqa: BLE001  # whatever values do to the decoder, what was acknowledged gets its rows
        _log.error("instance.header-unreadable", sop_instance_uid=record.sop_instance_uid, exc_info=error)
        return _least_header(record)


def _least_header(record: InstanceReceived) -> Header:
    texts = {
        "00080016": ("UI", record.sop_class_uid),
        "00080018": ("UI", record.sop_instance_uid),
        "00080060": ("CS", record.modality),
        "0020000D": ("UI", record.study_instance_uid),
        "0020000E": ("UI", record.series_instance_uid),
    }
    return {tag: {"vr": vr, "Value": [text]} for tag, (vr, text) in texts.items() if text}


def _put_apart(source: Source, line: Line, reason: str, db: Database) -> None:
    """A person must look at this: it contradicts the order in which the spool is written.

    The line goes to the quarantine as text, and with it the object of the name that it gives, if there is one.
    """
    folders = source.folders
    name = line.name or f"{source.segment.name}-{line.start:08d}"
    target = folders.quarantine / f"{name}.json"
    if target.exists():
        return  # done by a pass that was cut short
    _log.error("spool.put-apart", record=name, receiver=folders.home.name, reason=reason)
    document = {"kind": "put_apart", "reason": reason, "line": line.raw.decode("ascii", "replace")}
    with db.write() as s:
        events.record(s, "spool.put-apart", db.clock.utc(), record=name, receiver=folders.home.name, reason=reason)
    with durable.disk_errors("put a record apart"):
        path = folders.object_of(name)
        if line.name and path.exists():
            path.rename(folders.quarantine / path.name)
        part = target.with_suffix(".part")
        part.unlink(missing_ok=True)
        durable.write_file(part, target, [json.dumps(document).encode("ascii")])


def blob_key(record: Record) -> str:
    """Where the object of an instance lies: named by what it holds."""
    assert isinstance(record, InstanceReceived)
    return f"instances/{record.sha256[:2]}/{record.sha256}.dcm"
