"""One look at a Study after one quiet time: freeze, judge every pair of rule and Series, ask for jobs.

The revision is frozen in a short transaction and judged outside any, since reading the headers of a large Study takes time. Then
evaluation, decisions, jobs and events are written in one transaction: after a crash either all of it is there or the look is
repeated, and whatever is repeated changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from node.route.decide import Revised, Seen, Verdict, decide
from node.route.rules.compile import CompiledRule
from node.route.rules.judge import Judgement, judge
from node.route.rules.values import SeriesFacts, SeriesValues, series_values
from node.route.ruleset import RuleSet
from node.route.selection import FRAME
from node.settings import CompletionSettings
from storage import decisions, events
from storage.database import Database, Session
from storage.evaluations import SeriesHead, calling_ae_titles, looked_at, series_heads
from storage.schema import Revision
from storage.studies import StudyQuiet, freeze_revision, own_sop_instance_uids, revision_series, settle

OWN = "this node made the series itself"


@dataclass(frozen=True)
class Look:
    """What is to be looked at: a Study after ``quiet_s``; ``last``: no other quiet time is left for this content.

    ``why`` it counts as complete, in words.
    """

    study: StudyQuiet
    quiet_s: float
    rules: RuleSet
    completion: CompletionSettings
    last: bool
    why: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a look led to; ``repeated``: the same content was looked at with this quiet time before."""

    revision: int
    judged: int
    matched: int
    new_jobs: int
    repeated: bool


def evaluate(db: Database, look: Look) -> Outcome:
    """Look at a Study, and commit what follows from it."""
    with db.write() as s:
        revision, _ = freeze_revision(s, look.study.study_id, db.clock.utc())
    with db.read() as s:
        seen = _see_series(s, revision.id, look)
    verdicts = [verdict for series in seen for verdict in _judge_series(series, look)]
    with db.write() as s:
        return _commit(s, look, revision, seen, sorted(verdicts, key=lambda v: v.rule.index), db.clock.utc())


def _see_series(s: Session, revision_id: int, look: Look) -> tuple[Seen, ...]:
    """Every Series of the revision, since a rule may give its model others beside the one it judges; none without rules."""
    heads = series_heads(s, revision_id)
    if not any(_rules_of(look, head) for head in heads):
        return ()
    names = dict.fromkeys([FRAME, *(name for rule in look.rules.rules for name in rule.names)])
    return tuple(Seen(head, _values(s, revision_id, head, names)) for head in heads)


def _values(s: Session, revision_id: int, head: SeriesHead, names: Iterable[str]) -> SeriesValues | None:
    instances = revision_series(s, revision_id, only=[head.series_id])[0].instances
    if own_sop_instance_uids(s, (i.sop_instance_uid for i in instances)):
        return None
    callers = calling_ae_titles(s, revision_id, head.series_id)
    facts = SeriesFacts(calling=callers.pop() if len(callers) == 1 else "")
    return series_values([i.header for i in instances], facts, names)


def _judge_series(series: Seen, look: Look) -> list[Verdict]:
    rules = _rules_of(look, series.head)
    if series.values is None:
        return [Verdict(rule, series.head, Judgement(False, OWN, {"own": True})) for rule in rules]
    return [Verdict(rule, series.head, judge(rule.when, series.values)) for rule in rules]


def _rules_of(look: Look, head: SeriesHead) -> list[CompiledRule]:
    return look.rules.at(look.quiet_s, head.modality, look.completion)


def _commit(s: Session, look: Look, revision: Revision, seen: tuple[Seen, ...], verdicts: list[Verdict], at: datetime) -> Outcome:
    study, rules = look.study, look.rules
    repeated = looked_at(s, revision.id, look.quiet_s)
    key: dict[str, Any] = {"study_id": study.study_id, "quiet_s": look.quiet_s, "arrival_count": study.arrival_count}
    if look.last:
        settle(s, study.study_id, study.arrival_count)
    if not decisions.record_evaluation(s, **key, revision_id=revision.id, rule_version_id=rules.version_id, at=at):
        return Outcome(revision.number, 0, 0, 0, repeated=True)  # another router took this look meanwhile
    decided = []
    if verdicts:
        assert rules.version_id is not None  # without rules there is no verdict
        trace = {"quiet_s": look.quiet_s, "complete": look.why}
        revised = Revised(study.study_id, revision.id, rules.version_id, seen, trace)
        decided = [decide(s, revised, verdict, at) for verdict in verdicts]
    outcome = Outcome(revision.number, len(decided), sum(m for m, _ in decided), sum(new for _, new in decided), repeated)
    _tell(s, look, outcome, at)
    return outcome


def _tell(s: Session, look: Look, outcome: Outcome, at: datetime) -> None:
    kind = "study.resent-nothing-new" if outcome.repeated and not outcome.new_jobs else "study.complete"
    events.record(
        s,
        kind,
        at,
        study_id=look.study.study_id,
        quiet_s=look.quiet_s,
        revision=outcome.revision,
        rules=look.rules.number,
        judged=outcome.judged,
        matched=outcome.matched,
        new_jobs=outcome.new_jobs,
        why=look.why,
    )
