"""What a peer that sends rubbish without end can do to the disk: not much."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from node.receive.associate.admission import Grant
from node.receive.associate.sessions import Session
from node.receive.spool import quarantine
from node.receive.spool.quarantine import Quarantine
from node.receive.spool.spool import Spool
from node.receive.store.status import Answer
from node.receive.store.storer import StoreCommand, Storer
from storage.base.clock import ManualClock
from tests.unit.node.receive.encoding import CT, EXPLICIT
from tests.unit.node.receive.samples import facts, spool_in


def refuse(spool: Spool, data: bytes) -> None:
    assert answer(spool, data).status == 0xC000


def answer(spool: Spool, data: bytes) -> Answer:
    command, session = StoreCommand(CT, "1.2", CT, EXPLICIT), Session(facts(spool), Grant("SCANNER"))
    reception = Storer(spool, ManualClock()).begin(command, session)
    reception.write(data)
    return reception.finish()


def kept(spool: Spool) -> tuple[int, int]:
    """How many objects and how many records."""
    return len(list(spool.folders.quarantine.glob("*.dcm"))), len(list(spool.folders.quarantine.glob("*.json")))


def test_the_same_bytes_are_kept_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spool = spool_in(tmp_path)
    for _ in range(3):
        refuse(spool, b"no data set")
    assert kept(spool) == (1, 3)
    assert capsys.readouterr().err.count("kept-already") == 2
    refuse(spool, b"other rubbish")
    assert kept(spool) == (2, 4)
    spool.close()
    refuse(spool_in(tmp_path), b"no data set")
    assert kept(spool) == (2, 5), "a later life knows them too"


def test_bytes_that_a_person_took_away_are_kept_again(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    refuse(spool, b"no data set")
    for path in spool.folders.quarantine.iterdir():
        path.unlink()
    refuse(spool, b"no data set")
    assert kept(spool) == (1, 1)


def test_the_folder_s_bytes_are_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quarantine, "LARGEST_BYTES", 10_000)
    spool = spool_in(tmp_path)
    for number in range(5):
        refuse(spool, f"{number}".encode() * 4000)
    assert kept(spool) == (2, 5)
    assert capsys.readouterr().err.count("quarantine-full") == 3
    for path in spool.folders.quarantine.iterdir():
        path.unlink()
    refuse(spool, b"5" * 4000)
    assert kept(spool) == (1, 1), "a person has made room"


def test_the_number_of_records_is_bounded_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(quarantine, "MOST_RECORDS", 3)
    spool = spool_in(tmp_path)
    for number in range(5):
        refuse(spool, f"rubbish {number}".encode())
    assert kept(spool) == (3, 3) and list(spool.folders.part.iterdir()) == []
    assert capsys.readouterr().err.count("records-full") == 2
    next(spool.folders.quarantine.glob("*.json")).unlink()
    refuse(spool, b"rubbish 9")
    assert kept(spool) == (4, 3), "a person has made room"


def test_a_full_quarantine_is_not_counted_again_for_each_refusal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quarantine, "MOST_RECORDS", 2)
    spool = spool_in(tmp_path)
    counted, real = [0], Quarantine._count

    def count(self: Quarantine) -> Any:
        counted[0] += 1
        return real(self)

    monkeypatch.setattr(Quarantine, "_count", count)
    for number in range(9):
        refuse(spool, f"rubbish {number}".encode())
    assert counted[0] == 1


def test_no_bytes_stay_without_their_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = spool_in(tmp_path)
    real, left = os.fdatasync, [1]

    def full(fd: int) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "full")
        return real(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", full)
        assert answer(spool, b"no data set").status == 0xA700
    assert kept(spool) == (0, 0)
    refuse(spool, b"no data set")
    assert kept(spool) == (1, 1)
