"""The chain: linking events, anchoring heads, verifying all of it.

A sixth file beside the usual five: keeping the trail is a use case of every request, sealing it is
one of the server's own, and of whoever doubts the server.

On SQLite an event is linked in the transaction that wrote it, because there is one writer at a
time. On PostgreSQL a sealer of its own links events shortly after their commit: a chain inside the
business transaction would make every writer of an organization wait for every other.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from titer.domain.audit.repository import AuditLinks, heads, unsealed_organizations
from titer.domain.audit.rules import Anchor, Fault, Inspector, genesis, link_hash
from titer.domain.organizations.repository import Organizations
from titer.kit.clock import spell
from titer.kit.db.engine import Database
from titer.kit.tenancy import Actor, Tenant, TenantSession

#: Events that one transaction links at the most.
SEALED_AT_ONCE = 1_000
_log = structlog.get_logger("titer.audit")
SEALER = Actor("system", "audit sealer")


@dataclass(frozen=True, slots=True)
class Verification:
    """What reading a whole chain showed."""

    organization_id: int
    events: int
    head_seq: int
    head_hash: str
    anchors_checked: int
    faults: tuple[Fault, ...]

    @property
    def ok(self) -> bool:
        return not self.faults


async def seal(session: TenantSession) -> int:
    """Link what is not linked yet, up to a thousand events; how many there were."""
    links = AuditLinks(session)
    if not await links.take_turn():
        return 0
    last = await links.head()
    previous = last.hash if last else await _genesis(session)
    seq = last.seq if last else 0
    rows = []
    for event_id, content in await links.unsealed(last.event_id if last else 0, SEALED_AT_ONCE):
        seq += 1
        sealed = link_hash(previous, seq, content)
        rows.append(
            {
                "seq": seq,
                "event_id": event_id,
                "previous": previous,
                "hash": sealed,
                "sealed_at": session.now,
            }
        )
        previous = sealed
    if rows:
        await links.append(rows)
    return len(rows)


async def _genesis(session: TenantSession) -> bytes:
    return genesis((await Organizations(session).own()).public_id)


async def verify(session: TenantSession, anchors: Iterable[Anchor] = ()) -> Verification:
    """Read the chain from its first link, and find every fault up to the last anchor."""
    anchors = [each for each in anchors if each.organization_id == session.tenant.organization_id]
    inspector = Inspector(await _genesis(session), anchors)
    links = AuditLinks(session)
    events = 0
    while batch := await links.entries(inspector.seq, SEALED_AT_ONCE):
        for entry in batch:
            inspector.read(entry)
        events += len(batch)
    inspector.finish()
    strays = await links.stray_events()
    if strays:
        inspector.faults.append(Fault(None, None, f"{strays} events have no link"))
    return Verification(
        organization_id=session.tenant.organization_id,
        events=events,
        head_seq=inspector.seq,
        head_hash=inspector.head.hex(),
        anchors_checked=len(anchors),
        faults=tuple(inspector.faults),
    )


class Sealer:
    """The server's own hand in the trail: seals on PostgreSQL, and anchors on both."""

    def __init__(self, database: Database, anchor_file: Path | None) -> None:
        self._database = database
        self._anchor_file = anchor_file
        self._anchored: dict[int, int] = {}

    async def seal_all(self) -> int:
        """Seal every organization that has something to seal; how many events that were."""
        if not self._database.on_postgresql:
            return 0
        async with self._database.work(writes=False) as work:
            waiting = await unsealed_organizations(work)
        return sum([await self._seal_one(organization_id) for organization_id in waiting])

    async def _seal_one(self, organization_id: int) -> int:
        sealed = 0
        while True:
            async with self._database.work(writes=True) as work:
                session = await work.enter(Tenant(organization_id), SEALER)
                count = await seal(session)
                await work.commit()
            sealed += count
            if count < SEALED_AT_ONCE:
                return sealed

    async def anchor(self) -> list[Anchor]:
        """Write down the heads that have moved, in the log and in the anchor file."""
        async with self._database.work(writes=False) as work:
            now = work.now
            moved = [
                head
                for head in await heads(work)
                if self._anchored.get(head.organization_id) != head.seq
            ]
        for head in moved:
            _log.info(
                "audit anchor",
                organization_id=head.organization_id,
                seq=head.seq,
                hash=head.hash.hex(),
            )
        if moved and self._anchor_file is not None:
            _append(self._anchor_file, moved, now)
        self._anchored |= {head.organization_id: head.seq for head in moved}
        return moved


def _append(path: Path, anchors: Sequence[Anchor], now: datetime) -> None:
    lines = [
        json.dumps(
            {
                "organizationId": anchor.organization_id,
                "seq": anchor.seq,
                "hash": anchor.hash.hex(),
                "at": spell(now),
            }
        )
        for anchor in anchors
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


def read_anchors(path: Path) -> list[Anchor]:
    """The anchors of a file. Raises `ValueError` naming the line that is none."""
    anchors = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            told = json.loads(line)
            anchors.append(Anchor(told["organizationId"], told["seq"], bytes.fromhex(told["hash"])))
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number} of {path} is no anchor") from error
    return anchors
