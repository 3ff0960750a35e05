"""Offers: taken once, by whom they are for, and never half."""

from __future__ import annotations

from pathlib import Path
from threading import Thread

import pytest

from node.offers import Offer, Offers
from storage.base.errors import TransientError

CT = "1.2.840.10008.5.1.4.1.1.2"
OFFER = Offer(7, 1, "1.9", "", ((CT, "1.2"),), ((CT, "1.3", 0x0112),))


@pytest.fixture
def offers(tmp_path: Path) -> Offers:
    return Offers(tmp_path / "offers")


def test_an_offer_is_taken_once(offers: Offers) -> None:
    offers.put("CT_1", OFFER)
    assert offers.has("CT_1", 7) and offers.are_there("CT_1")
    assert offers.take("CT_1", "a1") == OFFER
    assert offers.take("CT_1", "a1") is None
    assert not offers.are_there("CT_1") and not offers.withdraw("CT_1", 7)


def test_one_that_is_for_another_stays(offers: Offers) -> None:
    offers.put("CT_1", Offer(7, 1, "1.9", "a2", (), ()))
    offers.put("CT_1", Offer(8, 1, "1.9", "", (), ()))
    found = offers.take("CT_1", "a1")
    assert found is not None and found.commitment == 8
    assert offers.take("CT_1", "a1") is None and offers.take("CT_2", "a2") is None
    assert offers.take("CT_1", "a2") is not None


def test_a_new_one_takes_the_place_of_the_old(offers: Offers) -> None:
    offers.put("CT_1", OFFER)
    offers.put("CT_1", Offer(7, 2, "1.9", "", (), ()))
    found = offers.take("CT_1", "a1")
    assert found is not None and found.asked == 2 and not offers.are_there("CT_1")


def test_what_is_withdrawn_or_cleared_is_gone(offers: Offers, tmp_path: Path) -> None:
    offers.put("CT_1", OFFER)
    assert offers.withdraw("CT_1", 7) and offers.take("CT_1", "a1") is None
    offers.put("CT_1", OFFER)
    offers.put("CT_2", OFFER)
    offers.clear()
    assert list((tmp_path / "offers").rglob("*")) == []
    offers.clear()


def test_a_title_never_becomes_a_path(offers: Offers, tmp_path: Path) -> None:
    for title in ("../x", "/etc", "..", "a/b", "\0"):
        offers.put(title, OFFER)
        assert offers.take(title, "a1") == OFFER
    assert all(len(path.name) == 16 for path in (tmp_path / "offers").iterdir())


def test_bytes_that_are_no_offer_are_nobodys(offers: Offers, tmp_path: Path) -> None:
    offers.put("CT_1", OFFER)
    (path,) = (tmp_path / "offers").glob("*/*.json")
    for data in (b"", b"{", b"[]", b'{"committed": 1}', path.read_bytes()[:-9]):
        path.write_bytes(data)
        assert offers.take("CT_1", "a1") is None


def test_of_many_that_reach_for_it_one_gets_it(offers: Offers) -> None:
    for _ in range(20):
        offers.put("CT_1", OFFER)
        got: list[Offer] = []

        def reach() -> None:
            if (found := offers.take("CT_1", "a1")) is not None:
                got.append(found)  # noqa: B023 - joined within the pass

        threads = [Thread(target=reach) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert got == [OFFER]


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "offers").write_bytes(b"")
    with pytest.raises(TransientError):
        Offers(tmp_path / "offers").put("CT_1", OFFER)


def test_the_event_says_what_is_committed_and_what_is_not() -> None:
    told = OFFER.event_information()
    assert (OFFER.event_type, told.TransactionUID) == (2, "1.9")
    assert told.ReferencedSOPSequence[0].ReferencedSOPInstanceUID == "1.2"
    assert told.FailedSOPSequence[0].FailureReason == 0x0112
    whole = Offer(7, 1, "1.9", "", ((CT, "1.2"),), ())
    assert whole.event_type == 1 and "FailedSOPSequence" not in whole.event_information()
    none = Offer(7, 1, "1.9", "", (), ((CT, "1.2", 0x0131),))
    assert none.event_type == 2 and "ReferencedSOPSequence" not in none.event_information()
