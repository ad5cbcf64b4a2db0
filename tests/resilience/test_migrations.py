"""Up, down, up, and killed in the middle: old or new, never between."""

import asyncio
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import inspect, select, text

from servers import Installation, Postgres
from titer.app import open_database
from titer.domain.reference.models import MaterialType
from titer.kit.db import migrating, revisions
from titer.kit.db.engine import Database
from titer.kit.tenancy import TenantSession
from titer.settings import Settings

Figure = Callable[[str, str, object], None]
Effort = Callable[[int, int], int]
#: Says when it begins, and when it has done it.
_UPGRADE = """
import asyncio, sys
from titer.app import open_database
from titer.kit.db import migrating, revisions
from titer.settings import Settings
from pydantic import SecretStr

async def main():
    database = open_database(Settings(_env_file=None, database_url=SecretStr(sys.argv[1])))
    await revisions.progress(database)
    print("begins", flush=True)
    await migrating.upgrade(database, sys.argv[2])
    print("done", flush=True)
    await database.close()

asyncio.run(main())
"""


def every_revision() -> list[str]:
    """Oldest first."""
    config = Config()
    config.set_main_option("script_location", str(revisions.scripts()))
    found = ScriptDirectory.from_config(config).walk_revisions()
    return [each.revision for each in found][::-1]


def owned(installation: Installation, work: Callable[[Database], Any]) -> Any:
    """Run `work` as the role that owns the tables."""

    async def inside() -> Any:
        settings = Settings(_env_file=None, database_url=installation.owner_url)
        database = open_database(settings)
        try:
            return await work(database)
        finally:
            await database.close()

    return asyncio.run(inside())


Rows = list[dict[str, str]]


async def dump(bypass_url: str) -> dict[str, Rows]:
    """Every row of every table, past row-level security."""
    database = Database(bypass_url)
    rows = {}
    async with database.connected() as connection:
        names = await connection.run_sync(lambda each: inspect(each).get_table_names())
        for name in names:
            found = await connection.execute(text(f"SELECT * FROM {name}"))
            rows[name] = [
                {column: repr(value) for column, value in row.items()} for row in found.mappings()
            ]
    await database.close()
    return rows


def as_of(older: Rows, rows: Rows) -> list[list[str]]:
    """What rows say in the columns that an older revision has too, in whatever order."""
    columns = sorted(older[0]) if older else []
    return sorted([row[column] for column in columns] for row in rows)


def test_every_revision_goes_up_down_and_up_with_data(
    installation: Installation, figure: Figure
) -> None:
    lab, rival = installation.found("Aqua Laboratory", "Rival Laboratory")
    known = every_revision()
    with installation.serving() as server:
        for each in (lab, rival):
            with httpx2.Client(base_url=f"{server.url}/api/v1", headers=each.headers) as http:
                wanted = {
                    "clientName": "Acme",
                    "materialTypeId": each.has.water,
                    "testDefinitionIds": [each.has.ph],
                }
                for _ in range(5):
                    made = http.post("/samples", json=wanted).json()["tests"][0]["id"]
                    http.patch(f"/sample-tests/{made}", json={"result": "9.9"})
                    assert http.post(f"/sample-tests/{made}/verify").status_code == 200
    before = asyncio.run(dump(installation.bypass_url))
    compared = 0
    for older in reversed(known[:-1]):
        owned(installation, partial(migrating.downgrade, revision=older))
        below = asyncio.run(dump(installation.bypass_url))
        owned(installation, migrating.upgrade)
        after = asyncio.run(dump(installation.bypass_url))
        assert after.keys() == before.keys()
        for name in below.keys() - {"alembic_version"}:
            kept = as_of(below[name], below[name])
            assert kept == as_of(below[name], before[name]), name
            assert kept == as_of(below[name], after[name]), name
            assert len(below[name]) == len(before[name]) == len(after[name]), name
            compared += len(before[name])
    # What the later revision had of its own is made anew: the chain is sealed again.
    if installation.backend == "PostgreSQL":
        requeue(installation)
    else:
        installation.do(lab, _touch(lab.has.water))
        installation.do(rival, _touch(rival.has.water))
    assert installation.verify(lab).faults == ()
    owned(installation, lambda database: migrating.downgrade(database, "base"))
    left = asyncio.run(dump(installation.bypass_url))
    assert set(left) <= {"alembic_version"}
    owned(installation, migrating.upgrade)
    assert asyncio.run(dump(installation.bypass_url)).keys() == before.keys()
    figure(
        "P19",
        f"{installation.backend}, {len(known)} revisions up, down, up",
        f"0 of {compared} rows changed",
    )


