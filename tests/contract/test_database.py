"""The database door: migrations, transactions, snapshots, times, and its errors, on both databases."""

from __future__ import annotations

import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import bindparam, select, text
from sqlalchemy.exc import DBAPIError, StatementError

from storage import events, jobs
from storage.base.clock import ManualClock, SystemClock
from storage.base.errors import TransientError
from storage.database import Database, lease_time
from storage.migrations.running import config
from storage.schema import Base, Event, Lease, UTCDateTime
from tests.support.databases import PostgresCopies, SQLiteCopies, opened
from tests.support.seeds import T0, done_job


def _add_event(db: Database, kind: str = "test.event") -> None:
    with db.write() as s:
        events.record(s, kind, T0)


def _kinds(db: Database) -> list[str]:
    with db.read() as s:
        return list(s.scalars(select(Event.kind).order_by(Event.id)))


def test_migrations_yield_the_very_tables_of_the_models(db: Database) -> None:
    with db.read() as s:
        context = MigrationContext.configure(s.connection(), opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def test_a_database_goes_from_empty_to_current_and_back(
    copies: SQLiteCopies | PostgresCopies, tmp_path: Path, clock: ManualClock
) -> None:
    from alembic import command

    with copies.fresh(tmp_path, migrated=False) as url, opened(url, clock) as db:
        assert db.revision_state() == "empty"
        db.migrate()
        assert db.revision_state() == "current"
        db.migrate()
        _add_event(db)
        with db.engine.execution_options(wetread_writes=True).begin() as connection:
            command.downgrade(config(connection), "base")
        assert db.revision_state() == "empty"
        with db.read() as s, pytest.raises(DBAPIError):
            s.scalars(select(Event)).all()


def test_what_a_job_of_an_earlier_release_found_is_its_prediction(db: Database) -> None:
    from alembic import command

    job_id = done_job(db)
    with db.engine.execution_options(wetread_writes=True).begin() as connection:
        command.downgrade(config(connection), "0004")
        assert connection.execute(text("SELECT label_map FROM job")).scalar_one() is not None
    db.migrate()
    with db.read() as s:
        prediction = jobs.get_job(s, job_id).prediction
    assert prediction is not None and prediction["key"] == "j/labels"


def test_a_revision_that_the_program_does_not_know_is_newer(
    copies: SQLiteCopies | PostgresCopies, tmp_path: Path, clock: ManualClock
) -> None:
    with copies.fresh(tmp_path, migrated=False) as url, opened(url, clock) as db:
        db.migrate()
        with db.write() as s:
            s.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        assert db.revision_state() == "newer"


def test_two_that_migrate_together_take_turns(copies: SQLiteCopies | PostgresCopies, tmp_path: Path, clock: ManualClock) -> None:
    with copies.fresh(tmp_path, migrated=False) as url, opened(url, clock) as one, opened(url, clock) as two:
        threads = [threading.Thread(target=db.migrate) for db in (one, two)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert one.revision_state() == "current"
        _add_event(two)


def test_without_tables_the_message_names_the_mend(
    copies: SQLiteCopies | PostgresCopies, tmp_path: Path, clock: ManualClock
) -> None:
    with copies.fresh(tmp_path, migrated=False) as url, opened(url, clock) as db:
        with pytest.raises(TransientError, match="wetread migrate") as caught, db.read() as s:
            s.scalars(select(Event)).all()
        assert caught.value.reason_code == "database"


def test_a_reader_cannot_write(db: Database) -> None:
    with pytest.raises((TransientError, DBAPIError)), db.read() as s:
        events.record(s, "test.event", T0)
        s.flush()
    assert _kinds(db) == []
    _add_event(db)
    assert _kinds(db) == ["test.event"]


def test_a_reader_sees_one_snapshot(db: Database) -> None:
    _add_event(db, "first")
    with db.read() as s:
        assert s.scalars(select(Event.kind)).all() == ["first"]
        _add_event(db, "second")
        assert s.scalars(select(Event.kind)).all() == ["first"]
    assert _kinds(db) == ["first", "second"]


def test_a_block_that_raises_leaves_nothing(db: Database) -> None:
    with pytest.raises(ZeroDivisionError), db.write() as s:
        events.record(s, "test.event", T0)
        s.flush()
        raise ZeroDivisionError
    assert _kinds(db) == []


@pytest.mark.parametrize("zone", [UTC, timezone(timedelta(hours=5, minutes=30))])
def test_times_come_back_in_utc_to_the_microsecond(db: Database, zone: timezone) -> None:
    at = datetime(2026, 3, 29, 2, 30, 0, 123456, tzinfo=zone)
    with db.write() as s:
        s.add(Lease(name="x", holder="h", until=at))
    with db.read() as s:
        found = s.get_one(Lease, "x").until
        assert found == at
        assert found.tzinfo is UTC
        assert s.scalars(select(Lease.name).where(Lease.until == at)).one() == "x"
        assert s.scalars(select(Lease.name).where(Lease.until < at + timedelta(microseconds=1))).one() == "x"
        assert s.scalars(select(Lease.name).where(Lease.until < at)).all() == []


def test_a_naive_time_is_refused(db: Database) -> None:
    with pytest.raises(StatementError, match="without a zone"), db.write() as s:
        s.add(Lease(name="x", holder="h", until=datetime(2026, 1, 1)))  # noqa: DTZ001
        s.flush()


def test_leases_go_by_the_clock_that_was_injected(db: Database) -> None:
    with db.read() as s:
        assert lease_time(s, T0) == T0


def test_leases_go_by_the_databases_own_time_on_postgres(db_url: str) -> None:
    with opened(db_url, SystemClock()) as db, db.read() as s:
        now = lease_time(s, T0)
        if db_url.startswith("sqlite"):
            assert now == T0
        else:
            assert abs(now - datetime.now(UTC)) < timedelta(minutes=5)
            assert lease_time(s, T0) > now, "time goes on within a transaction"


def test_no_value_of_a_row_reaches_an_error(db: Database) -> None:
    values = {"n": "CANARY", "t": T0}
    lease = text("INSERT INTO lease (name, holder, until) VALUES (:n, 'h', :t)").bindparams(bindparam("t", type_=UTCDateTime()))
    for statement in (lease, text("SELECT nonsense FROM lease WHERE name = :n")):
        with pytest.raises((DBAPIError, TransientError)) as caught, db.write() as s:
            s.execute(lease, values)
            s.execute(statement, values)
        assert "CANARY" not in str(caught.value).replace("Key (name)=(CANARY)", ""), "a key is no patient data"


def test_sqlite_is_durable_and_checks_references(tmp_path: Path, sqlite_copies: SQLiteCopies, clock: ManualClock) -> None:
    with sqlite_copies.fresh(tmp_path) as url, opened(url, clock) as db:
        with db.write() as s, closing(s.connection().connection.cursor()) as cursor:
            asked = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
            found = [cursor.execute(f"PRAGMA {name}").fetchone()[0] for name in asked]
        assert found == ["wal", 2, 1, 30000]


def test_a_writer_on_sqlite_waits_for_the_other_and_both_commit(
    tmp_path: Path, sqlite_copies: SQLiteCopies, clock: ManualClock
) -> None:
    with sqlite_copies.fresh(tmp_path) as url, opened(url, clock) as db:
        inside, go_on = threading.Event(), threading.Event()

        def first() -> None:
            with db.write() as s:
                events.record(s, "first", T0)
                inside.set()
                go_on.wait(10)

        thread = threading.Thread(target=first)
        thread.start()
        inside.wait(10)
        threading.Timer(0.2, go_on.set).start()
        _add_event(db, "second")
        thread.join()
        assert _kinds(db) == ["first", "second"]
