"""Uploads fill panels: rows and learned names may be about one analyte of a test."""

import sqlalchemy as sa
from alembic import op

from titer.kit.db import ddl

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("instrument_upload_rows", "extraction_aliases")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("analyte_id", sa.BigInteger, nullable=True))
        ddl.add_reference(table, "analyte_id", "analytes")
    op.add_column("instrument_upload_rows", sa.Column("analyte_code", sa.Text, nullable=True))


def downgrade() -> None:
    op.drop_column("instrument_upload_rows", "analyte_code")
    for table in reversed(TABLES):
        ddl.drop_reference(table, "analyte_id")
        op.drop_column(table, "analyte_id")
