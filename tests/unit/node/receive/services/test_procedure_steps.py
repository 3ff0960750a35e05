"""Modality Performed Procedure Step: what is taken, what is refused and how."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydicom.config import IGNORE
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from node.receive.associate.sessions import Session
from node.receive.services import messages
from node.receive.services.procedure_steps import ProcedureSteps
from node.receive.services.status import PROCEDURE_STEP, Refused, refusal
from node.receive.services.steps import Step, Steps
from node.receive.spool.records import ProcedureStepNoted
from node.receive.spool.spool import Spool
from storage.base.clock import ManualClock
from tests.unit.node.receive.services.conftest import noted
from tests.unit.node.receive.services.messages import (
    EXPLICIT,
    MR,
    begun_step,
    create,
    dataset,
    ended_step,
    references,
    set_,
)


class Scp:
    """The service over a spool; another one on the same spool is another worker."""

    def __init__(self, spool: Spool, session: Session) -> None:
        self._served = ProcedureSteps(spool, ManualClock(), Steps(spool.folders.home.parent))
        self._session = session

    def create(self, attributes: Dataset | bytes, uid: str | None = "1.8.1") -> str:
        return self._served.create(create(attributes, uid), EXPLICIT, self._session)

    def set(self, attributes: Dataset | bytes, uid: str = "1.8.1") -> None:
        self._served.set(set_(attributes, uid), EXPLICIT, self._session)


@pytest.fixture
def scp(spool: Spool, session: Session) -> Scp:
    return Scp(spool, session)


def refused(call: Any, *arguments: Any) -> tuple[int, str, tuple[str, ...]]:
    with pytest.raises(Refused) as caught:
        call(*arguments)
    code, status = refusal(PROCEDURE_STEP, caught.value)
    return int(status.Status), code, caught.value.keywords


def test_a_step_begins_and_ends(scp: Scp, spool: Spool, session: Session) -> None:
    assert scp.create(begun_step()) == "1.8.1"
    Scp(spool, session).set(ended_step("1.2.3.4.1", "1.2.3.4.2"))
    first, last = noted(spool, ProcedureStepNoted)
    assert (first.step_uid, first.state, first.studies, first.references) == ("1.8.1", "in-progress", ("1.2.3",), ())
    assert (last.state, last.studies) == ("completed", ("1.2.3",))
    assert last.references == ((MR, "1.2.3.4.1"), (MR, "1.2.3.4.2"))


def test_a_list_that_came_before_the_end_stands_at_the_end(scp: Scp, spool: Spool) -> None:
    scp.create(begun_step())
    scp.set(ended_step("1.2.3.4.1", status="IN PROGRESS"))
    scp.set(dataset(PerformedProcedureStepStatus="COMPLETED"))
    assert noted(spool, ProcedureStepNoted)[-1].references == ((MR, "1.2.3.4.1"),)


def test_objects_that_are_no_images_count_too(scp: Scp, spool: Spool) -> None:
    scp.create(begun_step())
    ended = ended_step("1.2.3.4.1")
    ended.PerformedSeriesSequence[0].ReferencedNonImageCompositeSOPInstanceSequence = references("1.2.3.4.9")
    scp.set(ended)
    assert [uid for _, uid in noted(spool, ProcedureStepNoted)[-1].references or ()] == ["1.2.3.4.1", "1.2.3.4.9"]


def test_a_step_without_a_name_gets_one(scp: Scp) -> None:
    made = {scp.create(begun_step(), None) for _ in range(2)}
    assert len(made) == 2 and all(uid.startswith("2.25.") for uid in made)


@pytest.mark.parametrize("status", ["COMPLETED", "DISCONTINUED"])
def test_nothing_follows_the_end(scp: Scp, spool: Spool, session: Session, status: str) -> None:
    scp.create(begun_step())
    scp.set(ended_step("1.2.3.4.1", status=status))
    for late in (ended_step("1.2.3.4.1"), dataset(PerformedProcedureStepDescription="x")):
        assert refused(Scp(spool, session).set, late)[:2] == (0x0110, "ended")
    _, answer = refusal(PROCEDURE_STEP, Refused("ended"))
    assert (answer.ErrorID, answer.ErrorComment) == (0xA710, "Performed Procedure Step Object may no longer be updated")
    assert len(noted(spool, ProcedureStepNoted)) == 2


def test_a_step_twice_and_a_step_unknown(scp: Scp, spool: Spool, session: Session) -> None:
    scp.create(begun_step())
    assert refused(Scp(spool, session).create, begun_step())[:2] == (0x0111, "duplicate")
    assert refused(scp.set, ended_step("1.2.3.4.1"), "1.8.2")[:2] == (0x0112, "no-such-instance")


@pytest.mark.parametrize("uid", ["../x", "1..2", "1." * 40, "01.2"])
def test_a_name_that_is_none(scp: Scp, spool: Spool, uid: str) -> None:
    request = create(begun_step(), None)
    request._affected_sop_instance_uid = UID(uid, validation_mode=IGNORE)  # as it comes off the wire
    served = ProcedureSteps(spool, ManualClock(), Steps(spool.folders.home.parent))
    assert refused(served.create, request, EXPLICIT, Session)[:2] == (0x0117, "bad-uid")


@pytest.mark.parametrize(
    "keyword", ["PerformedProcedureStepStatus", "Modality", "ScheduledStepAttributesSequence", "PerformedStationAETitle"]
)
def test_what_is_required_and_missing_or_empty(scp: Scp, keyword: str) -> None:
    without = begun_step()
    delattr(without, keyword)
    assert refused(scp.create, without) == (0x0120, "missing", (keyword,))
    empty: Any = Sequence() if keyword.endswith("Sequence") else ""
    assert refused(scp.create, begun_step(**{keyword: empty})) == (0x0121, "empty", (keyword,))


def test_values_that_cannot_be(scp: Scp, spool: Spool) -> None:
    for status in ("COMPLETED", "DISCONTINUED", "BEGUN"):
        found = refused(scp.create, begun_step(PerformedProcedureStepStatus=status))
        assert found == (0x0106, "bad-value", ("PerformedProcedureStepStatus",))
    no_study = begun_step(ScheduledStepAttributesSequence=Sequence([dataset(AccessionNumber="1")]))
    assert refused(scp.create, no_study) == (0x0120, "missing", ("StudyInstanceUID",))
    bad_study = begun_step(ScheduledStepAttributesSequence=Sequence([dataset(StudyInstanceUID="1..2")]))
    assert refused(scp.create, bad_study) == (0x0106, "bad-value", ("StudyInstanceUID",))
    scp.create(begun_step())
    assert refused(scp.set, dataset(PerformedProcedureStepStatus="DONE"))[:2] == (0x0106, "bad-value")
    assert refused(scp.set, dataset(PerformedProcedureStepStatus="COMPLETED"))[:2] == (0x0120, "missing")
    assert [record.state for record in noted(spool, ProcedureStepNoted)] == ["in-progress"]


@pytest.mark.parametrize("data", [b"\x08", b"\xff" * 100, b"\x08\x00\x05\x00CS\xff\xff"])
def test_bytes_that_are_no_data_set(scp: Scp, data: bytes) -> None:
    assert refused(scp.create, data)[:2] == (0x0212, "mistyped")


def test_nesting_and_length_are_bounded(scp: Scp, monkeypatch: pytest.MonkeyPatch) -> None:
    sequence = b"\x40\x00\x70\x02SQ\x00\x00\xff\xff\xff\xff" + b"\xfe\xff\x00\xe0\xff\xff\xff\xff"
    ends = b"\xfe\xff\x0d\xe0\x00\x00\x00\x00" + b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
    assert refused(scp.create, sequence * 300 + ends * 300)[:2] == (0x0212, "mistyped")
    monkeypatch.setattr(messages, "MOST_INSTANCES", 3)
    scp.create(begun_step())
    assert refused(scp.set, ended_step(*(f"1.2.{n}" for n in range(4))))[:2] == (0x0213, "too-many")
    monkeypatch.setattr(messages, "MOST_BYTES", 10)
    assert refused(scp.create, begun_step())[:2] == (0x0213, "too-many")


def test_steps_are_few_and_those_in_progress_stay(tmp_path: Path) -> None:
    steps = Steps(tmp_path, most=10)
    with steps.locked():
        steps.put("1.0", Step("in-progress", ("1.2",), ()))
        for number in range(1, 40):
            steps.put(f"1.{number}", Step("completed", ("1.2",), ((MR, "1.3"),)))
            assert len(list(tmp_path.glob("procedure-steps/*.json"))) <= 10
        assert steps.find("1.0") == Step("in-progress", ("1.2",), ())
        assert steps.find("1.39") == Step("completed", ("1.2",), ((MR, "1.3"),))
        assert steps.find("1.1") is None
        path = next(tmp_path.glob("procedure-steps/*.json"))
        path.write_bytes(b'{"state": "x"}')
        assert {steps.find(f"1.{number}") is None for number in range(40)} == {True, False}


def test_full_disk_leaves_nothing_begun(scp: Scp, spool: Spool) -> None:
    spool.minimum_free_bytes = 2**60
    with pytest.raises(Exception, match="free space") as caught:
        scp.create(begun_step())
    assert refusal(PROCEDURE_STEP, caught.value)[1].Status == 0x0213
    spool.minimum_free_bytes = 0
    scp.create(begun_step())
