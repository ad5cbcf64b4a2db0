"""Runs the migrations: on the connection that `titer migrate` hands over, or on its own."""

import asyncio

from alembic import context
from sqlalchemy import Connection

from titer.domain.registry import metadata
from titer.kit.db.engine import Database
from titer.settings import Settings


def run(connection: Connection) -> None:
    """All that is asked for, in one transaction: a migration killed midway leaves nothing."""
    context.configure(
        connection=connection,
        target_metadata=metadata,
        transactional_ddl=True,
        render_as_batch=connection.dialect.name == "sqlite",
    )
    with context.begin_transaction():
        context.run_migrations()


async def connect_and_run() -> None:
    settings = Settings()
    url = settings.owner_database_url or settings.database_url
    database = Database(url.get_secret_value())
    async with database.engine.begin() as connection:
        await connection.run_sync(run)
    await database.close()


handed_over = context.config.attributes.get("connection")
if isinstance(handed_over, Connection):
    run(handed_over)
else:
    asyncio.run(connect_and_run())
