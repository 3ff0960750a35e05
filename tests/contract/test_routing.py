"""Routing over a real store: what completes, what is decided, what is asked for, and what is never asked for twice."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from node.route.evaluate import Look, evaluate
from node.route.ruleset import RulesInForce
from node.route.sweep import Sweep
from node.settings import CompletionSettings
from storage import decisions, events, intake, packages, studies
from storage.base.clock import ManualClock
from storage.database import Database
from storage.intake import ArrivedInstance
from storage.schema import Evaluation, Event, Job, JobInput, ResultObject, Revision, RuleDecision, Series, Study
from tests.support.packages import manifest
from tests.support.seeds import STUDY, done_job, instance, open_association

pytestmark = pytest.mark.heavy

COMPLETION = CompletionSettings(default_quiet_s=60.0, quiet_s={"CT": 20.0})
RULES = [
    {"name": "mr", "when": 'Modality == "MR"', "model": "hippocampus-mr", "deliver_to": ["pacs"], "quiet_s": 5},
    {"name": "large", "when": "instances >= 100", "model": "hippocampus-mr", "deliver_to": ["pacs"], "quiet_s": 5},
]


class Node:
    """A store that instances arrive in, and a router over it that can be restarted."""

    def __init__(self, db: Database, clock: ManualClock) -> None:
        self.db, self.clock = db, clock
        self.numbers = iter(range(1, 10_000))
        self.restart()

    def restart(self) -> None:
        self.sweeper = Sweep(self.db, COMPLETION)

    def rules(self, rules: list[dict[str, Any]]) -> None:
        text = json.dumps({"rules": rules})
        with self.db.write() as s:
            decisions.apply_rules(s, text, str(hash(text)), "test", self.clock.utc())

    def register(self, name: str = "hippocampus-mr", modality: tuple[str, ...] = ("MR",)) -> int:
        with self.db.write() as s:
            document = manifest(name, modality=modality).model_dump(mode="json")
            return packages.register(s, name, "1.0.0", f"digest of {name}", "/nowhere", document, self.clock.utc()).id

    def receive(self, *arrived: ArrivedInstance) -> None:
        with self.db.write() as s:
            for one in arrived:
                record = f"{next(self.numbers):06d}"
                intake.add_instance(s, replace(one, spool_record=record, received_at=self.clock.utc()))

    def send(self, study: str = STUDY, series: int = 1, count: int = 3, **changes: Any) -> None:
        self.receive(*(instance(n, study=study, series=series, **changes) for n in range(1, count + 1)))

    def sweep(self) -> int:
        return self.sweeper.run(self.clock.utc(), self.clock.monotonic_s())

    def wait(self, seconds: float, step: float = 1.0) -> int:
        """Sweep once every ``step`` seconds; returns how many looks were taken."""
        looks = self.sweep()
        for _ in range(round(seconds / step)):
            self.clock.sleep(step)
            looks += self.sweep()
        return looks

    def count(self, table: type[Any]) -> int:
        with self.db.read() as s:
            return s.scalar(select(func.count()).select_from(table)) or 0

    def decided(self) -> list[tuple[str, bool, str]]:
        with self.db.read() as s:
            rows = s.scalars(select(RuleDecision).order_by(RuleDecision.id)).all()
        return [(row.rule_name, row.matched, row.reason) for row in rows]

    def told(self, kind: str) -> list[dict[str, Any]]:
        with self.db.read() as s:
            return [e.facts for e in s.scalars(select(Event).where(Event.kind == kind).order_by(Event.id))]


@pytest.fixture
def node(db: Database, clock: ManualClock) -> Node:
    made = Node(db, clock)
    made.register()
    made.rules(RULES)
    with db.write() as s:
        open_association(s)
        intake.note_association_closed(s, uid="a1", end="released", at=clock.utc())
    return made


def test_a_study_is_completed_once_and_asks_for_one_job(node: Node) -> None:
    node.send()
    assert node.wait(4) == 0
    assert node.count(Revision) == node.count(Job) == 0
    assert node.wait(60) == 1
    assert (node.count(Revision), node.count(Evaluation), node.count(Job)) == (1, 1, 1)
    assert node.decided() == [
        ("mr", True, "the condition holds"),
        ("large", False, "instances >= 100 does not hold: instances is 3"),
    ]
    (facts,) = node.told("study.complete")
    assert (facts["quiet_s"], facts["revision"], facts["matched"], facts["new_jobs"]) == (5.0, 1, 1, 1)
    with node.db.read() as s:
        job, job_input = s.scalars(select(Job)).one(), s.scalars(select(JobInput)).one()
        series = s.get_one(Series, job_input.series_id)
        assert (job.state, job_input.name, series.series_instance_uid) == ("ready", "image", f"{STUDY}.1")
        assert studies.pending_studies(s) == []


def test_the_same_study_again_starts_nothing_and_says_so(node: Node) -> None:
    node.send()
    node.wait(10)
    node.send()
    assert node.wait(10) == 1
    assert (node.count(Revision), node.count(Evaluation), node.count(Job), node.count(RuleDecision)) == (1, 2, 1, 2)
    (facts,) = node.told("study.resent-nothing-new")
    assert (facts["new_jobs"], facts["revision"]) == (0, 1)
    assert len(node.told("study.complete")) == 1
    with node.db.read() as s:
        job = s.scalars(select(Job)).one()
    assert node.decided()[0] == ("mr", True, f"the condition holds; job {job.id} is this very run")


def test_a_late_slice_makes_a_revision_and_reruns_its_series_alone(node: Node) -> None:
    node.send(series=1)
    node.send(series=2)
    node.wait(10)
    assert node.count(Job) == 2
    node.receive(instance(4, series=2))
    node.wait(10)
    assert (node.count(Revision), node.count(Job)) == (2, 3)
    with node.db.read() as s:
        newest = s.scalars(select(JobInput).order_by(JobInput.id.desc()).limit(1)).one()
        assert s.get_one(Series, newest.series_id).series_instance_uid == f"{STUDY}.2"
    assert [facts["new_jobs"] for facts in node.told("study.complete")] == [2, 1]


def test_a_restart_inside_the_quiet_time_completes_once_and_not_later(node: Node) -> None:
    node.send()
    assert node.wait(3) == 0
    node.restart()
    assert node.wait(1) == 0
    node.restart()
    assert node.wait(1) == 1
    node.restart()
    assert node.wait(30) == 0
    assert node.count(Job) == 1


def test_a_restart_after_a_long_pause_completes_at_once(node: Node) -> None:
    node.send()
    node.clock.sleep(3600)
    node.restart()
    assert node.sweep() == 1


@pytest.mark.parametrize("hours", [1, -1])
def test_a_step_of_the_clock_neither_completes_early_nor_hangs(node: Node, hours: int) -> None:
    node.sweep()
    node.send()
    assert node.wait(2) == 0
    node.clock.jump(hours * 3600)
    assert node.wait(2) == 0
    assert node.wait(2) == 1
    node.send(count=4)  # its times lie on the other side of the step
    assert node.wait(4) == 0
    assert node.wait(3) == 1
    assert node.count(Revision) == 2


def test_a_step_of_the_clock_before_the_first_sight(node: Node) -> None:
    node.sweep()
    node.send()
    node.clock.jump(3600)
    assert node.wait(4) == 0
    assert node.wait(2) == 1


@pytest.mark.parametrize("end", ["released", "aborted", "lost"])
def test_an_association_that_ends_completes_nothing_by_itself(node: Node, end: intake.AssociationEnd) -> None:
    with node.db.write() as s:
        open_association(s, "a2")
    node.send(association_uid="a2")
    assert node.wait(30) == 0, "it is open"
    node.receive(instance(4, association_uid="a2"))
    with node.db.write() as s:
        intake.note_association_closed(s, uid="a2", end=end, at=node.clock.utc())
    assert node.wait(4) == 0, "the last arrival is too young"
    assert node.wait(2) == 1


@pytest.mark.parametrize(("end", "looks"), [("released", 1), ("aborted", 0), ("lost", 0)])
def test_a_sender_that_was_cut_off_gets_the_whole_quiet_time(node: Node, end: intake.AssociationEnd, looks: int) -> None:
    with node.db.write() as s:
        open_association(s, "a2")
    node.send(association_uid="a2")
    assert node.wait(30) == 0
    with node.db.write() as s:
        intake.note_association_closed(s, uid="a2", end=end, at=node.clock.utc())
    assert node.wait(4) == looks
    assert node.wait(2) == 1 - looks


@pytest.mark.parametrize("hours", [0, 1, -1])
@pytest.mark.parametrize("router_too", [False, True])
def test_time_with_the_receiver_down_is_not_quiet(node: Node, router_too: bool, hours: int) -> None:
    with node.db.write() as s:
        open_association(s, "a2")
    node.send(association_uid="a2")
    assert node.wait(30) == 0
    node.clock.jump(hours * 3600)
    with node.db.write() as s:
        intake.note_receiver_started(s, "r", 2, node.clock.utc())
        open_association(s, "a3", boot=2)
    if router_too:
        node.restart()
    assert node.wait(4) == 0, "the scanner hasn't had the time to come back"
    node.receive(instance(4, association_uid="a3"))
    with node.db.write() as s:
        intake.note_association_closed(s, uid="a3", end="released", at=node.clock.utc())
    assert node.wait(20) == 1
    assert (node.count(Revision), node.count(Job)) == (1, 1)


def test_an_open_association_that_carries_another_study_does_not_matter(node: Node) -> None:
    with node.db.write() as s:
        open_association(s, "a2")
    node.send("1.2.9", association_uid="a2")
    node.send()
    assert node.wait(10) == 1


def test_ten_interleaved_studies_complete_each_by_itself(node: Node) -> None:
    names = [f"1.2.{number}" for number in range(100, 110)]
    for number in range(1, 6):
        for name in names:
            node.receive(instance(number, study=name))
            node.clock.sleep(0.1)
        assert node.sweep() == 0
    assert node.wait(10) == 10
    assert (node.count(Study), node.count(Revision), node.count(Job)) == (10, 10, 10)
    with node.db.read() as s:
        assert {len(c.instances) for r in s.scalars(select(Revision)) for c in studies.revision_series(s, r.id)} == {5}


def test_rules_without_quiet_time_take_the_modality_s(node: Node) -> None:
    node.register("any", modality=("MR", "CT"))
    node.rules([{"name": "all", "when": "true", "model": "any", "deliver_to": []}])
    ct: dict[str, Any] = {"modality": "CT", "header": {"00080060": {"vr": "CS", "Value": ["CT"]}}}
    node.send(series=1, **ct)
    node.send(series=2)
    assert node.wait(19) == 0
    assert node.wait(1) == 1
    assert (node.count(Job), node.count(RuleDecision)) == (1, 1)
    with node.db.read() as s:
        assert len(studies.pending_studies(s)) == 1, "the MR series still waits"
    assert node.wait(60) == 1
    assert (node.count(Job), node.count(Revision)) == (2, 1)
    assert node.told("study.resent-nothing-new") == []


def test_why_a_matching_rule_asked_for_nothing(node: Node) -> None:
    package_id = node.register()
    with node.db.write() as s:
        packages.quarantine(s, package_id, "broken", node.clock.utc())
    node.register("ct-only", modality=("CT",))
    node.rules([
        RULES[0],
        {"name": "ct", "when": "true", "model": "ct-only", "deliver_to": [], "quiet_s": 5},
    ])  # fmt: skip
    node.send()
    node.wait(6)
    assert node.decided() == [
        ("mr", False, "the condition holds, but model hippocampus-mr is not in use (not registered, retired or quarantined)"),
        ("ct", False, "the condition holds, but model ct-only takes CT and the series is MR"),
    ]
    with node.db.write() as s:
        packages.reinstate(s, package_id, node.clock.utc())
    node.send()
    node.wait(6)
    assert node.decided()[0][1:] == (True, "the condition holds")
    assert node.count(Job) == 1


def test_what_this_node_made_is_never_routed_back(node: Node) -> None:
    done_job(node.db)
    with node.db.read() as s:
        results = s.scalars(select(ResultObject).where(ResultObject.sop_instance_uid != "")).all()
    jobs = node.count(Job)
    node.rules([{"name": "all", "when": "true", "model": "hippocampus-mr", "deliver_to": [], "quiet_s": 5}])
    node.wait(300, step=100)  # the study that the results belong to has been completed as well
    jobs = node.count(Job)
    node.receive(*(instance(n, study="1.9", series=7, sop_instance_uid=r.sop_instance_uid) for n, r in enumerate(results)))
    node.wait(10)
    assert node.count(Job) == jobs
    assert node.decided()[-1] == ("all", False, "this node made the series itself")


def test_without_rules_completeness_is_still_recorded(db: Database, clock: ManualClock) -> None:
    node = Node(db, clock)
    node.send()
    assert node.wait(59) == 0
    assert node.wait(2) == 1
    (facts,) = node.told("study.complete")
    assert (facts["rules"], facts["judged"]) == (0, 0)
    with db.read() as s:
        assert s.scalars(select(Evaluation)).one().rule_version_id is None
        assert studies.pending_studies(s) == []


def test_new_rules_leave_settled_studies_alone_and_judge_a_resend(node: Node) -> None:
    node.send()
    node.wait(10)
    node.rules([RULES[0] | {"name": "new", "parameters": {"threshold": 0.5}}])
    assert node.wait(100, step=10) == 0
    node.send()
    assert node.wait(10) == 1
    assert node.count(Job) == 2
    assert node.decided()[-1][:2] == ("new", True)
    assert node.told("study.resent-nothing-new") == []


def test_rules_that_ask_for_the_same_run_share_it(node: Node) -> None:
    node.rules([RULES[0], RULES[0] | {"name": "research", "deliver_to": ["archive"], "priority": 7}])
    node.send()
    node.wait(6)
    assert node.count(Job) == 1
    assert [matched for _, matched, _ in node.decided()] == [True, True]
    with node.db.read() as s:
        assert s.scalars(select(Job)).one().priority == 7


def test_calling_is_who_sent_it_first(node: Node) -> None:
    node.rules([RULES[0] | {"when": 'calling == "CT_1"'}])
    node.send()
    node.wait(6)
    assert node.count(Job) == 1
    with node.db.write() as s:
        intake.note_association_opened(
            s, uid="a3", receiver="r", boot=1, calling_ae_title="OTHER", called_ae_title="W", host="h", at=node.clock.utc()
        )
        intake.note_association_closed(s, uid="a3", end="released", at=node.clock.utc())
    node.send(association_uid="a3")
    node.wait(6)
    assert node.decided()[0][1], "a resend by somebody else changes nothing"
    node.receive(instance(4, association_uid="a3"))
    node.wait(6)
    assert node.decided()[-1][1:] == (False, 'calling == "CT_1" does not hold: calling is ""')


def test_a_look_taken_by_another_router_is_not_taken_twice(node: Node) -> None:
    node.send()
    node.clock.sleep(6)
    with node.db.read() as s:
        (study,) = studies.pending_studies(s)
        rules = RulesInForce().of(decisions.latest_rules(s))
    look = Look(study, 5.0, rules, COMPLETION, last=True)
    first, second = evaluate(node.db, look), evaluate(node.db, look)
    assert (first.new_jobs, second.new_jobs, second.judged) == (1, 0, 0)
    assert node.count(Evaluation) == 1
    with node.db.read() as s:
        assert [e.kind for e in events.list_(s)].count("study.complete") == 1


def test_one_study_that_can_not_be_evaluated_does_not_hold_up_the_others(node: Node) -> None:
    node.receive(instance(1, study="1.2.8", header=["no data set"]))
    node.send()
    with node.db.write() as s:
        s.scalars(select(Study).where(Study.study_instance_uid == "1.2.8")).one().last_arrival_at -= timedelta(seconds=1)
    assert node.wait(10) == 1
    assert node.count(Job) == 1
    with node.db.read() as s:
        assert [study.study_instance_uid for study in studies.pending_studies(s)] == ["1.2.8"], "it stays visible"
