"""What a reader makes of a segment that is being written, was torn by a power cut, or is damaged."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from node.receive.spool import lines, segments
from node.receive.spool.records import ReceiverStarted
from node.receive.spool.segments import Segment
from tests.unit.node.receive.samples import AT

ZEROS = bytes(500)


def line(number: int, receiver: str = "receiver") -> bytes:
    return lines.encode(f"00000001-{number:010d}-0123abcd", ReceiverStarted(receiver, number, AT))


ONE, TWO, THREE = line(1), line(2), line(3)


def read(folder: Path, content: bytes, closed: bool) -> list[int | None]:
    """The numbers of the lines; None for a damaged one."""
    path = folder / "00000001-000001.journal"
    path.write_bytes(content)
    found = list(Segment(path, closed).lines())
    assert all(one.end - one.start >= len(one.raw) and content[one.start :].startswith(one.raw) for one in found)
    return [one.record.boot if isinstance(one.record, ReceiverStarted) else None for one in found]


@pytest.mark.parametrize("chunk", [1, 7, 100, 2**18])
@pytest.mark.parametrize(
    ("content", "live", "closed"),
    [
        pytest.param(b"", [], [], id="empty"),
        pytest.param(ZEROS, [], [], id="zeros"),
        pytest.param(ONE + TWO + ZEROS, [1, 2], [1, 2], id="zeros after lines"),
        pytest.param(ONE + TWO, [1, 2], [1, 2], id="full or cut"),
        pytest.param(ONE + TWO[:-1] + ZEROS, [1], [1], id="torn tail"),
        pytest.param(ONE + TWO[:-1], [1], [1], id="torn tail without zeros"),
        pytest.param(ONE + TWO[:20] + b"~" + TWO[21:] + THREE + ZEROS, [1, None, 3], [1, None, 3], id="damaged line"),
        pytest.param(ONE + b"~" + TWO[1:] + THREE + ZEROS, [1, None, 3], [1, None, 3], id="damaged sum"),
        pytest.param(ONE + TWO[:-1] + b"~" + THREE + ZEROS, [1, None], [1, None], id="damaged end takes the next line"),
        pytest.param(ONE + bytes(len(TWO)) + THREE + ZEROS, [1], [1, None, 3], id="a sector of zeros"),
        pytest.param(ONE + TWO[:30] + bytes(len(TWO) - 30) + THREE + ZEROS, [1], [1, None, 3], id="half a line zeroed"),
        pytest.param(b"rubbish\n" + ONE, [None, 1], [None, 1], id="rubbish"),
    ],
)
def test_what_is_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int, content: bytes, live: list[Any], closed: list[Any]
) -> None:
    monkeypatch.setattr(segments, "_CHUNK", chunk)
    assert read(tmp_path, content, closed=False) == live
    assert read(tmp_path, content, closed=True) == closed


def test_every_cut_of_a_live_segment_shows_whole_lines_alone(tmp_path: Path) -> None:
    content = ONE + TWO
    for cut in range(len(content) + 1):
        whole = (cut >= len(ONE)) + (cut == len(content))
        assert read(tmp_path, content[:cut] + bytes(9), closed=False) == [1, 2][:whole]


def test_a_line_that_is_being_copied_in_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its end may be seen before its middle."""
    path = tmp_path / "1.journal"
    path.write_bytes(ONE + TWO[:30] + b"~" + TWO[31:] + ZEROS)
    real = lines.decode

    def decode(raw: bytes, start: int) -> Any:
        path.write_bytes(ONE + TWO + ZEROS)
        return real(raw, start)

    monkeypatch.setattr(lines, "decode", decode)
    assert [one.name for one in Segment(path, False).lines()] == [real(ONE, 0).name]
    assert len(list(Segment(path, False).lines())) == 2


def test_a_line_of_a_later_release_is_no_line_of_ours(tmp_path: Path) -> None:
    from zlib import crc32

    text = b'{"name":"00000001-0000000009-0123abcd","kind":"unheard_of"}'
    strange = b"%08x %s\n" % (crc32(text), text)
    assert read(tmp_path, ONE + strange + TWO, closed=True) == [1, None, 2]
    (_, found, _) = Segment(tmp_path / "00000001-000001.journal", True).lines()
    assert found.name == "00000001-0000000009-0123abcd"


def test_a_segment_that_is_gone_has_no_lines(tmp_path: Path) -> None:
    assert list(Segment(tmp_path / "gone.journal", True).lines()) == []
