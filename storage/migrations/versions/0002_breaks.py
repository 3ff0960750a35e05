"""When senders of a Study were cut off, and when receivers began their lives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("study", sa.Column("broken_off_at", TIME, nullable=True))
    op.create_table(
        "receiver_life",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("receiver", sa.String(), nullable=False),
        sa.Column("boot", sa.Integer(), nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_receiver_life"),
        sa.UniqueConstraint("receiver", "boot", name="uq_receiver_life_receiver_boot"),
    )


def downgrade() -> None:
    op.drop_table("receiver_life")
    op.drop_column("study", "broken_off_at")
