"""A header read directly is the header that pydicom gives, whatever the bytes are; where they would differ it is declined."""

from __future__ import annotations

import struct
import tempfile
from collections import Counter
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydicom._dicom_dict import DicomDictionary
from pydicom.dataset import Dataset
from pydicom.filereader import _read_file_meta_info, read_preamble

from node.receive.dataset import header
from node.receive.dataset.direct import read_direct
from node.receive.dataset.elements import Malformed
from node.receive.dataset.encodings import Encoding, encoding_of
from node.receive.dataset.filebytes import FileBytes
from node.receive.dataset.limits import Header
from node.receive.dataset.values import CONVERT, Declined
from tests.support.data import data_dir
from tests.unit.node.receive.encoding import ITEM_END, SEQUENCE_END, UNDEFINED, identified, item
from tests.unit.node.receive.encoding import encoded as encoded_by_pydicom

EXPLICIT, IMPLICIT = Encoding(False, False, False), Encoding(True, False, False)
LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
Leaf = tuple[int, str, bytes]


def tags_of(vr: str) -> list[int]:
    return sorted(tag for tag, entry in DicomDictionary.items() if entry[0] == vr and 0x00080006 <= tag < 0x60000000)[:3]


TAGS = [(tag, vr) for vr in (*CONVERT, "OB", "OW", "US or SS", "UN") for tag in tags_of(vr)] + [
    (0x00280103, "US"),  # which decides what "US or SS" means
    (0x00281101, "SS"),  # whose first value pydicom mends
    (0x00191008, "UN"),  # private, of a creator that pydicom knows
    (0x00195511, "LO"),  # private, of none
]
CREATOR = (0x00190010, "LO", b"SIEMENS MR HEADER ")
CHARACTER_SETS = (b"ISO_IR 6", b"ISO_IR 100", b"ISO_IR 192", b"ISO_IR 13", b"\\ISO 2022 IR 87", b"GB18030", b"NO_SUCH")
VALUES = st.one_of(
    st.binary(max_size=24),
    st.text("0123456789+-.eE\\ \0", max_size=24).map(lambda text: text.encode()),
    st.text("AB^=\\ \0\x1b\n\rü山", max_size=16).map(lambda text: text.encode("utf-8")),
    st.text("äöü ÀB\\^=", max_size=12).map(lambda text: text.encode("latin-1")),
    st.sampled_from([struct.pack("<d", float("inf")), struct.pack("<f", float("nan")), b"1e999", b"-0 ", b"007\\ 8", b"1.0"]),
)
LEAVES = st.lists(st.tuples(st.sampled_from(TAGS), VALUES).map(lambda found: (*found[0], found[1])), max_size=8)


def write(leaves: list[Leaf], implicit: bool) -> bytes:
    """The elements in ascending order, each tag once."""
    ordered = sorted({tag: (tag, vr, value) for tag, vr, value in leaves}.values())
    return b"".join(write_one(tag, "SS" if vr == "US or SS" else vr, value, implicit) for tag, vr, value in ordered)


def write_one(tag: int, vr: str, value: bytes, implicit: bool, length: int | None = None) -> bytes:
    size = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF)
    if implicit:
        return head + struct.pack("<I", size) + value
    if vr in LONG:
        return head + vr.encode() + struct.pack("<HI", 0, size) + value
    return head + vr.encode() + struct.pack("<H", size) + value


def sequence(items: list[list[Leaf]], implicit: bool, undefined: bool) -> bytes:
    if not undefined:
        return write_one(0x00400275, "SQ", b"".join(item(write(leaves, implicit)) for leaves in items), implicit)
    inner = b"".join(item(write(leaves, implicit) + ITEM_END, UNDEFINED) for leaves in items)
    return write_one(0x00400275, "SQ", inner + SEQUENCE_END, implicit, UNDEFINED)


