"""Reading the trail, and the one statement that writes it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, insert

from titer.domain.audit.models import AuditEvent
from titer.kit.paging import Slice, Window
from titer.kit.records import Records


class AuditEvents(Records[AuditEvent]):
    model = AuditEvent

    async def append(self, rows: Sequence[Mapping[str, Any]]) -> None:
        await self.session.below(insert(AuditEvent), rows)

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
