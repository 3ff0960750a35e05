"""What waits in the spool, made ready to be indexed: records with the headers of their objects.

Absent on purpose: rows of instances. The only row written here tells a person of what could not be made ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from node.receive.dataset.header import Header, read_header
from node.receive.spool import durable, records
from node.receive.spool.records import InstanceReceived, Record, RecordDamaged
from node.receive.spool.spool import SpoolFolders
from storage import events
from storage.base.errors import TransientError
from storage.base.log import get_logger
from storage.blobs import Blobs
from storage.database import Database

_log = get_logger(__name__)


@dataclass
class Counts:
    """What a pass has done so far."""

    indexed: int = 0
    duplicates: int = 0
    put_apart: int = 0
    stuck: int = 0


@dataclass(frozen=True)
class Entry:
    """One record of the snapshot; ``header`` is filled for instances."""

    folders: SpoolFolders
    name: str
    record: Record
    header: Header

    @property
    def object(self) -> Path:
        return self.folders.object_of(self.name)


def entries_of(folders: SpoolFolders, names: Sequence[str], blobs: Blobs, db: Database, total: Counts) -> Iterator[Entry]:
    """The records of ``names`` that can be indexed; of the others, broken ones are put apart and unreadable ones stay, loudly."""
    for name in names:
        try:
            with durable.disk_errors("read a record or its object"):
                found = _entry(folders, name, blobs)
            if isinstance(found, str):
                _put_apart(folders, name, found, db)
                total.put_apart += 1
                continue
        except TransientError as error:
            if not durable.is_of_one_file(error.__cause__):
                raise
            tell_stuck(folders, name, error, total)
        else:
            yield found


def is_unreadable(entry: Entry) -> bool:
    """Whether the entry's object is there and its bytes can't be read. Reads them all."""
    try:
        with entry.object.open("rb", buffering=0) as file:
            while file.read(2**20):
                pass
    except OSError as error:
        return durable.is_of_one_file(error)
    return False


def tell_stuck(folders: SpoolFolders, name: str, error: Exception, total: Counts) -> None:
    """A record stays in the spool and is told at every pass."""
    total.stuck += 1
    _log.error("spool.record-stuck", record=name, receiver=folders.home.name, exc_info=error)


def _entry(folders: SpoolFolders, name: str, blobs: Blobs) -> Entry | str:
    """A record made ready, or why it must be put apart."""
    try:
        record = records.decode(folders.record_of(name).read_bytes())
    except RecordDamaged:
        return "record-damaged"
    if not isinstance(record, InstanceReceived):
        return Entry(folders, name, record, {})
    header = _header(folders.object_of(name), record, blobs)
    return "object-missing" if header is None else Entry(folders, name, record, header)


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


def _put_apart(folders: SpoolFolders, name: str, reason: str, db: Database) -> None:
    """A person must look at this: it contradicts the order in which the spool is written."""
    _log.error("spool.put-apart", record=name, receiver=folders.home.name, reason=reason)
    with db.write() as s, durable.disk_errors("put a record apart"):
        events.record(s, "spool.put-apart", db.clock.utc(), record=name, receiver=folders.home.name, reason=reason)
        for path in (folders.object_of(name), folders.record_of(name)):
            if path.exists():
                path.rename(folders.quarantine / path.name)


def blob_key(record: Record) -> str:
    """Where the object of an instance lies: named by what it holds."""
    assert isinstance(record, InstanceReceived)
    return f"instances/{record.sha256[:2]}/{record.sha256}.dcm"
