"""Whether a database answers in time, and which revision it is at."""

import asyncio
from functools import cache

from alembic.script import ScriptDirectory
from sqlalchemy import text

from titer.kit.db.engine import Database
from titer.kit.db.migrating import scripts

_REVISION = text("SELECT version_num FROM alembic_version")


@cache
def newest_revision() -> str:
    """The revision that this release needs; the files are read once."""
    return ScriptDirectory(str(scripts())).get_current_head() or ""


async def revision(database: Database, seconds: float) -> str | None:
    """The revision that a database is at.

    Raises `TimeoutError` when it takes longer than `seconds`, `Unavailable` when it is out of
    reach, and the driver's error when there is no such table.
    """
    async with asyncio.timeout(seconds), database.work(writes=False) as work:
        found: str | None = (await work.look_up(_REVISION)).scalar()
        return found
