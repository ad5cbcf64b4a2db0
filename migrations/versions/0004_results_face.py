"""The results face: analytes, clients' keys, and what clients order and sell."""

import sqlalchemy as sa
from alembic import op

from titer.kit.db import ddl
from titer.kit.db.types import ExactDecimal, Instant, Words

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

CHANGEABLE = "SELECT, INSERT, UPDATE"
#: What a verified test keeps as it is, until it is reopened: as before, and what came since.
LOCKED_BEFORE = (
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
LOCKED = (*LOCKED_BEFORE, "loq", "panel", "started_at")
HOOKS = ("webhook_endpoints", "webhook_deliveries", "webhook_attempts")
TABLES = (
    "analytes",
    "analyte_results",
    "products",
    "skus",
    "orders",
    "custom_fields",
    "walks",
    *HOOKS,
)
#: Columns of tables that were there before.
ADDED = (
    ("sample_tests", "custom_fields"),
    ("samples", "custom_fields"),
    ("samples", "number_of_composites"),
    ("samples", "composite"),
    ("samples", "serving_size"),
    ("samples", "batch"),
    ("samples", "lot"),
    ("samples", "name"),
    ("samples", "sku_id"),
    ("samples", "order_id"),
    ("api_keys", "client_id"),
    ("api_keys", "kind"),
    ("result_entries", "analyte_code"),
    ("result_entries", "analyte_id"),
    ("sample_tests", "started_at"),
    ("sample_tests", "loq"),
    ("sample_tests", "panel"),
    ("test_definitions", "panel"),
)


def text(name: str, *, required: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=not required)


def moment(name: str, *, required: bool = True) -> sa.Column[object]:
    return sa.Column(name, Instant, nullable=not required)


def number(name: str, *, required: bool = True) -> sa.Column[int]:
    return sa.Column(name, sa.BigInteger, nullable=not required)


def exact(name: str) -> sa.Column[object]:
    return sa.Column(name, ExactDecimal, nullable=True)


def flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def added_flag(name: str) -> sa.Column[bool]:
    """A flag that the rows which are there already do not have."""
    return sa.Column(name, sa.Boolean, nullable=False, server_default=sa.false())


def stamps() -> tuple[sa.Column[object], sa.Column[object], sa.Column[int]]:
    return moment("created_at"), moment("updated_at"), number("version")


def one_of(name: str, column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"{name}_{column}_check")


def upgrade() -> None:
    create_analytes()
    widen_tests()
    lock_verified_tests(LOCKED)
    lock_analytes_of_verified_tests()
    create_commerce()
    widen_samples()
    widen_keys()
    create_webhooks()
    for table in TABLES:
        ddl.grant(table, CHANGEABLE)
    ddl.grant("walks", "DELETE")


def create_analytes() -> None:
    ddl.create_tenant_table(
        "analytes",
        number("test_definition_id"),
        text("code"),
        text("name"),
        text("unit", required=False),
        number("decimals", required=False),
        exact("spec_min"),
        exact("spec_max"),
        exact("loq"),
        number("position"),
        flag("active"),
        *stamps(),
        ddl.reference("analytes", "test_definition_id", "test_definitions"),
        ddl.unique("analytes", "test_definition_id", "code"),
    )
    ddl.create_tenant_table(
        "analyte_results",
        number("sample_test_id"),
        number("analyte_id"),
        number("position"),
        text("code"),
        text("name"),
        text("unit", required=False),
        text("result", required=False),
        text("result_operator", required=False),
        exact("result_value"),
        text("specification"),
        exact("spec_min"),
        exact("spec_max"),
        exact("loq"),
        number("entered_by", required=False),
        moment("entered_at", required=False),
        *stamps(),
        ddl.reference("analyte_results", "sample_test_id", "sample_tests"),
        ddl.reference("analyte_results", "analyte_id", "analytes"),
        ddl.reference("analyte_results", "entered_by", "users"),
        ddl.unique("analyte_results", "sample_test_id", "analyte_id"),
        one_of("analyte_results", "specification", "pass", "fail", "inconclusive", "no_spec"),
    )


def widen_tests() -> None:
    op.add_column("test_definitions", added_flag("panel"))
    op.add_column("sample_tests", added_flag("panel"))
    op.add_column("sample_tests", exact("loq"))
    op.add_column("sample_tests", moment("started_at", required=False))
    op.add_column("result_entries", number("analyte_id", required=False))
    op.add_column("result_entries", text("analyte_code", required=False))
    ddl.add_reference("result_entries", "analyte_id", "analytes")


def lock_verified_tests(columns: tuple[str, ...]) -> None:
    """The lock of a verified test, over `columns`."""
    if ddl.on_postgresql():
        changed = " OR ".join(f"OLD.{name} IS DISTINCT FROM NEW.{name}" for name in columns)
        op.execute(
            f"""
            CREATE OR REPLACE FUNCTION keep_verified_result() RETURNS trigger
            LANGUAGE plpgsql AS $$
            BEGIN
              IF {changed} THEN
                RAISE EXCEPTION 'the result is verified' USING ERRCODE = 'restrict_violation';
              END IF;
              RETURN NEW;
            END $$
            """
        )
        return
    changed = " OR ".join(f"OLD.{name} IS NOT NEW.{name}" for name in columns)
    op.execute("DROP TRIGGER sample_tests_locked")
    op.execute(
        "CREATE TRIGGER sample_tests_locked BEFORE UPDATE ON sample_tests"
        " WHEN OLD.verified_at IS NOT NULL AND NEW.verified_at IS NOT NULL"
        f" AND ({changed})"
        " BEGIN SELECT RAISE(ABORT, 'the result is verified'); END"
    )


def lock_analytes_of_verified_tests() -> None:
    """No analyte of a verified test comes, goes or changes: the test is reopened first."""
    verified = (
        "EXISTS (SELECT 1 FROM {schema}sample_tests t"
        " WHERE t.organization_id = {row}.organization_id AND t.id = {row}.sample_test_id"
        " AND t.verified_at IS NOT NULL)"
    )
    if ddl.on_postgresql():
        old = verified.format(schema="public.", row="OLD")
        new = verified.format(schema="public.", row="NEW")
        op.execute(
            f"""
            CREATE FUNCTION keep_verified_analytes() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
              IF TG_OP <> 'INSERT' THEN
                IF {old} THEN
                  RAISE EXCEPTION 'the result is verified' USING ERRCODE = 'restrict_violation';
                END IF;
              END IF;
              IF TG_OP <> 'DELETE' THEN
                IF {new} THEN
                  RAISE EXCEPTION 'the result is verified' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
              END IF;
              RETURN OLD;
            END $$
            """
        )
        op.execute(
            "CREATE TRIGGER analyte_results_locked BEFORE INSERT OR UPDATE OR DELETE"
            " ON analyte_results FOR EACH ROW EXECUTE FUNCTION keep_verified_analytes()"
        )
        return
    for verb, rows in (("INSERT", ("NEW",)), ("UPDATE", ("OLD", "NEW")), ("DELETE", ("OLD",))):
        conditions = " OR ".join(verified.format(schema="", row=row) for row in rows)
        op.execute(
            f"CREATE TRIGGER analyte_results_locked_{verb.lower()} BEFORE {verb}"
            f" ON analyte_results WHEN {conditions}"
            " BEGIN SELECT RAISE(ABORT, 'the result is verified'); END"
        )


def create_commerce() -> None:
    ddl.create_tenant_table(
        "products",
        number("client_id"),
        text("name"),
        text("brand", required=False),
        text("product_type"),
        text("shelf_life", required=False),
        text("supplier", required=False),
        flag("lot_lookup_enabled"),
        flag("pdp_embed_enabled"),
        flag("show_limits_on_pip"),
        text("external_id", required=False),
        flag("active"),
        *stamps(),
        ddl.reference("products", "client_id", "clients"),
        ddl.unique("products", "external_id"),
        one_of("products", "product_type", "finished_good", "raw_material"),
    )
    ddl.index("products", "client_id", "id")
    ddl.create_tenant_table(
        "skus",
        number("product_id"),
        text("name"),
        text("code"),
        exact("serving_size_grams"),
        exact("serving_size_value"),
        text("serving_size_unit", required=False),
        text("supplier", required=False),
        text("external_id", required=False),
        flag("active"),
        *stamps(),
        ddl.reference("skus", "product_id", "products"),
        ddl.unique("skus", "external_id"),
    )
    ddl.index("skus", "product_id", "id")
    ddl.index("skus", "code", "id")
    ddl.create_tenant_table(
        "orders",
        text("number"),
        number("client_id"),
        text("status"),
        text("payment_status"),
        text("orderer_name", required=False),
        text("orderer_email", required=False),
        moment("ordered_at"),
        moment("paid_at", required=False),
        moment("received_at", required=False),
        text("notes", required=False),
        text("external_id", required=False),
        *stamps(),
        ddl.reference("orders", "client_id", "clients"),
        ddl.unique("orders", "number"),
        ddl.unique("orders", "external_id"),
        one_of("orders", "status", "created", "received", "in_progress", "completed", "cancelled"),
        one_of("orders", "payment_status", "draft", "pending", "paid"),
    )
    ddl.index("orders", "client_id", "id")
    ddl.create_tenant_table(
        "custom_fields",
        text("resource"),
        text("key"),
        text("name"),
        flag("active"),
        *stamps(),
        ddl.unique("custom_fields", "resource", "key"),
        one_of("custom_fields", "resource", "test", "sample"),
    )
    ddl.create_tenant_table(
        "walks",
        number("key_id"),
        text("list"),
        number("newest_id"),
        moment("began_at"),
        ddl.reference("walks", "key_id", "api_keys"),
        ddl.unique("walks", "key_id", "list"),
    )


def create_webhooks() -> None:
    """Endpoints, the outbox of what is to be sent to each, and the log of every attempt."""
    ddl.create_tenant_table(
        "webhook_endpoints",
        number("client_id", required=False),
        text("url"),
        text("description", required=False),
        text("secret"),
        text("old_secret", required=False),
        moment("old_secret_until", required=False),
        flag("active"),
        *stamps(),
        ddl.reference("webhook_endpoints", "client_id", "clients"),
    )
    ddl.create_tenant_table(
        "webhook_deliveries",
        number("endpoint_id"),
        text("message_id"),
        text("event"),
        text("payload"),
        text("state"),
        number("attempts"),
        moment("created_at"),
        moment("due_at", required=False),
        moment("delivered_at", required=False),
        ddl.reference("webhook_deliveries", "endpoint_id", "webhook_endpoints"),
        one_of("webhook_deliveries", "state", "pending", "delivered", "failed"),
    )
    ddl.index("webhook_deliveries", "endpoint_id", "id")
    op.create_index("webhook_deliveries_due_idx", "webhook_deliveries", ["state", "due_at"])
    ddl.create_tenant_table(
        "webhook_attempts",
        number("delivery_id"),
        number("number"),
        moment("attempted_at"),
        number("status", required=False),
        text("trouble", required=False),
        number("milliseconds"),
        ddl.reference("webhook_attempts", "delivery_id", "webhook_deliveries"),
    )
    ddl.index("webhook_attempts", "delivery_id", "id")
    if ddl.on_postgresql():
        op.execute(
            """
            CREATE FUNCTION organizations_with_due_webhooks(moment timestamptz)
            RETURNS SETOF bigint
            LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
              SELECT DISTINCT organization_id FROM public.webhook_deliveries
              WHERE state = 'pending' AND due_at <= moment
            $$
            """
        )
        op.execute(
            "CREATE POLICY webhook_deliveries_lookup ON webhook_deliveries"
            " FOR SELECT TO CURRENT_USER USING (true)"
        )
        function = "organizations_with_due_webhooks(timestamptz)"
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {ddl.APP_ROLE}")


def widen_samples() -> None:
    for column in ("order_id", "sku_id"):
        op.add_column("samples", number(column, required=False))
    ddl.add_reference("samples", "order_id", "orders")
    ddl.add_reference("samples", "sku_id", "skus")
    for column in ("name", "lot", "batch", "serving_size"):
        op.add_column("samples", text(column, required=False))
    op.add_column("samples", added_flag("composite"))
    op.add_column(
        "samples",
        sa.Column("number_of_composites", sa.BigInteger, nullable=False, server_default="1"),
    )
    for table in ("samples", "sample_tests"):
        op.add_column(table, sa.Column("custom_fields", Words, nullable=False, server_default="{}"))
    for column in ("order_id", "sku_id", "lot", "client_id"):
        ddl.index("samples", column, "id")


def widen_keys() -> None:
    """A key may be a client's, good for reading that client's results."""
    kind = sa.Column("kind", sa.Text, nullable=False, server_default="lab")
    op.add_column("api_keys", kind)
    op.add_column("api_keys", number("client_id", required=False))
    ddl.add_reference("api_keys", "client_id", "clients")
    if ddl.on_postgresql():
        op.create_check_constraint(
            "api_keys_kind_check",
            "api_keys",
            "kind = 'lab' AND client_id IS NULL OR kind = 'results' AND client_id IS NOT NULL",
        )
        replace_key_lookup("kind text, client_id bigint", "k.kind, k.client_id")


def replace_key_lookup(further: str = "", columns: str = "") -> None:
    """The look-up of a key's digest; what it answers cannot be changed in place."""
    declared = f", {further}" if further else ""
    selected = f", {columns}" if columns else ""
    op.execute("DROP FUNCTION find_api_key(bytea)")
    op.execute(
        f"""
        CREATE FUNCTION find_api_key(wanted bytea)
        RETURNS TABLE (organization_id bigint, key_id bigint, name text, user_id bigint,
                       scopes text, expires_at timestamptz, revoked_at timestamptz,
                       last_used_at timestamptz, api_access boolean{declared})
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
        BEGIN
          RETURN QUERY
            SELECT k.organization_id, k.id, k.name, k.created_by, k.scopes,
                   k.expires_at, k.revoked_at, u.last_used_at, p.api_access{selected}
            FROM public.api_keys k
            LEFT JOIN public.key_uses u
              ON u.organization_id = k.organization_id AND u.key_id = k.id
            JOIN public.organizations o ON o.id = k.organization_id
            JOIN public.plans p ON p.name = o.plan
            WHERE k.digest = wanted;
          PERFORM set_config('app.organization_id', k.organization_id::text, true)
            FROM public.api_keys k WHERE k.digest = wanted;
        END $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION find_api_key(bytea) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION find_api_key(bytea) TO {ddl.APP_ROLE}")


def downgrade() -> None:
    if ddl.on_postgresql():
        op.execute("DROP FUNCTION organizations_with_due_webhooks(timestamptz)")
        replace_key_lookup()
        op.drop_constraint("api_keys_kind_check", "api_keys")
    ddl.drop_reference("api_keys", "client_id")
    lock_verified_tests(LOCKED_BEFORE)
    ddl.drop_reference("result_entries", "analyte_id")
    for column in ("order_id", "sku_id"):
        ddl.drop_reference("samples", column)
    for column in ("order_id", "sku_id", "lot", "client_id"):
        op.drop_index(f"samples_{column}_id_idx", "samples")
    for table, column in ADDED:
        op.drop_column(table, column)
    for table in reversed(TABLES):
        op.drop_table(table)
    if ddl.on_postgresql():
        op.execute("DROP FUNCTION keep_verified_analytes()")
