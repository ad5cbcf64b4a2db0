"""The laboratory: organizations, people, keys, catalogue, samples, results, release, audit."""

import sqlalchemy as sa
from alembic import op

from titer.kit.db import ddl
from titer.kit.db.types import ExactDecimal, Id, Instant

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

PLANS = (
    {"name": "free", "monthly_samples": 50, "api_access": False},
    {"name": "starter", "monthly_samples": 500, "api_access": True},
    {"name": "professional", "monthly_samples": 5_000, "api_access": True},
    {"name": "enterprise", "monthly_samples": None, "api_access": True},
)

#: In the order of their references; what the server's role may do with each.
CHANGEABLE = "SELECT, INSERT, UPDATE"
RIGHTS = {
    "plans": CHANGEABLE,
    "organizations": CHANGEABLE,
    "quota_uses": CHANGEABLE,
    "users": CHANGEABLE,
    "sign_ins": CHANGEABLE,
    "sign_in_failures": CHANGEABLE + ", DELETE",
    "api_keys": CHANGEABLE,
    "key_uses": CHANGEABLE,
    "material_types": CHANGEABLE,
    "test_definitions": CHANGEABLE,
    "test_materials": CHANGEABLE + ", DELETE",
    "storage_locations": CHANGEABLE,
    "clients": CHANGEABLE,
    "projects": CHANGEABLE,
    "counters": CHANGEABLE,
    "samples": CHANGEABLE,
    "sample_tests": CHANGEABLE,
    "result_entries": "SELECT, INSERT",
    "approvals": CHANGEABLE,
    "audit_events": "SELECT, INSERT",
}


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


def stamps() -> tuple[sa.Column[object], sa.Column[object], sa.Column[int]]:
    return moment("created_at"), moment("updated_at"), number("version")


def one_of(name: str, column: str, *values: str) -> sa.CheckConstraint:
    listed = ", ".join(f"'{value}'" for value in values)
    return sa.CheckConstraint(f"{column} IN ({listed})", name=f"{name}_{column}_check")


def upgrade() -> None:
    create_organizations()
    create_people()
    create_keys()
    create_catalogue()
    create_clients_and_projects()
    create_samples()
    create_results()
    create_release()
    create_audit()
    if ddl.on_postgresql():
        let_the_server_in()


def create_organizations() -> None:
    plans = op.create_table(
        "plans",
        sa.Column("name", sa.Text, primary_key=True),
        number("monthly_samples", required=False),
        flag("api_access"),
    )
    op.bulk_insert(plans, [dict(plan) for plan in PLANS])
    key = sa.Identity(always=False) if ddl.on_postgresql() else None
    op.create_table(
        "organizations",
        sa.Column("id", Id, *([key] if key else []), primary_key=True, autoincrement=True),
        sa.Column("public_id", sa.Uuid, nullable=False, unique=True),
        text("name"),
        sa.Column("plan", sa.Text, sa.ForeignKey("plans.name"), nullable=False),
        flag("require_second_person"),
        *stamps(),
        sqlite_autoincrement=True,
    )
    if ddl.on_postgresql():
        ddl.secure("organizations", "id")
    ddl.create_keyed_table("quota_uses", "month", text("month"), number("used"))


def create_people() -> None:
    ddl.create_tenant_table(
        "users",
        sa.Column("public_id", sa.Uuid, nullable=False),
        text("email"),
        text("email_folded"),
        text("name"),
        text("role"),
        flag("active"),
        text("password_hash"),
        *stamps(),
        ddl.unique("users", "email_folded"),
        ddl.unique("users", "public_id"),
    )
    op.create_index("users_email_lookup_idx", "users", ["email_folded"])
    ddl.create_tenant_table(
        "sign_ins",
        number("user_id"),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        moment("created_at"),
        moment("expires_at"),
        moment("ended_at", required=False),
        ddl.reference("sign_ins", "user_id", "users"),
    )
    op.create_table(
        "sign_in_failures",
        sa.Column("subject", sa.LargeBinary, primary_key=True),
        number("failures"),
        moment("slowed_until", required=False),
        moment("last_failed_at"),
    )
    op.create_index("sign_in_failures_last_failed_at_idx", "sign_in_failures", ["last_failed_at"])


