"""Lines out of a byte stream, however it is cut, and never more than the limit held."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.protocol import LineCutter


@given(
    lines=st.lists(st.binary(max_size=20).map(lambda line: line.replace(b"\n", b"")), max_size=8),
    cuts=st.lists(st.integers(1, 7), min_size=1, max_size=40),
)
def test_any_cut_of_the_stream_gives_the_same_lines(lines: list[bytes], cuts: list[int]) -> None:
    stream = b"".join(line + b"\n" for line in lines)
    cutter, got, at = LineCutter(100), [], 0
    for number in range(len(stream) + 1):
        step = cuts[number % len(cuts)]
        got += cutter.feed(stream[at : at + step])
        at += step
    assert got == lines


def test_a_line_at_the_limit_passes_and_one_byte_more_does_not() -> None:
    assert LineCutter(5).feed(b"12345\n") == [b"12345"]
    with pytest.raises(ValueError, match="too long"):
        LineCutter(5).feed(b"123456\n")


def test_a_line_without_end_is_refused_before_it_ends() -> None:
    cutter = LineCutter(5)
    cutter.feed(b"123")
    with pytest.raises(ValueError, match="too long"):
        cutter.feed(b"456")
