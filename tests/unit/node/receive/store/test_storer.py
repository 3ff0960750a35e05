"""One C-STORE without a network: what is kept, what is refused, what is told."""

from __future__ import annotations

import errno
import os
import tracemalloc
import zlib
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
from tests.unit.node.receive.encoding import (
    CT,
    DEFLATED,
    EXPLICIT,
    SEQUENCE_END,
    UNDEFINED,
    element,
    encoded,
    identified,
    item,
)
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


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(request(encoded(identified()), sop="1.02"), id="malformed UID"),
        pytest.param(request(encoded(identified()), context="1.2.5"), id="class of another context"),
    ],
)
def test_what_is_refused_early_goes_by(spool: Spool, asked: tuple[StoreCommand, bytes]) -> None:
    command, data = asked
    reception = Storer(spool, ManualClock()).begin(command, Session(facts(spool), GRANT))
    for _ in range(100):
        reception.write(data * 1000)
        assert names(spool.folders.part) == []
    assert reception.finish().status in (0x0117, 0x0122)


def test_bytes_are_in_a_part_file_until_the_end(spool: Spool) -> None:
    command, data = request(encoded(identified()))
    session = Session(facts(spool), GRANT)
    reception = Storer(spool, ManualClock()).begin(command, session)
    reception.write(data[:20])
    (part,) = spool.folders.part.iterdir()
    assert part.read_bytes().endswith(data[:20]) and session.busy.locked()
    reception.write(data[20:])
    assert reception.finish().status == 0x0000
    assert names(spool.folders.part) == [] and not session.busy.locked()


def test_an_abandoned_instance_leaves_nothing(spool: Spool) -> None:
    command, data = request(encoded(identified()))
    session = Session(facts(spool), GRANT)
    reception = Storer(spool, ManualClock()).begin(command, session)
    reception.write(data[:20])
    reception.abandon()
    assert names(spool.folders.part) == names(spool.folders.objects) == names(spool.folders.quarantine) == []
    assert not session.busy.locked() and (session.stored, session.refused) == (0, 0)


def test_an_instance_that_is_on_its_way_when_we_stop_is_finished(spool: Spool) -> None:
    storer = Storer(spool, ManualClock())
    command, data = request(encoded(identified()))
    reception = storer.begin(command, Session(facts(spool), GRANT))
    reception.write(data)
    storer.stopping = True
    assert reception.finish().status == 0x0000


def test_a_disk_that_fails_amid_an_instance_is_told_at_its_end(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    command, data = request(encoded(identified()))
    reception = Storer(spool, ManualClock()).begin(command, Session(facts(spool), GRANT))
    reception.write(data[:20])

    def sick(*_: Any) -> int:
        raise OSError(errno.EIO, "sick")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", sick)
        reception.write(data[20:30])
    assert names(spool.folders.part) == [], "no room is taken by what can't be whole any more"
    reception.write(data[30:])
    answer = reception.finish()
    assert (answer.status, answer.code) == (0xA700, "spool")
    assert names(spool.folders.objects) == names(spool.folders.quarantine) == []


def large(pixels: bytes, syntax: str, length: int | None = None) -> bytes:
    return encoded(identified(), syntax) + element(0x7FE00010, "OW", pixels, length)


def test_a_large_instance_is_neither_held_nor_read_again(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    data = large(bytes(24 * 2**20), EXPLICIT)
    read, real = [0], os.pread

    def pread(fd: int, size: int, offset: int) -> bytes:
        found = real(fd, size, offset)
        read[0] += len(found)
        return found

    monkeypatch.setattr(os, "pread", pread)
    command, _ = request(data)
    reception = Storer(spool, ManualClock()).begin(command, Session(facts(spool), GRANT))
    tracemalloc.start()
    for start in range(0, len(data), 2**18):
        reception.write(memoryview(data)[start : start + 2**18])
    answer = reception.finish()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert answer.status == 0x0000 and peak < 2**20 and read[0] < 2**18
    (line,) = waiting(spool.folders)
    assert spool.folders.object_of(line.name).stat().st_size == len(data) + line.record.data_offset  # type: ignore[union-attr]


@pytest.mark.parametrize("cut", [0, 1, 9, 100_000])
def test_the_fragments_of_a_large_instance_are_followed_to_its_end(spool: Spool, cut: int) -> None:
    fragments = b"".join(item(bytes(30_000)) for _ in range(40))
    data = large(fragments + SEQUENCE_END, EXPLICIT, UNDEFINED)
    answer, _ = store(spool, request(data[: len(data) - cut]))
    assert (answer.status, answer.offending) == ((0xC010, 0x7FE00010) if cut > 8 else (0xC010, 0) if cut else (0x0000, 0))


def test_a_deflated_instance_is_inflated_piece_by_piece(spool: Spool) -> None:
    plain = large(os.urandom(3 * 2**20), EXPLICIT)
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = stream.compress(plain) + stream.flush()
    assert len(data) > 2**20
    command = StoreCommand(CT, "1.2.3.4", CT, DEFLATED)
    assert store(spool, (command, data))[0].status == 0x0000
    assert store(spool, (command, data[:-50_000]))[0].status == 0xC010


def test_refused_bytes_are_moved_not_written_again(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    data = large(bytes(2**20), EXPLICIT)[:-1]
    written, real = [0], os.write

    def write(fd: int, piece: Any) -> int:
        written[0] += len(piece)
        return real(fd, piece)

    monkeypatch.setattr(os, "write", write)
    assert store(spool, request(data))[0].status == 0xC010
    assert written[0] < len(data) + 2000
    (kept,) = spool.folders.quarantine.glob("*.dcm")
    assert kept.read_bytes().endswith(data)
