"""A header is bounded as a whole: sequences, items, elements and what hides in UN cost no more together than one object may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from node.receive.dataset import direct, header
from node.receive.dataset.header import read_header
from tests.unit.node.receive.encoding import EXPLICIT, element, encoded, identified, item

STUDY = "0020000D"
CONTENT = 0x0040A730


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (header, direct):
        monkeypatch.setattr(module, "MOST_HEADER_PARTS", 100)
        monkeypatch.setattr(module, "LARGEST_HEADER_BYTES", 2000)
    monkeypatch.setattr(header, "MOST_WALKED_PARTS", 300)


def read(tmp_path: Path, data: bytes) -> dict[str, Any]:
    path = tmp_path / "object.dcm"
    path.write_bytes(data)
    return read_header(path, 0, EXPLICIT)


def test_a_sequence_of_too_many_items_is_left_out_and_what_follows_is_kept(tmp_path: Path) -> None:
    data = encoded(identified()) + element(CONTENT, "SQ", item(b"") * 150) + element(0x0040A993, "LO", b"after ")
    found = read(tmp_path, data)
    assert STUDY in found and "0040A993" in found
    assert f"{CONTENT:08X}" not in found


def test_sequences_share_one_measure(tmp_path: Path) -> None:
    tags = [0x00400555 + n * 0x10000 for n in range(0, 10, 2)]
    data = encoded(identified()) + b"".join(element(tag, "SQ", item(element(0x00080100, "SH", b"12")) * 20) for tag in tags)
    found = read(tmp_path, data)
    assert STUDY in found
    assert 0 < len([tag for tag in tags if f"{tag:08X}" in found]) < len(tags)


def test_elements_share_one_measure_of_bytes(tmp_path: Path) -> None:
    data = encoded(identified()) + b"".join(element(0x00290010 + n, "LO", b"x" * 60) for n in range(60))
    found = read(tmp_path, data)
    assert STUDY in found
    assert sum(len(str(one)) for one in found.values()) < 4000


def test_what_hides_in_un_counts(tmp_path: Path) -> None:
    """pydicom reads a public sequence that came as UN (PS3.5 6.2.2): a hundred items in eight hundred bytes."""
    data = encoded(identified()) + element(CONTENT, "UN", item(b"") * 101)
    found = read(tmp_path, data)
    assert STUDY in found and f"{CONTENT:08X}" not in found


def test_after_too_many_elements_nobody_looks_further(tmp_path: Path) -> None:
    data = encoded(identified()) + element(CONTENT, "SQ", item(b"") * 400) + element(0x0040A993, "LO", b"after ")
    found = read(tmp_path, data)
    assert STUDY in found and "0040A993" not in found
