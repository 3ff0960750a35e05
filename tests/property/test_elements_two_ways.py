"""Stepping over what isn't asked for finds the same elements, and the same faults, as looking at each one."""

from __future__ import annotations

import random
import struct
import tempfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from node.receive.dataset.elements import Element, Malformed, top_level
from node.receive.dataset.encodings import Encoding
from node.receive.dataset.filebytes import FileBytes
from tests.unit.node.receive.encoding import ITEM_END, SEQUENCE_END, UNDEFINED, element, item

pytestmark = pytest.mark.heavy
EXPLICIT, IMPLICIT, BIG = Encoding(False, False, False), Encoding(True, False, False), Encoding(False, True, False)
WANTED = frozenset({0x00080018, 0x0020000D, 0x00080060})
TAGS = [0x00080005, *sorted(WANTED), 0x00081140, 0x00089215, 0x00100010, 0x00290010, 0x7FE00010, 0xFFFEE000]
VRS = ["UI", "CS", "LO", "US", "OB", "OW", "UN", "SQ", "UT", "zz"]


def implicit(tag: int, value: bytes, length: int | None = None) -> bytes:
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value) if length is None else length) + value


def sequence(tag: int, is_implicit: bool, inner: bytes, undefined: bool) -> bytes:
    value = item(inner + ITEM_END, UNDEFINED) + SEQUENCE_END if undefined else item(inner)
    length = UNDEFINED if undefined else None
    return implicit(tag, value, length) if is_implicit else element(tag, "SQ", value, length)


@st.composite
def data_sets(draw: st.DrawFn, is_implicit: bool) -> bytes:
    """Elements, sequences among them; some bytes changed, the end perhaps cut."""
    pieces = []
    for _ in range(draw(st.integers(0, 12))):
        tag, value = draw(st.sampled_from(TAGS)), draw(st.binary(max_size=20))
        if draw(st.integers(0, 5)) == 0:
            pieces.append(
                sequence(
                    tag, is_implicit, implicit(tag, value) if is_implicit else element(tag, "LO", value), draw(st.booleans())
                )
            )
        else:
            pieces.append(implicit(tag, value) if is_implicit else element(tag, draw(st.sampled_from(VRS)), value))
    data = bytearray(b"".join(pieces))
    chance = random.Random(draw(st.integers(0, 2**32)))
    for _ in range(draw(st.integers(0, 2))):
        if data:
            data[chance.randrange(len(data))] = chance.randrange(256)
    return bytes(data[: draw(st.integers(0, len(data)))] if draw(st.booleans()) else data)


def outcome(data: bytes | FileBytes, encoding: Encoding, most: int, only: frozenset[int] | None) -> tuple[list[Element], object]:
    """The wanted elements up to the end or the fault, and the fault."""
    found: list[Element] = []
    try:
        for one in top_level(data, encoding, most, only):
            if one.tag in WANTED:
                found.append(one)
    except Malformed as error:
        return found, (type(error), error.reason_code, error.tag, error.message)
    return found, None


@settings(max_examples=150, deadline=None)
@given(st.data(), st.sampled_from([EXPLICIT, IMPLICIT, BIG]), st.sampled_from([3, 10, 10_000]), st.sampled_from([0, 9, 64, 1000]))
def test_both_ways_agree(drawn: st.DataObject, encoding: Encoding, most: int, window: int) -> None:
    data = drawn.draw(data_sets(encoding.implicit_vr))
    expected = outcome(data, encoding, most, None)
    assert outcome(data, encoding, most, WANTED) == expected
    with tempfile.TemporaryFile(buffering=0) as file:
        file.write(b"head" + data)
        for only in (None, WANTED):
            assert outcome(FileBytes(file.fileno(), 4, data[:window]), encoding, most, only) == expected
