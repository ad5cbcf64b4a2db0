"""Instrument uploads: what was read from a file, what was written, what was learned from it."""

import sqlalchemy as sa
from alembic import op

from titer.kit.db import ddl
from titer.kit.db.types import ExactDecimal, Instant

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATUSES = ("matched", "low_confidence", "unmatched", "conflict", "locked", "applied")
RIGHTS = {
    "instrument_uploads": "SELECT, INSERT, UPDATE",
    "instrument_upload_rows": "SELECT, INSERT, UPDATE",
    "extraction_aliases": "SELECT, INSERT, UPDATE, DELETE",
}


def text(name: str, *, required: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=not required)


def number(name: str, *, required: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=not required)


def stamps() -> tuple[sa.Column[object], sa.Column[object], sa.Column[int]]:
    return (
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("updated_at", Instant, nullable=False),
        number("version"),
    )


def upgrade() -> None:
    op.add_column(
        "organizations",
        sa.Column("allow_language_model", sa.Boolean, nullable=False, server_default=sa.false()),
    )
    create_uploads()
    create_rows()
    create_aliases()
    for table, rights in RIGHTS.items():
        ddl.grant(table, rights)
    if ddl.on_postgresql():
        for table in RIGHTS:
            op.execute(f"GRANT USAGE ON SEQUENCE {table}_id_seq TO {ddl.APP_ROLE}")
    index_open_samples()


def create_uploads() -> None:
    ddl.create_tenant_table(
        "instrument_uploads",
        text("file_name"),
        text("sha256"),
        number("size"),
        sa.Column("dry_run", sa.Boolean, nullable=False),
        sa.Column("confidence_threshold", ExactDecimal, nullable=False),
        text("hint", required=False),
        text("extractor"),
        number("applied"),
        number("needs_review"),
        number("unmatched"),
        number("created_by", required=False),
        *stamps(),
        ddl.reference("instrument_uploads", "created_by", "users"),
    )
    ddl.index("instrument_uploads", "sha256", "id")


def create_rows() -> None:
    name = "instrument_upload_rows"
    listed = ", ".join(f"'{status}'" for status in STATUSES)
    ddl.create_tenant_table(
        name,
        number("upload_id"),
        number("row"),
        text("sheet"),
        number("line"),
        number("column"),
        text("text"),
        text("label", required=False),
        number("sample_id", required=False),
        text("tracking_id", required=False),
        text("external_id", required=False),
        number("test_definition_id", required=False),
        text("test_code", required=False),
        number("sample_test_id", required=False),
        text("result", required=False),
        text("unit", required=False),
        text("entry", required=False),
        sa.Column("confidence", ExactDecimal, nullable=False),
        text("reasons"),
        text("status"),
        ddl.reference(name, "upload_id", "instrument_uploads"),
        ddl.reference(name, "sample_id", "samples"),
        ddl.reference(name, "sample_test_id", "sample_tests"),
        ddl.reference(name, "test_definition_id", "test_definitions"),
        ddl.unique(name, "upload_id", "row"),
        sa.CheckConstraint(f"status IN ({listed})", name=f"{name}_status_check"),
    )


def create_aliases() -> None:
    ddl.create_tenant_table(
        "extraction_aliases",
        text("text"),
        text("text_folded"),
        number("test_definition_id"),
        number("created_by", required=False),
        *stamps(),
        ddl.reference("extraction_aliases", "test_definition_id", "test_definitions"),
        ddl.reference("extraction_aliases", "created_by", "users"),
        ddl.unique("extraction_aliases", "text_folded"),
    )


def index_open_samples() -> None:
    """What an upload looks for its samples among, however many were reported before."""
    open_ones = sa.text("reported_at IS NULL")
    op.create_index(
        "samples_open_idx",
        "samples",
        ["organization_id", "id"],
        postgresql_where=open_ones,
        sqlite_where=open_ones,
    )


def downgrade() -> None:
    op.drop_index("samples_open_idx", "samples")
    for table in ("extraction_aliases", "instrument_upload_rows", "instrument_uploads"):
        op.drop_table(table)
    op.drop_column("organizations", "allow_language_model")
