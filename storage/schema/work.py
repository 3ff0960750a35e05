"""What is to be done: jobs, results, deliveries, leases; and the events that tell what happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema.base import Base, BigId, Id

# Partial indexes serve a query only if it repeats the condition with literals, so queries use these same texts.
CLAIMABLE = text("state IN ('ready', 'inferred')")
RUNNING = text("state IN ('inferring', 'reporting')")
PENDING = text("state = 'pending'")
SENDING = text("state = 'sending'")


class Job(Base):
    """One run of one model on named Series of one Study.

    ``attempts`` counts the model's errors, ``infra_failures`` those of machines. ``attempt`` is the fencing token: it grows at
    every claim and never falls.
    """

    __tablename__ = "job"
    __table_args__ = (
        UniqueConstraint("study_id", "model_digest", "parameters_digest", "input_digest", "generation", name="uq_job_identity"),
        Index("ix_job_claimable", "priority", "id", postgresql_where=CLAIMABLE, sqlite_where=CLAIMABLE),
        Index("ix_job_running", "lease_until", postgresql_where=RUNNING, sqlite_where=RUNNING),
    )

    id: Mapped[Id]
    blob_prefix: Mapped[str] = mapped_column(unique=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    revision_id: Mapped[int] = mapped_column(ForeignKey("revision.id"), index=True)
    package_id: Mapped[int] = mapped_column(ForeignKey("model_package.id"), index=True)
    model_digest: Mapped[str]
    parameters_digest: Mapped[str]
    parameters: Mapped[dict[str, Any]]
    input_digest: Mapped[str]
    generation: Mapped[int] = mapped_column(default=1)
    state: Mapped[str] = mapped_column(default="ready")
    priority: Mapped[int] = mapped_column(default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    infra_failures: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    not_before: Mapped[datetime | None]
    reason_code: Mapped[str] = mapped_column(default="")
    reason: Mapped[str] = mapped_column(default="")
    prediction: Mapped[dict[str, Any] | None]
    measurements: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    timings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]


class JobInput(Base):
    """A named input of a job: one Series of the job's revision."""

    __tablename__ = "job_input"
    __table_args__ = (UniqueConstraint("job_id", "name"),)

    id: Mapped[Id]
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    name: Mapped[str]
    series_id: Mapped[int] = mapped_column(ForeignKey("series.id"))


class JobDestination(Base):
    """A peer that gets the job's results, and the rule that asked first."""

    __tablename__ = "job_destination"
    __table_args__ = (UniqueConstraint("job_id", "peer"),)

    id: Mapped[Id]
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    peer: Mapped[str]
    rule_name: Mapped[str]


class ResultObject(Base):
    """One output of a job. DICOM roles carry UIDs, others leave them empty."""

    __tablename__ = "result_object"
    __table_args__ = (UniqueConstraint("job_id", "role"),)

    id: Mapped[Id]
    job_id: Mapped[int] = mapped_column(ForeignKey("job.id"))
    role: Mapped[str]
    blob_key: Mapped[str]
    sha256: Mapped[str]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sop_class_uid: Mapped[str] = mapped_column(default="")
    sop_instance_uid: Mapped[str] = mapped_column(default="", index=True)
    series_instance_uid: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]


class Delivery(Base):
    """One result object on its way to one peer.

    ``attempts`` counts tries since ``tried_since`` (creation, or a person's retry); ``attempt`` is the fencing token. A delivery
    waits until the one it depends on is delivered.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        UniqueConstraint("result_id", "peer"),
        Index("ix_delivery_pending", "next_attempt_at", postgresql_where=PENDING, sqlite_where=PENDING),
        Index("ix_delivery_sending", "lease_until", postgresql_where=SENDING, sqlite_where=SENDING),
    )

    id: Mapped[Id]
    result_id: Mapped[int] = mapped_column(ForeignKey("result_object.id"))
    peer: Mapped[str]
    depends_on_id: Mapped[int | None] = mapped_column(ForeignKey("delivery.id"), index=True)
    state: Mapped[str] = mapped_column(default="pending")
    attempts: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str] = mapped_column(default="")
    created_at: Mapped[datetime]
    tried_since: Mapped[datetime]
    delivered_at: Mapped[datetime | None]


class Lease(Base):
    """A named right that one holder has at a time, such as to act on ticks."""

    __tablename__ = "lease"

    name: Mapped[str] = mapped_column(primary_key=True)
    holder: Mapped[str]
    until: Mapped[datetime]


class Event(Base):
    """Something happened. ``facts`` hold no patient data; ids aren't foreign keys, so events outlive what they tell of."""

    __tablename__ = "event"

    id: Mapped[Id]
    at: Mapped[datetime]
    kind: Mapped[str]
    study_id: Mapped[int | None] = mapped_column(BigId, index=True)
    job_id: Mapped[int | None] = mapped_column(BigId, index=True)
    delivery_id: Mapped[int | None] = mapped_column(BigId, index=True)
    facts: Mapped[dict[str, Any]] = mapped_column(default=dict)
