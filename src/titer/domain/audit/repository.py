"""Reading the trail, and the one statement that writes it."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    String,
    bindparam,
    column,
    delete,
    func,
    select,
    type_coerce,
)

from titer.domain.audit.models import AuditEvent, AuditLink, AuditQueue
from titer.domain.audit.rules import REPEATED, Anchor, Entry
from titer.kit.clock import spell
from titer.kit.db.engine import Work
from titer.kit.db.types import Id
from titer.kit.paging import Slice, Window, cut
from titer.kit.prepared import TENANT, Prepared, among
from titer.kit.records import Records
from titer.kit.strokes import table_of
from titer.kit.tenancy import TenantSession

#: The class of advisory locks that sealers take.
_SEALING = 7_483


class AuditEvents(Records[AuditEvent]):
    model = AuditEvent

    async def matching(
        self,
        window: Window,
        *,
        entity_type: str | None = None,
        entity_id: int | None = None,
        action: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> Slice[AuditEvent]:
        conditions: list[ColumnElement[bool]] = []
        if entity_type is not None:
            conditions.append(AuditEvent.entity_type == entity_type)
        if entity_id is not None:
            conditions.append(AuditEvent.entity_id == entity_id)
        if action is not None:
            conditions.append(AuditEvent.action == action)
        if since is not None:
            conditions.append(AuditEvent.occurred_at >= since)
        if until is not None:
            conditions.append(AuditEvent.occurred_at <= until)
        return await self.page(window, *conditions)

    async def versions_told(
        self, entity_type: str, ids: Collection[int]
    ) -> set[tuple[int, int | None]]:
        """Which versions of these records the trail tells of: ids with versions."""
        rows = await self.session.execute(
            select(AuditEvent.entity_id, AuditEvent.entity_version)
            .where(AuditEvent.entity_type == entity_type, AuditEvent.entity_id.in_(ids))
            .distinct()
        )
        return {(row.entity_id, row.entity_version) for row in rows}

    async def written(self, entity_type: str, ids: Collection[int]) -> dict[int, Mapping[str, Any]]:
        """What the trail says was first written of records that never change, by id."""
        rows = await self.session.execute(
            select(AuditEvent.entity_id, AuditEvent.canonical)
            .where(AuditEvent.entity_type == entity_type, AuditEvent.entity_id.in_(ids))
            .order_by(AuditEvent.id.desc())
        )
        return {row.entity_id: json.loads(row.canonical)["after"] for row in rows}


_ITS_EVENT = (AuditLink.organization_id == AuditEvent.organization_id) & (
    AuditLink.event_id == AuditEvent.id
)

_events: Any = AuditEvent.__table__
_links: Any = AuditLink.__table__
#: All that is checked of an event and its link, in the order of `Entry`. Each column as it lies in
#: the file, where that is what the text says: a tamperer may have left something else there.
_CHECKED = (
    select(
        _links.c.seq,
        _links.c.previous,
        _links.c.hash,
        _links.c.event_id,
        _events.c.content_hash,
        _events.c.canonical,
    )
    .join(_events, _links.c.event_id == _events.c.id)
    .order_by(_links.c.seq)
)
_SQLITE = _CHECKED.add_columns(type_coerce(_events.c.occurred_at, String))
_POSTGRESQL = _CHECKED.add_columns(_events.c.occurred_at)
_LAST = 2**63 - 1
_REST = tuple(_events.c[name] for name in REPEATED[1:])


_EVENTS, _LINKS, _QUEUE = (table_of(model).c for model in (AuditEvent, AuditLink, AuditQueue))
_HEAD = Prepared(
    select(_LINKS.seq, _LINKS.event_id, _LINKS.hash)
    .where(_LINKS.organization_id == TENANT)
    .order_by(_LINKS.seq.desc())
    .limit(1)
)
_AFTER = Prepared(
    select(_EVENTS.id, _EVENTS.content_hash)
    .where(_EVENTS.organization_id == TENANT, _EVENTS.id > bindparam("after", type_=Id))
    .order_by(_EVENTS.id)
    .limit(bindparam("most", type_=Id))
)
_QUEUED = Prepared(
    select(_EVENTS.id, _EVENTS.content_hash)
    .select_from(
        table_of(AuditQueue).join(
            table_of(AuditEvent),
            (_EVENTS.organization_id == _QUEUE.organization_id) & (_EVENTS.id == _QUEUE.event_id),
        )
    )
    .where(_QUEUE.organization_id == TENANT)
    .order_by(_EVENTS.id)
    .limit(bindparam("most", type_=Id))
)
_UNQUEUE = Prepared(
    delete(table_of(AuditQueue)).where(
        _QUEUE.organization_id == TENANT, among(_QUEUE.event_id, "ids")
    )
)


@dataclass(frozen=True, slots=True)
class Head:
    """The last link of a chain."""

    seq: int
    event_id: int
    hash: bytes


class AuditLinks:
    """The chain of one organization."""

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    async def head(self) -> Head | None:
        rows = await self.session.fetch(_HEAD)
        return Head(*rows[0]) if rows else None

    async def take_turn(self, *, patient: bool = False) -> bool:
        """Be the only sealer of this organization until the commit; False if another one is.

        Who is `patient` waits for the other one.
        """
        if not self.session.on_postgresql:
            return True  # SQLite has one writer at a time
        if patient:
            wait = func.pg_advisory_xact_lock(_SEALING, self.session.tenant.organization_id)
            await self.session.execute(select(wait))
            return True
        lock = func.pg_try_advisory_xact_lock(_SEALING, self.session.tenant.organization_id)
        return bool(await self.session.scalar(select(lock)))

    async def unsealed(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """Ids and content hashes of events without a link, in the order of their ids.

        `after` is the last event sealed. On PostgreSQL an event may commit after one with a
        larger id, so there the queue tells; on SQLite ids are in the order of commits.
        """
        if self.session.on_postgresql:
            rows = await self.session.fetch(_QUEUED, most=limit)
        else:
            rows = await self.session.fetch(_AFTER, after=after, most=limit)
        return [(event_id, content) for event_id, content in rows]

    async def append(self, links: Sequence[Mapping[str, Any]]) -> None:
        self.session.enter_rows(AuditLink, links)
        if self.session.on_postgresql:
            await self.session.fetch(_UNQUEUE, ids=[link["event_id"] for link in links])

    async def entries(self, after: int, limit: int) -> Sequence[Entry]:
        """Links with their events, from the link after `after` on."""
        spelled = self.session.on_postgresql
        statement = (_POSTGRESQL if spelled else _SQLITE).add_columns(*_REST)
        # A number alone is in the range: SQLite keeps a text too, after every number.
        wanted = _links.c.seq.between(after + 1, _LAST)
        rows = (await self.session.below(statement.where(wanted).limit(limit))).all()
        if spelled:
            return [Entry._make((*row[:6], (spell(row[6]), *row[7:]))) for row in rows]
        return [Entry._make((*row[:6], row[6:])) for row in rows]

    async def changes(self, after: int, limit: int) -> Slice[tuple[int, AuditEvent]]:
        """Events in the order in which they were sealed, from the one after `after` on."""
        statement = (
            select(AuditLink.seq, AuditEvent)
            .join(AuditEvent, _ITS_EVENT)
            .where(AuditLink.seq > after)
            .order_by(AuditLink.seq)
            .limit(limit + 1)
        )
        rows = [(seq, event) for seq, event in await self.session.execute(statement)]
        return cut(rows, limit)

    async def hash_of(self, seq: int) -> bytes | None:
        statement = select(AuditLink.hash).where(AuditLink.seq == seq)
        found: bytes | None = await self.session.scalar(statement)
        return found

    async def stray_events(self) -> int:
        """How many events have neither a link nor, on PostgreSQL, a place in the queue."""
        statement = (
            select(func.count())
            .select_from(AuditEvent)
            .outerjoin(AuditLink, _ITS_EVENT)
            .where(AuditLink.event_id.is_(None))
        )
        if self.session.on_postgresql:
            queued = select(AuditQueue.event_id).where(AuditQueue.event_id == AuditEvent.id)
            statement = statement.where(~queued.exists())
        return (await self.session.scalar(statement)) or 0


async def unsealed_organizations(work: Work) -> list[int]:
    """On PostgreSQL: the organizations whose events wait for a seal."""
    rows = await work.look_up(select(func.unsealed_organizations()))
    return [int(row[0]) for row in rows]


async def heads(work: Work) -> list[Anchor]:
    """The last link of every organization's chain."""
    if work.on_postgresql:
        columns: tuple[ColumnClause[Any], ...] = (
            column("organization_id"),
            column("seq"),
            column("hash"),
        )
        statement = select(*columns).select_from(func.audit_heads().table_valued())
    else:
        last = (
            select(AuditLink.organization_id, func.max(AuditLink.seq).label("seq"))
            .group_by(AuditLink.organization_id)
            .subquery()
        )
        statement = select(AuditLink.organization_id, AuditLink.seq, AuditLink.hash).join(
            last,
            (last.c.organization_id == AuditLink.organization_id) & (last.c.seq == AuditLink.seq),
        )
    rows = await work.look_up(statement)
    return [Anchor(row.organization_id, row.seq, row.hash) for row in rows]
