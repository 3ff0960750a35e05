"""One look at a Study after one quiet time: freeze, judge every pair of rule and Series, ask for jobs.

The revision is frozen in a short transaction and judged outside any, since reading the headers of a large Study takes time. Then
evaluation, decisions, jobs and events are written in one transaction: after a crash either all of it is there or the look is
repeated, and whatever is repeated changes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inference.manifest import Manifest
from node.route.rules.compile import CompiledRule
from node.route.rules.judge import Judgement, judge
from node.route.rules.values import SeriesFacts, series_values
from node.route.ruleset import RuleSet
from node.settings import CompletionSettings
from storage import decisions, events
from storage.database import Database, Session
from storage.evaluations import SeriesHead, calling_ae_titles, looked_at, series_heads
from storage.jobs import request_job
from storage.packages import active_package
from storage.schema import ModelPackage, Revision
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
class Verdict:
    """How one rule judged one Series."""

    rule: CompiledRule
    series: SeriesHead
    judgement: Judgement


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
        verdicts = [verdict for head in series_heads(s, revision.id) for verdict in _judge_series(s, revision.id, head, look)]
    with db.write() as s:
        return _commit(s, look, revision, sorted(verdicts, key=lambda v: v.rule.index), db.clock.utc())


def _judge_series(s: Session, revision_id: int, head: SeriesHead, look: Look) -> list[Verdict]:
    rules = look.rules.at(look.quiet_s, head.modality, look.completion)
    if not rules:
        return []
    instances = revision_series(s, revision_id, only=[head.series_id])[0].instances
    if own_sop_instance_uids(s, (i.sop_instance_uid for i in instances)):
        return [Verdict(rule, head, Judgement(False, OWN, {"own": True})) for rule in rules]
    callers = calling_ae_titles(s, revision_id, head.series_id)
    facts = SeriesFacts(calling=callers.pop() if len(callers) == 1 else "")
    names = dict.fromkeys(name for rule in rules for name in rule.names)
    values = series_values([i.header for i in instances], facts, names)
    return [Verdict(rule, head, judge(rule, values)) for rule in rules]


def _commit(s: Session, look: Look, revision: Revision, verdicts: list[Verdict], at: datetime) -> Outcome:
    study, rules = look.study, look.rules
    repeated = looked_at(s, revision.id, look.quiet_s)
    key: dict[str, Any] = {"study_id": study.study_id, "quiet_s": look.quiet_s, "arrival_count": study.arrival_count}
    if look.last:
        settle(s, study.study_id, study.arrival_count)
    if not decisions.record_evaluation(s, **key, revision_id=revision.id, rule_version_id=rules.version_id, at=at):
        return Outcome(revision.number, 0, 0, 0, repeated=True)  # another router took this look meanwhile
    decided = [_decide(s, look, revision, verdict, at) for verdict in verdicts]
    outcome = Outcome(revision.number, len(decided), sum(m for m, _ in decided), sum(new for _, new in decided), repeated)
    _tell(s, look, outcome, at)
    return outcome


def _decide(s: Session, look: Look, revision: Revision, verdict: Verdict, at: datetime) -> tuple[bool, bool]:
    """Record one decision, with its job where the rule matched; whether it matched and whether the job is new."""
    matched, reason, job_id, new = verdict.judgement.matched, verdict.judgement.reason, None, False
    if matched:
        rule = verdict.rule.rule
        package = active_package(s, rule.model)
        obstacle = _obstacle(package, rule.model, verdict.series.modality)
        if package is None or obstacle:
            matched, reason = False, f"{reason}, but {obstacle}"
        else:
            job_id, new = _ask(s, look.study.study_id, revision.id, verdict, package, at)
            reason = reason if new else f"{reason}; job {job_id} is this very run"
    assert look.rules.version_id is not None  # without rules there is no verdict
    decisions.record_decision(
        s,
        revision_id=revision.id,
        rule_version_id=look.rules.version_id,
        rule_name=verdict.rule.rule.name,
        rule_index=verdict.rule.index,
        series_id=verdict.series.series_id,
        matched=matched,
        reason=reason,
        trace=verdict.judgement.trace | {"quiet_s": look.quiet_s, "complete": look.why},
        job_id=job_id,
        at=at,
    )
    return matched, new


def _obstacle(package: ModelPackage | None, model: str, modality: str) -> str | None:
    """Why the model can't run on a Series that a rule gives it."""
    if package is None:
        return f"model {model} is not in use (not registered, retired or quarantined)"
    inputs = Manifest.model_validate(package.manifest).inputs
    if len(inputs) > 1:
        return f"model {model} needs {len(inputs)} series and a rule gives one"
    if modality not in inputs[0].modality:
        return f"model {model} takes {' or '.join(inputs[0].modality)} and the series is {modality or 'of no modality'}"
    return None


def _ask(s: Session, study_id: int, revision_id: int, verdict: Verdict, package: ModelPackage, at: datetime) -> tuple[int, bool]:
    rule = verdict.rule.rule
    job, new = request_job(
        s,
        study_id=study_id,
        revision_id=revision_id,
        package=package,
        parameters=rule.parameters,
        inputs={Manifest.model_validate(package.manifest).inputs[0].name: verdict.series.series_id},
        priority=rule.priority,
        destinations=list(rule.deliver_to),
        rule_name=rule.name,
        at=at,
    )
    return job.id, new


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
