"""Walks through numbered pages know where each page begins."""

import sqlalchemy as sa
from alembic import op

from titer.kit.db import ddl
from titer.kit.db.types import Instant

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    make_walks(
        sa.Column("first_page", sa.BigInteger, nullable=False),
        sa.Column("starts", sa.Text, nullable=False),
        sa.Column("noted_at", Instant, nullable=False),
    )


def downgrade() -> None:
    make_walks(
        sa.Column("newest_id", sa.BigInteger, nullable=False),
        sa.Column("began_at", Instant, nullable=False),
    )


def make_walks(*columns: sa.Column[object]) -> None:
    """The table anew: what stood in it said how far somebody had read, and nothing else."""
    op.drop_table("walks")
    ddl.create_tenant_table(
        "walks",
        sa.Column("key_id", sa.BigInteger, nullable=False),
        sa.Column("list", sa.Text, nullable=False),
        *columns,
        ddl.reference("walks", "key_id", "api_keys"),
        ddl.unique("walks", "key_id", "list"),
    )
    ddl.grant("walks", "SELECT, INSERT, UPDATE, DELETE")
