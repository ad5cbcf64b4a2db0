"""The worker that empties the outbox. Any number may work at once: each leases what it sends."""

import asyncio
import random
from dataclasses import dataclass
from datetime import datetime

from titer import __version__
from titer.domain.webhooks.models import WebhookAttempt, WebhookDelivery
from titer.domain.webhooks.repository import (
    WebhookDeliveries,
    WebhookEndpoints,
    organizations_with_due,
)
from titer.domain.webhooks.rules import LEASE, State, sign, wait_before
from titer.kit.callouts import Callouts, Reply
from titer.kit.db.engine import Database
from titer.kit.tenancy import Actor, Tenant, TenantSession

POSTMAN = Actor("system", "webhooks")
_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class _Message:
    """What is sent, when its transaction is over."""

    delivery_id: int
    attempt: int
    url: str
    secrets: tuple[str, ...]
    message_id: str
    payload: str


class Postman:
    """Sends what is due, and writes down what came of it."""

    def __init__(self, database: Database, callouts: Callouts) -> None:
        self._database = database
        self._callouts = callouts
        self._chance = random.SystemRandom()
        self._stopped = False

    def stop(self) -> None:
        """Begin no further round: a server that stops waits for nobody else's."""
        self._stopped = True

    async def round(self) -> int:
        """Attempt everything that is due; how many attempts that were."""
        if self._stopped:
            return 0
        async with self._database.work(writes=False) as work:
            waiting = await organizations_with_due(work)
        return sum([await self._round_of(organization_id) for organization_id in waiting])

    async def _round_of(self, organization_id: int) -> int:
        async with self._database.work(writes=True) as work:
            session = await work.enter(Tenant(organization_id), POSTMAN)
            messages = await self._lease(session)
            await work.commit()
        replies = await asyncio.gather(*(self._send(message) for message in messages))
        for message, reply in zip(messages, replies, strict=True):
            async with self._database.work(writes=True) as work:
                session = await work.enter(Tenant(organization_id), POSTMAN)
                await self._note(session, message, reply)
                await work.commit()
        return len(messages)

    async def _lease(self, session: TenantSession) -> list[_Message]:
        due = await WebhookDeliveries(session).due(session.now, _AT_ONCE)
        endpoints = await WebhookEndpoints(session).by_id({each.endpoint_id for each in due})
        messages: list[_Message] = []
        for delivery in due:
            endpoint = endpoints[delivery.endpoint_id]
            if not endpoint.active:
                delivery.state, delivery.due_at = State.FAILED, None
                continue
            delivery.attempts += 1
            delivery.due_at = session.now + LEASE
            secrets = [endpoint.secret]
            if endpoint.old_secret and _still(endpoint.old_secret_until, session.now):
                secrets.append(endpoint.old_secret)
            messages.append(
                _Message(
                    delivery.id,
                    delivery.attempts,
                    endpoint.url,
                    tuple(secrets),
                    delivery.message_id,
                    delivery.payload,
                )
            )
        await session.flush()
        return messages

    async def _send(self, message: _Message) -> Reply:
        timestamp = int(self._database.clock.now().timestamp())
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"Titer/{__version__}",
            "webhook-id": message.message_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": sign(
                message.secrets, message.message_id, timestamp, message.payload
            ),
        }
        return await self._callouts.post(message.url, message.payload.encode(), headers)

    async def _note(self, session: TenantSession, message: _Message, reply: Reply) -> None:
        delivery = await WebhookDeliveries(session).get_for_change(message.delivery_id)
        session.add(
            WebhookAttempt(
                delivery_id=delivery.id,
                number=message.attempt,
                attempted_at=session.now,
                status=reply.status,
                trouble=reply.trouble,
                milliseconds=reply.milliseconds,
            )
        )
        if delivery.attempts == message.attempt and delivery.state == State.PENDING:
            self._settle(session, delivery, reply)
        await session.flush()

    def _settle(self, session: TenantSession, delivery: WebhookDelivery, reply: Reply) -> None:
        """Say whether a delivery is done, given up, or due again."""
        if reply.accepted:
            delivery.state, delivery.due_at = State.DELIVERED, None
            delivery.delivered_at = session.now
            return
        wait = wait_before(delivery.attempts + 1, self._chance.random())
        delivery.due_at = None if wait is None else session.now + wait
        delivery.state = State.FAILED if wait is None else State.PENDING


def _still(until: datetime | None, now: datetime) -> bool:
    return until is not None and now < until
