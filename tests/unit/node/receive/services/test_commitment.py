"""Requests for storage commitment and availability notifications: what is taken, what is refused and how."""

from __future__ import annotations

from typing import Any

import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from node.receive.associate.sessions import Session
from node.receive.services import messages, status
from node.receive.services.availability import Availability
from node.receive.services.commitment import Commitments
from node.receive.services.status import AVAILABILITY, COMMITMENT, Refused, refusal
from node.receive.spool.records import AvailabilityNoted, CommitmentRequested
from node.receive.spool.spool import Spool
from storage.base.clock import ManualClock
from tests.unit.node.receive.services.conftest import noted
from tests.unit.node.receive.services.messages import EXPLICIT, IAN, MR, action, availability, commitment, create, dataset


def request(spool: Spool, session: Session, *arguments: Any, **named: Any) -> None:
    Commitments(spool, ManualClock()).request(action(*arguments, **named), EXPLICIT, session)


def notify(spool: Spool, session: Session, attributes: Dataset, uid: str | None = "1.7.1") -> str:
    return Availability(spool, ManualClock()).create(create(attributes, uid, IAN), EXPLICIT, session)


def test_a_request_is_kept_each_instance_once(spool: Spool, session: Session) -> None:
    request(spool, session, commitment("1.2", "1.3", "1.2"))
    (record,) = noted(spool, CommitmentRequested)
    assert (record.transaction_uid, record.references) == ("1.9.1", ((MR, "1.2"), (MR, "1.3")))
    assert record.association == session.facts


def test_a_long_request_is_one_record_and_longer_ones_are_refused(
    spool: Spool, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(messages, "MOST_INSTANCES", 1000)
    uids = [f"1.2.826.0.1.3680043.8.498.{10**37 + n}" for n in range(1000)]
    request(spool, session, commitment(*uids))
    assert len(noted(spool, CommitmentRequested)[0].references) == 1000
    with pytest.raises(Refused, match="too-many"):
        request(spool, session, commitment(*uids, "1.2"))


@pytest.mark.parametrize(
    ("asked", "code", "expected"),
    [
        ((commitment("1.2"), "1.2.840.10008.1.20.1.2"), "no-such-instance", 0x0112),
        ((commitment("1.2"), "1.2.840.10008.1.20.1.1", 2), "no-such-action", 0x0123),
        ((None,), "no-argument", 0x0114),
        ((b"\x08\x00",), "mistyped", 0x0212),
        ((dataset(TransactionUID="1.9"),), "bad-value", 0x0115),
        ((dataset(TransactionUID="1.9", ReferencedSOPSequence=Sequence()),), "bad-value", 0x0115),
        ((commitment("1.2", transaction=""),), "bad-value", 0x0115),
        ((commitment("1.2", ""),), "bad-value", 0x0115),
        ((commitment("../../etc/passwd"),), "bad-value", 0x0115),
    ],
)
def test_requests_that_are_refused(spool: Spool, session: Session, asked: tuple[Any, ...], code: str, expected: int) -> None:
    with pytest.raises(Refused) as caught:
        request(spool, session, *asked)
    found, answer = refusal(COMMITMENT, caught.value)
    assert (found, answer.Status) == (code, expected)
    assert 0 < len(answer.ErrorComment) <= 64
    assert noted(spool, CommitmentRequested) == []


def test_a_notification_is_kept_without_what_is_gone(spool: Spool, session: Session) -> None:
    said = availability("1.2", "1.3")
    said.ReferencedSeriesSequence[0].ReferencedSOPSequence[1].InstanceAvailability = "UNAVAILABLE"
    assert notify(spool, session, said) == "1.7.1"
    assert notify(spool, session, availability("1.4"), None).startswith("2.25.")
    first, second = noted(spool, AvailabilityNoted)
    assert (first.notice_uid, first.study_instance_uid, first.references) == ("1.7.1", "1.2.3", ((MR, "1.2"),))
    assert second.references == ((MR, "1.4"),)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (dataset(StudyInstanceUID="1.2"), 0x0120),
        (dataset(StudyInstanceUID="1..2", ReferencedSeriesSequence=Sequence()), 0x0106),
        (dataset(StudyInstanceUID="1.2", ReferencedSeriesSequence=Sequence()), 0x0121),
        (availability(), 0x0120),
        (availability("1.2", state="SOMEWHERE"), 0x0106),
    ],
)
def test_notifications_that_are_refused(spool: Spool, session: Session, said: Dataset, expected: int) -> None:
    with pytest.raises(Refused) as caught:
        notify(spool, session, said)
    assert refusal(AVAILABILITY, caught.value)[1].Status == expected
    assert noted(spool, AvailabilityNoted) == []


def test_what_is_in_no_table_is_a_bug_of_ours_and_says_nothing(spool: Spool) -> None:
    code, answer = refusal(COMMITMENT, RuntimeError("PatientName"))
    assert (code, answer.Status, answer.ErrorComment) == (status.BUG, 0x0110, "Internal error of the receiver")


@pytest.mark.parametrize("table", [status.COMMITMENT, status.PROCEDURE_STEP, status.AVAILABILITY])
def test_comments_fit_their_vr(table: dict[str, status.Row]) -> None:
    assert all(0 < len(row.comment) <= 64 for row in table.values())
