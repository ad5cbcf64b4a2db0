"""Whether the schema can be spread over machines by organization, as docs/scaling.md says."""

import pytest
from sqlalchemy import text

from laboratory import World

#: What finds a tenant cannot begin with the tenant: the digests of credentials.
FINDING_A_TENANT = {"api_keys_digest_key", "sign_ins_digest_key"}

_UNIQUES = text(
    """SELECT i.indexrelid::regclass::text AS name, a.attname AS first
       FROM pg_index i
       JOIN pg_class c ON c.oid = i.indrelid
       JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
       WHERE n.nspname = 'public' AND i.indisunique
         AND EXISTS (SELECT 1 FROM pg_attribute o
                     WHERE o.attrelid = c.oid AND o.attname = 'organization_id')"""
)
_FOREIGN_KEYS = text(
    """SELECT k.conname, k.conrelid::regclass::text AS child, a.attname AS first
       FROM pg_constraint k
       JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = k.conkey[1]
       JOIN pg_namespace n ON n.oid = k.connamespace
       WHERE k.contype = 'f' AND n.nspname = 'public'
         AND EXISTS (SELECT 1 FROM pg_attribute o
                     WHERE o.attrelid = k.conrelid AND o.attname = 'organization_id')"""
)


#: SQLite is not spread over machines.
pytestmark = pytest.mark.parametrize("backend", ["postgresql"], indirect=True, scope="session")


def ask(world: World, statement: object) -> list[tuple[str, ...]]:
    async def work() -> list[tuple[str, ...]]:
        async with world.app.database.connected() as connection:
            rows = await connection.execute(statement)  # type: ignore[call-overload]
            return [tuple(row) for row in rows]

    return world.run(work)


def test_every_key_of_a_tenants_table_begins_with_the_organization(world: World) -> None:
    found = ask(world, _UNIQUES)
    assert len(found) > 40
    others = {name for name, first in found if first != "organization_id"}
    assert others == FINDING_A_TENANT


def test_every_reference_between_tenants_tables_begins_with_the_organization(
    world: World,
) -> None:
    found = ask(world, _FOREIGN_KEYS)
    assert len(found) > 40
    assert {first for _, _, first in found} == {"organization_id"}
