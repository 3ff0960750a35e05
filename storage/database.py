"""The only door to SQLAlchemy engines: SQLite by default, Postgres when it is bigger, the same meaning on both.

``read()`` gives one consistent snapshot and can't write. ``write()`` is one transaction: on SQLite it holds the write lock from
its first moment (BEGIN IMMEDIATE), so what it reads can't change under it; on Postgres, rows that are read to be changed are
locked by the queries themselves. Either ends before anybody talks to a network or a device.

Durability: SQLite runs in WAL mode with ``synchronous=FULL``, since NORMAL may undo commits on power loss. The file must lie on
a local disk. Absent on purpose: retries (the caller's loop backs off on TransientError) and asynchronous sessions.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import URL, ColumnElement, Connection, Engine, create_engine, event, func, make_url, or_, select
from sqlalchemy import exc as sa_errors
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.orm import Session as Session  # re-exported: callers name the type, SQLAlchemy stays here

from storage.base.clock import Clock, SystemClock
from storage.base.errors import ConfigError, TransientError
from storage.schema import UTCDateTime

BUSY_TIMEOUT_S = 30.0
CLOCK_MARGIN_S = 60.0
_WRITES = "wetread_writes"
_DATABASE_TIME = "wetread_database_time"
_PROGRAM_LIMIT = "54"  # class of Postgres for rows and statements beyond its limits: operational by name, but it won't pass
_FAULTS = (sa_errors.OperationalError, sa_errors.InterfaceError, sa_errors.TimeoutError)

RevisionState = Literal["current", "empty", "outdated", "newer"]


class Database:
    """One database: sessions, migrations, and the clock that times are taken from."""

    def __init__(self, engine: Engine, clock: Clock, name: str) -> None:
        self.engine = engine
        self.clock = clock
        self.name = name
        self._write_engine = engine.execution_options(**{_WRITES: True})
        self._read_engine = engine if _is_sqlite(engine) else engine.execution_options(isolation_level="REPEATABLE READ")

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session on one snapshot; an attempt to write raises.

        Raises
        ------
        TransientError
            Code ``database``: the database doesn't answer, is locked for longer than 30 s, or isn't migrated.
        """
        with self._session(self._read_engine) as session:
            session.connection(execution_options={"postgresql_readonly": True})
            yield session

    @contextmanager
    def write(self) -> Iterator[Session]:
        """A session in one transaction: committed at the end, rolled back when the block raises.

        Raises
        ------
        TransientError
            As ``read``; also when the disk is full. Nothing was committed then.
        """
        with self._session(self._write_engine) as session:
            session.connection()  # waits here for the write lock, so that a time taken inside is of after the wait
            yield session
            session.commit()

    @contextmanager
    def _session(self, engine: Engine) -> Iterator[Session]:
        try:
            with Session(engine, expire_on_commit=False) as session:
                session.info[_DATABASE_TIME] = isinstance(self.clock, SystemClock) and not _is_sqlite(engine)
                yield session
        except (sa_errors.DBAPIError, sa_errors.TimeoutError) as error:
            if (fault := self._fault(error)) is None:
                raise
            raise fault from error

    def _fault(self, error: sa_errors.SQLAlchemyError) -> TransientError | None:
        """A fault of the database as callers see it; None for what only a bug of ours can cause."""
        line = _first_line(error)
        if "no such table" in line or type(getattr(error, "orig", None)).__name__ == "UndefinedTable":
            line = "has no tables yet; run `wetread migrate`"
        elif not _may_pass(error):
            return None
        return TransientError(f"database {self.name}: {line}", code="database")

    def migrate(self) -> None:
        """Bring the tables to the newest revision; does nothing when they are. Processes that call it together take turns."""
        from storage.migrations.running import upgrade

        with self._connection(self._write_engine) as connection:
            upgrade(connection)

    def revision_state(self) -> RevisionState:
        """How the tables stand to this program: ``newer`` means that a later version of the program has migrated them."""
        from storage.migrations.running import revision_state

        with self._connection(self._read_engine) as connection:
            return revision_state(connection)

    @contextmanager
    def _connection(self, engine: Engine) -> Iterator[Connection]:
        try:
            with engine.begin() as connection:
                yield connection
        except (sa_errors.DBAPIError, sa_errors.TimeoutError) as error:
            if (fault := self._fault(error)) is None:
                raise
            raise fault from error

    def dispose(self) -> None:
        """Close every connection; the next use opens new ones."""
        self.engine.dispose()


