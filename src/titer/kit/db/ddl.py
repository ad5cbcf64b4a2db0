"""What every migration says of a tenant's table, so that no migration can forget to say it.

On PostgreSQL the primary key is the pair `(organization_id, id)` and row-level security is on and
forced. On SQLite `id` is the integer key, never reused, and the pair is unique. A key between two
tenant tables always carries the organization, because PostgreSQL checks a foreign key with
row-level security off: a plain one would reach across.
"""

from alembic import op
from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Identity,
    Integer,
    PrimaryKeyConstraint,
    UniqueConstraint,
)
from sqlalchemy.schema import SchemaItem

from titer.kit.db import postgres

APP_ROLE = postgres.APP_ROLE
BOUND = "nullif(current_setting('app.organization_id', true), '')::bigint"


def on_postgresql() -> bool:
    return op.get_context().dialect.name == "postgresql"


def create_tenant_table(name: str, *items: SchemaItem) -> None:
    """A table whose rows have an id within an organization."""
    if on_postgresql():
        key = (
            Column("organization_id", BigInteger, nullable=False),
            Column("id", BigInteger, Identity(always=False), nullable=False),
            PrimaryKeyConstraint("organization_id", "id", name=f"{name}_pkey"),
        )
        op.create_table(name, *key, *items, _owned_by_organization(name))
        secure(name)
        return
    op.create_table(
        name,
        Column("organization_id", Integer, nullable=False),
        Column("id", Integer, primary_key=True, autoincrement=True),
        UniqueConstraint("organization_id", "id", name=f"{name}_pkey"),
        *items,
        _owned_by_organization(name),
        sqlite_autoincrement=True,
    )


def create_keyed_table(name: str, key: str, *items: SchemaItem) -> None:
    """A table that an organization has one row of per `key`."""
    op.create_table(
        name,
        Column("organization_id", BigInteger, nullable=False),
        *items,
        PrimaryKeyConstraint("organization_id", key, name=f"{name}_pkey"),
        _owned_by_organization(name),
    )
    if on_postgresql():
        secure(name)


def _owned_by_organization(name: str) -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["organization_id"], ["organizations.id"], name=f"{name}_organization_fkey"
    )


def reference(name: str, column: str, target: str) -> ForeignKeyConstraint:
    """A key from `column` of the table `name` to a row of `target` in the same organization."""
    return ForeignKeyConstraint(
        ["organization_id", column],
        [f"{target}.organization_id", f"{target}.id"],
        name=f"{name}_{column}_fkey",
    )


def add_reference(name: str, column: str, target: str) -> None:
    """The same for a column that was added to a table that is there.

    SQLite cannot add such a key without making the table anew: there two triggers stand in for it.
    """
    if on_postgresql():
        op.create_foreign_key(
            f"{name}_{column}_fkey",
            name,
            target,
            ["organization_id", column],
            ["organization_id", "id"],
        )
        return
    for verb, when in (("insert", "INSERT"), ("update", f"UPDATE OF {column}")):
        op.execute(
            f"CREATE TRIGGER {name}_{column}_fkey_{verb} BEFORE {when} ON {name}"  # noqa: S608 - names of ours
            f" WHEN NEW.{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {target} t"
            f" WHERE t.organization_id = NEW.organization_id AND t.id = NEW.{column})"
            f" BEGIN SELECT RAISE(ABORT, '{name}.{column} refers to nothing'); END"
        )


def drop_reference(name: str, column: str) -> None:
    if on_postgresql():
        op.drop_constraint(f"{name}_{column}_fkey", name)
        return
    for verb in ("insert", "update"):
        op.execute(f"DROP TRIGGER {name}_{column}_fkey_{verb}")


def unique(name: str, *columns: str) -> UniqueConstraint:
    """A value that an organization has once. Named so that a violation can be told by its name."""
    return UniqueConstraint("organization_id", *columns, name=f"{name}_{'_'.join(columns)}_key")


def index(name: str, *columns: str) -> None:
    """An index that serves one organization's rows."""
    op.create_index(f"{name}_{'_'.join(columns)}_idx", name, ["organization_id", *columns])


def secure(name: str, owner_column: str = "organization_id") -> None:
    """Row-level security: only the organization that the transaction is bound to."""
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")
    op.execute(f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY")
    op.execute(
        f"CREATE POLICY {name}_tenant ON {name}"
        f" USING ({owner_column} = {BOUND}) WITH CHECK ({owner_column} = {BOUND})"
    )


def grant(name: str, rights: str) -> None:
    """What the server's role may do with a table."""
    if on_postgresql():
        op.execute(f"GRANT {rights} ON {name} TO {APP_ROLE}")
