"""PostgreSQL's own part: the two roles, and the check before serving."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from titer.kit.db.engine import Database, connected, spelled

OWNER_ROLE, APP_ROLE = "titer_owner", "titer_app"
_LOCK = 7_483_702


class UnsafeRole(RuntimeError):
    """The server's database role would walk past row-level security."""


async def prepare(
    superuser_url: str, database: str, owner_password: str, app_password: str
) -> tuple[str, str]:
    """Make the roles and the database if they are absent; the owner's and the server's URL.

    `superuser_url` needs the right to create roles and databases; nothing else ever uses it.
    Raises `Unreachable`.
    """
    engine = create_async_engine(spelled(superuser_url), isolation_level="AUTOCOMMIT")
    async with connected(engine) as connection:
        # Two of us at once would alter one role twice, which PostgreSQL refuses.
        await connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
        await _role(connection, OWNER_ROLE, owner_password)
        await _role(connection, APP_ROLE, app_password)
        known = text("SELECT 1 FROM pg_database WHERE datname = :name")
        if (await connection.execute(known, {"name": database})).first() is None:
            await connection.execute(text(f'CREATE DATABASE "{database}" OWNER {OWNER_ROLE}'))
    await engine.dispose()
    base = spelled(superuser_url).set(drivername="postgresql", database=database)
    owner = base.set(username=OWNER_ROLE, password=owner_password)
    server = base.set(username=APP_ROLE, password=app_password)
    return (
        owner.render_as_string(hide_password=False),
        server.render_as_string(hide_password=False),
    )


async def roles_there(superuser_url: str) -> list[str]:
    """Those of the two roles that the server has already. Raises `Unreachable`."""
    engine = create_async_engine(spelled(superuser_url))
    known = text("SELECT rolname FROM pg_roles WHERE rolname IN (:owner, :app) ORDER BY 1 DESC")
    async with connected(engine) as connection:
        found = await connection.scalars(known, {"owner": OWNER_ROLE, "app": APP_ROLE})
        roles = list(found.all())
    await engine.dispose()
    return roles


async def _role(connection: AsyncConnection, role: str, password: str) -> None:
    known = text("SELECT 1 FROM pg_roles WHERE rolname = :role")
    if (await connection.execute(known, {"role": role})).first() is None:
        await connection.execute(text(f"CREATE ROLE {role}"))
    quoted = await connection.scalar(
        text("SELECT quote_literal(:password)"), {"password": password}
    )
    await connection.execute(
        text(
            f"ALTER ROLE {role} LOGIN NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE"
            f" PASSWORD {quoted}"
        )
    )


_ROLE = text(
    """SELECT r.rolname, r.rolsuper OR r.rolbypassrls AS bypasses,
              EXISTS (SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                      WHERE n.nspname = 'public' AND c.relkind = 'r'
                        AND pg_has_role(c.relowner, 'MEMBER')) AS owns
       FROM pg_roles r WHERE r.rolname = current_user"""
)
_OPEN_TABLES = text(
    """SELECT c.relname FROM pg_class c
       JOIN pg_namespace n ON n.oid = c.relnamespace
       JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'organization_id'
       WHERE n.nspname = 'public' AND c.relkind = 'r'
         AND (NOT c.relrowsecurity OR NOT c.relforcerowsecurity
              OR NOT EXISTS (SELECT 1 FROM pg_policy p WHERE p.polrelid = c.oid))
       ORDER BY 1"""
)
_CROSSING_KEYS = text(
    """SELECT k.conname FROM pg_constraint k
       JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attname = 'organization_id'
       JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attname = 'organization_id'
       WHERE k.contype = 'f' AND NOT a.attnum = ANY (k.conkey)
       ORDER BY 1"""
)


async def refuse_unsafe_role(database: Database) -> None:
    """Raise `UnsafeRole` if the server would bypass row-level security, or a table lacks it."""
    async with database.connected() as connection:
        role, bypasses, owns = (await connection.execute(_ROLE)).one()
        open_tables = (await connection.scalars(_OPEN_TABLES)).all()
        crossing = (await connection.scalars(_CROSSING_KEYS)).all()
    if bypasses or owns:
        what = "is a superuser or has BYPASSRLS" if bypasses else "owns the tables"
        raise UnsafeRole(
            f"The database role {role} {what}: it would bypass row-level security, which keeps"
            f" organizations apart. Serve as {APP_ROLE} instead: `titer database prepare` makes"
            " the roles and prints both URLs."
        )
    if open_tables or crossing:
        raise UnsafeRole(
            "Row-level security is not complete: "
            + ", ".join([*open_tables, *crossing])
            + ". Run `titer migrate`, or restore the policies."
        )