def lease_time(s: Session, at: datetime) -> datetime:
    """The time by which leases and back-offs are judged: the database's own on Postgres under the system clock, else ``at``.

    Hosts whose clocks disagree would otherwise take each other's leases.
    """
    if s.info.get(_DATABASE_TIME):
        return s.execute(select(func.clock_timestamp(type_=UTCDateTime()))).scalar_one()
    return at


def run_out(
    until: InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None], now: datetime, longest_s: float
) -> ColumnElement[bool]:
    """Whether a lease or a rest is over. ``longest_s``: how far ahead it was set at most, in seconds.

    One that ends later than that (and `CLOCK_MARGIN_S`) was set before the wall clock was set back: it would hold everything up
    for as long as the clock jumped, so it counts as over.
    """
    return or_(until <= now, until > now + timedelta(seconds=longest_s + CLOCK_MARGIN_S))


def open_database(url: str, clock: Clock) -> Database:
    """Open ``sqlite:///FILE`` or ``postgresql://USER@HOST/NAME``; a missing parent folder of the file is made.

    Nothing is connected yet. Tables come by ``migrate()``.

    Raises
    ------
    ConfigError
        Code ``database-url`` (unreadable or unknown kind) or ``database-path`` (the folder can't be made or written).
    """
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        return Database(_open_sqlite(parsed), clock, str(parsed.database))
    try:
        engine = create_engine(parsed.set(drivername="postgresql+psycopg"), hide_parameters=True, pool_pre_ping=True)
    except ImportError as error:
        raise ConfigError("store.database: Postgres needs `pip install wetread[postgres]`", code="database-url") from error
    return Database(engine, clock, parsed.render_as_string(hide_password=True))


def _parse(url: str) -> URL:
    try:
        parsed = make_url(url)
    except (sa_errors.ArgumentError, ValueError) as error:
        raise ConfigError("store.database: not a database URL; write sqlite:///FILE", code="database-url") from error
    if parsed.get_backend_name() not in ("sqlite", "postgresql"):
        raise ConfigError(
            f"store.database: {parsed.get_backend_name()} isn't supported; use sqlite or postgresql", code="database-url"
        )
    if parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:"):
        raise ConfigError("store.database: names no file; write sqlite:///FILE", code="database-url")
    return parsed


def _unwritable(folder: Path, why: str | None) -> str:
    return f"store.database: {folder} can't be written ({why}); choose a path below a writable folder"


def _open_sqlite(url: URL) -> Engine:
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(_unwritable(folder, error.strerror), code="database-path") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ConfigError(_unwritable(folder, "Permission denied"), code="database-path")
    engine = create_engine(url, hide_parameters=True, connect_args={"timeout": BUSY_TIMEOUT_S})
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(dbapi_connection: Any, _record: object) -> None:
    dbapi_connection.isolation_level = None  # autocommit: the driver begins nothing by itself, ``_begin_sqlite`` does
    cursor = dbapi_connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", f"busy_timeout={int(BUSY_TIMEOUT_S * 1000)}"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql(f"PRAGMA query_only={'OFF' if writes else 'ON'}")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _is_sqlite(engine: Engine) -> bool:
    return engine.dialect.name == "sqlite"


def _may_pass(error: sa_errors.SQLAlchemyError) -> bool:
    """Whether the same may succeed when it is tried again later."""
    if str(getattr(getattr(error, "orig", None), "sqlstate", "")).startswith(_PROGRAM_LIMIT):
        return False
    return isinstance(error, _FAULTS) or type(error) is sa_errors.DatabaseError


def _first_line(error: sa_errors.SQLAlchemyError) -> str:
    # Later lines and the statement's parameters may quote values of rows.
    text = str(getattr(error, "orig", None) or error).strip()
    return text.splitlines()[0] if text else type(error).__name__