def create_keys() -> None:
    ddl.create_tenant_table(
        "api_keys",
        text("name"),
        text("key_prefix"),
        sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
        text("scopes"),
        number("created_by"),
        moment("created_at"),
        moment("expires_at", required=False),
        moment("revoked_at", required=False),
        ddl.reference("api_keys", "created_by", "users"),
    )
    ddl.create_keyed_table(
        "key_uses",
        "key_id",
        number("key_id"),
        moment("last_used_at"),
        ddl.reference("key_uses", "key_id", "api_keys"),
    )


def create_catalogue() -> None:
    ddl.create_tenant_table(
        "material_types",
        text("code"),
        text("name"),
        text("description", required=False),
        flag("active"),
        *stamps(),
        ddl.unique("material_types", "code"),
    )
    ddl.create_tenant_table(
        "test_definitions",
        text("code"),
        text("name"),
        text("method", required=False),
        text("unit", required=False),
        number("decimals", required=False),
        exact("spec_min"),
        exact("spec_max"),
        exact("loq"),
        flag("active"),
        *stamps(),
        ddl.unique("test_definitions", "code"),
    )
    ddl.create_tenant_table(
        "test_materials",
        number("test_definition_id"),
        number("material_type_id"),
        ddl.reference("test_materials", "test_definition_id", "test_definitions"),
        ddl.reference("test_materials", "material_type_id", "material_types"),
        ddl.unique("test_materials", "test_definition_id", "material_type_id"),
    )
    ddl.create_tenant_table(
        "storage_locations",
        text("code"),
        text("name"),
        text("kind"),
        number("parent_id", required=False),
        text("path"),
        number("capacity", required=False),
        flag("active"),
        *stamps(),
        ddl.reference("storage_locations", "parent_id", "storage_locations"),
        ddl.unique("storage_locations", "code"),
    )


def create_clients_and_projects() -> None:
    ddl.create_tenant_table(
        "clients",
        text("name"),
        text("name_folded"),
        text("code", required=False),
        text("contact_name", required=False),
        text("email", required=False),
        text("phone", required=False),
        text("address", required=False),
        text("notes", required=False),
        flag("active"),
        *stamps(),
        ddl.unique("clients", "name_folded"),
        ddl.unique("clients", "code"),
    )
    ddl.create_tenant_table(
        "projects",
        sa.Column("public_id", sa.Uuid, nullable=False),
        text("code"),
        text("name"),
        text("description", required=False),
        number("client_id", required=False),
        text("status"),
        text("sample_id_scheme"),
        sa.Column("start_date", sa.Date, nullable=True),
        sa.Column("end_date", sa.Date, nullable=True),
        *stamps(),
        ddl.reference("projects", "client_id", "clients"),
        ddl.unique("projects", "code"),
        ddl.unique("projects", "public_id"),
        one_of("projects", "status", "active", "completed", "archived"),
        one_of("projects", "sample_id_scheme", "standard", "composite"),
    )


