"""One migrated, empty database a run; each test gets a copy, since migrating takes longer than most tests."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from storage.base.clock import Clock, SystemClock
from storage.database import Database, open_database

OpenStore = Callable[[Clock], Database]


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "wetread.db"
    db = open_database(f"sqlite:///{path}", SystemClock())
    db.migrate()
    db.dispose()
    return path


@pytest.fixture
def open_store(empty_database: Path, tmp_path: Path) -> Iterator[OpenStore]:
    opened: list[Database] = []

    def build(clock: Clock) -> Database:
        shutil.copyfile(empty_database, tmp_path / "wetread.db")
        opened.append(open_database(f"sqlite:///{tmp_path / 'wetread.db'}", clock))
        return opened[-1]

    yield build
    for db in opened:
        db.dispose()
