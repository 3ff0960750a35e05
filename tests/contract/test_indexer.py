"""From spool to rows, on both databases: every kind of record, duplicates and versions, records that can't be indexed."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from node.receive.index import indexer
from node.receive.index.indexer import index_pending
from node.receive.index.pending import Entry
from node.receive.index.progress import mark
from node.receive.index.rows import write_rows
from node.receive.spool.records import AssociationClosed, AssociationEnd, CommitmentRequested, ReceiverStarted
from node.receive.spool.spool import Spool, open_spool
from storage import intake
from storage.base.clock import ManualClock
from storage.base.errors import TransientError
from storage.blobs import Blobs, open_blobs
from storage.database import Database, Session
from storage.schema import Arrival, Association, Event, Instance, InstanceHeader, Study
from tests.unit.node.receive.encoding import EXPLICIT, encoded, identified
from tests.unit.node.receive.samples import AT, damage, facts, keep, put, spool_in, waiting


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_in(tmp_path / "spool")


@pytest.fixture
def blobs(tmp_path: Path) -> Blobs:
    return open_blobs(tmp_path / "blobs")


def index(spool: Spool, db: Database, blobs: Blobs) -> indexer.IndexPass:
    return index_pending(spool.folders.home.parent, db, blobs)


def all_of(db: Database, column: Any) -> list[Any]:
    with db.read() as s:
        return list(s.scalars(select(column).order_by(column)))


def is_empty(spool: Spool) -> bool:
    return not waiting(spool.folders) and not list(spool.folders.objects.iterdir())


def test_an_instance_becomes_a_blob_and_rows(spool: Spool, db: Database, blobs: Blobs) -> None:
    name = put(spool, "1.2.3.4", SliceThickness="2.5")
    content = spool.folders.object_of(name).read_bytes()
    assert index(spool, db, blobs).indexed == 1
    assert is_empty(spool)
    with db.read() as s:
        instance = s.scalars(select(Instance)).one()
        header = s.get_one(InstanceHeader, instance.id).dataset
        study = s.scalars(select(Study)).one()
        arrival = s.scalars(select(Arrival)).one()
        association = s.get_one(Association, arrival.association_id)
    assert blobs.get(instance.blob_key) == content
    assert instance.blob_key == f"instances/{instance.sha256[:2]}/{instance.sha256}.dcm"
    assert hashlib.sha256(content[-instance.size_bytes :]).hexdigest() == instance.sha256
    assert header["00180050"] == {"vr": "DS", "Value": [2.5]}
    assert (study.study_instance_uid, study.arrival_count, study.last_arrival_at) == ("1.2.3", 1, AT)
    assert arrival.spool_record == f"receiver/{name}"
    assert (association.uid, association.state, association.boot) == ("a1", "open", spool.boot)


@pytest.mark.parametrize("at_once", [True, False])
def test_the_same_bytes_in_another_syntax_leave_what_was_acknowledged_as_it_is(
    spool: Spool, db: Database, blobs: Blobs, at_once: bool
) -> None:
    data = encoded(identified("1.2.3.4", "1.2.3"))
    first = spool.folders.object_of(keep(spool, data)).read_bytes()
    if not at_once:
        assert index(spool, db, blobs).indexed == 1
    keep(spool, data, syntax="1.2.840.10008.1.2.4.70")
    found = index(spool, db, blobs)
    assert (found.duplicates, found.put_apart, found.stuck) == (1, 0, 0)
    with db.read() as s:
        instance = s.scalars(select(Instance)).one()
    assert blobs.get(instance.blob_key) == first and is_empty(spool)
    assert instance.transfer_syntax_uid == EXPLICIT


def test_a_damaged_file_is_mended_by_the_same_instance_again(spool: Spool, db: Database, blobs: Blobs) -> None:
    data = encoded(identified("1.2.3.4", "1.2.3"))
    first = spool.folders.object_of(keep(spool, data)).read_bytes()
    for damaged in (first[:-1], first[:100], bytes(len(first)), b"", first[:200].replace(b"1.2.840", b"1.2.x40") + first[200:]):
        index(spool, db, blobs)
        blobs.put(all_of(db, Instance.blob_key)[0], damaged)
        keep(spool, data)
        assert index(spool, db, blobs).duplicates == 1
        assert blobs.get(all_of(db, Instance.blob_key)[0]) == first


def test_how_far_the_index_is_behind_the_journals(tmp_path: Path, spool: Spool, db: Database, blobs: Blobs) -> None:
    root = spool.folders.home.parent
    other = open_spool(root, "other", ManualClock(), 0)
    assert mark(root)() and mark(root / "nowhere")()
    put(other, "1.2.3.3")
    put(spool, "1.2.3.4")
    behind = mark(root)
    assert not behind()
    assert index(spool, db, blobs).indexed == 2
    put(spool, "1.2.3.5")
    assert behind() and not mark(root)()
    behind = mark(root)
    for one in (spool, other):
        one.close()
    again = open_spool(root, "receiver", ManualClock(), 0)
    again.put_record(ReceiverStarted("receiver", again.boot, AT))
    assert not behind()
    assert index(again, db, blobs).indexed == 1
    assert behind(), "its segment is gone"


def test_what_is_too_large_for_the_database_holds_up_nothing_else(spool: Spool, db: Database, blobs: Blobs) -> None:
    """Postgres calls it an operational error, as if it were away."""
    put(spool, "1.2.3.4")
    large = replace(facts(spool, "a2"), host=random.Random(1).randbytes(20_000).hex())
    keep(spool, encoded(identified("1.2.3.5", "1.2.3")), large)
    put(spool, "1.2.3.6")
    found = index(spool, db, blobs)
    is_postgres = db.engine.dialect.name == "postgresql"
    assert (found.indexed, found.stuck) == ((2, 1) if is_postgres else (3, 0))


def test_nothing_to_do(spool: Spool, db: Database, blobs: Blobs) -> None:
    at = db.clock.utc()
    assert index(spool, db, blobs) == indexer.IndexPass(as_of=at)
    assert index_pending(spool.folders.home / "nowhere", db, blobs).as_of == at


def test_duplicates_and_versions(spool: Spool, db: Database, blobs: Blobs) -> None:
    put(spool, "1.2.3.4")
    put(spool, "1.2.3.4", association="a2")
    put(spool, "1.2.3.4", Rows=7)
    done = index(spool, db, blobs)
    assert (done.indexed, done.duplicates) == (3, 1)
    assert all_of(db, Instance.version) == [1, 2]
    assert sorted(all_of(db, Arrival.duplicate)) == [False, False, True]
    assert len(list(blobs.list("instances/"))) == 2


def test_associations_end_and_former_lives_are_lost(spool: Spool, db: Database, blobs: Blobs) -> None:
    put(spool, "1.1", association="left-open")
    put(spool, "1.2", association="ended")
    spool.put_record(AssociationClosed(facts(spool, "ended"), "released", AT))
    spool.close()
    again = spool_in(spool.folders.home.parent)
    again.put_record(ReceiverStarted("receiver", again.boot, AT))
    put(again, "1.3", association="new")
    index(again, db, blobs)
    with db.read() as s:
        states = {row.uid: row.state for row in s.scalars(select(Association))}
    assert states == {"left-open": "lost", "ended": "released", "new": "open"}


@pytest.mark.parametrize("end", ["released", "aborted", "lost"])
def test_an_association_whose_end_is_indexed_first_stays_ended(
    spool: Spool, db: Database, blobs: Blobs, end: AssociationEnd
) -> None:
    spool.put_record(AssociationClosed(facts(spool), end, AT))
    index(spool, db, blobs)
    put(spool, "1.1")
    index(spool, db, blobs)
    with db.read() as s:
        association = s.scalars(select(Association)).one()
        assert (association.state, association.closed_at) == (end, AT)
        assert s.scalars(select(Arrival.association_id)).one() == association.id
        assert s.scalars(select(Study.broken_off_at)).one() == (None if end == "released" else AT)


def test_many_batches(spool: Spool, db: Database, blobs: Blobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(indexer, "BATCH", 3)
    for number in range(10):
        put(spool, f"1.2.3.{number}")
    assert index(spool, db, blobs).indexed == 10
    assert is_empty(spool) and len(all_of(db, Arrival.id)) == 10


def test_a_batch_holds_no_more_headers_than_memory_does(
    spool: Spool, db: Database, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes: list[int] = []

    def counted(s: Session, entries: Sequence[Entry]) -> list[intake.Arrived]:
        sizes.append(len(entries))
        return write_rows(s, entries)

    monkeypatch.setattr(indexer, "BATCH_BYTES", 1000)
    monkeypatch.setattr(indexer, "write_rows", counted)
    for number in range(4):
        put(spool, f"1.2.3.{number}")
    for number in range(4, 6):
        put(spool, f"1.2.3.{number}", PatientComments="x" * 2000)
    assert index(spool, db, blobs).indexed == 6
    assert sizes == [5, 1], "a batch ends with what fills it"


def test_a_batch_is_bounded_by_what_its_lists_take(
    spool: Spool, db: Database, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    sizes = []

    def counted(s: Session, entries: Sequence[Entry]) -> list[intake.Arrived]:
        sizes.append(len(entries))
        return write_rows(s, entries)

    monkeypatch.setattr(indexer, "BATCH_BYTES", 10_000)
    monkeypatch.setattr(indexer, "write_rows", counted)
    for request in range(4):
        named = tuple(("1.2.840.10008.5.1.4.1.1.2", f"1.2.{number}") for number in range(150))
        spool.put_record(CommitmentRequested(facts(spool), AT, f"1.9.{request}", named))
    index(spool, db, blobs)
    assert sizes == [2, 2]


def test_a_damaged_record_is_put_apart_and_the_rest_goes_on(spool: Spool, db: Database, blobs: Blobs) -> None:
    damaged = put(spool, "1.1")
    put(spool, "1.2")
    damage(spool.folders, damaged)
    done = index(spool, db, blobs)
    assert (done.indexed, done.put_apart) == (1, 1)
    assert sorted(p.name for p in spool.folders.quarantine.iterdir()) == [f"{damaged}.dcm", f"{damaged}.json"]
    assert all_of(db, Event.kind).count("spool.put-apart") == 1
    assert index(spool, db, blobs).put_apart == 0


@pytest.mark.parametrize("how", ["missing", "short"])
def test_a_missing_or_short_object_is_put_apart_loudly(spool: Spool, db: Database, blobs: Blobs, how: str) -> None:
    name = put(spool, "1.1")
    path = spool.folders.object_of(name)
    path.unlink() if how == "missing" else path.write_bytes(path.read_bytes()[:-1])
    with capture_logs() as told:
        assert index(spool, db, blobs).put_apart == 1
    assert ("error", "spool.put-apart", "object-missing") in [(t["log_level"], t["event"], t.get("reason")) for t in told]
    assert all_of(db, Instance.id) == [] and not list(blobs.list("instances/"))
    assert (spool.folders.quarantine / f"{name}.json").exists()


def test_an_object_that_the_blob_store_has_already_isn_t_missed(spool: Spool, db: Database, blobs: Blobs) -> None:
    put(spool, "1.2.3.4")
    index(spool, db, blobs)
    again = put(spool, "1.2.3.4", association="a2")
    spool.folders.object_of(again).unlink()
    done = index(spool, db, blobs)
    assert (done.duplicates, done.put_apart) == (1, 0)


def test_a_record_that_fails_keeps_no_other_waiting(
    spool: Spool, db: Database, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = intake.take_in

    def poisoned(s: Any, facts: Sequence[intake.Fact]) -> list[intake.Arrived]:
        if any(isinstance(fact, intake.ArrivedInstance) and fact.sop_instance_uid == "1.2" for fact in facts):
            raise RuntimeError("poison")
        return real(s, facts)

    for sop in ("1.1", "1.2", "1.3"):
        put(spool, sop)
    with monkeypatch.context() as patch, capture_logs() as told:
        patch.setattr(intake, "take_in", poisoned)
        done = index(spool, db, blobs)
    assert (done.indexed, done.stuck) == (2, 1)
    assert [t["log_level"] for t in told if t["event"] == "spool.record-stuck"] == ["error"]
    assert index(spool, db, blobs).indexed == 1
    assert all_of(db, Instance.sop_instance_uid) == ["1.1", "1.2", "1.3"]


def test_a_header_that_can_t_be_decoded_costs_only_itself(
    spool: Spool, db: Database, blobs: Blobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError

    monkeypatch.setattr("node.receive.index.pending.read_header", broken)
    put(spool, "1.1")
    assert index(spool, db, blobs).indexed == 1
    (header,) = (row for row in _headers(db))
    assert header["00080018"]["Value"] == ["1.1"] and header["00080060"]["Value"] == ["CT"]


def _headers(db: Database) -> list[dict[str, Any]]:
    with db.read() as s:
        return [row.dataset for row in s.scalars(select(InstanceHeader))]


def test_while_the_database_is_away_the_spool_keeps_all(spool: Spool, db: Database, blobs: Blobs, tmp_path: Path) -> None:
    from storage.base.clock import SystemClock
    from storage.database import open_database

    put(spool, "1.1")
    away = open_database(f"sqlite:///{tmp_path / 'unmigrated.db'}", SystemClock())
    with pytest.raises(TransientError):
        index(spool, away, blobs)
    away.dispose()
    assert not is_empty(spool)
    assert index(spool, db, blobs).indexed == 1
