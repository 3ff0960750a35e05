"""The walker over encoded data sets: what is whole passes to the last byte, what is broken is named."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from node.receive.dataset.elements import MAX_DEPTH, Element, Malformed, _Walk, top_level
from node.receive.dataset.encodings import encoding_of
from tests.unit.node.receive.encoding import (
    BIG,
    EXPLICIT,
    IMPLICIT,
    ITEM_END,
    SEQUENCE_END,
    UNDEFINED,
    element,
    encoded,
    identified,
    item,
)


def nested(depth: int) -> Dataset:
    """A data set whose sequences stand ``depth`` deep."""
    dataset = Dataset()
    dataset.CodeValue = "T-1"
    for _ in range(depth):
        outer = Dataset()
        outer.ContentSequence = [dataset]
        dataset = outer
    return dataset


def walk(data: bytes, syntax: str = EXPLICIT) -> list[int]:
    return [found.tag for found in top_level(data, encoding_of(syntax))]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_every_element_is_found_in_every_encoding(syntax: str) -> None:
    dataset = identified()
    dataset.ReferencedImageSequence = [identified("1.1"), identified("1.2")]
    dataset.Rows = 4
    assert walk(encoded(dataset, syntax), syntax) == [int(tag) for tag in sorted(dataset.keys())]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
@pytest.mark.parametrize("undefined", [True, False])
def test_sequences_of_either_length_form_are_walked(syntax: str, undefined: bool) -> None:
    dataset = nested(3)
    dataset["ContentSequence"].is_undefined_length = undefined
    for inner in dataset.ContentSequence:
        inner.is_undefined_length_sequence_item = undefined
    assert walk(encoded(dataset, syntax), syntax) == [0x0040A730]


def test_unknown_of_undefined_length_is_walked_as_implicit() -> None:
    inner = struct.pack("<HHI", 0x0008, 0x0100, 4) + b"T-1 "
    data = element(0x00091010, "UN", item(inner) + SEQUENCE_END, UNDEFINED)
    assert walk(data) == [0x00091010]


def test_fragments_are_walked() -> None:
    pixels = item(b"") + item(b"\xff\xd8\xff\xd9") + SEQUENCE_END
    assert walk(element(0x7FE00010, "OB", pixels, UNDEFINED) + element(0xFFFCFFFC, "OB", b"")) == [0x7FE00010, 0xFFFCFFFC]


def test_value_representations_of_the_future_have_long_lengths() -> None:
    data = struct.pack("<HH2sHI", 0x0009, 0x0010, b"ZZ", 0, 4) + b"abcd"
    assert walk(data) == [0x00090010]


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_every_cut_is_noticed_unless_it_falls_between_elements(syntax: str) -> None:
    dataset = identified()
    dataset.ReferencedImageSequence = [identified("1.1")]
    dataset["ReferencedImageSequence"].is_undefined_length = True
    data = encoded(dataset, syntax)
    ends = {0} | {found.end for found in top_level(data, encoding_of(syntax))}
    for cut in range(len(data)):
        if cut in ends:
            walk(data[:cut], syntax)
        else:
            with pytest.raises(Malformed) as caught:
                walk(data[:cut], syntax)
            assert caught.value.reason_code == "truncated"


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT])
def test_nesting_is_bounded(syntax: str) -> None:
    walk(encoded(nested(MAX_DEPTH), syntax), syntax)
    with pytest.raises(Malformed) as caught:
        walk(encoded(nested(MAX_DEPTH + 1), syntax), syntax)
    assert caught.value.reason_code == "too-deep"


def test_a_thousand_levels_end_as_quickly_as_thirty_three() -> None:
    data = b""
    for _ in range(1000):
        data = element(0x0040A730, "SQ", item(data))
    with pytest.raises(Malformed) as caught:
        walk(data)
    assert caught.value.reason_code == "too-deep"


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(item(b""), id="item outside a sequence"),
        pytest.param(ITEM_END, id="delimiter outside a sequence"),
        pytest.param(struct.pack("<HH2sH", 0x0008, 0x0018, b"u1", 0), id="value representation in lower case"),
        pytest.param(element(0x00080018, "UN", b"abcd" * 4, UNDEFINED), id="undefined length without items"),
        pytest.param(element(0x00420011, "OB", item(b"") + SEQUENCE_END, UNDEFINED), id="undefined length of other bytes"),
        pytest.param(element(0x0040A730, "SQ", element(0x00080100, "SH", b"T-")), id="element in place of an item"),
        pytest.param(element(0x0040A730, "SQ", SEQUENCE_END), id="delimiter in a sequence of known length"),
        pytest.param(element(0x0040A730, "SQ", item(ITEM_END, 8)), id="delimiter in an item of known length"),
        pytest.param(
            element(0x7FE00010, "OB", item(item(b""), UNDEFINED) + SEQUENCE_END, UNDEFINED), id="fragment of undefined length"
        ),
    ],
)
def test_broken_structure_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        walk(data)
    assert caught.value.reason_code == "unparsable"


def test_an_item_may_not_reach_over_its_sequence() -> None:
    data = element(0x0040A730, "SQ", item(b"", 100)) + element(0x0040A731, "UN", b"x" * 200)
    with pytest.raises(Malformed) as caught:
        walk(data)
    assert caught.value.reason_code == "truncated"
    assert caught.value.facts["tag"] == "0040A730"


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400), st.sampled_from([EXPLICIT, IMPLICIT, BIG]))
def test_any_bytes_are_walked_or_refused(data: bytes, syntax: str) -> None:
    try:
        found = list(top_level(data, encoding_of(syntax)))
    except Malformed as error:
        assert error.reason_code in ("truncated", "unparsable", "too-deep")
    else:
        assert [e.start for e in found[1:]] + [len(data)] == [e.end for e in found] or not found


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_no_byte_of_a_good_data_set_can_be_changed_into_a_crash(data: st.DataObject) -> None:
    good = bytearray(encoded(nested(4)) + encoded(identified()))
    for _ in range(3):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    try:
        walk(bytes(good))
    except Malformed as error:
        assert error.message


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_the_short_way_and_the_long_way_see_the_same(data: st.DataObject) -> None:
    dataset = identified()
    dataset.ReferencedImageSequence = [identified("1.1")]
    good = bytearray(encoded(dataset))
    for _ in range(data.draw(st.integers(0, 3))):
        good[data.draw(st.integers(0, len(good) - 1))] = data.draw(st.integers(0, 255))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_Walk, "plain", lambda walk, pos: None)
        slow = _outcome(bytes(good))
    assert _outcome(bytes(good)) == slow


def _outcome(data: bytes) -> list[Element] | str:
    try:
        return list(top_level(data, encoding_of(EXPLICIT), 20))
    except Malformed as error:
        return str(error.facts) + error.message
