"""One connection of the pool's, and the driver below it, which is asked without any detour.

A transaction is begun and ended here by hand: SQLAlchemy's own way to begin one costs more than
many of the statements in it. The ORM runs in the same transaction, over the same connection.
"""

import asyncio
import logging
import sqlite3
import time
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Dialect
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.util.concurrency import greenlet_spawn

from titer.kit.db import sqlite
from titer.kit.prepared import Spelled

Row = Sequence[Any]
#: With what PostgreSQL ends a session: a shutdown, a crash of another one, or not yet ready.
_FAREWELL = "57P"
#: A statement that takes longer than this (in seconds) counts as slow; and the least that any
#: statement of a request is given.
_SLOW, _LEAST = 0.25, 0.05
#: Every statement that goes past SQLAlchemy, without its values: those are the laboratory's.
_log = logging.getLogger("titer.sql")


class Driver:
    """A borrowed connection: who borrows it gives it back, with no transaction left open."""

    def __init__(
        self,
        engine: AsyncEngine,
        borrowed: PoolProxiedConnection,
        connection: AsyncConnection | None = None,
    ) -> None:
        self.dialect: Dialect = engine.sync_engine.dialect
        self._engine = engine
        self._borrowed = borrowed
        self._raw: Any = borrowed.driver_connection
        self._connection = connection
        #: How long a writer of another process is waited for, by the monotonic clock.
        self.until = time.monotonic() + sqlite.WAIT_FOR_WRITER
        #: How long PostgreSQL may take over all slow statements together; None for no limit.
        self.patience: float | None = None
        self._waited = 0.0

    @property
    def on_postgresql(self) -> bool:
        return self.dialect.name == "postgresql"

    def connection(self) -> AsyncConnection:
        """SQLAlchemy's view of the connection, made when it is first wanted."""
        if self._connection is None:
            below = Connection(self._engine.sync_engine, self._borrowed)
            self._connection = AsyncConnection(self._engine, below)
        return self._connection

    async def begin(self, *, writes: bool) -> None:
        raise NotImplementedError

    async def commit(self) -> None:
        raise NotImplementedError

    async def fetch(self, spelled: Spelled, values: Mapping[str, Any]) -> Sequence[Row]:
        """The rows of a statement, as the driver gives them."""
        raise NotImplementedError

    async def change_many(self, spelled: Spelled, columns: Mapping[str, Sequence[Any]]) -> int:
        """Run a change for each row of the columns; how many rows of the table it met."""
        raise NotImplementedError

    async def roll_back(self) -> None:
        """End what was begun and not committed."""
        raise NotImplementedError

    async def give_back(self) -> None:
        await self.roll_back()
        if self._connection is not None:
            await self._connection.close()
        else:
            # Nothing is waited for: SQLAlchemy has begun nothing, and we have ended what we began.
            self._borrowed.close()


def _tell(spelled: Spelled) -> None:
    if _log.isEnabledFor(logging.DEBUG):
        _log.debug(spelled.sql)


class SqliteDriver(Driver):
    """SQLite, called in the event loop: see `kit/db/sqlite.py`."""

    async def begin(self, *, writes: bool) -> None:
        if not writes:
            self._raw.execute("BEGIN")
            return
        while True:
            if sqlite.begin_immediate(self._raw, self.until):
                return
            await asyncio.sleep(sqlite.PAUSE)

    async def commit(self) -> None:
        self._raw.execute("COMMIT")

    async def roll_back(self) -> None:
        if self._raw.in_transaction:
            self._raw.execute("ROLLBACK")

    async def fetch(self, spelled: Spelled, values: Mapping[str, Any]) -> Sequence[Row]:
        _tell(spelled)
        try:
            rows: list[Row] = self._raw.execute(spelled.sql, spelled.arguments(values)).fetchall()
        except sqlite3.IntegrityError as collision:
            raise IntegrityError(spelled.sql, None, collision, hide_parameters=True) from collision
        return rows

    async def change_many(self, spelled: Spelled, columns: Mapping[str, Sequence[Any]]) -> int:
        _tell(spelled)
        try:
            met = self._raw.executemany(spelled.sql, spelled.rows(columns))
        except sqlite3.IntegrityError as collision:
            raise IntegrityError(spelled.sql, None, collision, hide_parameters=True) from collision
        return int(met.rowcount)


class PostgresDriver(Driver):
    """PostgreSQL through asyncpg. Outside a transaction each statement is one of its own."""

    async def begin(self, *, writes: bool) -> None:
        await self._tell("BEGIN" if writes else "BEGIN READ ONLY")

    async def commit(self) -> None:
        await self._tell("COMMIT")

    async def roll_back(self) -> None:
        if self._raw.is_closed() or not self._raw.is_in_transaction():
            return
        try:
            await self._raw.execute("ROLLBACK")
        except Exception:  # noqa: BLE001 - whatever it is, the connection is of no more use
            self._raw.terminate()

    async def give_back(self) -> None:
        await self.roll_back()
        if self._raw.is_closed():
            await greenlet_spawn(self._borrowed.invalidate)
        await super().give_back()

    async def fetch(self, spelled: Spelled, values: Mapping[str, Any]) -> Sequence[Row]:
        _tell(spelled)
        arguments = spelled.arguments(values)
        patience, began = self._patience(), time.monotonic()
        try:
            rows: Sequence[Row] = await self._raw.fetch(spelled.sql, *arguments, timeout=patience)
        except Exception as trouble:
            self._give_up(trouble, spelled.sql)
            raise
        self._note(time.monotonic() - began)
        return rows

    async def _tell(self, sql: str) -> None:
        patience, began = self._patience(), time.monotonic()
        try:
            await self._raw.execute(sql, timeout=patience)
        except Exception as trouble:
            self._give_up(trouble, sql)
            raise
        self._note(time.monotonic() - began)

    def _patience(self) -> float | None:
        """How long the next statement is waited for: slow ones share what a request may take."""
        return None if self.patience is None else max(self.patience - self._waited, _LEAST)

    def _note(self, seconds: float) -> None:
        if seconds > _SLOW:
            self._waited += seconds

    def _give_up(self, trouble: Exception, sql: str) -> None:
        """Let go of a connection that is of no more use, and raise what the database says as
        SQLAlchemy would, so that everybody above knows one kind of trouble."""
        import asyncpg  # type: ignore[import-untyped]  # noqa: PLC0415 - only where it is used

        said = isinstance(trouble, asyncpg.PostgresError)
        if not said or str(getattr(trouble, "sqlstate", "")).startswith(_FAREWELL):
            # It does not answer, has gone, or stopped amid a sentence: nobody may ask it again.
            self._raw.terminate()
        if isinstance(trouble, asyncpg.IntegrityConstraintViolationError):
            raise IntegrityError(sql, None, trouble, hide_parameters=True) from trouble
        if said:
            lost = self._raw.is_closed()
            raise DBAPIError(
                sql, None, trouble, hide_parameters=True, connection_invalidated=lost
            ) from trouble
        if isinstance(trouble, asyncpg.InterfaceError | asyncpg.InternalClientError):
            raise InterfaceError(sql, None, trouble, hide_parameters=True) from trouble


def over(connection: AsyncConnection) -> Driver:
    """The driver below a connection that somebody else has opened, begins on, and gives back."""
    below = connection.sync_connection
    assert below is not None
    kind = PostgresDriver if below.dialect.name == "postgresql" else SqliteDriver
    return kind(connection.engine, below.connection, connection)
