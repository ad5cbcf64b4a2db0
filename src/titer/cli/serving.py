"""`titer serve`: the checks before serving, and the server."""

import socket
from typing import Annotated

import typer
import uvicorn
from uvicorn.supervisors import Multiprocess

from titer.app import Titer, create_app
from titer.cli.running import as_owner, refuse_unfit, run_on
from titer.cli.terminal import Stop, tell
from titer.kit import logs
from titer.kit.db import postgres, revisions
from titer.kit.db.engine import Database
from titer.settings import Settings

#: How long requests under way may take to end once the server is told to stop.
GRACE_SECONDS = 25
_BACKLOG = 2048


def serve(
    *,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="How many processes answer.")] = 1,
) -> None:
    """Serve. An empty database is set up first; one with migrations pending is left alone."""
    settings = Settings()
    make_ready(settings)
    listener = _listen(host, port)
    address = _address(host, listener)
    logs.configure(settings.log_level, settings.log_format)
    typer.echo(f"Titer listens on {address} - documentation: {address}/docs")
    config = uvicorn.Config(
        "titer.cli.serving:application",
        factory=True,
        workers=workers,
        loop="uvloop",
        http="httptools",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_graceful_shutdown=GRACE_SECONDS,
    )
    if workers > 1:
        Multiprocess(config, sockets=[listener]).run()
        return
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[listener])
    except KeyboardInterrupt:
        return


def application() -> Titer:
    """The application of one worker. A worker is a new process, with its logs yet to be set up."""
    settings = Settings()
    logs.configure(settings.log_level, settings.log_format)
    return create_app(settings)


def make_ready(settings: Settings) -> None:
    """Set up an empty database; stop at one that this release or this role must not serve."""
    progress = run_on(settings, revisions.progress)
    if progress.empty:
        progress = run_on(as_owner(settings), _set_up)
    refuse_unfit(progress)
    if settings.on_postgresql:
        run_on(settings, _refuse_unsafe_role)


async def _set_up(database: Database) -> revisions.Progress:
    from titer.kit.db import migrating  # noqa: PLC0415 - brings Alembic, for this once

    await migrating.upgrade(database)
    tell("The database was empty: it is set up now.")
    return await revisions.progress(database)


async def _refuse_unsafe_role(database: Database) -> None:
    try:
        await postgres.refuse_unsafe_role(database)
    except postgres.UnsafeRole as unsafe:
        raise Stop("unsafe_role", str(unsafe)) from unsafe


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=_BACKLOG)
    except OSError as taken:
        raise Stop(
            "cannot_listen",
            f"Cannot listen on {host} port {port}: {taken.strerror or taken}."
            " Choose another with --port.",
        ) from taken
    listener.set_inheritable(True)
    return listener


def _address(host: str, listener: socket.socket) -> str:
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{listener.getsockname()[1]}"
