"""One transaction per piece of work, opened here and committed by whoever opened it."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from datetime import datetime
from functools import cache
from pathlib import Path
from socket import gaierror
from typing import Any
from uuid import uuid4

from sqlalchemy import Dialect, Executable, QueuePool, bindparam, event, func, select
from sqlalchemy.engine import URL, ExceptionContext, make_url
from sqlalchemy.exc import DBAPIError, InterfaceError, MissingGreenlet, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util.concurrency import greenlet_spawn

from titer.kit.changes import Keeper
from titer.kit.clock import Clock, SystemClock
from titer.kit.db import sqlite
from titer.kit.db.driver import Driver, PostgresDriver, Row, SqliteDriver
from titer.kit.errors import Unavailable
from titer.kit.prepared import Lookup, Spelled, spell
from titer.kit.tenancy import Actor, Opening, Tenant, TenantSession

#: SQLSTATE classes that a retry may mend: connection, transaction rollback, resources, locks,
#: operator intervention.
_PASSING = ("08", "40", "53", "55", "57")
_RETRY_AFTER = 2


class Unreachable(RuntimeError):
    """The database does not answer, or does not let us in."""


class Work:
    """One transaction. Before a tenant enters it, only look-ups that find the tenant may run."""

    def __init__(
        self, driver: Driver, now: datetime, keeper: Keeper | None = None, *, writes: bool
    ) -> None:
        self.now = now
        self.session: TenantSession | None = None
        self._keeper = keeper
        self._driver = driver
        self._writes = writes
        self._begun = False
        self._in_force: int | None = None

    @property
    def on_postgresql(self) -> bool:
        return self._driver.on_postgresql

    async def look_up(self, statement: Executable) -> Any:
        """Run a statement that looks for the tenant itself, or for what belongs to nobody."""
        self._refuse_late()
        await self._begin()
        return await self._driver.connection().execute(statement)

    async def find(self, lookup: Lookup, **values: Any) -> Row | None:
        """What a look-up of the caller finds. On PostgreSQL the same round trip binds row-level
        security to their organization, which is the first of the columns."""
        self._refuse_late()
        await self._begin()
        rows = await self._driver.fetch(lookup.alone(self._driver.dialect), values)
        if not rows:
            return None
        self._in_force = rows[0][0]
        return lookup.read(rows[0], self._driver.dialect)

    async def enter(self, tenant: Tenant, actor: Actor) -> TenantSession:
        """The session of `tenant`; row-level security is bound to it until the commit."""
        if self.session is not None:
            raise RuntimeError("one tenant per transaction")
        await self._begin()
        if self.on_postgresql and self._in_force != tenant.organization_id:
            await self._driver.fetch(
                _bind(self._driver.dialect), {"organization": str(tenant.organization_id)}
            )
        self.session = TenantSession(self._driver, tenant, actor, self.now, self._keeper)
        return self.session

    def glance(self, opening: Opening) -> TenantSession:
        """A session whose every statement finds the caller anew, in the same round trip.

        For reading with no transaction around it; who is calling is known from the first
        statement on.
        """
        self._refuse_late()
        if self._begun or self._writes:
            raise RuntimeError("a glance begins no transaction")
        self.session = TenantSession.opened_by(opening, self._driver, self.now, glances=True)
        return self.session

    async def open_by(self, opening: Opening) -> TenantSession:
        """A session whose first statement finds the caller as well, in this transaction."""
        self._refuse_late()
        await self._begin()
        self.session = TenantSession.opened_by(opening, self._driver, self.now, self._keeper)
        return self.session

    async def commit(self) -> None:
        if self.session is not None:
            await self.session.settle()
        if self._begun:
            await self._driver.commit()

    async def _begin(self) -> None:
        if not self._begun:
            self._begun = True
            await self._driver.begin(writes=self._writes)

    def _refuse_late(self) -> None:
        if self.session is not None:
            raise RuntimeError("a tenant has entered: ask its session")


@cache
def _bind(dialect: Dialect) -> Spelled:
    bind = func.set_config("app.organization_id", bindparam("organization"), True)  # noqa: FBT003 - PostgreSQL's is_local
    return spell(select(bind), dialect)


class Database:
    """An engine, the gate for SQLite's single writer, and the clock that stamps each work."""

    def __init__(
        self,
        url: str,
        *,
        clock: Clock | None = None,
        keeper: Keeper | None = None,
        pool_size: int = 10,
        pooler: str = "none",
        timeout: float = 4.0,
    ) -> None:
        self.url = spelled(url)
        self.on_postgresql = self.url.get_backend_name() == "postgresql"
        self.clock: Clock = clock or SystemClock()
        self._keeper = keeper
        self._timeout = timeout
        self._gate = asyncio.Lock()
        #: Whether a statement may stand outside any transaction: a pooler that changes the server's
        #: connection between transactions might change it between parts of one statement as well.
        self.glances = pooler == "none"
        self._pool_size = pool_size
        self.engine = self._make_engine(pool_size, pooler)

    def _make_engine(self, pool_size: int, pooler: str) -> AsyncEngine:
        common: dict[str, Any] = {
            "pool_size": pool_size,
            "pool_timeout": self._timeout,
            # A statement's values are the laboratory's records: no error repeats them into a log.
            "hide_parameters": True,
        }
        if not self.on_postgresql:
            if self.url.database:
                Path(self.url.database).parent.mkdir(parents=True, exist_ok=True)
            engine = create_async_engine(self.url, max_overflow=0, **common)
            sqlite.prepare(engine.sync_engine)
            return engine
        arguments: dict[str, Any] = {
            "timeout": self._timeout,
            "command_timeout": self._timeout,
            "server_settings": {
                "application_name": "titer",
                "statement_timeout": str(int(self._timeout * 1000)),
                "idle_in_transaction_session_timeout": "60000",
            },
        }
        if pooler == "transaction":
            # A prepared statement may be asked for on another server connection than the one
            # that knows it, and pgbouncer refuses start-up settings that it does not track.
            arguments |= {
                "statement_cache_size": 0,
                "prepared_statement_cache_size": 0,
                "prepared_statement_name_func": lambda: f"__titer_{uuid4()}__",
            }
            del arguments["server_settings"]
        engine = create_async_engine(
            self.url,
            max_overflow=0,
            connect_args=arguments,
            pool_use_lifo=True,
            # We begin and end transactions ourselves: see `kit/db/driver.py`.
            isolation_level="AUTOCOMMIT",
            **common,
        )
        event.listen(engine.sync_engine, "handle_error", _give_up)
        return engine

    @asynccontextmanager
    async def work(self, *, writes: bool, hurried: bool = False) -> AsyncIterator[Work]:
        """A transaction that is rolled back unless its `commit` was called.

        Somebody waits for one that is `hurried`: a database that is slow time and again is given
        up as one that does not answer at all.

        Raises `Unavailable` when the database is out of reach, busy or full.
        """
        # The queue, the pool and a writer of another process share what an answer may take.
        until = time.monotonic() + self._timeout
        try:
            async with self._turn(until, writes=writes), self._borrowed(until) as driver:
                driver.patience = self._timeout if hurried else None
                work = Work(driver, self.clock.now(), self._keeper, writes=writes)
                try:
                    yield work
                finally:
                    if work.session is not None:
                        await work.session.leave()
        except (PoolTimeout, TimeoutError, ConnectionError, gaierror) as out_of_reach:
            raise Unavailable(retry_after=_RETRY_AFTER) from out_of_reach
        except (DBAPIError, sqlite3.Error) as trouble:
            if not will_pass(trouble):
                raise
            raise Unavailable(retry_after=_RETRY_AFTER) from trouble

    @asynccontextmanager
    async def _borrowed(self, until: float) -> AsyncIterator[Driver]:
        """A connection of the pool's: waiting for it and opening it take their time together."""
        borrowed = self._borrow_at_once()
        if borrowed is None or self._has_gone(borrowed):
            async with asyncio.timeout(until - time.monotonic()):
                while borrowed is None or self._has_gone(borrowed):
                    if borrowed is not None:
                        await greenlet_spawn(borrowed.invalidate)
                    borrowed = await self._borrow()
        kind = PostgresDriver if self.on_postgresql else SqliteDriver
        driver = kind(self.engine, borrowed)
        driver.until = until
        try:
            yield driver
        finally:
            await driver.give_back()

    def _borrow_at_once(self) -> PoolProxiedConnection | None:
        """A connection that lies ready. The pool wants a greenlet only where it must wait."""
        ready = self.engine.pool
        assert isinstance(ready, QueuePool)
        if not ready.checkedin():
            return None
        try:
            return ready.connect()
        except MissingGreenlet:
            return None  # what lay there is to be connected anew

    def _has_gone(self, borrowed: PoolProxiedConnection) -> bool:
        """Whether the database has closed a connection while it lay in the pool."""
        driver: Any = borrowed.driver_connection
        return self.on_postgresql and bool(driver.is_closed())

    async def _borrow(self) -> PoolProxiedConnection:
        engine = self.engine.sync_engine
        try:
            return await greenlet_spawn(engine.pool.connect)
        except engine.dialect.loaded_dbapi.Error as trouble:
            if isinstance(trouble, sqlite3.Error):
                raise
            # The pool tells it in the driver's words; the engine would tell it so.
            raise DBAPIError("connect", None, trouble, hide_parameters=True) from trouble

    def connected(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection outside any tenant's work, to migrate or to check. Raises `Unreachable`."""
        engine = self.engine
        if self.on_postgresql:
            engine = engine.execution_options(isolation_level="READ COMMITTED")
        return connected(engine)

    def _turn(self, until: float, *, writes: bool) -> AbstractAsyncContextManager[Any]:
        if self.on_postgresql or not writes:
            return nullcontext()
        return self._queue(until)

    @asynccontextmanager
    async def _queue(self, until: float) -> AsyncIterator[None]:
        at_once = not self._gate.locked()
        async with asyncio.timeout(until - time.monotonic()):
            await self._gate.acquire()
        try:
            # One writer for each round of the loop: a write that never waits would be followed by
            # the next one in the same round, and a crowd of them would keep a probe from its turn.
            if at_once:
                await asyncio.sleep(0)
            yield
        finally:
            self._gate.release()

    def connections(self) -> tuple[int, int]:
        """How many connections of the pool are in use, and how many there may be."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        return pool.checkedout(), self._pool_size

    async def close(self) -> None:
        await self.engine.dispose()


def _give_up(trouble: ExceptionContext) -> None:
    """Let go at once of a connection that does not answer: its farewell would wait as well."""
    if isinstance(trouble.original_exception, TimeoutError) and trouble.connection is not None:
        silent = trouble.connection.connection.driver_connection
        assert silent is not None
        silent.terminate()


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """A connection of the engine's. Raises `Unreachable`, in the driver's words."""
    try:
        connection = await engine.connect()
    except DBAPIError as trouble:
        raise Unreachable(str(trouble.orig)) from trouble
    except (PoolTimeout, TimeoutError, OSError) as trouble:
        raise Unreachable(str(trouble) or "it takes too long to answer") from trouble
    try:
        yield connection
    finally:
        await connection.close()


def spelled(url: str) -> URL:
    """The URL with our driver in it: a person writes `sqlite:///...` or `postgresql://...`."""
    parsed = make_url(url.replace("postgres://", "postgresql://", 1))
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise ValueError(f"{backend} is not supported: use sqlite:///PATH or postgresql://...")
    return parsed.set(drivername=sqlite.DRIVER if backend == "sqlite" else "postgresql+asyncpg")


def will_pass(trouble: DBAPIError | sqlite3.Error) -> bool:
    """Whether the database is at fault, and the same request may succeed later."""
    if isinstance(trouble, sqlite3.Error):  # from our own BEGIN, which nobody wraps
        return sqlite.will_pass(trouble)
    if isinstance(trouble.orig, sqlite3.Error):
        return sqlite.will_pass(trouble.orig)
    if trouble.connection_invalidated or isinstance(trouble, OperationalError | InterfaceError):
        return True
    return str(getattr(trouble.orig, "sqlstate", "") or "").startswith(_PASSING)