def create_samples() -> None:
    ddl.create_keyed_table("counters", "prefix", text("prefix"), number("last"))
    ddl.create_tenant_table(
        "samples",
        text("tracking_id"),
        text("external_id", required=False),
        text("status"),
        text("priority"),
        number("client_id", required=False),
        text("client_name"),
        number("material_type_id"),
        number("project_id", required=False),
        number("storage_location_id", required=False),
        text("plant_location", required=False),
        text("collection_date", required=False),
        text("notes", required=False),
        moment("received_at", required=False),
        moment("completed_at", required=False),
        moment("verified_at", required=False),
        moment("reported_at", required=False),
        number("created_by", required=False),
        *stamps(),
        ddl.reference("samples", "client_id", "clients"),
        ddl.reference("samples", "material_type_id", "material_types"),
        ddl.reference("samples", "project_id", "projects"),
        ddl.reference("samples", "storage_location_id", "storage_locations"),
        ddl.reference("samples", "created_by", "users"),
        ddl.unique("samples", "tracking_id"),
        ddl.unique("samples", "external_id"),
        one_of("samples", "status", "pending", "received", "processing", "completed", "verified"),
        one_of("samples", "priority", "low", "normal", "high", "urgent"),
    )
    ddl.index("samples", "status", "id")
    ddl.index("samples", "project_id", "id")
    ddl.index("samples", "material_type_id", "id")
    ddl.index("samples", "received_at", "id")
    ddl.create_tenant_table(
        "sample_tests",
        number("sample_id"),
        text("tracking_id"),
        number("test_definition_id"),
        text("test_code"),
        text("test_name"),
        text("unit", required=False),
        text("status"),
        text("result", required=False),
        text("result_operator", required=False),
        exact("result_value"),
        text("specification"),
        exact("spec_min"),
        exact("spec_max"),
        text("notes", required=False),
        text("source", required=False),
        number("entered_by", required=False),
        moment("entered_at", required=False),
        number("verified_by", required=False),
        moment("verified_at", required=False),
        *stamps(),
        ddl.reference("sample_tests", "sample_id", "samples"),
        ddl.reference("sample_tests", "test_definition_id", "test_definitions"),
        ddl.reference("sample_tests", "entered_by", "users"),
        ddl.reference("sample_tests", "verified_by", "users"),
        ddl.unique("sample_tests", "sample_id", "test_definition_id"),
        one_of("sample_tests", "status", "pending", "completed", "verified"),
        one_of("sample_tests", "specification", "pass", "fail", "inconclusive", "no_spec"),
    )
    ddl.index("sample_tests", "status", "id")
    ddl.index("sample_tests", "test_definition_id", "id")
    ddl.index("sample_tests", "tracking_id", "id")


def create_results() -> None:
    ddl.create_tenant_table(
        "result_entries",
        number("sample_test_id"),
        number("version"),
        text("action"),
        text("result", required=False),
        text("result_operator", required=False),
        exact("result_value"),
        text("unit", required=False),
        text("specification"),
        exact("spec_min"),
        exact("spec_max"),
        text("notes", required=False),
        text("source", required=False),
        text("reason", required=False),
        number("actor_id", required=False),
        moment("occurred_at"),
        ddl.reference("result_entries", "sample_test_id", "sample_tests"),
        one_of("result_entries", "action", "entered", "cleared", "verified", "reopened"),
    )
    ddl.index("result_entries", "sample_test_id", "id")


def create_release() -> None:
    ddl.create_tenant_table(
        "approvals",
        number("sample_id"),
        number("sample_test_id"),
        text("kind"),
        text("status"),
        text("comment", required=False),
        number("decided_by", required=False),
        moment("decided_at", required=False),
        moment("superseded_at", required=False),
        *stamps(),
        ddl.reference("approvals", "sample_id", "samples"),
        ddl.reference("approvals", "sample_test_id", "sample_tests"),
        ddl.reference("approvals", "decided_by", "users"),
        one_of("approvals", "status", "pending", "approved", "rejected"),
    )
    ddl.index("approvals", "sample_id", "id")
    ddl.index("approvals", "sample_test_id", "id")


def create_audit() -> None:
    ddl.create_tenant_table(
        "audit_events",
        moment("occurred_at"),
        text("actor_kind"),
        text("actor_label"),
        number("user_id", required=False),
        number("key_id", required=False),
        text("request_id", required=False),
        text("action"),
        text("entity_type"),
        number("entity_id"),
        number("entity_version", required=False),
        text("reason", required=False),
        text("canonical"),
        sa.Column("content_hash", sa.LargeBinary, nullable=False),
    )
    ddl.index("audit_events", "entity_type", "entity_id", "id")
    ddl.index("audit_events", "action", "id")
    ddl.index("audit_events", "occurred_at", "id")


