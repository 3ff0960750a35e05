"""Which instance a data set is, deflated or not."""

from __future__ import annotations

import time
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from threading import Lock

import pytest

from node.receive.dataset import identity
from node.receive.dataset.identity import identify
from storage.base.errors import PeerError
from tests.unit.node.receive.encoding import BIG, CT, DEFLATED, EXPLICIT, IMPLICIT, element, encoded, identified


def deflate(data: bytes) -> bytes:
    stream = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    return stream.compress(data) + stream.flush()


@pytest.mark.parametrize("syntax", [EXPLICIT, IMPLICIT, BIG])
def test_the_names_are_read_in_every_encoding(syntax: str) -> None:
    found = identify(encoded(identified("1.2.3.4"), syntax), syntax)
    assert (found.sop_class_uid, found.sop_instance_uid) == (CT, "1.2.3.4")
    assert (found.study_instance_uid, found.series_instance_uid, found.modality) == ("1.2.3", "1.2.3.1", "CT")


def test_names_within_sequences_are_not_ours() -> None:
    dataset = identified("1.2.3.4")
    dataset.ReferencedImageSequence = [identified("9.9.9", study="9.9", series="9.8")]
    found = identify(encoded(dataset), EXPLICIT)
    assert (found.sop_instance_uid, found.study_instance_uid) == ("1.2.3.4", "1.2.3")


@pytest.mark.parametrize("keyword", ["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"])
@pytest.mark.parametrize("empty", [True, False])
def test_a_missing_name_is_named(keyword: str, empty: bool) -> None:
    dataset = identified()
    tag = dataset[keyword].tag
    if empty:
        dataset[keyword].value = ""
    else:
        del dataset[keyword]
    with pytest.raises(PeerError) as caught:
        identify(encoded(dataset), EXPLICIT)
    assert (caught.value.reason_code, caught.value.facts["tag"]) == ("missing-uid", f"{int(tag):08X}")


@pytest.mark.parametrize("uid", [b"1.2.03 ", b"1.2..3", b"../etc ", b"1.2\\1.3 ", b"1." * 32 + b"11", b"1.2.\xb2 "])
def test_a_malformed_study_uid_is_refused(uid: bytes) -> None:
    data = encoded(identified())
    good = element(0x0020000D, "UI", b"1.2.3\0")
    assert good in data
    with pytest.raises(PeerError) as caught:
        identify(data.replace(good, element(0x0020000D, "UI", uid)), EXPLICIT)
    assert (caught.value.reason_code, caught.value.facts["tag"]) == ("bad-dataset-uid", "0020000D")


def test_a_modality_that_is_no_code_string_is_left_out() -> None:
    data = encoded(identified()).replace(element(0x00080060, "CS", b"CT"), element(0x00080060, "CS", b"Doe^Jane"))
    assert identify(data, EXPLICIT).modality == ""


def test_a_deflated_data_set_is_read() -> None:
    assert identify(deflate(encoded(identified("1.2.3.4"))), DEFLATED).sop_instance_uid == "1.2.3.4"


@pytest.mark.parametrize("cut", [1, 20, 40])
def test_a_deflated_data_set_that_ends_early_is_truncated(cut: int) -> None:
    with pytest.raises(PeerError) as caught:
        identify(deflate(encoded(identified()))[:-cut], DEFLATED)
    assert caught.value.reason_code == "truncated"


def test_what_isn_t_deflated_is_unparsable() -> None:
    with pytest.raises(PeerError) as caught:
        identify(b"\xff" * 100, DEFLATED)
    assert caught.value.reason_code == "unparsable"


def test_a_truncated_data_set_within_a_whole_stream_is_noticed() -> None:
    with pytest.raises(PeerError) as caught:
        identify(deflate(encoded(identified())[:-3]), DEFLATED)
    assert caught.value.reason_code == "truncated"


def test_a_deflated_bomb_costs_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "INFLATED_IN_MEMORY", 2**20)
    bomb = deflate(encoded(identified("1.2.3.4")) + element(0x7FE00010, "OB", bytes(64 * 2**20)))
    assert len(bomb) < 100_000
    tracemalloc.start()
    try:
        assert identify(memoryview(bomb), DEFLATED).sop_instance_uid == "1.2.3.4"
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 8 * 2**20


def test_a_bomb_beyond_every_image_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "INFLATED_IN_MEMORY", 2**10)
    monkeypatch.setattr(identity, "MAX_INFLATED", 2**20)
    bomb = deflate(encoded(identified()) + element(0x7FE00010, "OB", bytes(2**21)))
    with pytest.raises(PeerError) as caught:
        identify(bomb, DEFLATED)
    assert caught.value.reason_code == "unparsable"


def test_inflated_bytes_are_held_by_few_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixteen associations with deflated data sets cost the memory of two."""
    holding, most, lock = 0, 0, Lock()
    real = identity.inflate

    def counted(data: bytes, limit: int) -> tuple[bytes, bool]:
        nonlocal holding, most
        with lock:
            holding += 1
            most = max(most, holding)
        try:
            time.sleep(0.005)
            return real(data, limit)
        finally:
            with lock:
                holding -= 1

    monkeypatch.setattr(identity, "inflate", counted)
    data = deflate(encoded(identified()))
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda _: identify(data, DEFLATED), range(32)))
    assert len(found) == 32
    assert most == 2
