"""What a start makes of what a former life left."""

from __future__ import annotations

from pathlib import Path

import pytest

from node.receive.spool.reconcile import Reconciled, reconcile
from tests.unit.node.receive.samples import put, spool_in


def test_a_spool_in_order_is_left_alone(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    name = put(spool)
    assert reconcile(spool.folders) == Reconciled(0, 0, 0, 0)
    assert spool.folders.object_of(name).exists() and spool.folders.record_of(name).exists()


def test_parts_are_removed(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    (spool.folders.part / "half").write_bytes(b"x")
    assert reconcile(spool.folders).parts == 1
    assert list(spool.folders.part.iterdir()) == []


def test_an_object_without_a_record_is_kept_apart(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    name = put(spool)
    spool.folders.record_of(name).unlink()
    assert reconcile(spool.folders).kept_apart == 1
    assert (spool.folders.quarantine / f"{name}.dcm").exists() and not spool.folders.object_of(name).exists()


def test_an_object_without_a_record_that_the_blob_store_links_to_is_removed(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    name = put(spool)
    (tmp_path / "blob").hardlink_to(spool.folders.object_of(name))
    spool.folders.record_of(name).unlink()
    assert reconcile(spool.folders).removed == 1
    assert list(spool.folders.quarantine.iterdir()) == [] and not spool.folders.object_of(name).exists()


def test_a_record_without_its_object_is_told_loudly_and_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = spool_in(tmp_path)
    name = put(spool)
    spool.folders.object_of(name).unlink()
    assert reconcile(spool.folders).missing == 1
    told = capsys.readouterr().err
    assert "spool.object-missing" in told and name in told and '"error"' in told
    assert spool.folders.record_of(name).exists()


def test_a_damaged_record_is_told_and_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = spool_in(tmp_path)
    name = put(spool)
    spool.folders.record_of(name).write_bytes(b"{")
    assert reconcile(spool.folders).missing == 0
    assert "spool.record-damaged" in capsys.readouterr().err
    assert spool.folders.object_of(name).exists()
