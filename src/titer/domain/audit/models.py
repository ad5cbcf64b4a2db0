"""Rows of the audit trail."""

from datetime import datetime
from typing import ClassVar

from sqlalchemy.orm import Mapped, mapped_column

from titer.kit.db.types import Instant
from titer.kit.owned import TenantKeyed, TenantOwned


class AuditEvent(TenantOwned):
    """One change. `canonical` is the exact text that `content_hash` is the SHA-256 of."""

    __tablename__ = "audit_events"
    __audited__ = False
    #: An event never changes.
    version: ClassVar[int] = 1

    occurred_at: Mapped[datetime] = mapped_column(Instant)
    actor_kind: Mapped[str]
    actor_label: Mapped[str]
    user_id: Mapped[int | None]
    key_id: Mapped[int | None]
    request_id: Mapped[str | None]
    action: Mapped[str]
    entity_type: Mapped[str]
    entity_id: Mapped[int]
    entity_version: Mapped[int | None]
    reason: Mapped[str | None]
    canonical: Mapped[str]
    content_hash: Mapped[bytes]


class AuditLink(TenantKeyed):
    """An event's place in its organization's chain: each link hashes the one before it."""

    __tablename__ = "audit_links"

    seq: Mapped[int] = mapped_column(primary_key=True)
    event_id: Mapped[int]
    previous: Mapped[bytes]
    hash: Mapped[bytes]
    sealed_at: Mapped[datetime] = mapped_column(Instant)


class AuditQueue(TenantKeyed):
    """Events that wait for their link. PostgreSQL alone: a trigger fills it."""

    __tablename__ = "audit_queue"

    event_id: Mapped[int] = mapped_column(primary_key=True)
