"""Requests for storage commitment, procedure steps, and what peers say that a Study holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    _commitments()
    _steps_and_evidence()


def downgrade() -> None:
    for table in ("evidence", "procedure_step", "commitment_instance", "commitment"):
        op.drop_table(table)


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def _commitments() -> None:
    op.create_table(
        "commitment",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("transaction_uid", sa.String(), nullable=False),
        sa.Column("list_digest", sa.String(), nullable=False),
        sa.Column("requester", sa.String(), nullable=False),
        sa.Column("called_ae_title", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("association_uid", sa.String(), nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("asked", sa.Integer(), nullable=False),
        sa.Column("tried_since", TIME, nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", TIME, nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.Column("verified_at", TIME, nullable=True),
        sa.Column("reported_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_commitment"),
        sa.UniqueConstraint(
            "requester", "transaction_uid", "list_digest", name="uq_commitment_requester_transaction_uid_list_digest"
        ),
    )
    _partial_index("ix_commitment_due", "commitment", ["next_attempt_at"], "state IN ('requested', 'verified')")
    _partial_index("ix_commitment_held", "commitment", ["lease_until"], "state IN ('verifying', 'reporting')")
    op.create_table(
        "commitment_instance",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("commitment_id", BIG_ID, nullable=False),
        sa.Column("sop_class_uid", sa.String(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(), nullable=False),
        sa.Column("failure_reason", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_commitment_instance"),
        sa.ForeignKeyConstraint(["commitment_id"], ["commitment.id"], name="fk_commitment_instance_commitment_id"),
    )
    op.create_index("ix_commitment_instance_commitment_id", "commitment_instance", ["commitment_id"])


def _steps_and_evidence() -> None:
    op.create_table(
        "procedure_step",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("ae_title", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("ended_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_procedure_step"),
        sa.UniqueConstraint("uid", name="uq_procedure_step_uid"),
    )
    op.create_table(
        "evidence",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("source_uid", sa.String(), nullable=False),
        sa.Column("study_instance_uid", sa.String(), nullable=False),
        sa.Column("ae_title", sa.String(), nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.Column("sop_instance_uids", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_evidence"),
        sa.UniqueConstraint("kind", "source_uid", "study_instance_uid", name="uq_evidence_kind_source_uid_study_instance_uid"),
    )
    op.create_index("ix_evidence_study_instance_uid", "evidence", ["study_instance_uid"])
