"""From the spool to blobs and rows. One pass takes every record that is there; any step may be cut short and done again.

Object into the blob store (a link), rows in one commit a batch, then the records' names, then the objects' names: whatever is
left after a kill is taken for new by the next pass, and the rows know that they have it. Nothing is refused or lost while the
database is away: `index_pending` raises TransientError and the spool keeps all.

A record that can't be indexed never keeps the others waiting: a damaged one is put apart, one that fails stays and is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from node.receive.index.pending import Counts, Entry, blob_key, entries_of, is_unreadable, tell_stuck
from node.receive.index.service_records import note_service
from node.receive.spool import durable
from node.receive.spool.records import AssociationClosed, AssociationFacts, InstanceReceived, ReceiverStarted
from node.receive.spool.spool import SpoolFolders
from storage import intake
from storage.base.errors import TransientError
from storage.base.log import get_logger
from storage.blobs import Blobs
from storage.database import Database, Session

_log = get_logger(__name__)

BATCH = 200


@dataclass(frozen=True)
class IndexPass:
    """What one pass did. Everything acknowledged before ``as_of`` is in rows, unless ``stuck`` says that records failed."""

    as_of: datetime
    indexed: int = 0
    duplicates: int = 0
    put_apart: int = 0
    stuck: int = 0


def index_pending(spool_root: Path, db: Database, blobs: Blobs) -> IndexPass:
    """Index every record that the receivers' spools hold now.

    Raises
    ------
    TransientError
        Database, blob store or disk don't answer: nothing is lost, call again later.
    """
    as_of = db.clock.utc()
    total = Counts()
    for home in sorted(spool_root.glob("*/records")):
        folders = SpoolFolders(home.parent)
        with durable.disk_errors("list the records"):
            names = sorted(path.stem for path in folders.records.glob("*.json"))
        for start in range(0, len(names), BATCH):
            _index_batch(folders, names[start : start + BATCH], db, blobs, total)
    if total.indexed or total.put_apart or total.stuck:
        _log.info("spool.indexed", instances=total.indexed, duplicates=total.duplicates, stuck=total.stuck)
    return IndexPass(as_of, total.indexed, total.duplicates, total.put_apart, total.stuck)


def _index_batch(folders: SpoolFolders, names: Sequence[str], db: Database, blobs: Blobs, total: Counts) -> None:
    entries = list(entries_of(folders, names, blobs, db, total))
    try:
        _index(entries, db, blobs, total)
        return
    except Exception as error:  # an outermost loop: one bad record of a batch must not hold up the rest for ever
        if _is_of_all(error, entries):
            raise
    for entry in entries:
        _index_alone(entry, db, blobs, total)


def _index_alone(entry: Entry, db: Database, blobs: Blobs, total: Counts) -> None:
    try:
        _index([entry], db, blobs, total)
    except Exception as error:  # as above: it stays in the spool and is told at every pass
        if _is_of_all(error, [entry]):
            raise
        tell_stuck(entry.folders, entry.name, error, total)


def _is_of_all(error: Exception, entries: Sequence[Entry]) -> bool:
    """Whether database, blob store or disk failed by itself, and not because an object of the spool can't be read."""
    if not isinstance(error, TransientError):
        return False
    return error.reason_code != "blobs" or not any(is_unreadable(entry) for entry in entries)


def _index(entries: Sequence[Entry], db: Database, blobs: Blobs, total: Counts) -> None:
    """Blobs, rows, then the spool's names, in this order."""
    blobs.adopt_many(
        (blob_key(e.record), e.object) for e in entries if isinstance(e.record, InstanceReceived) and e.object.exists()
    )
    outcomes: list[str] = []
    with db.write() as s:
        for entry in entries:
            outcomes.append(_to_rows(s, entry))
    total.indexed += len(outcomes) - outcomes.count("")
    total.duplicates += outcomes.count("duplicate")
    _forget(entries, total)


def _to_rows(s: Session, entry: Entry) -> str:
    record = entry.record
    if isinstance(record, ReceiverStarted):
        intake.note_receiver_started(s, record.receiver, record.boot, record.at)
    elif isinstance(record, AssociationClosed):
        _note_association(s, record.association)
        intake.note_association_closed(s, uid=record.association.uid, end=record.end, at=record.at)
    elif isinstance(record, InstanceReceived):
        return _add_instance(s, entry, record)
    else:
        note_service(s, record)
    return ""


def _note_association(s: Session, facts: AssociationFacts) -> None:
    intake.note_association_opened(
        s,
        uid=facts.uid,
        receiver=facts.receiver,
        boot=facts.boot,
        calling_ae_title=facts.calling_ae_title,
        called_ae_title=facts.called_ae_title,
        host=facts.host,
        at=facts.opened_at,
    )


def _add_instance(s: Session, entry: Entry, record: InstanceReceived) -> str:
    facts = record.association
    _note_association(s, facts)
    arrived = intake.ArrivedInstance(
        spool_record=f"{facts.receiver}/{entry.name}",
        association_uid=facts.uid,
        received_at=record.received_at,
        study_instance_uid=record.study_instance_uid,
        series_instance_uid=record.series_instance_uid,
        sop_instance_uid=record.sop_instance_uid,
        sop_class_uid=record.sop_class_uid,
        transfer_syntax_uid=record.transfer_syntax_uid,
        modality=record.modality,
        sha256=record.sha256,
        size_bytes=record.size_bytes,
        blob_key=blob_key(record),
        header=entry.header,
    )
    return intake.add_instance(s, arrived)


def _forget(entries: Sequence[Entry], total: Counts) -> None:
    """Take indexed names out of the spool; records first and for good, so that no record is ever seen without its object."""
    with durable.disk_errors("remove indexed records"):
        gone = [entry for entry in entries if _removed(entry, entry.folders.record_of(entry.name), total)]
        for folders in {entry.folders for entry in gone}:
            durable.sync_folder(folders.records)
        for entry in gone:
            _removed(entry, entry.object, total)


def _removed(entry: Entry, path: Path, total: Counts) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        if not durable.is_of_one_file(error):
            raise
        tell_stuck(entry.folders, entry.name, error, total)
        return False
    return True
