"""`titer backup`, `titer restore`."""

import asyncio
import io
import json
import shutil
import tarfile
import tempfile
from collections.abc import Sequence
from hashlib import file_digest
from pathlib import Path
from typing import Annotated, Any

import typer

from titer import __version__
from titer.app import open_database
from titer.cli.running import OPERATOR, run_on
from titer.cli.terminal import AsJson, Stop, show, tell, tracked
from titer.domain.audit import sealing
from titer.domain.audit.rules import Anchor
from titer.domain.keys.repository import every_digest, find_key
from titer.kit.clock import SystemClock, spell
from titer.kit.db import copies, revisions
from titer.kit.db.copies import Census, CopyFailed
from titer.kit.db.engine import Database
from titer.kit.tenancy import Tenant
from titer.settings import Settings

_PATIENCE = 3_600.0
_RESTORING = ("pg_restore", "psql")
_MANIFEST, _DATA = "manifest.json", "database"

BackupFile = Annotated[Path, typer.Argument(metavar="FILE")]


def backup(file: BackupFile, *, as_json: AsJson = False) -> None:
    """Copy the whole database into FILE, while the server runs.

    On PostgreSQL set TITER_BACKUP_DATABASE_URL to a role that row-level security does not bind.
    """
    if file.exists():
        raise Stop("file_exists", f"{file} exists already: name another file, or remove it.")
    settings = _patient(Settings())

    async def task(server: Database) -> dict[str, Any]:
        progress = await revisions.progress(server)
        if progress.current is None:
            raise Stop("migrations_pending", "There is nothing to back up: run `titer migrate`.")
        with tempfile.TemporaryDirectory(dir=file.parent, prefix=".titer-backup-") as folder:
            data = Path(folder) / _DATA
            began = spell(SystemClock().now())
            if server.on_postgresql:
                census = await _dump(settings, server, data)
            else:
                census = copies.copy_sqlite(settings.sqlite_path, data, _percent())
                copies.settle_sqlite(data)
                _compare("the copy", census, copies.census_of_sqlite(data))
            manifest = {
                "kind": "titer-backup",
                "format": 1,
                "database": "postgresql" if server.on_postgresql else "sqlite",
                "release": __version__,
                "begunAt": began,
                "revision": census.revision,
                "rows": dict(census.rows),
                "heads": [list(head) for head in census.heads],
                "sha256": _digest(data),
            }
            _pack(Path(folder) / "packed", manifest, data).replace(file)
        return manifest

    manifest = _trying(settings, task)
    rows = sum(manifest["rows"].values())
    facts = {
        "file": str(file),
        "revision": manifest["revision"],
        "rows": rows,
        "organizations": len(manifest["heads"]),
        "bytes": file.stat().st_size,
    }
    show(facts, f"{rows} rows are in {file}.", as_json=as_json)


