"""Bringing a database to the newest revision, and telling how far it is."""

from collections.abc import Sequence
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
    #: Whether the database is at a revision of a later release than this one.
    ahead: bool = False

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
    """Where a database stands. Raises `Unreachable`."""
    revisions = [each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()]
    async with database.connected() as connection:
        return await connection.run_sync(_progress, revisions)


def _progress(connection: Connection, revisions: Sequence[str]) -> Progress:
    """`revisions` are those that this release knows, newest first."""
    current = MigrationContext.configure(connection).get_current_revision()
    return Progress(
        current,
        revisions[0],
        empty=not set(inspect(connection).get_table_names()) - {"alembic_version"},
        ahead=current is not None and current not in revisions,
    )


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
    config = _config()
    config.attributes["connection"] = connection
    assert callable(step)
    step(config, revision)
