"""Which revision a database is at, and which this release needs.

Told without Alembic: a server that finds its database as it should be never loads it.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from sqlalchemy import Connection, inspect, text

from titer.kit.db.engine import Database

_TABLE = "alembic_version"
_REVISION = text("SELECT version_num FROM alembic_version")


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


@cache
def known_revisions() -> tuple[str, ...]:
    """The revisions of this release, newest first: each is what its file's name begins with."""
    files = (scripts() / "versions").glob("[0-9]*.py")
    return tuple(sorted((file.stem.partition("_")[0] for file in files), reverse=True))


def newest_revision() -> str:
    """The revision that this release needs."""
    return known_revisions()[0]


async def revision(database: Database, seconds: float) -> str | None:
    """The revision that a database is at.

    Raises `TimeoutError` when it takes longer than `seconds`, `Unavailable` when it is out of
    reach, and the driver's error when there is no such table.
    """
    async with asyncio.timeout(seconds), database.work(writes=False) as work:
        found: str | None = (await work.look_up(_REVISION)).scalar()
        return found


async def progress(database: Database) -> Progress:
    """Where a database stands. Raises `Unreachable`."""
    async with database.connected() as connection:
        return await connection.run_sync(_progress, known_revisions())


def _progress(connection: Connection, known: Sequence[str]) -> Progress:
    tables = set(inspect(connection).get_table_names())
    current: str | None = connection.scalar(_REVISION) if _TABLE in tables else None
    return Progress(
        current,
        known[0],
        empty=not tables - {_TABLE},
        ahead=current is not None and current not in known,
    )
