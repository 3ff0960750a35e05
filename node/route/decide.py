"""What follows from a verdict, in the caller's transaction: the Series of every input, the job, the decision with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from inference.manifest import Manifest
from node.route.rules.compile import CompiledRule
from node.route.rules.judge import Judgement
from node.route.rules.values import SeriesValues
from node.route.selection import Candidate, Selection, choose_inputs
from storage import decisions
from storage.database import Session
from storage.evaluations import SeriesHead
from storage.jobs import request_job
from storage.packages import active_package
from storage.schema import ModelPackage


@dataclass(frozen=True)
class Seen:
    """One Series of a revision and what the rules may ask of it; ``values`` None where this node made it itself."""

    head: SeriesHead
    values: SeriesValues | None


@dataclass(frozen=True)
class Verdict:
    """How one rule judged one Series."""

    rule: CompiledRule
    series: SeriesHead
    judgement: Judgement


@dataclass(frozen=True)
class Revised:
    """The revision that is decided on, by whose rules, and every Series in it.

    ``trace``: what every decision's trace says besides.
    """

    study_id: int
    revision_id: int
    rule_version_id: int
    seen: tuple[Seen, ...]
    trace: Mapping[str, Any]


def decide(s: Session, revised: Revised, verdict: Verdict, at: datetime) -> tuple[bool, bool]:
    """Record one decision, with its job where the rule matched; whether it matched and whether the job is new."""
    matched, reason, job_id, new = verdict.judgement.matched, verdict.judgement.reason, None, False
    chosen = Selection()
    if matched:
        package = active_package(s, verdict.rule.rule.model)
        chosen = _choose(package, revised, verdict)
        if package is None or chosen.obstacle:
            matched, reason = False, f"{reason}, but {chosen.obstacle}"
        else:
            job_id, new = _ask(s, revised, verdict, package, chosen, at)
            reason = ", ".join([reason, *([chosen.said] if chosen.said else [])])
            reason = reason if new else f"{reason}; job {job_id} is this very run"
    decisions.record_decision(
        s,
        revision_id=revised.revision_id,
        rule_version_id=revised.rule_version_id,
        rule_name=verdict.rule.rule.name,
        rule_index=verdict.rule.index,
        series_id=verdict.series.series_id,
        matched=matched,
        reason=reason,
        trace=verdict.judgement.trace | ({"inputs": chosen.trace} if chosen.trace else {}) | dict(revised.trace),
        job_id=job_id,
        at=at,
    )
    return matched, new


def _choose(package: ModelPackage | None, revised: Revised, verdict: Verdict) -> Selection:
    """The Series of every input, or why the model can't run."""
    if package is None:
        model = verdict.rule.rule.model
        return Selection(obstacle=f"model {model} is not in use (not registered, retired or quarantined)")
    study = {seen.head.series_instance_uid: _candidate(seen, seen.values) for seen in revised.seen if seen.values is not None}
    reference = study[verdict.series.series_instance_uid]
    return choose_inputs(verdict.rule, Manifest.model_validate(package.manifest), reference, list(study.values()))


def _candidate(seen: Seen, values: SeriesValues) -> Candidate:
    return Candidate(seen.head.series_instance_uid, seen.head.modality, values)


def _ask(
    s: Session, revised: Revised, verdict: Verdict, package: ModelPackage, chosen: Selection, at: datetime
) -> tuple[int, bool]:
    rule = verdict.rule.rule
    ids = {seen.head.series_instance_uid: seen.head.series_id for seen in revised.seen}
    job, new = request_job(
        s,
        study_id=revised.study_id,
        revision_id=revised.revision_id,
        package=package,
        parameters=rule.parameters,
        inputs={name: ids[uid] for name, uid in chosen.inputs.items()},
        priority=rule.priority,
        destinations=list(rule.deliver_to),
        rule_name=rule.name,
        at=at,
    )
    return job.id, new
