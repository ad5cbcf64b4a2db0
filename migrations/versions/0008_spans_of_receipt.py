"""A span of receipt within one status, project or material is read in its own order."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = ("status", "project_id", "material_type_id")


def upgrade() -> None:
    """Without these the newest receipts are read until enough of them fit: a status that is never
    received, or a project that ended long ago, costs the whole tenant."""
    received = sa.text("received_at IS NOT NULL")
    for column in COLUMNS:
        op.create_index(
            f"samples_{column}_received_at_idx",
            "samples",
            ["organization_id", column, sa.text("received_at DESC"), sa.text("id DESC")],
            postgresql_where=received,
            sqlite_where=received,
        )


def downgrade() -> None:
    for column in reversed(COLUMNS):
        op.drop_index(f"samples_{column}_received_at_idx", "samples")
