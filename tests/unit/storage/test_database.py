"""Opening a database: what is wrong with the path or the address is said at once."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from storage.base.clock import ManualClock
from storage.base.errors import ConfigError, TransientError
from storage.database import open_database

CLOCK = ManualClock()


def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    db = open_database(f"sqlite:///{tmp_path}/a/b/wetread.db", CLOCK)
    db.migrate()
    assert db.revision_state() == "current"
    assert (tmp_path / "a" / "b" / "wetread.db").is_file()
    db.dispose()


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "not a database URL"),
        ("mysql://host/x", "mysql isn't supported"),
        ("sqlite://", "names no file"),
        ("sqlite:///:memory:", "names no file"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(url: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        open_database(url, CLOCK)
    assert caught.value.reason_code == "database-url"


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=f"{tmp_path}/file") as caught:
        open_database(f"sqlite:///{tmp_path}/file/wetread.db", CLOCK)
    assert caught.value.reason_code == "database-path"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_rights_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(ConfigError, match=str(tmp_path)):
        open_database(f"sqlite:///{tmp_path}/wetread.db", CLOCK)


def test_a_folder_in_place_of_the_file_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "wetread.db").mkdir()
    db = open_database(f"sqlite:///{tmp_path}/wetread.db", CLOCK)
    with pytest.raises(TransientError, match=f"{tmp_path}/wetread.db") as caught, db.read():
        pass
    assert "\n" not in caught.value.message
    db.dispose()


def test_a_file_that_is_no_database_is_one_clear_message(tmp_path: Path) -> None:
    (tmp_path / "wetread.db").write_bytes(b"\x00\x01nonsense" * 1000)
    db = open_database(f"sqlite:///{tmp_path}/wetread.db", CLOCK)
    with pytest.raises(TransientError, match=r"wetread\.db: file is not a database"):
        db.migrate()
    db.dispose()


def test_a_postgres_that_is_not_there_is_named_without_its_password() -> None:
    db = open_database("postgresql://user:hushhush@127.0.0.1:1/wetread?connect_timeout=2", CLOCK)
    with pytest.raises(TransientError, match=r"127\.0\.0\.1") as caught, db.read():
        pass
    assert "hushhush" not in str(caught.value)
    db.dispose()
