"""One C-STORE without a network: what is kept, what is refused, what is told."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from node.receive.associate.admission import Grant
from node.receive.associate.sessions import Session
from node.receive.spool import records
from node.receive.spool.records import InstanceReceived, Quarantined
from node.receive.spool.spool import Spool
from node.receive.store.status import Answer
from node.receive.store.storer import StoreCommand, Storer
from storage.base.clock import ManualClock
from tests.unit.node.receive.encoding import CT, EXPLICIT, element, encoded, identified
from tests.unit.node.receive.samples import facts, spool_in, waiting

CANARY = "Zzcanary^Jane"
GRANT = Grant("SCANNER")


def request(data: bytes, sop: str = "1.2.3.4", sop_class: str = CT, context: str = CT) -> tuple[StoreCommand, bytes]:
    return StoreCommand(sop_class, sop, context, EXPLICIT), data


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return spool_in(tmp_path)


def store(spool: Spool, asked: tuple[StoreCommand, bytes]) -> tuple[Answer, Session]:
    session = Session(facts(spool), GRANT)
    return receive(Storer(spool, ManualClock()), asked, session), session


def receive(storer: Storer, asked: tuple[StoreCommand, bytes], session: Session) -> Answer:
    """The data set comes in two pieces."""
    command, data = asked
    reception = storer.begin(command, session)
    reception.write(data[:9])
    reception.write(data[9:])
    return reception.finish()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_good_instance_is_stored(spool: Spool) -> None:
    data = encoded(identified("1.2.3.4"))
    answer, session = store(spool, request(data))
    assert (answer.status, session.stored, session.refused) == (0x0000, 1, 0)
    (line,) = waiting(spool.folders)
    record = line.record
    assert isinstance(record, InstanceReceived)
    assert spool.folders.object_of(line.name).read_bytes()[record.data_offset :] == data


BAD_STUDY = encoded(identified()).replace(element(0x0020000D, "UI", b"1.2.3\0"), element(0x0020000D, "UI", b"1.2.03"))


@pytest.mark.parametrize(
    ("asked", "status", "offending", "kept"),
    [
        pytest.param(request(encoded(identified("1.2.9"))), 0xA900, 0x00080018, True, id="other instance"),
        pytest.param(
            request(encoded(identified()), sop_class="1.2.5", context="1.2.5"), 0xA900, 0x00080016, True, id="other class"
        ),
        pytest.param(request(encoded(identified())[:-1]), 0xC010, 0x0020000E, True, id="truncated"),
        pytest.param(request(b"no data set"), 0xC000, 0x6F6E6420, True, id="unparsable"),
        pytest.param(request(b""), 0xC012, 0x00080016, True, id="empty"),
        pytest.param(request(BAD_STUDY), 0xC013, 0x0020000D, True, id="malformed study"),
        pytest.param(request(encoded(identified()), sop="1.2.03.4"), 0x0117, 0, False, id="leading zero"),
        pytest.param(request(encoded(identified()), sop="../../etc/passwd"), 0x0117, 0, False, id="path for a UID"),
        pytest.param(request(encoded(identified()), sop="1." * 32 + "1"), 0x0117, 0, False, id="65 characters"),
        pytest.param(request(encoded(identified()), context="1.2.5"), 0x0122, 0, False, id="class of another context"),
    ],
)
def test_refusals(spool: Spool, asked: tuple[StoreCommand, bytes], status: int, offending: int, kept: bool) -> None:
    answer, session = store(spool, asked)
    assert (answer.status, answer.offending, session.stored, session.refused) == (status, offending, 0, 1)
    assert answer.comment
    assert names(spool.folders.journal) == names(spool.folders.objects) == names(spool.folders.part) == []
    assert len(names(spool.folders.quarantine)) == (2 if kept else 0)


def test_refused_bytes_are_kept_with_their_reason(spool: Spool) -> None:
    data = encoded(identified())[:-1]
    store(spool, request(data))
    bytes_, reason = sorted(spool.folders.quarantine.iterdir())
    assert bytes_.read_bytes().endswith(data)
    record = records.decode(reason.read_bytes())
    assert isinstance(record, Quarantined) and (record.reason, record.tag) == ("truncated", "0020000E")


def test_a_full_disk_is_told_before_anything_is_written(spool: Spool) -> None:
    spool.minimum_free_bytes = 2**62
    answer, _ = store(spool, request(encoded(identified())))
    assert (answer.status, answer.code) == (0xA700, "no-space")
    assert names(spool.folders.quarantine) == []


def test_a_disk_that_fills_while_bytes_are_quarantined(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "full")

    monkeypatch.setattr(os, "write", full)
    answer, _ = store(spool, request(b"no data set"))
    assert answer.status == 0xA700
    assert names(spool.folders.quarantine) == names(spool.folders.part) == []


def test_our_own_bug_has_a_status_of_its_own(
    spool: Spool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(Spool, "put", broken)
    answer, _ = store(spool, request(encoded(identified())))
    told = capsys.readouterr().err
    assert (answer.status, answer.code) == (0xC0FF, "bug")
    assert "RuntimeError" in told and CANARY not in told and CANARY not in answer.comment


def test_nothing_begins_while_we_stop(spool: Spool) -> None:
    storer = Storer(spool, ManualClock())
    storer.stopping = True
    assert receive(storer, request(encoded(identified())), Session(facts(spool), GRANT)).status == 0xA700


def test_no_patient_data_in_logs_records_and_names(tmp_path: Path, spool: Spool, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = identified()
    dataset.PatientName, dataset.PatientID, dataset.StudyDescription = CANARY, CANARY, CANARY
    good = encoded(dataset)
    for data in (good, good[:-1], good.replace(b"1.2.3.4", b"1.2.9.9")):
        store(spool, request(data))
    assert CANARY not in capsys.readouterr().err
    assert len(names(spool.folders.quarantine)) == 4
    for path in tmp_path.rglob("*"):
        assert CANARY not in str(path)
        if path.suffix in (".json", ".journal"):
            assert CANARY.encode() not in path.read_bytes()
