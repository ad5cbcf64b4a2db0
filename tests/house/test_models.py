"""What every table must be, read from the mapping and from PostgreSQL's own catalogue."""

from typing import Any

import pytest
from sqlalchemy import inspect, text

from laboratory import World
from titer.domain import registry
from titer.kit.db.engine import Database
from titer.kit.owned import Base, TenantKeyed, TenantRoot

#: Tables that belong to the installation, not to an organization.
NOBODYS = {"plans", "sign_in_failures"}
#: Unique values that are looked up before the tenant is known, and random beyond collision.
UNIQUE_EVERYWHERE = {"sign_ins_digest_key", "api_keys_digest_key", "organizations_public_id_key"}


def mapped_classes() -> list[type[Any]]:
    assert registry.MODELS
    classes = [mapper.class_ for mapper in Base.registry.mappers]
    return sorted(classes, key=lambda mapped: mapped.__name__)


@pytest.mark.parametrize("mapped", mapped_classes(), ids=lambda mapped: mapped.__name__)
def test_every_table_is_a_tenants_or_on_the_short_list(mapped: type[Any]) -> None:
    owned = issubclass(mapped, TenantKeyed | TenantRoot)
    assert owned != (mapped.__tablename__ in NOBODYS)


@pytest.mark.parametrize("mapped", mapped_classes(), ids=lambda mapped: mapped.__name__)
def test_no_class_has_a_relationship_that_could_load_past_the_fence(mapped: type[Any]) -> None:
    assert not inspect(mapped).relationships.keys()


def ask(world: World, question: str) -> list[Any]:
    async def read() -> list[Any]:
        database = Database(world.bypass_url)
        async with database.connected() as connection:
            rows = (await connection.execute(text(question))).all()
        await database.close()
        return list(rows)

    return world.run(read)


on_postgresql = pytest.mark.parametrize("backend", ["postgresql"], indirect=True)


@on_postgresql
def test_every_tenant_table_forces_row_level_security(world: World) -> None:
    open_tables = ask(
        world,
        """SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
           WHERE n.nspname = 'public' AND c.relkind = 'r'
             AND NOT (c.relrowsecurity AND c.relforcerowsecurity)""",
    )
    assert {row.relname for row in open_tables} == NOBODYS | {"alembic_version"}


@on_postgresql
def test_every_key_between_tenant_tables_carries_the_organization(world: World) -> None:
    keys = ask(
        world,
        """SELECT k.conname, k.confrelid::regclass::text AS target,
                  array_agg(a.attname::text ORDER BY a.attname) AS columns
           FROM pg_constraint k
           JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = ANY (k.conkey)
           WHERE k.contype = 'f' GROUP BY 1, 2""",
    )
    assert len(keys) > 30
    for key in keys:
        assert "organization_id" in key.columns or key.target == "plans", key.conname


@on_postgresql
def test_every_unique_value_is_unique_within_an_organization(world: World) -> None:
    uniques = ask(
        world,
        """SELECT i.indexrelid::regclass::text AS name, a.attname AS first
           FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid
           JOIN pg_namespace n ON n.oid = c.relnamespace
           JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
           WHERE n.nspname = 'public' AND i.indisunique""",
    )
    by_tables_of_tenants = {
        row.name
        for row in uniques
        if row.first != "organization_id"
        and not row.name.startswith((*NOBODYS, "alembic_version", "organizations_pkey"))
    }
    assert by_tables_of_tenants == UNIQUE_EVERYWHERE


@on_postgresql
def test_the_servers_role_may_not_rewrite_history(world: World) -> None:
    rights = ask(
        world,
        """SELECT table_name, privilege_type FROM information_schema.role_table_grants
           WHERE grantee = 'titer_app' AND table_name IN ('audit_events', 'result_entries')""",
    )
    assert {row.privilege_type for row in rights} == {"SELECT", "INSERT"}