def both(content: bytes, encoding: Encoding) -> tuple[Header | None, Header | None]:
    """The header by either way; None where the way declines, or finds the data set malformed."""
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        return both_of(FileBytes(file.fileno(), 0), FileBytes(file.fileno(), 0), encoding)


def both_of(data: FileBytes, again: FileBytes, encoding: Encoding) -> tuple[Header | None, Header | None]:
    direct = long = None
    with suppress(Declined):
        direct = read_direct(data, encoding.implicit_vr)
    with suppress(Malformed):
        long = header._by_pydicom(again, encoding)
    return direct, long


@settings(deadline=None, max_examples=150)
@given(st.booleans(), st.sampled_from(CHARACTER_SETS), LEAVES, st.lists(LEAVES, max_size=3), st.booleans(), st.booleans())
@example(True, b"ISO_IR 100", [(0x00280103, "US", b"\1\0"), (0x00280106, "US or SS", b"\xff\xff")], [], False, False)
@example(False, b"NO_SUCH", [(0x00100010, "PN", b"A^B=C= ")], [[(0x00080005, "CS", b"ISO_IR 192")]], True, False)
def test_both_ways_say_the_same(
    implicit: bool, character_set: bytes, leaves: list[Leaf], items: list[list[Leaf]], undefined: bool, creator: bool
) -> None:
    known = [(0x00080005, "CS", character_set), *([CREATOR] if creator else [])]
    before = [leaf for leaf in (*known, *leaves) if leaf[0] < 0x00400275]
    after = [leaf for leaf in leaves if leaf[0] > 0x00400275]
    content = write(before, implicit) + sequence(items, implicit, undefined) + write(after, implicit)
    direct, long = both(content, IMPLICIT if implicit else EXPLICIT)
    if direct is not None:
        assert direct == long
        assert list(direct) == sorted(direct)


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_bytes_that_were_changed_are_declined_or_read_alike(data: st.DataObject) -> None:
    whole = bytearray(encoded_by_pydicom(_rich()))
    for _ in range(data.draw(st.integers(1, 3))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    direct, long = both(bytes(whole[: data.draw(st.integers(len(whole) - 60, len(whole)))]), EXPLICIT)
    if direct is not None and long is not None:
        assert direct == long


def _rich() -> Dataset:
    dataset = identified()
    dataset.PatientName = "Doe^Jane"
    dataset.ImageType = ["ORIGINAL", "PRIMARY"]
    dataset.SliceThickness = "2.5"
    dataset.ReferencedImageSequence = [identified("1.1"), identified("1.2")]
    dataset.Rows = 4
    return dataset


def test_what_is_common_isn_t_declined() -> None:
    direct, long = both(encoded_by_pydicom(_rich()), EXPLICIT)
    assert direct is not None and direct == long


@pytest.mark.parametrize("every", [9, pytest.param(1, marks=pytest.mark.slow)])
def test_both_ways_say_the_same_of_real_data(every: int) -> None:
    seen: Counter[str] = Counter()
    for path in sorted(data_dir().glob("dicom/**/*"))[::every]:
        found = _of_file(path) if path.is_file() else None
        if found is None:
            continue
        direct, long = found
        seen["declined" if direct is None else "direct"] += 1
        assert direct is None or long is None or direct == long, path.name
    assert seen["direct"] > 10 * seen["declined"]


def _of_file(path: Path) -> tuple[Header | None, Header | None] | None:
    """Both headers of a Part 10 file in an encoding that isn't always read the long way; None for any other file."""
    with path.open("rb") as file:
        if file.read(132)[128:] != b"DICM":
            return None
        file.seek(0)
        read_preamble(file, False)
        encoding = encoding_of(str(_read_file_meta_info(file).get("TransferSyntaxUID", "")))
        if encoding.deflated or encoding.big_endian:
            return None
        return both_of(FileBytes(file.fileno(), file.tell()), FileBytes(file.fileno(), file.tell()), encoding)
