"""Rows of webhooks."""

from datetime import datetime

from sqlalchemy.orm import Mapped, mapped_column

from titer.domain.webhooks.rules import State
from titer.kit.db.types import Instant
from titer.kit.owned import TenantOwned, Versioned

_SECRET = {"kept_out_of_audit": True}


class WebhookEndpoint(Versioned, TenantOwned):
    """Where messages go: about one client's tests, or with no client about everybody's."""

    __tablename__ = "webhook_endpoints"

    client_id: Mapped[int | None]
    url: Mapped[str]
    description: Mapped[str | None]
    secret: Mapped[str] = mapped_column(info=_SECRET)
    old_secret: Mapped[str | None] = mapped_column(info=_SECRET)
    old_secret_until: Mapped[datetime | None] = mapped_column(Instant)
    active: Mapped[bool] = mapped_column(default=True)


class WebhookDelivery(TenantOwned):
    """A message to an endpoint, written in the transaction that it tells of.

    While an attempt is made `due_at` is the end of its lease.
    """

    __tablename__ = "webhook_deliveries"
    __audited__ = False  # the trail has the change that it tells of

    endpoint_id: Mapped[int]
    message_id: Mapped[str]
    event: Mapped[str]
    payload: Mapped[str]
    state: Mapped[str] = mapped_column(default=State.PENDING)
    attempts: Mapped[int] = mapped_column(default=0)
    created_at: Mapped[datetime] = mapped_column(Instant)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    delivered_at: Mapped[datetime | None] = mapped_column(Instant)


class WebhookAttempt(TenantOwned):
    """What came of one attempt."""

    __tablename__ = "webhook_attempts"
    __audited__ = False  # what another server answered is no change of ours

    delivery_id: Mapped[int]
    number: Mapped[int]
    attempted_at: Mapped[datetime] = mapped_column(Instant)
    status: Mapped[int | None]
    trouble: Mapped[str | None]
    milliseconds: Mapped[int]
