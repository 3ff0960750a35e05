"""The tables of the first release."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)
JSON = sa.JSON().with_variant(postgresql.JSONB(), "postgresql")


def upgrade() -> None:
    _sources()
    _studies()
    _arrivals_and_revisions()
    _rules_and_packages()
    _jobs()
    _parts_of_jobs()
    _results_and_deliveries()
    _leases_and_events()


def downgrade() -> None:
    for table in TABLES:
        op.drop_table(table)


def _partial_index(name: str, table: str, columns: list[str], where: str) -> None:
    op.create_index(name, table, columns, postgresql_where=sa.text(where), sqlite_where=sa.text(where))


def _sources() -> None:
    op.create_table(
        "source_ae",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("ae_title", sa.String(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        sa.Column("first_seen_at", TIME, nullable=False),
        sa.Column("last_seen_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_source_ae"),
        sa.UniqueConstraint("ae_title", "host", name="uq_source_ae_ae_title_host"),
    )
    op.create_table(
        "association",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("uid", sa.String(), nullable=False),
        sa.Column("source_id", BIG_ID, nullable=False),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("boot", sa.Integer(), nullable=False),
        sa.Column("called_ae_title", sa.String(), nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("closed_at", TIME, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["source_ae.id"], name="fk_association_source_id"),
        sa.PrimaryKeyConstraint("id", name="pk_association"),
        sa.UniqueConstraint("uid", name="uq_association_uid"),
    )
    _partial_index("ix_association_open", "association", ["receiver"], "state = 'open'")


def _studies() -> None:
    op.create_table(
        "study",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("study_instance_uid", sa.String(), nullable=False),
        sa.Column("first_arrival_at", TIME, nullable=False),
        sa.Column("last_arrival_at", TIME, nullable=False),
        sa.Column("arrival_count", sa.Integer(), nullable=False),
        sa.Column("settled_count", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_study"),
        sa.UniqueConstraint("study_instance_uid", name="uq_study_study_instance_uid"),
    )
    _partial_index("ix_study_unsettled", "study", ["last_arrival_at"], "settled_count < arrival_count")
    op.create_table(
        "series",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("study_id", BIG_ID, nullable=False),
        sa.Column("series_instance_uid", sa.String(), nullable=False),
        sa.Column("modality", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_series_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_series"),
        sa.UniqueConstraint("study_id", "series_instance_uid", name="uq_series_study_id_series_instance_uid"),
    )
    op.create_table(
        "instance",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("series_id", BIG_ID, nullable=False),
        sa.Column("sop_instance_uid", sa.String(), nullable=False),
        sa.Column("sop_class_uid", sa.String(), nullable=False),
        sa.Column("transfer_syntax_uid", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("blob_key", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("first_arrival_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_instance_series_id"),
        sa.PrimaryKeyConstraint("id", name="pk_instance"),
        sa.UniqueConstraint("sop_instance_uid", "sha256", name="uq_instance_sop_instance_uid_sha256"),
        sa.UniqueConstraint("sop_instance_uid", "version", name="uq_instance_sop_instance_uid_version"),
    )
    op.create_index("ix_instance_series_id", "instance", ["series_id"])
    op.create_table(
        "instance_header",
        sa.Column("instance_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("dataset", JSON, nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_instance_header_instance_id"),
        sa.PrimaryKeyConstraint("instance_id", name="pk_instance_header"),
    )


def _arrivals_and_revisions() -> None:
    op.create_table(
        "arrival",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("instance_id", BIG_ID, nullable=False),
        sa.Column("association_id", BIG_ID, nullable=True),
        sa.Column("spool_record", sa.String(), nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("duplicate", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["association_id"], ["association.id"], name="fk_arrival_association_id"),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_arrival_instance_id"),
        sa.PrimaryKeyConstraint("id", name="pk_arrival"),
        sa.UniqueConstraint("spool_record", name="uq_arrival_spool_record"),
    )
    op.create_index("ix_arrival_association_id", "arrival", ["association_id"])
    op.create_index("ix_arrival_instance_id", "arrival", ["instance_id"])
    op.create_table(
        "revision",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("study_id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_revision_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_revision"),
        sa.UniqueConstraint("study_id", "digest", name="uq_revision_study_id_digest"),
        sa.UniqueConstraint("study_id", "number", name="uq_revision_study_id_number"),
    )
    op.create_table(
        "revision_instance",
        sa.Column("revision_id", BIG_ID, nullable=False),
        sa.Column("instance_id", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(["instance_id"], ["instance.id"], name="fk_revision_instance_instance_id"),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_revision_instance_revision_id"),
        sa.PrimaryKeyConstraint("revision_id", "instance_id", name="pk_revision_instance"),
    )


def _rules_and_packages() -> None:
    op.create_table(
        "rule_version",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("applied_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_rule_version"),
        sa.UniqueConstraint("number", name="uq_rule_version_number"),
    )
    op.create_table(
        "evaluation",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("study_id", BIG_ID, nullable=False),
        sa.Column("quiet_s", sa.Double(), nullable=False),
        sa.Column("arrival_count", sa.Integer(), nullable=False),
        sa.Column("revision_id", BIG_ID, nullable=False),
        sa.Column("rule_version_id", BIG_ID, nullable=True),
        sa.Column("evaluated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_evaluation_revision_id"),
        sa.ForeignKeyConstraint(["rule_version_id"], ["rule_version.id"], name="fk_evaluation_rule_version_id"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_evaluation_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_evaluation"),
        sa.UniqueConstraint("study_id", "quiet_s", "arrival_count", name="uq_evaluation_study_id_quiet_s_arrival_count"),
    )
    op.create_table(
        "model_package",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("version", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("manifest", JSON, nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("registered_at", TIME, nullable=False),
        sa.Column("state_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_model_package"),
        sa.UniqueConstraint("digest", name="uq_model_package_digest"),
    )
    op.create_index("ix_model_package_name", "model_package", ["name"])


def _jobs() -> None:
    op.create_table(
        "job",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("blob_prefix", sa.String(), nullable=False),
        sa.Column("study_id", BIG_ID, nullable=False),
        sa.Column("revision_id", BIG_ID, nullable=False),
        sa.Column("package_id", BIG_ID, nullable=False),
        sa.Column("model_digest", sa.String(), nullable=False),
        sa.Column("parameters_digest", sa.String(), nullable=False),
        sa.Column("parameters", JSON, nullable=False),
        sa.Column("input_digest", sa.String(), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("infra_failures", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("not_before", TIME, nullable=True),
        sa.Column("reason_code", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("label_map", JSON, nullable=True),
        sa.Column("measurements", JSON, nullable=False),
        sa.Column("timings", JSON, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("updated_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["package_id"], ["model_package.id"], name="fk_job_package_id"),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_job_revision_id"),
        sa.ForeignKeyConstraint(["study_id"], ["study.id"], name="fk_job_study_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job"),
        sa.UniqueConstraint("blob_prefix", name="uq_job_blob_prefix"),
        sa.UniqueConstraint(
            "study_id", "model_digest", "parameters_digest", "input_digest", "generation", name="uq_job_identity"
        ),
    )
    _partial_index("ix_job_claimable", "job", ["priority", "id"], "state IN ('ready', 'inferred')")
    op.create_index("ix_job_package_id", "job", ["package_id"])
    op.create_index("ix_job_revision_id", "job", ["revision_id"])
    _partial_index("ix_job_running", "job", ["lease_until"], "state IN ('inferring', 'reporting')")


def _parts_of_jobs() -> None:
    op.create_table(
        "job_input",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("job_id", BIG_ID, nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("series_id", BIG_ID, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_input_job_id"),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_job_input_series_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job_input"),
        sa.UniqueConstraint("job_id", "name", name="uq_job_input_job_id_name"),
    )
    op.create_table(
        "job_destination",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("job_id", BIG_ID, nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("rule_name", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_job_destination_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_job_destination"),
        sa.UniqueConstraint("job_id", "peer", name="uq_job_destination_job_id_peer"),
    )
    op.create_table(
        "rule_decision",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("revision_id", BIG_ID, nullable=False),
        sa.Column("rule_version_id", BIG_ID, nullable=False),
        sa.Column("rule_name", sa.String(), nullable=False),
        sa.Column("rule_index", sa.Integer(), nullable=False),
        sa.Column("series_id", BIG_ID, nullable=False),
        sa.Column("matched", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("trace", JSON, nullable=False),
        sa.Column("job_id", BIG_ID, nullable=True),
        sa.Column("decided_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_rule_decision_job_id"),
        sa.ForeignKeyConstraint(["revision_id"], ["revision.id"], name="fk_rule_decision_revision_id"),
        sa.ForeignKeyConstraint(["rule_version_id"], ["rule_version.id"], name="fk_rule_decision_rule_version_id"),
        sa.ForeignKeyConstraint(["series_id"], ["series.id"], name="fk_rule_decision_series_id"),
        sa.PrimaryKeyConstraint("id", name="pk_rule_decision"),
        sa.UniqueConstraint("revision_id", "rule_version_id", "rule_name", "series_id", name="uq_rule_decision_key"),
    )


def _results_and_deliveries() -> None:
    op.create_table(
        "result_object",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("job_id", BIG_ID, nullable=False),
        sa.Column("role", sa.String(), nullable=False),
        sa.Column("blob_key", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sop_class_uid", sa.String(), nullable=False),
        sa.Column("sop_instance_uid", sa.String(), nullable=False),
        sa.Column("series_instance_uid", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.id"], name="fk_result_object_job_id"),
        sa.PrimaryKeyConstraint("id", name="pk_result_object"),
        sa.UniqueConstraint("job_id", "role", name="uq_result_object_job_id_role"),
    )
    op.create_index("ix_result_object_sop_instance_uid", "result_object", ["sop_instance_uid"])
    op.create_table(
        "delivery",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("result_id", BIG_ID, nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("depends_on_id", BIG_ID, nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", TIME, nullable=False),
        sa.Column("worker", sa.String(), nullable=True),
        sa.Column("lease_until", TIME, nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("last_error", sa.String(), nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("tried_since", TIME, nullable=False),
        sa.Column("delivered_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["depends_on_id"], ["delivery.id"], name="fk_delivery_depends_on_id"),
        sa.ForeignKeyConstraint(["result_id"], ["result_object.id"], name="fk_delivery_result_id"),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("result_id", "peer", name="uq_delivery_result_id_peer"),
    )
    op.create_index("ix_delivery_depends_on_id", "delivery", ["depends_on_id"])
    _partial_index("ix_delivery_pending", "delivery", ["next_attempt_at"], "state = 'pending'")
    _partial_index("ix_delivery_sending", "delivery", ["lease_until"], "state = 'sending'")


def _leases_and_events() -> None:
    op.create_table(
        "lease",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("holder", sa.String(), nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_lease"),
    )
    op.create_table(
        "event",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("study_id", BIG_ID, nullable=True),
        sa.Column("job_id", BIG_ID, nullable=True),
        sa.Column("delivery_id", BIG_ID, nullable=True),
        sa.Column("facts", JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_event"),
    )
    op.create_index("ix_event_delivery_id", "event", ["delivery_id"])
    op.create_index("ix_event_job_id", "event", ["job_id"])
    op.create_index("ix_event_study_id", "event", ["study_id"])


TABLES = (
    "event",
    "lease",
    "delivery",
    "result_object",
    "rule_decision",
    "job_destination",
    "job_input",
    "job",
    "model_package",
    "evaluation",
    "rule_version",
    "revision_instance",
    "revision",
    "arrival",
    "instance_header",
    "instance",
    "series",
    "study",
    "association",
    "source_ae",
)