def _touch(material_id: int) -> Any:
    async def work(session: TenantSession) -> None:
        wanted = select(MaterialType).where(MaterialType.id == material_id)
        row = (await session.scalars(wanted)).one()
        row.description = "seen again"

    return work


def requeue(installation: Installation) -> None:
    """Put every event back into the queue that the downgrade has dropped."""

    async def work() -> None:
        database = Database(installation.bypass_url)
        async with database.connected() as connection, connection.begin():
            await connection.execute(
                text("INSERT INTO audit_queue SELECT organization_id, id FROM audit_events")
            )
        await database.close()

    asyncio.run(work())


def new_installation(folder: Path, postgres: Postgres | None) -> Installation:
    if postgres is None:
        return Installation.on_sqlite(folder)
    return Installation.on_postgresql(folder, postgres.url, f"titer_{uuid4().hex[:12]}")


_MORE = 8


def upgrading(installation: Installation, revision: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", _UPGRADE, installation.owner_url, revision],
        env=installation.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begins\n"
    return process


def shape(installation: Installation) -> tuple[str | None, frozenset[str]]:
    """The revision that a database says it is at, and the tables that it has."""

    async def look(database: Database) -> tuple[str | None, frozenset[str]]:
        progress = await revisions.progress(database)
        async with database.connected() as connection:
            names = await connection.run_sync(lambda each: inspect(each).get_table_names())
        return progress.current, frozenset(names) - {"alembic_version"}

    found: tuple[str | None, frozenset[str]] = owned(installation, look)
    return found


def test_a_migration_that_is_killed_leaves_the_old_or_the_new(
    request: pytest.FixtureRequest,
    backend: str,
    tmp_path: Path,
    effort: Effort,
    figure: Figure,
) -> None:
    postgres = request.getfixturevalue("own_postgres") if backend == "postgresql" else None
    known = every_revision()
    # What each revision looks like, and how long the way to the newest takes.
    whole = new_installation(tmp_path / "whole", postgres)
    shapes = {shape(whole)}
    for revision in known:
        owned(whole, partial(migrating.upgrade, revision=revision))
        shapes.add(shape(whole))
    timed = new_installation(tmp_path / "timed", postgres)
    process = upgrading(timed, "head")
    begun = time.monotonic()
    assert process.communicate()[0] == "done\n"
    took = time.monotonic() - begun
    kills = effort(2, 20)
    cut = 0
    turn = 0
    # A machine that is faster now than when it was timed finishes before the kill: then again.
    while turn < kills or (not cut and turn < kills + _MORE):
        at = new_installation(tmp_path / f"killed-{turn}", postgres)
        if turn % 2:
            owned(at, lambda database: migrating.upgrade(database, known[0]))
        was = shape(at)
        process = upgrading(at, "head")
        time.sleep(random.uniform(0, took / (1 + turn // kills * turn)))
        process.send_signal(signal.SIGKILL)
        out, _ = process.communicate()
        now = shape(at)
        # All of an upgrade is one transaction: a revision in between is none of its ends.
        assert now in {was, shape(whole)}, "between two revisions"
        assert now in shapes
        cut += "done" not in out
        owned(at, migrating.upgrade)
        assert shape(at) == shape(whole)
        turn += 1
    assert cut
    figure(
        "P19",
        f"{'PostgreSQL' if postgres else 'SQLite'}, {turn} upgrades killed at a random moment",
        f"{cut} of them unfinished; 0 partial states",
    )
