"""What clients poll for is found by when it changed, and what is listed by name by its name."""

import sqlalchemy as sa
from alembic import op

from titer.kit.db import ddl

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

CHANGED = ("sample_tests", "samples")
NAMED = ("products", "skus")


def upgrade() -> None:
    for table in CHANGED:
        ddl.index(table, "updated_at", "id")
    for table in NAMED:
        by_name = sa.text("lower(name)")
        op.create_index(f"{table}_name_id_idx", table, ["organization_id", by_name, "id"])


def downgrade() -> None:
    for table in NAMED:
        op.drop_index(f"{table}_name_id_idx", table)
    for table in CHANGED:
        op.drop_index(f"{table}_updated_at_id_idx", table)