def let_the_server_in() -> None:
    """The server's role, its grants, and the look-ups that run before the tenant is known.

    The look-ups run as the owner (SECURITY DEFINER) and may read a row of any tenant, but only by
    the digest of a secret, or by e-mail address for a sign-in. Each binds the transaction to what
    it found, which spares the caller a round trip.
    """
    op.execute(
        f"""DO $$ BEGIN
          IF NOT EXISTS (SELECT 1 FROM pg_roles WHERE rolname = '{ddl.APP_ROLE}') THEN
            CREATE ROLE {ddl.APP_ROLE} NOLOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE;
          END IF;
        END $$"""
    )
    op.execute(f"GRANT USAGE ON SCHEMA public TO {ddl.APP_ROLE}")
    op.execute(f"GRANT SELECT ON alembic_version TO {ddl.APP_ROLE}")
    op.execute(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {ddl.APP_ROLE}")
    for table, rights in RIGHTS.items():
        ddl.grant(table, rights)
    for table in ("organizations", "users", "sign_ins", "api_keys", "key_uses"):
        op.execute(
            f"CREATE POLICY {table}_lookup ON {table} FOR SELECT TO CURRENT_USER USING (true)"
        )
    op.execute(KEY_LOOKUP)
    op.execute(SIGN_IN_LOOKUP)
    op.execute(LOGIN_LOOKUP)
    for function in LOOKUPS:
        op.execute(f"REVOKE ALL ON FUNCTION {function} FROM PUBLIC")
        op.execute(f"GRANT EXECUTE ON FUNCTION {function} TO {ddl.APP_ROLE}")


LOOKUPS = ("find_api_key(bytea)", "find_sign_in(bytea)", "find_logins(text)")

KEY_LOOKUP = """
CREATE FUNCTION find_api_key(wanted bytea)
RETURNS TABLE (organization_id bigint, key_id bigint, name text, user_id bigint, scopes text,
               expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz,
               api_access boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  RETURN QUERY
    SELECT k.organization_id, k.id, k.name, k.created_by, k.scopes,
           k.expires_at, k.revoked_at, u.last_used_at, p.api_access
    FROM public.api_keys k
    LEFT JOIN public.key_uses u ON u.organization_id = k.organization_id AND u.key_id = k.id
    JOIN public.organizations o ON o.id = k.organization_id
    JOIN public.plans p ON p.name = o.plan
    WHERE k.digest = wanted;
  PERFORM set_config('app.organization_id', k.organization_id::text, true)
    FROM public.api_keys k WHERE k.digest = wanted;
END $$
"""

SIGN_IN_LOOKUP = """
CREATE FUNCTION find_sign_in(wanted bytea)
RETURNS TABLE (organization_id bigint, sign_in_id bigint, user_id bigint, name text, email text,
               role text, active boolean, expires_at timestamptz, ended_at timestamptz)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT s.organization_id, s.id, u.id, u.name, u.email, u.role, u.active,
         s.expires_at, s.ended_at
  FROM public.sign_ins s
  JOIN public.users u ON u.organization_id = s.organization_id AND u.id = s.user_id
  WHERE s.digest = wanted
$$
"""

LOGIN_LOOKUP = """
CREATE FUNCTION find_logins(wanted text)
RETURNS TABLE (organization_id bigint, user_id bigint, name text, password_hash text)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, public AS $$
  SELECT u.organization_id, u.id, u.name, u.password_hash
  FROM public.users u WHERE u.email_folded = wanted AND u.active
  ORDER BY u.organization_id
$$
"""


def downgrade() -> None:
    if ddl.on_postgresql():
        for function in LOOKUPS:
            op.execute(f"DROP FUNCTION {function}")
    for table in reversed(RIGHTS):
        op.drop_table(table)
