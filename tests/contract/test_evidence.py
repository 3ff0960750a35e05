"""What peers say that a Study holds beside what is held, on both databases."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from storage import commitments, evidence, intake
from storage.commitments.requests import Request
from storage.database import Database
from storage.evidence import Listing, StepState
from tests.support.seeds import OTHER_STUDY, STUDY, T0, after, instance

MR = "1.2.840.10008.5.1.4.1.1.4"


def uids(*numbers: int, study: str = STUDY) -> list[str]:
    return [f"{study}.1.{number}" for number in numbers]


def arrive(db: Database, *numbers: int, study: str = STUDY) -> None:
    with db.write() as s:
        for number in numbers:
            intake.add_instance(s, instance(number, study=study))


def step(
    db: Database, state: StepState, named: Sequence[str] | None = None, uid: str = "1.8", studies: Sequence[str] = (STUDY,)
) -> None:
    with db.write() as s:
        evidence.note_step(s, uid=uid, ae_title="CT_1", state=state, studies=studies, sop_instance_uids=named, at=T0)


def notify(db: Database, named: Sequence[str], uid: str = "1.7", seconds: float = 0) -> None:
    with db.write() as s:
        evidence.note_availability(
            s, uid=uid, ae_title="PACS", study_instance_uid=STUDY, sop_instance_uids=named, at=after(seconds)
        )


def ask(db: Database, named: Sequence[str], transaction: str = "1.9", seconds: float = 0) -> None:
    with db.write() as s:
        request = Request("CT_1", "WETREAD", "h", "a1", after(seconds))
        commitments.note_requested(s, request, transaction, [(MR, uid) for uid in named])


def listings(db: Database, study: str = STUDY) -> list[Listing]:
    with db.read() as s:
        return evidence.listings(s, [study, "1.2.99"]).get(study, [])


def test_without_evidence_there_is_none(db: Database) -> None:
    arrive(db, 1)
    assert listings(db) == []


def test_a_step_proves_something_once_it_is_completed(db: Database) -> None:
    arrive(db, 1, 2)
    step(db, "in-progress")
    assert listings(db) == [Listing("mpps", "1.8", 0, 0, 2, unfinished=1)]
    step(db, "completed", uids(1, 2, 3))
    assert listings(db) == [Listing("mpps", "1.8", 3, 1, 0)]
    arrive(db, 3)
    assert listings(db) == [Listing("mpps", "1.8", 3, 0, 0)]
    arrive(db, 4)
    assert listings(db) == [Listing("mpps", "1.8", 3, 0, 1)]


@pytest.mark.parametrize("end", ["completed", "discontinued"])
def test_messages_of_a_step_may_come_in_any_order_and_twice(db: Database, end: StepState) -> None:
    arrive(db, 1)
    for _ in range(2):
        step(db, end, uids(1))
        step(db, "in-progress")
        step(db, "in-progress", [])
    (found,) = listings(db)
    assert (found.unfinished, found.listed) == (0, 1 if end == "completed" else 0)


def test_steps_of_one_study_count_together(db: Database) -> None:
    arrive(db, 1, 2, 3)
    step(db, "completed", uids(1, 2))
    step(db, "in-progress", uid="1.8.2")
    assert listings(db) == [Listing("mpps", "1.8.2", 2, 0, 1, unfinished=1)]
    step(db, "completed", uids(3), uid="1.8.2")
    assert listings(db) == [Listing("mpps", "1.8.2", 3, 0, 0)]


def test_a_step_over_two_studies_is_evidence_for_both(db: Database) -> None:
    arrive(db, 1)
    step(db, "completed", [*uids(1), *uids(1, study=OTHER_STUDY)], studies=(STUDY, OTHER_STUDY))
    assert listings(db) == [Listing("mpps", "1.8", 2, 1, 0)]
    arrive(db, 1, study=OTHER_STUDY)
    assert listings(db) == [Listing("mpps", "1.8", 2, 0, 0)] == listings(db, OTHER_STUDY)


def test_of_the_other_kinds_the_newest_counts(db: Database) -> None:
    arrive(db, 1, 2)
    notify(db, uids(1))
    notify(db, uids(1, 2), uid="1.7.2", seconds=5)
    notify(db, [], uid="1.7.3", seconds=4)
    ask(db, uids(1, 2))
    ask(db, uids(2), transaction="1.9.2", seconds=3)
    assert listings(db) == [Listing("commitment", "1.9.2", 1, 0, 1), Listing("ian", "1.7.2", 2, 0, 0)]


def test_a_request_made_before_its_instances_were_indexed_is_evidence_once_verified(db: Database) -> None:
    ask(db, uids(1))
    arrive(db, 1)
    assert listings(db) == []
    claim = commitments.take(db, "w", 30.0, "verify")
    assert claim is not None
    with db.write() as s:
        commitments.mark_verified(s, claim.fence, {}, db.clock.utc())
    assert listings(db) == [Listing("commitment", "1.9", 1, 0, 0)]


def test_long_lists(db: Database) -> None:
    arrive(db, *range(1, 40))
    notify(db, uids(*range(1, 2001)))
    assert listings(db) == [Listing("ian", "1.7", 2000, 1961, 0)]
