"""From the spool to blobs and rows. One pass takes every line that is there; any step may be cut short and done again.

Object into the blob store (a link), rows in one commit a batch, then the place in the journal, then the objects' names: whatever
is left after a kill is taken for new by the next pass, and the rows know that they have it. Nothing is refused or lost while the
database is away: `index_pending` raises TransientError and the spool keeps all.

A line that can't be indexed never keeps the others waiting: a damaged one is put apart, one that fails stays and is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from node.receive.dataset.encodings import encoding_of
from node.receive.dataset.limits import LARGEST_HEADER_BYTES
from node.receive.index.pending import Counts, Entry, Source, blob_key, entries_of, is_kept_otherwise, is_unreadable
from node.receive.index.rows import write_rows
from node.receive.spool import durable, place
from node.receive.spool.lines import Line
from node.receive.spool.place import Place
from node.receive.spool.records import InstanceReceived
from node.receive.spool.segments import segments
from node.receive.spool.spool import SpoolFolders
from storage.base.errors import TransientError
from storage.base.log import get_logger
from storage.blobs import Blobs
from storage.database import Database

_log = get_logger(__name__)

BATCH = 400
BATCH_BYTES = 64 * 2**20  # of what may become headers and lists in memory at once: these take some ten times as much there


@dataclass(frozen=True)
class IndexPass:
    """What one pass did. Everything acknowledged before ``as_of`` is in rows, unless ``stuck`` says that records failed."""

    as_of: datetime
    indexed: int = 0
    duplicates: int = 0
    put_apart: int = 0
    stuck: int = 0


def index_pending(spool_root: Path, db: Database, blobs: Blobs) -> IndexPass:
    """Index every record that the receivers' journals hold now.

    Raises
    ------
    TransientError
        Database, blob store or disk don't answer: nothing is lost, call again later.
    """
    as_of = db.clock.utc()
    total = Counts()
    for home in sorted(spool_root.glob("*/journal")):
        _Reading(SpoolFolders(home.parent), db, blobs, total).run()
    if total.indexed or total.put_apart or total.stuck:
        _log.info("spool.indexed", instances=total.indexed, duplicates=total.duplicates, stuck=total.stuck)
    return IndexPass(as_of, total.indexed, total.duplicates, total.put_apart, total.stuck)


class _Reading:
    """One pass over one receiver's journal."""

    def __init__(self, folders: SpoolFolders, db: Database, blobs: Blobs, total: Counts) -> None:
        self._folders = folders
        self._db = db
        self._blobs = blobs
        self._total = total
        with durable.disk_errors("read the journal"):
            self._segments = segments(folders.journal)
            known = place.load(folders)
        self._places = {segment.name: known.get(segment.name, Place()) for segment in self._segments}

    def run(self) -> None:
        for segment in self._segments:
            source = Source(self._folders, segment, self._places[segment.name])
            try:
                self._read(source)
                self._finish(source)
            except _Unreadable as error:
                if not durable.is_of_one_file(error.__cause__):
                    raise
                self._total.stuck += 1
                _log.error("spool.segment-stuck", segment=segment.name, receiver=self._folders.home.name, exc_info=error)

    def _read(self, source: Source) -> None:
        """Index what failed at an earlier pass, then what is new."""
        for batch in _batches(source.uncleared()):
            source.remove_objects(batch, self._total)
        for batch in _batches(source.segment.line_at(start, end) for start, end in list(source.place.stuck)):
            self._take(source, batch)
        for batch in _batches(source.segment.lines(source.place.at)):
            self._take(source, batch)

    def _take(self, source: Source, batch: Sequence[Line]) -> None:
        before = source.place.copy()
        try:
            source.begin(batch)
            entries = list(entries_of(source, batch, self._blobs, self._db, self._total))
            done = self._index_batch(source, entries)
        except BaseException:
            source.place.become(before)
            raise
        if source.place != before:
            place.save(self._folders, self._places)
        source.remove_objects([entry.line for entry in done], self._total)

    def _index_batch(self, source: Source, entries: Sequence[Entry]) -> Sequence[Entry]:
        """Those of the entries that are in rows now."""
        try:
            _index(entries, self._db, self._blobs, self._total)
            return entries
        except Exception as error:  # an outermost loop: one bad record of a batch must not hold up the rest for ever
            if _is_of_all(error, entries):
                raise
        return [entry for entry in entries if self._index_alone(source, entry)]

    def _index_alone(self, source: Source, entry: Entry) -> bool:
        try:
            _index([entry], self._db, self._blobs, self._total)
        except Exception as error:  # as above: it stays in the spool and is told at every pass
            if _is_of_all(error, [entry]):
                raise
            source.tell_stuck(entry.line, error, self._total)
            return False
        return True

    def _finish(self, source: Source) -> None:
        """Objects are removed for good; a segment that nobody writes to and that is indexed whole goes too."""
        known = source.place
        is_over = source.segment.closed and not known.stuck
        if known.cleared < known.at:
            durable.sync_folder(self._folders.objects)
            known.cleared = known.at
        elif not is_over:
            return
        if is_over:
            with durable.disk_errors("remove a segment"):
                source.segment.path.unlink(missing_ok=True)
            del self._places[source.segment.name]
        place.save(self._folders, self._places)


class _Unreadable(TransientError):
    """A segment of the journal can't be read."""

    code = "spool"


def _batches(found: Iterable[Line]) -> Iterator[list[Line]]:
    """Lines by the batch; what was read before an error comes before the error."""
    batch: list[Line] = []
    size = 0
    failed: OSError | None = None
    try:
        for line in found:
            batch.append(line)
            size += _most_in_memory(line)
            if len(batch) == BATCH or size >= BATCH_BYTES:
                yield batch
                batch, size = [], 0
    except OSError as error:
        failed = error
    if batch:
        yield batch
    if failed is not None:
        raise _Unreadable() from failed


def _most_in_memory(line: Line) -> int:
    """How many encoded bytes of a line's object its header may hold. Other records may be long lists: those of the line."""
    if not isinstance(line.record, InstanceReceived):
        return len(line.raw)
    if encoding_of(line.record.transfer_syntax_uid).deflated:
        return LARGEST_HEADER_BYTES
    return min(line.record.size_bytes, LARGEST_HEADER_BYTES)


def _is_of_all(error: Exception, entries: Sequence[Entry]) -> bool:
    """Whether database, blob store or disk failed by itself, and not because an object of the spool can't be read."""
    if not isinstance(error, TransientError):
        return False
    return error.reason_code != "blobs" or not any(is_unreadable(entry) for entry in entries)


def _index(entries: Sequence[Entry], db: Database, blobs: Blobs, total: Counts) -> None:
    """Blobs, then rows."""
    blobs.adopt_many(
        (blob_key(e.record), e.object)
        for e in entries
        if isinstance(e.record, InstanceReceived) and e.object.exists() and not is_kept_otherwise(e, blobs)
    )
    with db.write() as s:
        outcomes = write_rows(s, entries)
    total.indexed += len(outcomes)
    total.duplicates += outcomes.count("duplicate")
