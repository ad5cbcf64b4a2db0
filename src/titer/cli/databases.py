"""`titer migrate`, `titer database prepare`."""

import asyncio
import os
import re
import secrets
from typing import Annotated

import typer

from titer.cli.running import as_owner, refuse_unfit, run_on
from titer.cli.terminal import AsJson, Stop, show
from titer.kit.db import postgres, revisions
from titer.kit.db.engine import Database, Unreachable
from titer.settings import Settings

commands = typer.Typer(help="Set up a PostgreSQL database.")

_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")


def migrate(*, as_json: AsJson = False) -> None:
    """Bring the database to this release's revision; a new one is set up."""

    async def task(database: Database) -> tuple[revisions.Progress, revisions.Progress]:
        before = await revisions.progress(database)
        if before.ahead:
            refuse_unfit(before)
        if not before.up_to_date:
            from titer.kit.db import migrating  # noqa: PLC0415 - brings Alembic, for this once

            await migrating.upgrade(database)
        return before, await revisions.progress(database)

    before, after = run_on(as_owner(Settings()), task)
    done = "was up to date already" if before == after else f"is now at revision {after.current}"
    show(
        {"from": before.current, "to": after.current, "changed": before != after},
        f"The database {done}.",
        as_json=as_json,
    )


@commands.callback()
def database() -> None:
    """Set up a PostgreSQL database."""


@commands.command()
def prepare(
    *,
    superuser_url: Annotated[
        str,
        typer.Option(
            envvar="TITER_SUPERUSER_DATABASE_URL",
            help="postgresql://... of a role that may create roles and databases.",
        ),
    ],
    name: Annotated[str, typer.Option(help="The database to make.")] = "titer",
    owner_password_env: Annotated[
        str | None, typer.Option(help="The variable that holds the owner's password.")
    ] = None,
    app_password_env: Annotated[
        str | None, typer.Option(help="The variable that holds the server's password.")
    ] = None,
    new_passwords: Annotated[
        bool, typer.Option("--new-passwords", help="Replace passwords that are set already.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make the two roles and the database, and print what to export."""
    if not _NAME.fullmatch(name):
        raise typer.BadParameter("use small letters, digits and _", param_hint="--name")
    given = [password_from(owner_password_env), password_from(app_password_env)]

    async def task() -> tuple[str, str]:
        there = await postgres.roles_there(superuser_url)
        if there and None in given and not new_passwords:
            raise Stop(
                "roles_exist",
                f"{' and '.join(there)} exist already, and a server may know their passwords: name"
                " both with --owner-password-env and --app-password-env, or say --new-passwords.",
            )
        owner, app = (password or secrets.token_urlsafe(24) for password in given)
        return await postgres.prepare(superuser_url, name, owner, app)

    try:
        owner_url, server_url = asyncio.run(task())
    except ValueError as unsupported:
        raise typer.BadParameter(str(unsupported), param_hint="--superuser-url") from unsupported
    except Unreachable as trouble:
        raise Stop(
            "unavailable", f"PostgreSQL is out of reach: {trouble}. Check --superuser-url."
        ) from trouble
    show(
        {"databaseUrl": server_url, "ownerDatabaseUrl": owner_url},
        "# The server's role owns nothing and bypasses nothing; the owner's migrates.",
        f"export TITER_DATABASE_URL='{server_url}'",
        f"export TITER_OWNER_DATABASE_URL='{owner_url}'",
        "# Next: titer migrate",
        as_json=as_json,
    )


def password_from(variable: str | None) -> str | None:
    """The password in an environment variable: never an argument, which every process can read."""
    if variable is None:
        return None
    password = os.environ.get(variable)
    if not password:
        raise Stop("no_password", f"The environment variable {variable} is empty or not set.")
    return password
