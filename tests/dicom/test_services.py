"""Storage commitment, procedure steps and notifications over the wire, on both network paths; the SCU is stock pynetdicom."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, _config, build_context, evt
from pynetdicom.association import Association

from node.offers import FOLDER, Offer, Offers
from node.receive.pool.config import PathName
from node.receive.spool.records import (
    AssociationClosed,
    AvailabilityNoted,
    CommitmentReported,
    CommitmentRequested,
    ProcedureStepNoted,
)
from node.receive.spool.segments import segments
from tests.support.dicom_builders import ct_series
from tests.support.ports import LOOPBACK
from tests.support.receiver import SCANNER, WETREAD, RunningReceiver, association, receiver_config, running_receiver
from tests.unit.node.receive.services.messages import (
    COMMITMENT,
    COMMITMENT_INSTANCE,
    IAN,
    MPPS,
    MR,
    availability,
    begun_step,
    commitment,
    dataset,
    ended_step,
)

R = TypeVar("R")
CONTEXTS = [build_context(uid, ["1.2.840.10008.1.2", "1.2.840.10008.1.2.1"]) for uid in (COMMITMENT, MPPS, IAN)]


@pytest.fixture(params=["fast", "stock"])
def receiver(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningReceiver]:
    path: PathName = request.param
    spool = tmp_path / "spool"
    with running_receiver(spool, replace(receiver_config(spool), path=path)) as running:
        # What the receiver asks of pynetdicom breaks, in this one process, the thread in which its SCU serves N-EVENT-REPORT.
        monkeypatch.setattr(_config, "PASS_CONTEXTVARS", False)
        yield running


def noted(receiver: RunningReceiver, kind: type[R]) -> list[R]:
    found: list[Any] = [line.record for segment in segments(receiver.folders.journal) for line in segment.lines()]
    return [record for record in found if isinstance(record, kind)]


def wait_for(receiver: RunningReceiver, kind: type[R], count: int = 1) -> list[R]:
    end_s = time.monotonic() + 10
    while len(found := noted(receiver, kind)) < count and time.monotonic() < end_s:
        time.sleep(0.05)
    return found


def test_a_request_is_durable_when_it_is_answered(receiver: RunningReceiver) -> None:
    with association(receiver.port, CONTEXTS) as assoc:
        status, _ = assoc.send_n_action(commitment("1.2", "1.3"), 1, COMMITMENT, COMMITMENT_INSTANCE)
        assert status.Status == 0x0000
        (record,) = noted(receiver, CommitmentRequested)
        assert (record.transaction_uid, record.references) == ("1.9.1", ((MR, "1.2"), (MR, "1.3")))
        status, _ = assoc.send_n_action(commitment("1.2"), 2, COMMITMENT, COMMITMENT_INSTANCE)
        assert (status.Status, status.ErrorComment) == (0x0123, "The only action is Request Storage Commitment (1)")
        status, _ = assoc.send_n_action(commitment("1.2"), 1, COMMITMENT, "1.2.3")
        assert status.Status == 0x0112
    # The end of an association that asked is told: its result then goes another way.
    assert [record.end for record in wait_for(receiver, AssociationClosed)] == ["released"]


def test_a_procedure_step_from_begin_to_end(receiver: RunningReceiver) -> None:
    with association(receiver.port, CONTEXTS) as assoc:
        assert assoc.send_n_create(begun_step(), MPPS, "1.8.1")[0].Status == 0x0000
        assert assoc.send_n_create(begun_step(), MPPS, "1.8.1")[0].Status == 0x0111
        status, _ = assoc.send_n_create(begun_step(), MPPS, None)
        assert status.Status == 0x0000
        assert assoc.send_n_set(ended_step("1.2.3.4.1"), MPPS, "1.8.9")[0].Status == 0x0112
        missing, _ = assoc.send_n_create(dataset(PerformedProcedureStepStatus="IN PROGRESS"), MPPS, "1.8.3")
        assert (missing.Status, "Modality" in missing.ErrorComment or missing.ErrorComment) != (0x0000, "")
        assert missing.Status == 0x0120
    with association(receiver.port, CONTEXTS) as assoc:
        assert assoc.send_n_set(ended_step("1.2.3.4.1"), MPPS, "1.8.1")[0].Status == 0x0000
        late, _ = assoc.send_n_set(ended_step("1.2.3.4.1"), MPPS, "1.8.1")
        assert (late.Status, late.ErrorID) == (0x0110, 0xA710)
    steps = noted(receiver, ProcedureStepNoted)
    assert [(step.step_uid, step.state) for step in steps if step.step_uid == "1.8.1"] == [
        ("1.8.1", "in-progress"),
        ("1.8.1", "completed"),
    ]
    assert len({step.step_uid for step in steps}) == 2


def test_a_notification_of_availability(receiver: RunningReceiver) -> None:
    with association(receiver.port, CONTEXTS) as assoc:
        assert assoc.send_n_create(availability("1.2"), IAN, "1.7.1")[0].Status == 0x0000
        assert assoc.send_n_create(availability("1.2", study=""), IAN, "1.7.2")[0].Status == 0x0106
    assert [record.notice_uid for record in noted(receiver, AvailabilityNoted)] == ["1.7.1"]


# ------------------------------------------------------------------------------------------------- results on associations


class Requester:
    """An SCU of storage commitment that notes what it is told."""

    def __init__(self, port: int) -> None:
        self.told: list[tuple[int, Dataset]] = []
        self.heard = Event()
        self.port = port

    def associate(self) -> Association:
        contexts = [*CONTEXTS, build_context("1.2.840.10008.5.1.4.1.1.2"), build_context("1.2.840.10008.1.1")]
        handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, self._on_report)]
        return AE(SCANNER).associate(LOOPBACK, self.port, contexts=contexts, ae_title=WETREAD, evt_handlers=handlers)

    def _on_report(self, event: evt.Event) -> tuple[int, None]:
        request: Any = event.request
        self.told.append((int(request.EventTypeID), event.event_information))
        self.heard.set()
        return 0x0000, None


def offer(receiver: RunningReceiver, association_uid: str = "", failed: bool = False) -> Offers:
    offers = Offers(receiver.spool / FOLDER)
    reasons = ((MR, "1.3", 0x0112),) if failed else ()
    offers.put(SCANNER, Offer(7, 1, "1.9.1", association_uid, ((MR, "1.2"),), reasons))
    return offers


def test_a_result_goes_back_on_the_association_that_asked(receiver: RunningReceiver) -> None:
    requester = Requester(receiver.port)
    assoc = requester.associate()
    try:
        assert assoc.send_n_action(commitment("1.2"), 1, COMMITMENT, COMMITMENT_INSTANCE)[0].Status == 0x0000
        (record,) = noted(receiver, CommitmentRequested)
        offers = offer(receiver, record.association.uid, failed=True)
        assert requester.heard.wait(10)
        ((event_type, told),) = requester.told
        assert (event_type, told.TransactionUID) == (2, "1.9.1")
        assert [item.ReferencedSOPInstanceUID for item in told.ReferencedSOPSequence] == ["1.2"]
        assert [(i.ReferencedSOPInstanceUID, i.FailureReason) for i in told.FailedSOPSequence] == [("1.3", 0x0112)]
        (reported,) = wait_for(receiver, CommitmentReported)
        assert (reported.commitment, reported.asked, reported.status) == (7, 1, 0)
        assert not offers.has(SCANNER, 7)
        assert assoc.send_n_action(commitment("1.4"), 1, COMMITMENT, COMMITMENT_INSTANCE)[0].Status == 0x0000, "it goes on"
    finally:
        assoc.release()


def test_a_result_for_another_association_is_left_alone(receiver: RunningReceiver) -> None:
    requester = Requester(receiver.port)
    assoc = requester.associate()
    assert assoc.send_n_action(commitment("1.2"), 1, COMMITMENT, COMMITMENT_INSTANCE)[0].Status == 0x0000
    offers = offer(receiver, "another")
    assert not requester.heard.wait(0.7)
    assert offers.withdraw(SCANNER, 7)
    assoc.release()


def test_a_result_that_waited_is_told_when_the_requester_comes_again(receiver: RunningReceiver) -> None:
    offer(receiver)
    requester = Requester(receiver.port)
    assoc = requester.associate()
    assert requester.heard.wait(10)
    assert requester.told[0][0] == 1
    assert [record.status for record in wait_for(receiver, CommitmentReported)] == [0]
    assoc.release()


def test_a_sender_at_work_is_not_interrupted(receiver: RunningReceiver) -> None:
    requester = Requester(receiver.port)
    assoc = requester.associate()
    offer(receiver)
    series = ct_series(12)
    statuses = []
    for one in series:
        statuses.append(assoc.send_c_store(one).Status)
        time.sleep(0.05)
    assert statuses == [0x0000] * 12
    assert requester.heard.wait(10), "in the silence after it"
    assoc.release()


def test_a_requester_that_goes_without_an_answer(receiver: RunningReceiver) -> None:
    gone = Event()

    def hang_up(event: evt.Event) -> tuple[int, None]:
        event.assoc.abort()
        gone.set()
        return 0x0000, None

    handlers: list[Any] = [(evt.EVT_N_EVENT_REPORT, hang_up)]
    offers = offer(receiver)
    offers.put(SCANNER, Offer(8, 1, "1.9.2", "", ((MR, "1.2"),), ()))
    AE(SCANNER).associate(LOOPBACK, receiver.port, contexts=CONTEXTS, ae_title=WETREAD, evt_handlers=handlers)
    assert gone.wait(10)
    assert [record.status for record in wait_for(receiver, CommitmentReported)] == [None]
    assert offers.has(SCANNER, 8), "what was not tried stays for the next time"


def _parked(assoc: Association) -> bool:
    time.sleep(0.01)  # by now its reactor waits at the closed checkpoint
    return True


def test_requests_and_results_that_cross_are_both_answered(receiver: RunningReceiver, monkeypatch: pytest.MonkeyPatch) -> None:
    # The thread in which pynetdicom's SCU serves N-EVENT-REPORT may clear this flag just when a request has begun to wait for it.
    monkeypatch.setattr(Association, "_is_paused", property(_parked, lambda assoc, value: None), raising=False)
    requester = Requester(receiver.port)
    assoc = requester.associate()
    offers = Offers(receiver.spool / FOLDER)
    for number in range(1, 9):
        offers.put(SCANNER, Offer(number, 1, f"1.9.{number}", "", ((MR, "1.2"),), ()))
        time.sleep(0.15 + 0.02 * number)  # about when the receiver takes the association for silent
        assert assoc.send_n_action(commitment("1.2"), 1, COMMITMENT, COMMITMENT_INSTANCE)[0].Status == 0x0000
        assert assoc.send_c_echo().Status == 0x0000
    assert [record.status for record in wait_for(receiver, CommitmentReported, 8)] == [0] * 8
    assert len(requester.told) == 8
    assoc.release()
