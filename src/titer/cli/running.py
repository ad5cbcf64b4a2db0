"""Opening what a command works on: the settings, the database, an organization's session."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

from titer.app import open_database
from titer.cli.terminal import Stop
from titer.domain.organizations.repository import Organizations
from titer.kit.db import revisions
from titer.kit.db.engine import Database, Unreachable
from titer.kit.tenancy import Actor, Tenant, TenantSession
from titer.settings import Settings

T = TypeVar("T")

#: Who the audit trail says did what a command does.
OPERATOR = Actor("cli", "command line")


def run(task: Callable[[Database], Awaitable[T]]) -> T:
    """Run a task on a migrated database, as the server's role."""
    return _on_migrated(Settings(), task)


def run_as_owner(task: Callable[[Database], Awaitable[T]]) -> T:
    """The same as the role that owns the tables; on SQLite there is no difference."""
    return _on_migrated(as_owner(Settings()), task)


def _on_migrated(settings: Settings, task: Callable[[Database], Awaitable[T]]) -> T:
    async def checked(database: Database) -> T:
        await require_migrated(database)
        return await task(database)

    return run_on(settings, checked)


def run_on(settings: Settings, task: Callable[[Database], Awaitable[T]]) -> T:
    async def inside() -> T:
        database = _opened(settings)
        try:
            return await task(database)
        except Unreachable as trouble:
            raise Stop(
                "unavailable",
                f"The database at {_place(database)} is out of reach: {trouble}."
                " Check TITER_DATABASE_URL, and that the database is running.",
            ) from trouble
        finally:
            await database.close()

    return asyncio.run(inside())


def as_owner(settings: Settings) -> Settings:
    """The same settings with the owner's URL in place of the server's."""
    if not settings.on_postgresql:
        return settings
    if settings.owner_database_url is None:
        raise Stop(
            "owner_required",
            "On PostgreSQL this needs the role that owns the tables: set TITER_OWNER_DATABASE_URL"
            " (`titer database prepare` prints it).",
        )
    return settings.model_copy(update={"database_url": settings.owner_database_url})


async def require_migrated(database: Database) -> None:
    """Stop unless the database is at this release's revision."""
    refuse_unfit(await revisions.progress(database))


def refuse_unfit(progress: revisions.Progress) -> None:
    """Stop at a database that this release does not fit."""
    if progress.ahead:
        raise Stop(
            "database_ahead",
            f"The database is at revision {progress.current}, of a later release than this one"
            f" ({progress.newest}): run that release.",
        )
    if not progress.up_to_date:
        stands = f"at revision {progress.current}" if progress.current else "not set up"
        raise Stop(
            "migrations_pending",
            f"The database is {stands}, and this release needs {progress.newest}:"
            " run `titer migrate`.",
        )


@asynccontextmanager
async def within(
    database: Database, organization_id: int, *, keep: bool = True
) -> AsyncIterator[TenantSession]:
    """A session of an organization; committed at the end unless nothing is to be kept."""
    async with database.work(writes=True) as work:
        session = await work.enter(Tenant(organization_id), OPERATOR)
        if await Organizations(session).find_own() is None:
            raise Stop(
                "not_found",
                f"There is no organization {organization_id}: `titer org list` shows them.",
            )
        yield session
        if keep:
            await work.commit()


def _opened(settings: Settings) -> Database:
    try:
        return open_database(settings)
    except ValueError as unsupported:
        raise Stop("invalid_settings", f"TITER_DATABASE_URL: {unsupported}.") from unsupported
    except OSError as trouble:
        raise Stop(
            "unavailable", f"The folder of the database cannot be made: {trouble}."
        ) from trouble


def _place(database: Database) -> str:
    """Where the database is, without the password."""
    return (
        database.url.render_as_string(hide_password=True)
        .replace("+inloop", "")
        .replace("+asyncpg", "")
    )
