"""One dispatcher per data folder, known by the same name at every start."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.identity import lock_name, sole_identity
from storage.base.errors import ConfigError


def test_the_identity_stays_over_restarts(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "data"
    with sole_identity(folder, "dispatcher") as first:
        pass
    with sole_identity(folder, "dispatcher") as second:
        assert second == first
    with sole_identity(tmp_path / "other", "dispatcher") as other:
        assert other != first


def test_a_second_dispatcher_is_refused_in_one_line(tmp_path: Path) -> None:
    with (
        sole_identity(tmp_path, "dispatcher"),
        pytest.raises(ConfigError, match="another dispatcher") as refused,
        sole_identity(tmp_path, "dispatcher"),
    ):
        pass
    assert "\n" not in refused.value.message


def test_a_torn_identity_is_replaced(tmp_path: Path) -> None:
    (tmp_path / lock_name("dispatcher")).write_bytes(b"\xff\x00half")
    with sole_identity(tmp_path, "dispatcher") as identity:
        assert len(identity) == 12
    with sole_identity(tmp_path, "dispatcher") as again:
        assert again == identity


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ConfigError, match="can't be written"), sole_identity(tmp_path / "file" / "data", "dispatcher"):
        pass
