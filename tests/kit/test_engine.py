"""One transaction per piece of work: kept when committed, gone otherwise, refused in time."""

import asyncio
import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import column, insert, select, table, text
from sqlalchemy.exc import DBAPIError, OperationalError

from laboratory import Laboratory, World
from titer.domain.organizations.models import Plan
from titer.domain.samples.repository import Samples
from titer.kit.db import sqlite
from titer.kit.db.engine import Database, spelled
from titer.kit.errors import Unavailable
from titer.kit.tenancy import Actor, Tenant, TenantSession


@pytest.mark.parametrize(
    ("written", "driver"),
    [
        ("sqlite:///var/titer.db", "sqlite+inloop"),
        ("postgresql://u:p@h/d", "postgresql+asyncpg"),
        ("postgres://u:p@h/d", "postgresql+asyncpg"),
        ("postgresql+psycopg://u:p@h/d", "postgresql+asyncpg"),
    ],
)
def test_a_person_need_not_spell_the_driver(written: str, driver: str) -> None:
    assert spelled(written).drivername == driver


def test_another_database_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="mysql is not supported"):
        spelled("mysql://localhost/titer")


def plans(world: World) -> set[str]:
    async def read() -> set[str]:
        async with world.app.database.work(writes=False) as work:
            return set((await work.look_up(select(Plan.__table__.c.name))).scalars())

    return world.run(read)


def test_work_that_nobody_commits_is_rolled_back(world: World) -> None:
    async def forget() -> None:
        async with world.app.database.work(writes=True) as work:
            await work.look_up(insert(Plan).values(name="forgotten", api_access=True))

    async def fail() -> None:
        async with world.app.database.work(writes=True) as work:
            await work.look_up(insert(Plan).values(name="failed", api_access=True))
            raise LookupError

    world.run(forget)
    with pytest.raises(LookupError):
        world.run(fail)
    assert plans(world) & {"forgotten", "failed"} == set()


def test_a_statement_of_ours_that_is_wrong_is_not_told_as_an_outage(world: World) -> None:
    async def misspell() -> None:
        async with world.app.database.work(writes=False) as work:
            await work.look_up(select(column("nothing")).select_from(table("plans")))

    with pytest.raises(DBAPIError):
        world.run(misspell)


def test_writers_wait_for_their_turn_and_all_get_it(world: World, lab: Laboratory) -> None:
    """Twenty writers that read, wait and write: no count is lost."""

    async def one() -> None:
        async with world.app.database.work(writes=True) as work:
            session = await work.enter(Tenant(lab.id), Actor("test", "a test"))
            await Samples(session).next_numbers("TURN")
            await asyncio.sleep(0)
            await work.commit()

    async def crowd() -> None:
        await asyncio.gather(*(one() for _ in range(20)))

    async def next_one(session: TenantSession) -> int:
        return (await Samples(session).next_numbers("TURN"))[0]

    world.run(crowd)
    assert lab.do(next_one) == 21


@contextlib.contextmanager
def locked_by_another(path: Path) -> Iterator[None]:
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


async def _write(
    database: Database, statement: str = "CREATE TABLE IF NOT EXISTS notes (note TEXT)"
) -> None:
    async with database.work(writes=True) as work:
        await work.look_up(text(statement))
        await work.commit()


async def _read(database: Database) -> int:
    async with database.work(writes=False) as work:
        return int((await work.look_up(text("SELECT 7"))).scalar_one())


def test_a_file_that_another_process_writes_is_waited_for_then_unavailable(
    tmp_path: Path,
) -> None:
    path = tmp_path / "shared.db"

    async def story() -> tuple[int | None, int]:
        database = Database(f"sqlite:///{path}", timeout=0.5)
        await _write(database)
        with locked_by_another(path):
            with pytest.raises(Unavailable) as refusal:
                await _write(database)
            read = await _read(database)
        await _write(database)
        await database.close()
        return refusal.value.retry_after, read

    assert asyncio.run(story()) == (2, 7)


def test_the_queue_and_another_process_share_one_patience(tmp_path: Path) -> None:
    path = tmp_path / "shared.db"

    async def one(database: Database) -> float:
        begun = time.monotonic()
        with pytest.raises(Unavailable):
            await _write(database)
        return time.monotonic() - begun

    async def story() -> list[float]:
        database = Database(f"sqlite:///{path}", timeout=0.5)
        await _write(database)
        with locked_by_another(path):
            first = asyncio.create_task(one(database))
            await asyncio.sleep(0.25)
            # It stands in the queue behind the first one, and then waits for the other process.
            took = [await one(database), await first]
        await database.close()
        return took

    assert max(asyncio.run(story())) < 0.5 + 0.4


def test_a_crowd_of_writers_leaves_the_loop_to_others_after_each_write(tmp_path: Path) -> None:
    async def story() -> int:
        database = Database(f"sqlite:///{tmp_path / 'crowd.db'}")
        written = 0

        async def write() -> None:
            nonlocal written
            await _write(database)
            written += 1

        await write()
        crowd = asyncio.gather(*(write() for _ in range(30)))
        most = 0
        while not crowd.done():
            before = written
            await asyncio.sleep(0)
            most = max(most, written - before)
        await database.close()
        return most

    assert asyncio.run(story()) == 1


def test_a_queue_that_does_not_move_is_unavailable_in_time(tmp_path: Path) -> None:
    async def story() -> None:
        database = Database(f"sqlite:///{tmp_path / 'queue.db'}", timeout=0.05)
        async with database.work(writes=True):
            with pytest.raises(Unavailable):
                await _write(database)
        await _write(database)
        await database.close()

    asyncio.run(story())


def test_a_pool_that_is_used_up_is_unavailable_in_time(tmp_path: Path) -> None:
    async def story() -> None:
        database = Database(f"sqlite:///{tmp_path / 'pool.db'}", timeout=0.05, pool_size=1)
        async with database.work(writes=False) as work:
            await work.look_up(text("SELECT 1"))
            with pytest.raises(Unavailable):
                await _read(database)
        assert await _read(database) == 7
        await database.close()

    asyncio.run(story())


def test_a_full_disk_refuses_writes_and_keeps_reading(tmp_path: Path) -> None:
    """`max_page_count` is how SQLite itself plays a disk that is full."""

    async def story() -> int:
        database = Database(f"sqlite:///{tmp_path / 'full.db'}", pool_size=1)
        await _write(database)
        async with database.work(writes=False) as work:
            await work.look_up(text("PRAGMA max_page_count = 2"))
        with pytest.raises(Unavailable):
            await _write(database, "INSERT INTO notes VALUES (zeroblob(100000))")
        read = await _read(database)
        await database.close()
        return read

    assert asyncio.run(story()) == 7


def test_what_sqlite_says_of_itself_tells_trouble_from_a_mistake() -> None:
    busy, mistake = sqlite3.OperationalError(), sqlite3.OperationalError()
    busy.sqlite_errorcode = sqlite3.SQLITE_BUSY_SNAPSHOT
    mistake.sqlite_errorcode = sqlite3.SQLITE_ERROR
    assert sqlite.will_pass(busy)
    assert not sqlite.will_pass(mistake)
    assert not sqlite.will_pass(sqlite3.OperationalError())
    assert issubclass(OperationalError, DBAPIError)
