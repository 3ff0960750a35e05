"""The life of a request for storage commitment, on both databases."""

from __future__ import annotations

from datetime import datetime

import pytest

from storage import commitments, intake
from storage.base.clock import ManualClock
from storage.commitments import CommitmentClaim, Fence
from storage.commitments.claim import Work
from storage.commitments.requests import Request
from storage.database import Database
from storage.schema import Commitment, CommitmentInstance
from storage.states import LeaseLost
from tests.support.seeds import T0, after, instance

MR = "1.2.840.10008.5.1.4.1.1.4"
LIST = ((MR, "1.2.3.1.1"), (MR, "1.2.3.1.2"))
TRANSACTION = "1.9.1"


@pytest.fixture(autouse=True)
def later(clock: ManualClock) -> None:
    """What is asked at T0 and soon after is in the past."""
    clock.sleep(100)


def ask(
    db: Database, *, transaction: str = TRANSACTION, references: tuple[tuple[str, str], ...] = LIST, association: str = "a1",
    at: datetime = T0, requester: str = "CT_1",
) -> int:  # fmt: skip
    with db.write() as s:
        request = Request(requester, "WETREAD", "10.0.0.1", association, at)
        return commitments.note_requested(s, request, transaction, references)


def take(db: Database, work: Work, worker: str = "w/1") -> CommitmentClaim:
    claim = commitments.take(db, worker, 30.0, work)
    assert claim is not None
    return claim


def verified(db: Database, failures: dict[int, int] | None = None) -> CommitmentClaim:
    claim = take(db, "verify")
    with db.write() as s:
        commitments.mark_verified(s, claim.fence, failures or {}, db.clock.utc())
    return take(db, "report")


def row(db: Database, commitment_id: int) -> Commitment:
    with db.read() as s:
        return s.get_one(Commitment, commitment_id)


def test_a_request_is_verified_then_reported(db: Database) -> None:
    made = ask(db)
    assert commitments.take(db, "w/1", 30.0, "report") is None
    claim = take(db, "verify")
    assert (claim.id, claim.transaction_uid, claim.requester, claim.attempts) == (made, TRANSACTION, "CT_1", 0)
    assert [(r.sop_class_uid, r.sop_instance_uid) for r in claim.references] == list(LIST)
    with db.write() as s:
        commitments.mark_verified(s, claim.fence, {claim.references[1].id: 0x0112}, db.clock.utc())
    report = take(db, "report")
    assert [r.failure_reason for r in report.references] == [None, 0x0112]
    assert (report.attempts, report.attempt) == (1, 2)
    with db.write() as s:
        commitments.mark_reported(s, report.fence, db.clock.utc())
    assert row(db, made).state == "reported"
    assert commitments.take(db, "w/1", 30.0, "verify") is None and commitments.take(db, "w/1", 30.0, "report") is None


def test_the_same_record_twice_is_one_request(db: Database) -> None:
    assert ask(db) == ask(db)
    with db.read() as s:
        assert s.query(Commitment).count() == 1 and s.query(CommitmentInstance).count() == 2
    verified(db)
    ask(db)
    assert commitments.take(db, "w/1", 30.0, "verify") is None


def test_the_same_request_again_is_answered_again(db: Database) -> None:
    made = ask(db)
    claim = verified(db)
    with db.write() as s:
        commitments.mark_reported(s, claim.fence, db.clock.utc())
    assert ask(db, association="a2", at=after(60), references=LIST[::-1]) == made
    again = verified(db)
    assert (again.asked, again.association_uid, again.attempts) == (2, "a2", 1)
    ask(db, association="a1")
    assert row(db, made).association_uid == "a2", "an earlier one that is indexed late changes nothing"


def test_what_failed_before_may_be_safe_now(db: Database) -> None:
    ask(db)
    claim = take(db, "verify")
    with db.write() as s:
        commitments.mark_verified(s, claim.fence, {claim.references[0].id: 0x0112}, db.clock.utc())
    report = take(db, "report")
    with db.write() as s:
        commitments.mark_reported(s, report.fence, db.clock.utc())
    ask(db, at=after(60))
    again = verified(db, {claim.references[1].id: 0x0110})
    assert [reference.failure_reason for reference in again.references] == [None, 0x0110]


def test_asked_again_while_under_way_goes_to_the_newer_association(db: Database) -> None:
    made = ask(db)
    claim = verified(db)
    with db.write() as s:
        commitments.report_later(s, claim.fence, None, "no answer", 3600.0, db.clock.utc())
    ask(db, association="a2", at=after(1))
    again = take(db, "report")
    assert (again.id, again.asked, again.association_uid) == (made, 1, "a2")


def test_a_transaction_uid_used_for_another_list_is_told(db: Database) -> None:
    ask(db)
    ask(db, references=LIST[:1], at=after(1))
    ask(db, requester="CT_2", at=after(2))
    found = [take(db, "verify") for _ in range(3)]
    with db.read() as s:
        assert [commitments.is_reused(s, claim) for claim in found] == [False, True, False]


