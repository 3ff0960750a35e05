"""The spool's writer: order of durability, names, space, one holder at a time."""

from __future__ import annotations

import errno
import hashlib
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from node.receive.spool import durable, supply
from node.receive.spool.records import AssociationClosed, InstanceReceived, ReceiverStarted
from node.receive.spool.segments import segments
from node.receive.spool.spool import FOLDERS, Spool, open_spool
from storage.base.clock import ManualClock
from storage.base.errors import ConfigError, TransientError
from tests.unit.node.receive.encoding import encoded, identified
from tests.unit.node.receive.samples import AT, facts, keep, put, received, spool_in, waiting, waiting_names

SEGMENT = "29453760-000001.journal"


def files(spool: Spool) -> dict[str, list[str]]:
    return {name: sorted(path.name for path in (spool.folders.home / name).iterdir()) for name in FOLDERS}


def test_an_instance_is_a_dicom_file_and_a_record_of_one_name(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    name = put(spool, "1.2.3.4")
    assert files(spool) == {"part": [], "objects": [f"{name}.dcm"], "journal": [SEGMENT], "quarantine": []}
    (line,) = waiting(spool.folders)
    record = line.record
    assert isinstance(record, InstanceReceived) and line.name == name
    content = spool.folders.object_of(name).read_bytes()
    assert content[record.data_offset :] == encoded(identified("1.2.3.4"))
    assert pydicom.dcmread(spool.folders.object_of(name)).SOPInstanceUID == "1.2.3.4"


def steps_of(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    steps: list[str] = []

    def spied(call: str, told: Callable[..., str]) -> None:
        real = getattr(os, call)

        def wrapped(*arguments: Any, **named: Any) -> Any:
            steps.append(told(*arguments, **named))
            return real(*arguments, **named)

        monkeypatch.setattr(os, call, wrapped)

    def opened(fd: int) -> Path:
        return Path(f"/proc/self/fd/{fd}").readlink()

    spied("fdatasync", lambda fd: f"bytes in {opened(fd).parent.name}")
    spied("rename", lambda *_, src_dir_fd, dst_dir_fd: f"rename from {opened(src_dir_fd).name} to {opened(dst_dir_fd).name}")
    spied("pwrite", lambda fd, *_: f"line to {opened(fd).parent.name}")
    spied("fsync", lambda fd: f"names in {opened(fd).name}")
    return steps


def test_each_step_is_forced_to_the_disk_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = spool_in(tmp_path)
    put(spool, "1.1")
    steps = steps_of(monkeypatch)
    put(spool, "1.2")
    rename = "rename from part to objects"
    assert steps == ["bytes in part", rename, "names in objects", "line to journal", "bytes in journal"]


def test_durability_os_takes_the_same_steps_and_forces_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = spool_in(tmp_path)
    put(spool, "1.1")
    steps = steps_of(monkeypatch)
    name = keep(spool, encoded(identified("1.2")), sync=False)
    assert steps == ["rename from part to objects", "line to journal"]
    assert waiting_names(spool.folders)[-1] == name


def test_an_association_s_end_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = spool_in(tmp_path)
    put(spool, "1.1")
    steps = steps_of(monkeypatch)
    spool.put_record(AssociationClosed(facts(spool), "released", AT))
    assert steps == ["line to journal"]


def test_a_large_object_is_never_held(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    incoming = spool.begin(b"head")
    piece, digest = bytes(range(256)) * 4096, hashlib.sha256()
    tracemalloc.start()
    for _ in range(40):
        incoming.write(memoryview(piece))
        digest.update(piece)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    data = incoming.data()
    assert (incoming.size_bytes, incoming.sha256) == (40 * 2**20, digest.hexdigest()) and peak < 2**20
    assert len(data) == 40 * 2**20 and bytes(data[2**20 - 1 : 2**20 + 1]) == b"\xff\x00"
    incoming.discard()
    incoming.discard()
    assert files(spool)["part"] == []


def test_room_is_asked_for_again_while_an_object_grows(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    incoming = spool.begin(b"head")
    incoming.write(bytes(2**20))
    spool.minimum_free_bytes = 2**62
    with pytest.raises(TransientError) as caught:
        for _ in range(12):
            incoming.write(bytes(2**20))
    assert caught.value.reason_code == "no-space" and incoming.size_bytes < 10 * 2**20
    incoming.discard()


def test_names_sort_in_the_order_of_a_receiver_s_lives(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        spool = spool_in(tmp_path)
        names += [spool.new_name() for _ in range(11)]
        spool.close()
    assert names == sorted(names) and len(set(names)) == 33


def test_an_empty_disk_in_the_old_place_gives_other_names_and_a_later_life(tmp_path: Path) -> None:
    clock = ManualClock()
    first = open_spool(tmp_path / "a", "receiver", clock, 0)
    clock.sleep(3600)
    second = open_spool(tmp_path / "b", "receiver", clock, 0)
    assert first.boot < second.boot
    assert first.new_name().split("-")[2] != second.new_name().split("-")[2]


def test_an_old_copy_of_the_state_gives_no_name_again(tmp_path: Path) -> None:
    clock = ManualClock()
    names, state = [], tmp_path / "receiver" / "state.json"
    copies = []
    for _ in range(3):
        spool = open_spool(tmp_path, "receiver", clock, 0)
        copies.append(state.read_bytes())
        names.append(spool.new_name())
        spool.close()
        clock.sleep(3600)
    for path in spool.folders.journal.iterdir():
        path.unlink()
    state.write_bytes(copies[0])
    spool = open_spool(tmp_path, "receiver", clock, 0)
    assert max(names) < spool.new_name()
    spool.close()


def test_a_life_without_a_state_begins_after_those_of_the_journal(tmp_path: Path) -> None:
    clock = ManualClock()
    first = open_spool(tmp_path, "receiver", clock, 0)
    first.put_record(ReceiverStarted("receiver", first.boot, AT))
    first.close()
    (tmp_path / "receiver" / "state.json").unlink()
    clock.jump(-86400)
    second = open_spool(tmp_path, "receiver", clock, 0)
    second.put_record(ReceiverStarted("receiver", second.boot, AT))
    second.close()
    # The newest segment is the one that is written to: a reader removes the others when it is through.
    assert [int(segment.name[:8]) for segment in segments(second.folders.journal)] == [first.boot, second.boot]


def test_one_process_holds_a_spool(tmp_path: Path) -> None:
    held = spool_in(tmp_path)
    with pytest.raises(ConfigError, match=r"store\.spool: another receiver"):
        spool_in(tmp_path)
    held.close()
    spool_in(tmp_path)


def test_a_path_below_a_file_is_a_clear_complaint(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match=r"^store\.spool: .*file/spool can't be used: .*; choose a writable folder"):
        spool_in(tmp_path / "file" / "spool")


def test_space_is_asked_for_before_a_byte_is_written(tmp_path: Path) -> None:
    free = durable.free_bytes(tmp_path)
    spool = spool_in(tmp_path, minimum_free_bytes=free // 2)
    spool.require_space(1000)
    assert not spool.is_nearly_full()
    with pytest.raises(TransientError) as caught:
        spool.require_space(free)
    assert caught.value.reason_code == "no-space"
    spool.minimum_free_bytes = free * 4
    assert spool.is_nearly_full()


FAULTS = [("writev", 0), ("fdatasync", 0), ("rename", 0), ("fsync", 0), ("pwrite", 0), ("fdatasync", 1)]


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "no-space"), (errno.EDQUOT, "no-space"), (errno.EIO, "spool")])
@pytest.mark.parametrize(("call", "after"), FAULTS)
def test_a_disk_that_fails_leaves_nothing_in_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str, call: str, after: int
) -> None:
    spool = spool_in(tmp_path)
    first = put(spool, "1.1")
    real, left = getattr(os, call), [after]

    def failing(*arguments: Any, **named: Any) -> Any:
        left[0] -= 1
        if left[0] == -1:
            raise OSError(number, os.strerror(number))
        return real(*arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing)
        with pytest.raises(TransientError) as caught:
            put(spool, "1.2")
    assert caught.value.reason_code == code
    found = files(spool)
    assert (found["part"], found["objects"], found["quarantine"]) == ([], [f"{first}.dcm"], [])
    assert waiting_names(spool.folders) == [first]
    after_it = put(spool, "1.3")
    assert waiting_names(spool.folders) == [first, after_it]


def test_an_object_stays_while_its_line_may_be_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The journal can't be written and can't be taken back: what a reader may find there, it must find whole."""
    spool = spool_in(tmp_path)
    put(spool, "1.1")
    real, calls = os.fdatasync, [0]

    def failing(fd: int) -> None:
        calls[0] += 1
        if calls[0] > 1:
            raise OSError(errno.EIO, "sick")
        real(fd)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fdatasync", failing)
        with pytest.raises(TransientError):
            put(spool, "1.2")
    assert len(files(spool)["objects"]) == 2
    for line in waiting(spool.folders):
        assert spool.folders.object_of(line.name).exists()


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = spool_in(tmp_path)
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    monkeypatch.setattr(os, "writev", lambda fd, pieces: real(fd, pieces[0][:5]))
    monkeypatch.setattr(supply, "SEGMENT_BYTES", 4096)
    name = put(spool)
    assert spool.folders.object_of(name).read_bytes().endswith(encoded(identified()))


def test_a_record_alone(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    name = spool.put_record(ReceiverStarted("receiver", spool.boot, AT))
    assert waiting_names(spool.folders) == [name] and files(spool)["objects"] == []


def test_each_life_begins_a_segment(tmp_path: Path) -> None:
    for _ in range(2):
        spool = spool_in(tmp_path)
        put(spool)
        spool.close()
    first, second = segments(spool.folders.journal)
    assert first.closed and not second.closed and len(list(first.lines())) == len(list(second.lines())) == 1


def test_what_is_on_its_way_when_the_spool_is_closed_is_never_kept(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    head, record = received(encoded(identified()))
    incoming = spool.begin(head)
    incoming.write(encoded(identified()))
    spool.close()
    with pytest.raises(TransientError):
        spool.put(incoming, record)
    again = spool_in(tmp_path)
    assert files(again)["objects"] == [] and waiting(again.folders) == []
