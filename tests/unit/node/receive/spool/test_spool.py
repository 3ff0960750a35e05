"""The spool's writer: order of durability, names, space, one holder at a time."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from node.receive.spool import durable, records
from node.receive.spool.records import InstanceReceived, ReceiverStarted
from node.receive.spool.spool import FOLDERS, Spool, open_spool
from storage.base.clock import ManualClock
from storage.base.errors import ConfigError, TransientError
from tests.unit.node.receive.encoding import encoded, identified
from tests.unit.node.receive.samples import AT, put, received, spool_in


def files(spool: Spool) -> dict[str, list[str]]:
    return {name: sorted(path.name for path in (spool.folders.home / name).iterdir()) for name in FOLDERS}


def test_an_instance_is_a_dicom_file_and_a_record_of_one_name(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    name = put(spool, "1.2.3.4")
    assert files(spool) == {"part": [], "objects": [f"{name}.dcm"], "records": [f"{name}.json"], "quarantine": []}
    record = records.decode(spool.folders.record_of(name).read_bytes())
    assert isinstance(record, InstanceReceived)
    content = spool.folders.object_of(name).read_bytes()
    assert content[record.data_offset :] == encoded(identified("1.2.3.4"))
    assert pydicom.dcmread(spool.folders.object_of(name)).SOPInstanceUID == "1.2.3.4"


def test_each_step_is_forced_to_the_disk_before_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = spool_in(tmp_path)
    steps: list[str] = []

    def spied(name: str, told: Callable[[Any], str]) -> None:
        real = getattr(os, name)

        def call(first: Any, *rest: Any) -> Any:
            steps.append(told(first))
            return real(first, *rest)

        monkeypatch.setattr(os, name, call)

    def opened(fd: int) -> Path:
        return Path(f"/proc/self/fd/{fd}").readlink()

    spied("fdatasync", lambda fd: f"bytes in {opened(fd).parent.name}")
    spied("rename", lambda path: f"rename from {Path(path).parent.name}")
    monkeypatch.setattr(Path, "rename", lambda self, target: os.rename(self, target))  # noqa: PTH104
    spied("fsync", lambda fd: f"names in {opened(fd).name}")
    put(spool)
    bytes_, rename = "bytes in part", "rename from part"
    assert steps == [bytes_, rename, "names in objects", bytes_, rename, "names in records"]


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


@pytest.mark.parametrize(("number", "code"), [(errno.ENOSPC, "no-space"), (errno.EDQUOT, "no-space"), (errno.EIO, "spool")])
@pytest.mark.parametrize("call", ["write", "fdatasync", "fsync"])
@pytest.mark.parametrize("after", [0, 1])
def test_a_disk_that_fails_leaves_nothing_in_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: str, call: str, after: int
) -> None:
    spool = spool_in(tmp_path)
    data = encoded(identified())
    head, record = received(data)
    real, left = getattr(os, call), [after]

    def failing(*arguments: Any) -> Any:
        if left[0] == 0:
            raise OSError(number, os.strerror(number))
        left[0] -= 1
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, call, failing)
        with pytest.raises(TransientError) as caught:
            spool.put_instance([head + data], record)
    assert caught.value.reason_code == code
    assert files(spool) == {name: [] for name in FOLDERS}
    put(spool)


def test_short_writes_are_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spool = spool_in(tmp_path)
    real = os.write
    monkeypatch.setattr(os, "write", lambda fd, data: real(fd, data[:7]))
    name = put(spool)
    assert spool.folders.object_of(name).read_bytes().endswith(encoded(identified()))


def test_a_record_alone(tmp_path: Path) -> None:
    spool = spool_in(tmp_path)
    name = spool.put_record(ReceiverStarted("receiver", spool.boot, AT))
    assert files(spool)["records"] == [f"{name}.json"] and files(spool)["objects"] == []
