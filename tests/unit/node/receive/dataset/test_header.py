"""Headers as DICOM JSON: everything that rules and pages read, nothing large, whatever the bytes are."""

from __future__ import annotations

import errno
import json
import os
import struct
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from node.receive.dataset.header import read_header
from node.receive.dataset.limits import LARGEST_ELEMENT_BYTES
from tests.unit.node.receive.encoding import BIG, DEFLATED, EXPLICIT, IMPLICIT, element, encoded, identified


def header(tmp_path: Path, data: bytes, syntax: str = EXPLICIT) -> dict[str, Any]:
    path = tmp_path / "object.dcm"
    path.write_bytes(b"head" + data)
    return read_header(path, 4, syntax)


def rich() -> Dataset:
    dataset = identified()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "Müller^Jürgen"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SliceThickness = "2.5"
    dataset.Rows = 4
    dataset.ReferencedImageSequence = [identified("1.1"), identified("1.2")]
    return dataset


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_values_are_kept_in_every_encoding(tmp_path: Path, syntax: str) -> None:
    found = header(tmp_path, encoded(rich(), syntax), syntax)
    assert found["00080060"] == {"vr": "CS", "Value": ["CT"]}
    assert found["00080008"]["Value"] == ["ORIGINAL", "PRIMARY"]
    assert found["00100010"]["Value"] == [{"Alphabetic": "Müller^Jürgen"}]
    assert found["00180050"]["Value"] == [2.5]
    assert found["00280010"]["Value"] == [4]
    assert [item["00080018"]["Value"] for item in found["00081140"]["Value"]] == [["1.1"], ["1.2"]]


def test_it_is_what_pydicom_says(tmp_path: Path) -> None:
    dataset = rich()
    assert header(tmp_path, encoded(dataset)) == json.loads(json.dumps(dataset.to_json_dict()))


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_binary_and_large_elements_are_left_out_at_every_depth(tmp_path: Path, syntax: str) -> None:
    inner = identified("1.1")
    inner.EncapsulatedDocument = b"pdf."
    inner.TextValue = "x" * (LARGEST_ELEMENT_BYTES + 2)
    dataset = identified()
    dataset.ReferencedImageSequence = [inner]
    dataset.EncapsulatedDocument = b"pdf."
    dataset.TextValue = "x" * (LARGEST_ELEMENT_BYTES + 2)
    dataset.add_new(0x7FE00010, "OW", b"\1\2" * 8)
    found = header(tmp_path, encoded(dataset, syntax), syntax)
    assert set(found) == {"00080016", "00080018", "00080060", "00081140", "0020000D", "0020000E"}
    assert set(found["00081140"]["Value"][0]) == {"00080016", "00080018", "00080060", "0020000D", "0020000E"}


def test_large_sequences_are_kept(tmp_path: Path) -> None:
    dataset = identified()
    dataset.ReferencedImageSequence = [identified(f"1.{n}") for n in range(1, 1000)]
    assert len(encoded(dataset)) > LARGEST_ELEMENT_BYTES
    assert len(header(tmp_path, encoded(dataset))["00081140"]["Value"]) == 999


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("bad", "vr", "value"),
    [
        (0x00180050, "DS", b"thick "),
        (0x00200013, "IS", b"1.5 "),
        (0x00100030, "DA", b"Doe^Jane"),
        (0x00080005, "CS", b"NO_SUCH "),
        (0x00280010, "US", b"\1\2\3"),
        (0x00080018, "UI", b"1.2.03"),
    ],
)
def test_values_that_break_their_vr_cost_at_most_themselves(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], bad: int, vr: str, value: bytes
) -> None:
    data = element(bad, vr, value) + element(0x00280011, "US", struct.pack("<H", 7))
    found = header(tmp_path, data)
    assert found["00280011"]["Value"] == [7]
    json.dumps(found, allow_nan=False)
    assert "Jane" not in "".join(capsys.readouterr())


def test_what_databases_can_t_hold_is_taken_out(tmp_path: Path) -> None:
    data = element(0x00181318, "FD", struct.pack("<dd", float("nan"), 1.5)) + element(0x00081030, "LO", b"a\0b ")
    found = header(tmp_path, data)
    assert found["00181318"]["Value"] == [None, 1.5]
    assert found["00081030"]["Value"] == ["ab"]


def test_public_elements_that_came_as_unknown_are_read(tmp_path: Path) -> None:
    assert header(tmp_path, element(0x00080060, "UN", b"MR"))["00080060"] == {"vr": "CS", "Value": ["MR"]}


def test_a_deflated_header_is_read(tmp_path: Path) -> None:
    stream = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    data = stream.compress(encoded(rich())) + stream.flush()
    assert header(tmp_path, data, DEFLATED)["00280010"]["Value"] == [4]


def test_pixels_are_never_read_into_memory(tmp_path: Path) -> None:
    data = encoded(rich()) + element(0x7FE00010, "OW", bytes(64 * 2**20))
    path = tmp_path / "large.dcm"
    path.write_bytes(data)
    tracemalloc.start()
    try:
        assert read_header(path, 0, EXPLICIT)["00280010"]["Value"] == [4]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4 * 2**20


def test_a_sector_that_can_t_be_read_is_an_error_of_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel gives what lies before the sector, then fails."""
    real = os.pread
    whole = encoded(rich())

    def cut(fd: int, size: int, offset: int) -> bytes:
        if offset >= 104:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return real(fd, min(size, 104 - offset), offset)

    monkeypatch.setattr(os, "pread", cut)
    with pytest.raises(OSError, match="Input"):
        header(tmp_path, whole)


def test_large_elements_before_the_pixels_are_stepped_over_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read = [0]
    real = os.pread

    def counted(fd: int, size: int, offset: int) -> bytes:
        data = real(fd, size, offset)
        read[0] += len(data)
        return data

    monkeypatch.setattr(os, "pread", counted)
    data = element(0x00080060, "CS", b"CT") + element(0x00420011, "OB", bytes(2**24)) + element(0x00480001, "FL", b"\0\0\0\0")
    assert set(header(tmp_path, data)) == {"00080060", "00480001"}
    assert read[0] < 2**20
