"""What was decided and why: evaluations, rule versions, decisions, model packages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema.base import Base, Id


class Evaluation(Base):
    """One look at a Study after ``quiet_s`` seconds without arrivals; ``arrival_count`` as it was then."""

    __tablename__ = "evaluation"
    __table_args__ = (UniqueConstraint("study_id", "quiet_s", "arrival_count"),)

    id: Mapped[Id]
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    quiet_s: Mapped[float]
    arrival_count: Mapped[int]
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"))
    rule_version_id: Mapped[int | None] = mapped_column(ForeignKey("rule_version.id"))
    evaluated_at: Mapped[datetime]


class RuleVersion(Base):
    """A rules file as it was applied; ``number`` counts 1, 2, 3 …"""

    __tablename__ = "rule_version"

    id: Mapped[Id]
    number: Mapped[int] = mapped_column(unique=True)
    digest: Mapped[str]
    text: Mapped[str]
    author: Mapped[str]
    applied_at: Mapped[datetime]


class RuleDecision(Base):
    """One rule held against one Series of one revision: matched or not, and the trace of reasons."""

    __tablename__ = "rule_decision"
    __table_args__ = (UniqueConstraint("revision_id", "rule_version_id", "rule_name", "series_id", name="uq_rule_decision_key"),)

    id: Mapped[Id]
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"))
    rule_version_id: Mapped[int] = mapped_column(ForeignKey("rule_version.id"))
    rule_name: Mapped[str]
    rule_index: Mapped[int]
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"))
    matched: Mapped[bool]
    reason: Mapped[str]
    trace: Mapped[dict[str, Any]]
    job_id: Mapped[int | None] = mapped_column(ForeignKey("job.id"))
    decided_at: Mapped[datetime]


class ModelPackage(Base):
    """A model package by digest; at most one of a name is active. ``state_at``: since when it is in its state."""

    __tablename__ = "model_package"

    id: Mapped[Id]
    name: Mapped[str] = mapped_column(index=True)
    version: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str]
    path: Mapped[str]
    manifest: Mapped[dict[str, Any]]
    reason: Mapped[str] = mapped_column(default="")
    registered_at: Mapped[datetime]
    state_at: Mapped[datetime]
