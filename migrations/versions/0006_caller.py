"""The look-up of a key tells what its organization asks for, in one query, and can be joined."""

from alembic import op

from titer.kit.db import ddl

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BEFORE = """
CREATE FUNCTION find_api_key(wanted bytea)
RETURNS TABLE (organization_id bigint, key_id bigint, name text, user_id bigint,
               scopes text, expires_at timestamptz, revoked_at timestamptz,
               last_used_at timestamptz, api_access boolean, kind text, client_id bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
  RETURN QUERY
    SELECT k.organization_id, k.id, k.name, k.created_by, k.scopes, k.expires_at, k.revoked_at,
           u.last_used_at, p.api_access, k.kind, k.client_id
    FROM public.api_keys k
    LEFT JOIN public.key_uses u ON u.organization_id = k.organization_id AND u.key_id = k.id
    JOIN public.organizations o ON o.id = k.organization_id
    JOIN public.plans p ON p.name = o.plan
    WHERE k.digest = wanted;
  PERFORM set_config('app.organization_id', k.organization_id::text, true)
    FROM public.api_keys k WHERE k.digest = wanted;
END $$
"""

# A statement that is joined to it is planned for the one row that it gives. The names of what it
# returns are those of tables' columns too, which is why each of those says whose it is.
AFTER = """
CREATE FUNCTION find_api_key(wanted bytea)
RETURNS TABLE (organization_id bigint, key_id bigint, name text, user_id bigint,
               scopes text, expires_at timestamptz, revoked_at timestamptz,
               last_used_at timestamptz, api_access boolean, kind text, client_id bigint,
               require_second_person boolean, require_if_match boolean,
               require_human_signature boolean, monthly_samples bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public ROWS 1 AS $$
DECLARE bound text;
BEGIN
  SELECT k.organization_id, k.id, k.name, k.created_by, k.scopes, k.expires_at, k.revoked_at,
         u.last_used_at, p.api_access, k.kind, k.client_id,
         o.require_second_person, o.require_if_match, o.require_human_signature, p.monthly_samples
  INTO organization_id, key_id, name, user_id, scopes, expires_at, revoked_at,
       last_used_at, api_access, kind, client_id,
       require_second_person, require_if_match, require_human_signature, monthly_samples
  FROM public.api_keys k
  LEFT JOIN public.key_uses u ON u.organization_id = k.organization_id AND u.key_id = k.id
  JOIN public.organizations o ON o.id = k.organization_id
  JOIN public.plans p ON p.name = o.plan
  WHERE k.digest = wanted;
  IF FOUND THEN
    bound := set_config('app.organization_id', organization_id::text, true);
    RETURN NEXT;
  END IF;
END $$
"""


#: Whose next ids the server may take before it writes the rows.
SEQUENCES = "samples_id_seq, sample_tests_id_seq"


def upgrade() -> None:
    replace(AFTER)
    if ddl.on_postgresql():
        op.execute(f"GRANT USAGE ON SEQUENCE {SEQUENCES} TO {ddl.APP_ROLE}")


def downgrade() -> None:
    replace(BEFORE)
    if ddl.on_postgresql():
        op.execute(f"REVOKE USAGE ON SEQUENCE {SEQUENCES} FROM {ddl.APP_ROLE}")


def replace(function: str) -> None:
    if not ddl.on_postgresql():
        return
    op.execute("DROP FUNCTION find_api_key(bytea)")
    op.execute(function)
    op.execute("REVOKE ALL ON FUNCTION find_api_key(bytea) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION find_api_key(bytea) TO {ddl.APP_ROLE}")
