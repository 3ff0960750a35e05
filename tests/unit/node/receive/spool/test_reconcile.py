"""What a start makes of what a former life left."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from node.receive.spool import place
from node.receive.spool.place import Place
from node.receive.spool.reconcile import Reconciled, reconcile
from node.receive.spool.segments import segments
from tests.unit.node.receive.samples import damage, forget_line, put, spool_in, waiting_names


def test_a_spool_in_order_is_left_alone(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    name = put(spool)
    assert reconcile(spool.folders) == Reconciled(0, 0, 0, 0)
    assert spool.folders.object_of(name).exists() and waiting_names(spool.folders) == [name]


def test_parts_are_removed(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    (spool.folders.part / "half").write_bytes(b"x")
    assert reconcile(spool.folders).parts == 1
    assert list(spool.folders.part.iterdir()) == []


def test_an_object_that_no_line_names_is_kept_apart(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    name = put(spool)
    forget_line(spool.folders, name)
    assert reconcile(spool.folders).kept_apart == 1
    assert (spool.folders.quarantine / f"{name}.dcm").exists() and not spool.folders.object_of(name).exists()


def test_an_object_that_no_line_names_and_the_blob_store_links_to_is_removed(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    name = put(spool)
    (tmp_path / "blob").hardlink_to(spool.folders.object_of(name))
    forget_line(spool.folders, name)
    assert reconcile(spool.folders).removed == 1
    assert list(spool.folders.quarantine.iterdir()) == [] and not spool.folders.object_of(name).exists()


def test_an_object_that_is_indexed_is_removed(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    indexed, failed, left = put(spool, "1.1"), put(spool, "1.2"), put(spool, "1.3")
    (segment,) = segments(spool.folders.journal)
    lines = list(segment.lines())
    place.save(spool.folders, {segment.name: Place(lines[1].end, 0, [(lines[1].start, lines[1].end)])})
    assert reconcile(spool.folders).removed == 1
    assert not spool.folders.object_of(indexed).exists()
    assert spool.folders.object_of(failed).exists() and spool.folders.object_of(left).exists()


def test_a_line_without_its_object_is_told_loudly_and_left(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = spool_in(tmp_path)
    name = put(spool)
    spool.folders.object_of(name).unlink()
    assert reconcile(spool.folders).missing == 1
    told = capsys.readouterr().err
    assert "spool.object-missing" in told and name in told and '"error"' in told
    assert waiting_names(spool.folders) == [name]


def test_an_object_that_the_indexer_took_meanwhile_isn_t_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = spool_in(tmp_path)
    name = put(spool)
    real = place.load

    def takes(folders: Any) -> Any:
        monkeypatch.setattr(place, "load", real)
        before = real(folders)
        (segment,) = segments(folders.journal)
        place.save(folders, {segment.name: Place(list(segment.lines())[-1].end)})
        folders.object_of(name).unlink()
        return before

    objects = Path.glob
    monkeypatch.setattr(place, "load", takes)
    monkeypatch.setattr(Path, "glob", lambda self, pattern: [] if self.name == "objects" else objects(self, pattern))
    assert reconcile(spool.folders) == Reconciled(0, 0, 0, 0)


def test_a_damaged_line_is_told_and_its_object_kept_apart(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = spool_in(tmp_path)
    first, name, last = put(spool, "1.1"), put(spool, "1.2"), put(spool, "1.3")
    damage(spool.folders, name)
    found = reconcile(spool.folders)
    assert (found.missing, found.kept_apart) == (0, 1)
    assert "spool.line-damaged" in capsys.readouterr().err
    assert (spool.folders.quarantine / f"{name}.dcm").exists()
    assert spool.folders.object_of(first).exists() and spool.folders.object_of(last).exists()


def test_objects_stay_while_a_segment_can_t_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its lines may name them: keeping them apart would take them from the indexer."""
    spool = spool_in(tmp_path)
    name = put(spool)
    real = Path.open

    def sick(self: Path, *arguments: Any, **named: Any) -> Any:
        if self.suffix == ".journal":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(self, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", sick)
        assert reconcile(spool.folders) == Reconciled(0, 0, 0, 0)
    assert spool.folders.object_of(name).exists()
