"""Keeping the trail: every change of a transaction, in that transaction."""

from collections.abc import Mapping, Sequence
from typing import Any

from titer.domain.audit.models import AuditEvent
from titer.domain.audit.rules import canonical, content_hash, entity_type
from titer.domain.audit.sealing import SEALED_AT_ONCE, seal
from titer.kit.changes import Change
from titer.kit.tenancy import TenantSession


class Trail:
    """Keeps the trail; handed to every session."""

    def tell(self, session: TenantSession, changes: Sequence[Change]) -> None:
        """One event per change, written with the last of the transaction's changes."""
        actor = session.actor
        always: dict[str, Any] = {
            "occurred_at": session.now,
            "actor_kind": actor.kind,
            "actor_label": actor.label,
            "user_id": actor.user_id,
            "key_id": actor.key_id,
            "request_id": actor.request_id,
        }
        organization_id = session.tenant.organization_id
        events = [_event(always, organization_id, change) for change in changes]
        session.enter_rows(AuditEvent, events)

    async def told(self, session: TenantSession) -> None:
        """On SQLite, which has one writer at a time, the events are linked at once."""
        if not session.on_postgresql:
            while await seal(session) == SEALED_AT_ONCE:
                pass


def _event(always: Mapping[str, Any], organization_id: int, change: Change) -> dict[str, Any]:
    entity = entity_type(type(change.row).__name__)
    facts = {
        **always,
        "action": f"{entity}.{change.verb}",
        "entity_type": entity,
        "entity_id": change.row.id,
        "entity_version": change.version or getattr(change.row, "version", None),
        "reason": change.reason,
    }
    told = {"organization_id": organization_id, "before": change.before, "after": change.after}
    text = canonical({**facts, **told})
    return {**facts, "canonical": text, "content_hash": content_hash(text)}
