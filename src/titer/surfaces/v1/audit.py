"""`/audit-events`: who changed what, when, from what to what, and why."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import Query
from pydantic import Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.audit import models
from titer.domain.audit.repository import AuditEvents
from titer.domain.audit.rules import differences
from titer.kit.errors import InvalidId, NotFound
from titer.kit.web.answers import CAMEL, MomentOut, current
from titer.kit.web.fields import EndMoment, Moment, PathId, QueryId, QueryText
from titer.surfaces.v1.access import READ, Lab, operations
from titer.surfaces.v1.wire import Page, Paged, page

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
