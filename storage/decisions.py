"""Rule versions, evaluations and decisions: why something ran, or why nothing did."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from storage import events
from storage.rows import insert_new
from storage.schema import Evaluation, RuleDecision, RuleVersion


def apply_rules(s: Session, text: str, digest: str, author: str, at: datetime) -> RuleVersion:
    """Make ``text`` the rules in force; the latest version again when its digest is the same."""
    latest = latest_rules(s)
    if latest is not None and latest.digest == digest:
        return latest
    number = (latest.number if latest else 0) + 1
    version = RuleVersion(number=number, digest=digest, text=text, author=author, applied_at=at)
    s.add(version)
    s.flush()
    events.record(s, "rules.applied", at, number=number, digest=digest)
    return version


def latest_rules(s: Session) -> RuleVersion | None:
    """The rules in force; None before any were applied."""
    return s.scalars(select(RuleVersion).order_by(RuleVersion.number.desc()).limit(1)).one_or_none()


def rules_history(s: Session) -> list[RuleVersion]:
    """Every version, newest first."""
    return list(s.scalars(select(RuleVersion).order_by(RuleVersion.number.desc())).all())


def record_evaluation(
    s: Session,
    *,
    study_id: int,
    quiet_s: float,
    arrival_count: int,
    revision_id: int,
    rule_version_id: int | None,
    at: datetime,
) -> bool:
    """Note that a Study was looked at; False when that look (study, quiet time, arrival count) was noted before."""
    return insert_new(
        s,
        Evaluation,
        study_id=study_id,
        quiet_s=quiet_s,
        arrival_count=arrival_count,
        revision_id=revision_id,
        rule_version_id=rule_version_id,
        evaluated_at=at,
    )


def record_decision(
    s: Session,
    *,
    revision_id: int,
    rule_version_id: int,
    rule_name: str,
    rule_index: int,
    series_id: int,
    matched: bool,
    reason: str,
    trace: dict[str, Any],
    job_id: int | None,
    at: datetime,
) -> RuleDecision:
    """Note how one rule judged one Series; a repeated judgement of the same replaces the former."""
    key = {"revision_id": revision_id, "rule_version_id": rule_version_id, "rule_name": rule_name, "series_id": series_id}
    decision = s.scalars(select(RuleDecision).filter_by(**key).with_for_update()).one_or_none()
    if decision is None:
        decision = RuleDecision(**key)
        s.add(decision)
    decision.rule_index = rule_index
    decision.matched = matched
    decision.reason = reason
    decision.trace = trace
    decision.job_id = job_id if job_id is not None else decision.job_id
    decision.decided_at = at
    s.flush()
    return decision


def list_decisions(s: Session, revision_id: int) -> list[RuleDecision]:
    """Every decision about a revision, by rule order."""
    query = select(RuleDecision).where(RuleDecision.revision_id == revision_id)
    return list(s.scalars(query.order_by(RuleDecision.rule_index, RuleDecision.series_id)).all())