def test_what_is_put_off_comes_back_in_its_time(db: Database, clock: ManualClock) -> None:
    ask(db)
    claim = take(db, "verify")
    with db.write() as s:
        commitments.verify_later(s, claim.fence, "2 instances aren't here yet", 5.0, clock.utc())
    assert commitments.take(db, "w/1", 30.0, "verify") is None
    clock.sleep(5)
    claim = verified(db)
    with db.write() as s:
        commitments.report_later(s, claim.fence, 0x0110, "it answered 0x0110", 40.0, clock.utc())
    clock.sleep(39)
    assert commitments.take(db, "w/1", 30.0, "report") is None
    with db.write() as s:
        commitments.make_due(s, clock.utc())
    again = take(db, "report")
    assert again.attempts == 2
    with db.write() as s:
        commitments.fail(s, again.fence, None, "nobody answers", clock.utc())
    found = row(db, again.id)
    assert (found.state, found.last_error) == ("failed", "nobody answers")


def test_a_long_back_off_is_no_reason_to_try_at_once(db: Database, clock: ManualClock) -> None:
    ask(db)
    claim = verified(db)
    with db.write() as s:
        commitments.report_later(s, claim.fence, None, "nobody answers", 12 * 3600.0, clock.utc())
    assert commitments.take(db, "w/1", 30.0, "report") is None
    clock.sleep(12 * 3600)
    assert take(db, "report").attempts == 2


def test_requesters_are_served_apart(db: Database) -> None:
    ask(db)
    ask(db, requester="CT_2")
    for _ in range(2):
        claim = take(db, "verify")
        with db.write() as s:
            commitments.mark_verified(s, claim.fence, {}, db.clock.utc())
    with db.read() as s:
        assert commitments.requesters_due(s, db.clock.utc()) == ["CT_1", "CT_2"]
    one = commitments.take(db, "w/1", 30.0, "report", of=["CT_2"])
    assert one is not None and one.requester == "CT_2"
    assert commitments.take(db, "w/1", 30.0, "report", of=["CT_2"]) is None
    with db.read() as s:
        assert commitments.requesters_due(s, db.clock.utc()) == ["CT_1"]


def test_every_write_is_fenced(db: Database) -> None:
    ask(db)
    claim = take(db, "verify")
    for fence in (Fence(claim.id, "thief", 1), Fence(claim.id, "w/1", 2)):
        with db.write() as s:
            with pytest.raises(LeaseLost):
                commitments.mark_verified(s, fence, {}, T0)
            with pytest.raises(LeaseLost):
                commitments.verify_later(s, fence, "", 1.0, T0)
            with pytest.raises(LeaseLost):
                commitments.renew(s, fence, 1.0, T0)
    with db.write() as s:
        commitments.renew(s, claim.fence, 30.0, T0)
        with pytest.raises(LeaseLost):
            commitments.mark_reported(s, claim.fence, T0)


@pytest.mark.parametrize("work", ["verify", "report"])
def test_a_dead_worker_costs_its_lease_or_a_restart(db: Database, clock: ManualClock, work: Work) -> None:
    ask(db)
    claim = take(db, "verify") if work == "verify" else verified(db)
    with db.write() as s:
        assert commitments.release_former(s, "other/", "other/2", clock.utc()) == []
        assert commitments.release_former(s, "w/", "w/2", clock.utc()) == [claim.id]
    claim = take(db, work)
    with db.write() as s:
        assert commitments.reap_expired(s, clock.utc()) == []
    clock.sleep(31)
    with db.write() as s:
        assert commitments.expired(s, clock.utc()) == [claim.id]
        assert commitments.reap_expired(s, clock.utc()) == [claim.id]
    assert take(db, work).id == claim.id


def test_a_report_on_the_requesters_association_ends_the_request_wherever_it_stands(db: Database) -> None:
    for number, state in enumerate(("verified", "reporting", "failed"), 1):
        made = ask(db, transaction=f"1.9.{number}", at=after(number))
        claim = verified(db)
        with db.write() as s:
            if state == "verified":
                commitments.report_later(s, claim.fence, None, "", 1e3, db.clock.utc())
            if state == "failed":
                commitments.fail(s, claim.fence, None, "", db.clock.utc())
            assert not commitments.note_reported(s, made, 2, claim.transaction_uid, 0, T0), "of another time it was asked"
            assert not commitments.note_reported(s, made, 1, "1.9.99", 0, T0), "of another request"
            assert commitments.note_reported(s, made, 1, claim.transaction_uid, 0, T0)
            assert not commitments.note_reported(s, made, 1, claim.transaction_uid, 0, T0), "a record indexed twice"
        assert row(db, made).state == "reported"


def test_a_report_that_failed_there_is_tried_on_an_association_of_ours(db: Database) -> None:
    made = ask(db)
    claim = verified(db)
    with db.write() as s:
        assert commitments.note_reported(s, made, 1, TRANSACTION, None, db.clock.utc())
        with pytest.raises(LeaseLost):
            commitments.mark_reported(s, claim.fence, T0)
    assert row(db, made).last_error
    assert take(db, "report").attempts == 2


def test_versions_that_are_held(db: Database) -> None:
    with db.write() as s:
        for arrived in (instance(1), instance(1, content="other"), instance(2)):
            intake.add_instance(s, arrived)
    with db.read() as s:
        held = commitments.held_versions(s, ["1.2.3.1.1", "1.2.3.1.2", "1.2.3.1.3"])
    assert {uid: len(versions) for uid, versions in held.items()} == {"1.2.3.1.1": 2, "1.2.3.1.2": 1}
    assert held["1.2.3.1.2"][0].size_bytes == 1002
