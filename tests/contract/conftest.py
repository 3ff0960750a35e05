"""``db``: a fresh migrated database under a manual clock, once on SQLite and once on Postgres."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.base.clock import ManualClock
from storage.database import Database
from tests.support.databases import BACKENDS, PostgresCopies, SQLiteCopies, opened, postgres_server


@pytest.fixture(scope="session")
def sqlite_copies(tmp_path_factory: pytest.TempPathFactory) -> SQLiteCopies:
    return SQLiteCopies(tmp_path_factory.mktemp("sqlite"))


@pytest.fixture(scope="session")
def postgres_copies() -> Iterator[PostgresCopies]:
    with postgres_server() as url:
        copies = PostgresCopies(url)
        yield copies
        copies.close()


@pytest.fixture(params=BACKENDS)
def copies(request: pytest.FixtureRequest) -> SQLiteCopies | PostgresCopies:
    found: SQLiteCopies | PostgresCopies = request.getfixturevalue(f"{request.param}_copies")
    return found


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def db_url(copies: SQLiteCopies | PostgresCopies, tmp_path: Path) -> Iterator[str]:
    with copies.fresh(tmp_path) as url:
        yield url


@pytest.fixture
def db(db_url: str, clock: ManualClock) -> Iterator[Database]:
    with opened(db_url, clock) as database:
        yield database
