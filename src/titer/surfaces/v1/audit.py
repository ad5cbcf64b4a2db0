"""`/audit-events`, `/changes`, `/audit/verify`: who changed what, and proof of it."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import Query
from pydantic import Field, StringConstraints, WithJsonSchema, model_validator
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.audit import models
from titer.domain.audit.repository import AuditEvents, AuditLinks
from titer.domain.audit.rules import Anchor, differences
from titer.domain.audit.sealing import verify_stretch
from titer.kit.errors import InvalidId, NotFound
from titer.kit.paging import DEFAULT_LIMIT, MAX_LIMIT
from titer.kit.web.answers import CAMEL, MomentOut, answer, current, reader
from titer.kit.web.fields import EndMoment, Moment, PathId, QueryId, QuerySeq, QueryText
from titer.surfaces.v1.access import READ, Lab, operations
from titer.surfaces.v1.wire import Filters, Limit, Page, Paged, page

audit = operations("Audit")

AnyValue = Annotated[Any, WithJsonSchema({"description": "Any JSON value; a decimal is text."})]


@dataclass(slots=True)
class Actor:
    """Who acted: a key, a person, the command line, or the system itself."""

    __pydantic_config__: ClassVar = CAMEL

    kind: str
    label: str
    user_id: int | None
    key_id: int | None


@dataclass(slots=True)
class FieldChange:
    """A field that changed; exact decimals are given as text."""

    __pydantic_config__: ClassVar = CAMEL

    field: str
    before: AnyValue
    after: AnyValue


@dataclass(slots=True)
class AuditEvent:
    """One change of one record. Events are never changed, and never removed."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    occurred_at: MomentOut
    actor: Actor
    request_id: str | None
    action: str
    entity_type: str
    entity_id: int
    entity_version: int | None
    reason: str | None
    changes: list[FieldChange]


class AuditQuery(Paged):
    """Which events are wanted."""

    entity_type: QueryText | None = Field(default=None, examples=["sample_test"])
    entity_id: QueryId | None = None
    action: QueryText | None = Field(default=None, examples=["sample_test.verified"])
    since: Moment | None = Field(default=None, description="At or after; inclusive.")
    until: EndMoment | None = Field(
        default=None, description="At or before; a bare date means the end of that day."
    )


@audit.add("GET", "/audit-events", needs=READ, answers=Page[AuditEvent])
async def list_audit_events(
    request: Request, lab: Lab, query: Annotated[AuditQuery, Query()]
) -> Response:
    """List audit events, newest first."""
    wanted = query.model_dump(exclude={"limit", "cursor"})
    found = await AuditEvents(lab).matching(query.window(), **wanted)
    return page(request, AuditEvent, found, _event)


@audit.add(
    "GET",
    "/audit-events/{audit_event_id}",
    needs=READ,
    answers=AuditEvent,
    refuses=(InvalidId, NotFound),
)
async def get_audit_event(request: Request, lab: Lab, audit_event_id: PathId) -> Response:
    """Retrieve one audit event."""
    event = await AuditEvents(lab).get(audit_event_id)
    return current(request, AuditEvent, event, _event(event))


@dataclass(slots=True)
class Change(AuditEvent):
    """An event with its place in the chain: 1, 2, 3 and so on, without a gap."""

    __pydantic_config__: ClassVar = CAMEL

    seq: int


@dataclass(slots=True)
class Changes:
    """Events in the order of their seals. `nextAfter` is where to go on, also when all is read."""

    __pydantic_config__: ClassVar = CAMEL

    data: list[Change]
    next_after: int
    has_more: bool


class ChangeQuery(Filters):
    """Where to go on, and how far."""

    after: QuerySeq = Field(
        default=0, description="The last `nextAfter`; 0 begins at the first event."
    )
    limit: Limit = Field(
        default=DEFAULT_LIMIT,
        description=f"Events per call; more than {MAX_LIMIT} gives {MAX_LIMIT}.",
        validate_default=False,
    )


@audit.add("GET", "/changes", needs=READ, answers=Changes)
async def list_changes(lab: Lab, query: Annotated[ChangeQuery, Query()]) -> Response:
    """Follow every change, oldest first, without a gap.

    Ask again with `after` set to `nextAfter`: nothing is missed and nothing comes twice. An event
    is here as soon as it is sealed, which takes about a second at most.
    """
    found = await AuditLinks(lab).changes(query.after, query.limit)
    changes = [_change(seq, row) for seq, row in found.rows]
    after = changes[-1].seq if changes else query.after
    return answer(Changes, Changes(changes, after, found.has_more))


#: How many events one call verifies: it answers within a second.
MOST_VERIFIED = 5_000
_HASH = "^[0-9a-f]{64}$"


class StretchQuery(Filters):
    """From where on: the head that an earlier call told, or none for the whole chain."""

    after: QuerySeq | None = Field(default=None, description="An earlier `headSeq`.")
    hash: Annotated[str, StringConstraints(pattern=_HASH)] | None = Field(
        default=None, description="The `headHash` that came with it."
    )

    @model_validator(mode="after")
    def _check(self) -> "StretchQuery":
        if (self.after is None) != (self.hash is None):
            raise ValueError("after and hash go together")
        return self


@dataclass(slots=True)
class ChainFault:
    """Something that does not fit: where, and what."""

    __pydantic_config__: ClassVar = CAMEL

    seq: int | None
    event_id: int | None
    what: str


@dataclass(slots=True)
class ChainVerification:
    """What reading the chain showed. Keep `headSeq` and `headHash` where nobody reaches them.

    With `hasMore` the chain goes on: ask again with them as `after` and `hash`. A later call that
    begins at a head kept elsewhere also shows a chain that was rewritten as a whole up to there.
    """

    __pydantic_config__: ClassVar = CAMEL

    ok: bool
    events: int
    head_seq: int
    head_hash: str
    has_more: bool
    faults: list[ChainFault]


@audit.add("GET", "/audit/verify", needs=READ, answers=ChainVerification)
async def verify_audit_chain(lab: Lab, query: Annotated[StretchQuery, Query()]) -> Response:
    """Verify the chain of the audit trail, up to 5,000 events in one call.

    Every event is hashed anew and every link followed. Events that are not sealed yet, of the last
    second, are not looked at.
    """
    start = None
    if query.after is not None and query.hash is not None:
        start = Anchor(lab.tenant.organization_id, query.after, bytes.fromhex(query.hash))
    found = await verify_stretch(lab, start, MOST_VERIFIED)
    faults = [ChainFault(each.seq, each.event_id, each.what) for each in found.faults]
    body = ChainVerification(
        ok=found.ok,
        events=found.events,
        head_seq=found.head_seq,
        head_hash=found.head_hash,
        has_more=found.has_more,
        faults=faults,
    )
    return answer(ChainVerification, body)


def _change(seq: int, row: models.AuditEvent) -> Change:
    values: list[Any] = [*reader(AuditEvent)(_event(row)), seq]
    return Change(*values)


def _event(row: models.AuditEvent) -> AuditEvent:
    return AuditEvent(
        id=row.id,
        occurred_at=row.occurred_at,
        actor=Actor(row.actor_kind, row.actor_label, row.user_id, row.key_id),
        request_id=row.request_id,
        action=row.action,
        entity_type=row.entity_type,
        entity_id=row.entity_id,
        entity_version=row.entity_version,
        reason=row.reason,
        changes=[
            FieldChange(to_camel(name), before, after)
            for name, before, after in differences(row.canonical)
        ],
    )
