"""Trust: idempotency keys, append-only by the database itself, the chained audit trail."""

import sqlalchemy as sa
from alembic import op

from titer.kit.db import ddl
from titer.kit.db.types import Instant

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

#: Tables that only ever grow.
APPEND_ONLY = ("audit_events", "audit_links", "result_entries", "signatures")
#: What an organization may require of its callers.
REQUIREMENTS = ("require_if_match", "require_human_signature")
#: What the sealer asks across organizations: which have events to seal, and their heads.
LOOKUPS = ("unsealed_organizations()", "audit_heads()")
#: What a verified test keeps as it is, until it is reopened.
LOCKED = (
    "result",
    "result_operator",
    "result_value",
    "unit",
    "specification",
    "spec_min",
    "spec_max",
    "notes",
    "source",
    "entered_by",
    "entered_at",
    "verified_by",
    "verified_at",
)


def upgrade() -> None:
    create_idempotent_requests()
    create_chain()
    for name in REQUIREMENTS:
        op.add_column(
            "organizations",
            sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false()),
        )
    create_signatures()
    if ddl.on_postgresql():
        protect_on_postgresql()
    else:
        protect_on_sqlite()


def create_idempotent_requests() -> None:
    op.create_table(
        "idempotent_requests",
        sa.Column("organization_id", sa.BigInteger, nullable=False),
        sa.Column("principal_id", sa.BigInteger, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("status", sa.BigInteger),
        sa.Column("headers", sa.Text),
        sa.Column("body", sa.LargeBinary),
        sa.Column("created_at", Instant, nullable=False),
        sa.Column("expires_at", Instant, nullable=False),
        sa.PrimaryKeyConstraint(
            "organization_id", "principal_id", "key", name="idempotent_requests_pkey"
        ),
        sa.ForeignKeyConstraint(
            ["organization_id"],
            ["organizations.id"],
            name="idempotent_requests_organization_fkey",
        ),
    )
    ddl.index("idempotent_requests", "expires_at")
    if ddl.on_postgresql():
        ddl.secure("idempotent_requests")
    ddl.grant("idempotent_requests", "SELECT, INSERT, UPDATE, DELETE")


def create_chain() -> None:
    """Links by sequence, and on PostgreSQL the queue of events that are not linked yet."""
    ddl.create_keyed_table(
        "audit_links",
        "seq",
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("event_id", sa.BigInteger, nullable=False),
        sa.Column("previous", sa.LargeBinary, nullable=False),
        sa.Column("hash", sa.LargeBinary, nullable=False),
        sa.Column("sealed_at", Instant, nullable=False),
        ddl.reference("audit_links", "event_id", "audit_events"),
        ddl.unique("audit_links", "event_id"),
    )
    ddl.grant("audit_links", "SELECT, INSERT")
    ddl.create_keyed_table(
        "audit_queue",
        "event_id",
        sa.Column("event_id", sa.BigInteger, nullable=False),
    )
    ddl.grant("audit_queue", "SELECT, INSERT, DELETE")


def create_signatures() -> None:
    ddl.create_tenant_table(
        "signatures",
        sa.Column("entity_type", sa.Text, nullable=False),
        sa.Column("entity_id", sa.BigInteger, nullable=False),
        sa.Column("entity_version", sa.BigInteger, nullable=False),
        sa.Column("record_format", sa.BigInteger, nullable=False),
        sa.Column("record_hash", sa.Text, nullable=False),
        sa.Column("user_id", sa.BigInteger, nullable=False),
        sa.Column("printed_name", sa.Text, nullable=False),
        sa.Column("meaning", sa.Text, nullable=False),
        sa.Column("method", sa.Text, nullable=False),
        sa.Column("signed_at", Instant, nullable=False),
        ddl.reference("signatures", "user_id", "users"),
        ddl.unique("signatures", "entity_type", "entity_id", "entity_version"),
    )
    ddl.grant("signatures", "SELECT, INSERT")
    if ddl.on_postgresql():
        op.execute(f"GRANT USAGE ON SEQUENCE signatures_id_seq TO {ddl.APP_ROLE}")


def protect_on_postgresql() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER {table}_append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()"
        )
    changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in LOCKED)
    op.execute(
        f"""
        CREATE FUNCTION keep_verified_result() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF {changed} THEN
            RAISE EXCEPTION 'the result is verified' USING ERRCODE = 'restrict_violation';
          END IF;
          RETURN NEW;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER sample_tests_locked BEFORE UPDATE ON sample_tests FOR EACH ROW"
        " WHEN (OLD.verified_at IS NOT NULL AND NEW.verified_at IS NOT NULL)"
        " EXECUTE FUNCTION keep_verified_result()"
    )
    op.execute(
        """
        CREATE FUNCTION queue_for_sealing() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO public.audit_queue (organization_id, event_id)
          SELECT organization_id, id FROM fresh;
          RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER audit_events_queued AFTER INSERT ON audit_events"
        " REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION queue_for_sealing()"
    )
    op.execute(
        """
        CREATE FUNCTION unsealed_organizations() RETURNS SETOF bigint
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
          SELECT DISTINCT organization_id FROM public.audit_queue
        $$
        """
    )
    op.execute(
        """
        CREATE FUNCTION audit_heads()
        RETURNS TABLE (organization_id bigint, seq bigint, hash bytea)
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
          SELECT o.id, head.seq, head.hash FROM public.organizations o
          CROSS JOIN LATERAL (
            SELECT l.seq, l.hash FROM public.audit_links l
            WHERE l.organization_id = o.id ORDER BY l.seq DESC LIMIT 1
          ) head
        $$
        """
    )
    for table in ("audit_queue", "audit_links"):
        op.execute(
            f"CREATE POLICY {table}_lookup ON {table} FOR SELECT TO CURRENT_USER USING (true)"
        )
    for function in LOOKUPS:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {ddl.APP_ROLE}")


def protect_on_sqlite() -> None:
    """Triggers, and a guard against `INSERT OR REPLACE`, which would walk through them."""
    keys = {"audit_links": "organization_id = NEW.organization_id AND seq = NEW.seq"}
    for table in APPEND_ONLY:
        same = keys.get(table, "id = NEW.id")
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table}"
                f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
        op.execute(
            f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table}"
            f" WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"
            f" BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
        )
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in LOCKED)
    op.execute(
        "CREATE TRIGGER sample_tests_locked BEFORE UPDATE ON sample_tests"
        " WHEN OLD.verified_at IS NOT NULL AND NEW.verified_at IS NOT NULL"
        f" AND ({changed})"
        " BEGIN SELECT RAISE(ABORT, 'the result is verified'); END"
    )


def downgrade() -> None:
    if ddl.on_postgresql():
        for function in LOOKUPS:
            op.execute(f"DROP FUNCTION {function}")
        op.execute("DROP TRIGGER audit_events_queued ON audit_events")
        op.execute("DROP FUNCTION queue_for_sealing()")
        op.execute("DROP TRIGGER sample_tests_locked ON sample_tests")
        op.execute("DROP FUNCTION keep_verified_result()")
        for table in APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_append_only ON {table}")
            op.execute(f"DROP TRIGGER {table}_never_emptied ON {table}")
        op.execute("DROP FUNCTION refuse_change()")
    else:
        op.execute("DROP TRIGGER sample_tests_locked")
        for table in APPEND_ONLY:
            for name in ("update", "delete", "replace"):
                op.execute(f"DROP TRIGGER {table}_no_{name}")
    for table in ("signatures", "audit_queue", "audit_links", "idempotent_requests"):
        op.drop_table(table)
    for name in REQUIREMENTS:
        op.drop_column("organizations", name)
