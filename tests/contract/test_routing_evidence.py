"""What peers say that a study holds, at work in routing, on both databases."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from storage import evidence, intake
from storage.base.clock import ManualClock
from storage.database import Database
from storage.evidence import StepState
from storage.schema import Job, Revision, RuleDecision
from storage.views import study_story
from tests.contract.test_routing import RULES, Node
from tests.support.seeds import STUDY, open_association

pytestmark = pytest.mark.heavy
PATIENT = [{**rule, "quiet_s": 600} for rule in RULES]


@pytest.fixture
def node(db: Database, clock: ManualClock) -> Node:
    made = Node(db, clock)
    made.register()
    made.rules(PATIENT)
    with db.write() as s:
        open_association(s)
        intake.note_association_closed(s, uid="a1", end="released", at=clock.utc())
    return made


def step(node: Node, state: StepState, *numbers: int) -> None:
    named = [f"{STUDY}.1.{number}" for number in numbers]
    with node.db.write() as s:
        at = node.clock.utc()
        evidence.note_step(s, uid="1.8", ae_title="CT_1", state=state, studies=[STUDY], sop_instance_uids=named, at=at)


def test_a_completed_step_spares_the_quiet_time_and_is_told(node: Node) -> None:
    node.send(count=3)
    step(node, "in-progress")
    assert node.wait(5) == 0
    step(node, "completed", 1, 2, 3)
    assert node.wait(2) == 1
    assert (node.count(Revision), node.count(Job)) == (1, 1)
    why = "no association is open, MPPS 1.8 lists 3 instances, all held"
    assert [facts["why"] for facts in node.told("study.complete")] == [why]
    with node.db.read() as s:
        assert {row.trace["complete"] for row in s.scalars(select(RuleDecision))} == {why}
        story = study_story(s, STUDY)
    assert story is not None
    assert story["evidence"] == [{"kind": "mpps", "source_uid": "1.8", "listed": 3, "missing": 0, "beyond": 0, "unfinished": 0}]
    assert node.wait(700, step=100) == 0, "and nothing a second time"


def test_an_instance_that_is_missing_is_waited_for_as_long_as_quiet_time_allows(node: Node) -> None:
    node.send(count=2)
    step(node, "completed", 1, 2, 3)
    assert node.wait(500, step=50) == 0
    node.send(count=3)
    assert node.wait(1) == 1


def test_a_list_that_never_comes_true_changes_nothing(node: Node) -> None:
    node.send(count=3)
    step(node, "completed", 1, 2)
    assert node.wait(580, step=116) == 0
    assert node.wait(40, step=20) == 1
    assert "quiet for" in node.told("study.complete")[0]["why"]


def test_an_open_association_is_waited_for(node: Node) -> None:
    with node.db.write() as s:
        open_association(s, "a2")
    node.send(count=3, association_uid="a2")
    step(node, "completed", 1, 2, 3)
    assert node.wait(30) == 0
    with node.db.write() as s:
        intake.note_association_closed(s, uid="a2", end="released", at=node.clock.utc())
    assert node.wait(1) == 1


def test_what_comes_after_the_list_reopens_the_study_until_it_is_quiet(node: Node) -> None:
    node.send(count=3)
    step(node, "completed", 1, 2, 3)
    assert node.wait(1) == 1
    node.send(count=4)
    assert node.wait(580, step=116) == 0
    assert node.wait(40, step=20) == 1
    assert node.count(Revision) == 2
