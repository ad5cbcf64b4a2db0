"""`titer audit verify`, `titer audit export`."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from titer.cli.running import require_migrated, run_on
from titer.cli.terminal import AsJson, Stop, show, tell
from titer.domain.audit import sealing
from titer.domain.audit.rules import Anchor, Entry, Fault, canonical
from titer.domain.organizations.repository import Organizations
from titer.kit.clock import spell
from titer.kit.db.engine import Database
from titer.kit.tenancy import Actor, Tenant, TenantSession
from titer.settings import Settings

T = TypeVar("T")

commands = typer.Typer(help="The audit trail: verify its chain, export it.")

#: A long chain takes more than the few seconds that a request may.
_PATIENCE = 600.0
#: Whoever verifies writes nothing.
_READER = Actor("cli", "command line")
_SHOWN_FAULTS = 20

OrganizationId = Annotated[int, typer.Option("--org", metavar="ID", min=1)]
AnchorFile = Annotated[
    Path | None,
    typer.Option("--anchors", exists=True, dir_okay=False, help="Heads that were kept elsewhere."),
]


def run(task: Callable[[Database], Awaitable[T]]) -> T:
    """Run a task that reads much, as the server's role."""

    async def checked(database: Database) -> T:
        await require_migrated(database)
        return await task(database)

    return run_on(Settings().model_copy(update={"db_timeout": _PATIENCE}), checked)


@asynccontextmanager
async def reading(database: Database, organization_id: int) -> AsyncIterator[TenantSession]:
    """A session that only reads, after everything was sealed; no writer waits for it."""
    async with database.work(writes=False) as work:
        session = await work.enter(Tenant(organization_id), _READER)
        if await Organizations(session).find_own() is None:
            raise Stop(
                "not_found",
                f"There is no organization {organization_id}: `titer org list` shows them.",
            )
    await sealing.seal_now(database, organization_id)
    async with database.work(writes=False) as work:
        yield await work.enter(Tenant(organization_id), _READER)


def read_anchors(path: Path | None) -> list[Anchor]:
    try:
        return sealing.read_anchors(path) if path else []
    except (ValueError, UnicodeError, OSError) as trouble:
        raise Stop("invalid_anchors", f"The anchors cannot be read: {trouble}.") from trouble


@commands.callback()
def audit() -> None:
    """The audit trail: verify its chain, export it."""


@commands.command()
def verify(*, org: OrganizationId, anchors: AnchorFile = None, as_json: AsJson = False) -> None:
    """Read the whole chain of an organization, and name every fault. Leaves with 1 at a fault."""
    known = read_anchors(anchors)

    async def task(database: Database) -> sealing.Verification:
        async with reading(database, org) as session:
            return await sealing.verify(session, known)

    found = run(task)
    facts = {
        "organizationId": org,
        "ok": found.ok,
        "events": found.events,
        "headSeq": found.head_seq,
        "headHash": found.head_hash,
        "anchorsChecked": found.anchors_checked,
        "faults": _spelled(found.faults),
    }
    show(
        facts,
        f"{found.events} events, head {found.head_seq} {found.head_hash}.",
        f"{found.anchors_checked} anchors checked.",
        *_sentences(found.faults),
        as_json=as_json,
    )
    if not found.ok:
        raise typer.Exit(1)


@commands.command()
def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write, NDJSON.")],
    *,
    org: OrganizationId,
    as_json: AsJson = False,
) -> None:
    """Write the whole chain into a file that can be verified without us.

    `tools/verify_audit_export.py` does, with nothing but Python. The chain is verified on the way:
    with a fault the file is written all the same, as evidence, and the command leaves with 1.
    """
    if file.exists():
        raise Stop("file_exists", f"{file} exists already: name another file, or remove it.")

    async def task(database: Database) -> tuple[dict[str, Any], Sequence[Fault]]:
        async with reading(database, org) as session:
            return await _export(session, file)

    facts, faults = run(task)
    show(
        facts | {"ok": not faults, "faults": _spelled(faults)},
        f"{facts['events']} events are in {file}, head {facts['headSeq']} {facts['headHash']}.",
        *_sentences(faults),
        as_json=as_json,
    )
    if faults:
        raise typer.Exit(1)


async def _export(session: TenantSession, file: Path) -> tuple[dict[str, Any], Sequence[Fault]]:
    own = await Organizations(session).own()
    unfinished = file.with_name(f"{file.name}.unfinished")
    digest = sha256()
    events, shown = 0, 0
    with unfinished.open("wb") as out:

        def write(line: dict[str, Any]) -> None:
            spelled = (canonical(line) + "\n").encode()
            digest.update(spelled)
            out.write(spelled)

        write(
            {
                "kind": "titer-audit-export",
                "format": 1,
                "organization": str(own.public_id),
                "organizationId": own.id,
                "exportedAt": spell(session.now),
            }
        )
        async for inspector, batch in sealing.told(session):
            last = inspector
            for entry in batch:
                write(_line(entry))
            events += len(batch)
            if events - shown >= 100_000:  # noqa: PLR2004 - often enough to see that it goes on
                shown = events
                tell(f"{events} events")
        facts = {
            "organizationId": own.id,
            "events": events,
            "headSeq": last.seq,
            "headHash": last.head.hex(),
        }
        end = {
            "kind": "end",
            "count": events,
            "head": last.head.hex(),
            "sha256": digest.hexdigest(),
        }
        write(end)
    unfinished.replace(file)
    return facts, tuple(last.faults)


def _line(entry: Entry) -> dict[str, Any]:
    return {
        "seq": entry.seq,
        "previous": entry.previous.hex(),
        "hash": entry.hash.hex(),
        "canonical": entry.canonical,
    }


def _spelled(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    return [{"seq": each.seq, "eventId": each.event_id, "what": each.what} for each in faults]


def _sentences(faults: Sequence[Fault]) -> list[str]:
    if not faults:
        return ["No fault was found."]
    shown = [f"FAULT at {each.seq}: {each.what}" for each in faults[:_SHOWN_FAULTS]]
    rest = len(faults) - len(shown)
    return [*shown, f"... and {rest} more."] if rest else shown
