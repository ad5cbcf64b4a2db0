"""Bringing a database to the newest revision, and telling how far it is."""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect, text

from titer.kit.db.engine import Database

#: Held while migrating on PostgreSQL, so that two servers starting at once do it once.
_LOCK = 7_483_701


@dataclass(frozen=True, slots=True)
class Progress:
    """The revision that a database is at, and the newest that this release knows."""

    current: str | None
    newest: str
    empty: bool

    @property
    def up_to_date(self) -> bool:
        return self.current == self.newest


def scripts() -> Path:
    """The folder of revisions: inside an installed package, or beside `src` in a checkout."""
    package = Path(__file__).resolve().parents[2]
    installed = package / "migrations"
    return installed if installed.is_dir() else package.parents[1] / "migrations"


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(scripts()))
    return config


async def progress(database: Database) -> Progress:
    """Where a database stands. Raises what the driver raises when it is out of reach."""
    newest = ScriptDirectory.from_config(_config()).get_current_head() or ""
    async with database.engine.connect() as connection:
        return await connection.run_sync(_progress, newest)


def _progress(connection: Connection, newest: str) -> Progress:
    current = MigrationContext.configure(connection).get_current_revision()
    return Progress(
        current, newest, empty=not set(inspect(connection).get_table_names()) - {"alembic_version"}
    )


async def upgrade(database: Database, revision: str = "head") -> None:
    """Run every migration up to `revision` in one transaction."""
    async with database.engine.begin() as connection:
        await connection.run_sync(_run, command.upgrade, revision)


async def downgrade(database: Database, revision: str) -> None:
    """Undo migrations down to `revision`; `base` is the empty database."""
    async with database.engine.begin() as connection:
        await connection.run_sync(_run, command.downgrade, revision)


def _run(connection: Connection, step: object, revision: str) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    config = _config()
    config.attributes["connection"] = connection
    assert callable(step)
    step(config, revision)
