"""What peers say of Instances without sending them: commitment requests, procedure steps, and lists of what a Study holds."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from storage.schema.base import Base, Id

# As with jobs: the partial indexes repeat these conditions literally, and so do the queries.
DUE = text("state IN ('requested', 'verified')")
HELD = text("state IN ('verifying', 'reporting')")


class Commitment(Base):
    """A request for storage commitment (PS3.4 J): a list under a Transaction UID, from one AE title.

    ``list_digest`` is that of the list, so that the same request again is the same row; ``asked`` counts how often it came, and
    ``tried_since`` is when it last did. ``attempt`` is the fencing token; ``attempts`` counts reports tried since then.
    """

    __tablename__ = "commitment"
    __table_args__ = (
        UniqueConstraint("requester", "transaction_uid", "list_digest"),
        Index("ix_commitment_due", "next_attempt_at", postgresql_where=DUE, sqlite_where=DUE),
        Index("ix_commitment_held", "lease_until", postgresql_where=HELD, sqlite_where=HELD),
    )

    id: Mapped[Id]
    transaction_uid: Mapped[str]
    list_digest: Mapped[str]
    requester: Mapped[str]
    called_ae_title: Mapped[str]
    host: Mapped[str]
    association_uid: Mapped[str]
    requested_at: Mapped[datetime]
    asked: Mapped[int] = mapped_column(default=1)
    tried_since: Mapped[datetime]
    state: Mapped[str] = mapped_column(default="requested")
    attempts: Mapped[int] = mapped_column(default=0)
    attempt: Mapped[int] = mapped_column(default=0)
    next_attempt_at: Mapped[datetime]
    worker: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    last_status: Mapped[int | None]
    last_error: Mapped[str] = mapped_column(default="")
    verified_at: Mapped[datetime | None]
    reported_at: Mapped[datetime | None]


class CommitmentInstance(Base):
    """One Instance of a request, in its order; ``failure_reason`` (0008,1197) once verified, None where it is safe with us."""

    __tablename__ = "commitment_instance"

    id: Mapped[Id]
    commitment_id: Mapped[int] = mapped_column(ForeignKey("commitment.id"), index=True)
    sop_class_uid: Mapped[str]
    sop_instance_uid: Mapped[str]
    failure_reason: Mapped[int | None]


class ProcedureStep(Base):
    """A Modality Performed Procedure Step (PS3.4 F.7)."""

    __tablename__ = "procedure_step"

    id: Mapped[Id]
    uid: Mapped[str] = mapped_column(unique=True)
    ae_title: Mapped[str]
    state: Mapped[str]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Evidence(Base):
    """What one peer said that a Study holds: ``kind`` mpps, commitment or ian; ``source_uid`` that of the object that said it.

    Until ``finished`` the list may grow, and proves nothing. The Study is named by UID, since it may come later.
    """

    __tablename__ = "evidence"
    __table_args__ = (UniqueConstraint("kind", "source_uid", "study_instance_uid"),)

    id: Mapped[Id]
    kind: Mapped[str]
    source_uid: Mapped[str]
    study_instance_uid: Mapped[str] = mapped_column(index=True)
    ae_title: Mapped[str]
    at: Mapped[datetime]
    finished: Mapped[bool]
    sop_instance_uids: Mapped[list[str]]