def restore(
    file: Annotated[Path, typer.Argument(metavar="FILE", exists=True, dir_okay=False)],
    *,
    force: Annotated[
        bool, typer.Option("--force", help="Replace what the database holds now.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup into an empty database, and verify it: rows, audit chains, keys.

    Stop the server first. On PostgreSQL `titer database prepare` makes the roles and the database.
    """
    settings = _patient(Settings())
    manifest = _manifest_of(file)
    kind = "postgresql" if settings.on_postgresql else "sqlite"
    if manifest["database"] != kind:
        raise Stop("wrong_database", f"{file} is of {manifest['database']}, not of {kind}.")
    census = Census(
        manifest["revision"],
        manifest["rows"],
        tuple((org, seq, head) for org, seq, head in manifest["heads"]),
    )

    async def task(server: Database) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="titer-restore-") as folder:
            data = _unpack(file, Path(folder), manifest)
            if server.on_postgresql:
                bypassing = _bypassing(settings)
                try:
                    await copies.refuse_unfit(bypassing, server)
                    _refuse_full(await copies.tables_of_postgresql(bypassing), force=force)
                    version = await copies.version_of(bypassing)
                    reader, writer = (copies.program(each, version) for each in _RESTORING)
                    tell("Restoring ...")
                    await asyncio.to_thread(
                        lambda: copies.restore_dump(
                            reader, writer, bypassing.url, data, census, over=force
                        )
                    )
                    _compare("the database", census, await copies.census_of_postgresql(bypassing))
                    return await _verify(bypassing, server, census)
                finally:
                    await bypassing.close()
            _refuse_full(copies.tables_of_sqlite(settings.sqlite_path), force=force)
            _compare("the backup", census, copies.census_of_sqlite(data))
            copy = open_database(_at(settings, data))
            try:
                facts = await _verify(copy, copy, census)
            finally:
                await copy.close()
            copies.copy_sqlite(data, settings.sqlite_path, _percent())
            _compare("the database", census, copies.census_of_sqlite(settings.sqlite_path))
            return facts

    facts = _trying(settings, task)
    facts |= {"revision": census.revision, "rows": sum(census.rows.values())}
    show(
        facts,
        f"{facts['rows']} rows are restored; {facts['events']} audit events of"
        f" {facts['organizations']} organizations verify; {facts['keys']} keys are found.",
        "Next: titer migrate",
        as_json=as_json,
    )


def _patient(settings: Settings) -> Settings:
    return settings.model_copy(update={"db_timeout": _PATIENCE})


def _at(settings: Settings, path: Path) -> Settings:
    url = type(settings.database_url)(f"sqlite:///{path}")
    return settings.model_copy(update={"database_url": url})


def _trying(settings: Settings, task: Any) -> dict[str, Any]:
    try:
        done: dict[str, Any] = run_on(settings, task)
    except CopyFailed as trouble:
        raise Stop("copy_failed", f"{trouble}.") from trouble
    return done


def _bypassing(settings: Settings) -> Database:
    if settings.backup_database_url is None:
        raise Stop(
            "backup_role_required",
            "On PostgreSQL this needs a role that row-level security does not bind: set"
            " TITER_BACKUP_DATABASE_URL to the same database as a superuser, or as a role with"
            " BYPASSRLS that may read every table.",
        )
    update = {"database_url": settings.backup_database_url}
    return open_database(settings.model_copy(update=update))


async def _dump(settings: Settings, server: Database, data: Path) -> Census:
    bypassing = _bypassing(settings)
    try:
        await copies.refuse_unfit(bypassing, server)
        version = await copies.version_of(bypassing)
        path = copies.program("pg_dump", version)
        async with copies.snapshot(bypassing) as (name, census):
            tell(f"Dumping {sum(census.rows.values())} rows ...")
            await asyncio.to_thread(copies.dump, path, bypassing.url, data, name)
    finally:
        await bypassing.close()
    tell("Counting what was dumped ...")
    reader = copies.program("pg_restore", version)
    dumped = await asyncio.to_thread(copies.rows_in_dump, reader, data)
    if dumped != census.rows:
        raise CopyFailed("The dump does not hold every row")
    return census


def _compare(what: str, expected: Census, found: Census) -> None:
    if expected.revision != found.revision:
        raise CopyFailed(
            f"{what} is at revision {found.revision}, not at {expected.revision}".capitalize()
        )
    tables = expected.rows.keys() | found.rows.keys()
    other = sorted(name for name in tables if expected.rows.get(name) != found.rows.get(name))
    if other:
        raise CopyFailed(f"{what} has other numbers of rows in {', '.join(other)}".capitalize())
    if tuple(expected.heads) != tuple(found.heads):
        raise CopyFailed(f"{what} has other audit chains".capitalize())


async def _verify(owner: Database, server: Database, census: Census) -> dict[str, Any]:
    """Read every chain up to the head that the backup noted, and look for every key."""
    anchors = [Anchor(org, seq, bytes.fromhex(head)) for org, seq, head in census.heads]
    events = 0
    for anchor in tracked(anchors, "Verifying the audit chains"):
        async with owner.work(writes=False) as work:
            session = await work.enter(Tenant(anchor.organization_id), OPERATOR)
            found = await sealing.verify(session, [anchor])
        events += found.events
        if not found.ok:
            raise CopyFailed(
                f"The audit chain of organization {anchor.organization_id} does not verify:"
                f" {found.faults[0].what}"
            )
    async with owner.work(writes=False) as work:
        digests = await every_digest(work)
    for digest in tracked(digests, "Looking for the keys"):
        async with server.work(writes=False) as work:
            if await find_key(work, digest) is None:
                raise CopyFailed("A key is not found any more")
    return {"organizations": len(anchors), "events": events, "keys": len(digests)}


def _refuse_full(tables: Sequence[str], *, force: bool) -> None:
    if tables and not force:
        raise Stop(
            "not_empty",
            "The database is not empty: name another in TITER_DATABASE_URL, or say --force to"
            " replace what it holds.",
        )


def _percent() -> copies.Progress:
    """Says every tenth of a copy that is long enough to watch."""
    told = 0

    def progress(done: int, pages: int) -> None:
        nonlocal told
        tenth = 10 * done // pages if pages else 10
        if pages > 20_000 and tenth > told:  # noqa: PLR2004 - some 80 MB
            told = tenth
            tell(f"{tenth * 10} %")

    return progress


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def _pack(target: Path, manifest: dict[str, Any], data: Path) -> Path:
    told = json.dumps(manifest, indent=1).encode()
    with tarfile.open(target, "w") as packed:
        member = tarfile.TarInfo(_MANIFEST)
        member.size = len(told)
        packed.addfile(member, io.BytesIO(told))
        packed.add(data, _DATA)
    target.chmod(0o600)
    return target


def _manifest_of(file: Path) -> dict[str, Any]:
    try:
        with tarfile.open(file) as packed:
            member = packed.extractfile(_MANIFEST)
            assert member is not None
            manifest: dict[str, Any] = json.load(member)
    except (tarfile.TarError, KeyError, ValueError, OSError, AssertionError) as trouble:
        raise Stop("invalid_backup", f"{file} is no backup, or it is damaged.") from trouble
    if manifest.get("kind") != "titer-backup" or manifest.get("format") != 1:
        raise Stop("invalid_backup", f"{file} is no backup that this release can read.")
    return manifest


def _unpack(file: Path, folder: Path, manifest: dict[str, Any]) -> Path:
    data = folder / _DATA
    try:
        # Copied and not extracted: nothing of the archive but the bytes is taken over.
        with tarfile.open(file) as packed, data.open("wb") as target:
            member = packed.extractfile(_DATA)
            if member is None:
                raise tarfile.ReadError(_DATA)
            shutil.copyfileobj(member, target)
    except (tarfile.TarError, KeyError, OSError) as trouble:
        raise Stop("invalid_backup", f"{file} is damaged.") from trouble
    if _digest(data) != manifest["sha256"]:
        raise Stop("invalid_backup", f"{file} is damaged: its data is not what was written.")
    return data
