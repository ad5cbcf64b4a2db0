"""Bringing a database to another revision."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text

from titer.kit.db.engine import Database
from titer.kit.db.revisions import scripts

#: Held while migrating on PostgreSQL, so that two servers starting at once do it once.
_LOCK = 7_483_701


async def upgrade(database: Database, revision: str = "head") -> None:
    """Run every migration up to `revision` in one transaction. Raises `Unreachable`."""
    async with database.connected() as connection, connection.begin():
        await connection.run_sync(_run, command.upgrade, revision)


async def downgrade(database: Database, revision: str) -> None:
    """Undo migrations down to `revision`; `base` is the empty database. Raises `Unreachable`."""
    async with database.connected() as connection, connection.begin():
        await connection.run_sync(_run, command.downgrade, revision)


def _run(connection: Connection, step: object, revision: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    config = Config()
    config.set_main_option("script_location", str(scripts()))
    config.attributes["connection"] = connection
    assert callable(step)
    step(config, revision)
