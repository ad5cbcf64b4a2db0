"""Keeping endpoints, and putting messages into the outbox."""

import json
import secrets
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from titer.domain.webhooks.models import WebhookDelivery, WebhookEndpoint
from titer.domain.webhooks.repository import WebhookDeliveries, WebhookEndpoints
from titer.domain.webhooks.rules import OVERLAP, TEST_MESSAGE, State, spell_secret
from titer.kit.clock import spell
from titer.kit.tenancy import TenantSession

_KEY_BYTES = 32


async def add_endpoint(
    session: TenantSession, *, url: str, description: str | None, client_id: int | None
) -> WebhookEndpoint:
    """An endpoint, with a secret of its own. Whether the client is there, its caller knows."""
    row = WebhookEndpoint(
        url=url, description=description, client_id=client_id, secret=_new_secret()
    )
    return await WebhookEndpoints(session).add(row)


async def change_endpoint(
    session: TenantSession, endpoint_id: int, values: Mapping[str, Any], expected: int | None
) -> WebhookEndpoint:
    """Raises `NotFound` and `PreconditionFailed`."""
    row = await WebhookEndpoints(session).get_for_change(endpoint_id, expected)
    for name, value in values.items():
        setattr(row, name, value)
    await session.flush()
    return row


async def rotate_secret(session: TenantSession, endpoint_id: int) -> WebhookEndpoint:
    """A new secret; for a day the old one signs too. Raises `NotFound`."""
    row = await WebhookEndpoints(session).get_for_change(endpoint_id)
    row.old_secret, row.old_secret_until = row.secret, session.now + OVERLAP
    row.secret = _new_secret()
    session.label(row, "secret_rotated")
    await session.flush()
    return row


async def retire_endpoint(session: TenantSession, endpoint_id: int) -> None:
    """Send an endpoint nothing more, because it says that it is gone. Raises `NotFound`."""
    row = await WebhookEndpoints(session).get_for_change(endpoint_id)
    if row.active:
        row.active = False
        session.label(row, "retired", "It answered 410 Gone.")
        await session.flush()


async def announce(
    session: TenantSession, event: str, client_id: int | None, told: Mapping[str, Any]
) -> None:
    """Put a message into the outbox, for each endpoint that wants to know."""
    for endpoint in await WebhookEndpoints(session).about(client_id):
        _put(session, endpoint, event, told)
    await session.flush()


async def send_test(session: TenantSession, endpoint_id: int) -> WebhookDelivery:
    """Put a message into the outbox that says nothing but that it came. Raises `NotFound`."""
    endpoint = await WebhookEndpoints(session).get(endpoint_id)
    delivery = _put(session, endpoint, TEST_MESSAGE, {"message": "It works."})
    await session.flush()
    return delivery


async def replay(session: TenantSession, endpoint_id: int, after: int) -> int:
    """Send again what came later than a delivery; how many. Raises `NotFound`."""
    await WebhookEndpoints(session).get_for_change(endpoint_id)
    deliveries = await WebhookDeliveries(session).after(endpoint_id, after)
    for delivery in deliveries:
        delivery.state, delivery.attempts = State.PENDING, 0
        delivery.due_at, delivery.delivered_at = session.now, None
    await session.flush()
    return len(deliveries)


def _put(
    session: TenantSession, endpoint: WebhookEndpoint, event: str, told: Mapping[str, Any]
) -> WebhookDelivery:
    message = {"type": event, "timestamp": spell(session.now), "data": dict(told)}
    delivery = WebhookDelivery(
        endpoint_id=endpoint.id,
        message_id=f"msg_{uuid4().hex}",
        event=event,
        payload=json.dumps(message, separators=(",", ":"), ensure_ascii=False),
        created_at=session.now,
        due_at=session.now,
    )
    session.add(delivery)
    return delivery


def _new_secret() -> str:
    return spell_secret(secrets.token_bytes(_KEY_BYTES))
