"""A job's label map is called its prediction, since a classification's is none."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

# Both databases know this form; alembic's own would copy the table on SQLite.


def upgrade() -> None:
    op.execute("ALTER TABLE job RENAME COLUMN label_map TO prediction")


def downgrade() -> None:
    op.execute("ALTER TABLE job RENAME COLUMN prediction TO label_map")
