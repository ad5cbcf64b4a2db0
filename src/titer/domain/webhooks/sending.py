"""The worker that empties the outbox. Any number may work at once: each leases what it sends."""

import asyncio
import random
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from titer import __version__
from titer.domain.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from titer.domain.webhooks.repository import (
    WebhookDeliveries,
    WebhookEndpoints,
    organizations_with_due,
)
from titer.domain.webhooks.rules import LEASE, State, sign, wait_before
from titer.domain.webhooks.service import retire_endpoint
from titer.kit.callouts import Callouts, Reply
from titer.kit.db.engine import Database
from titer.kit.tenancy import Actor, Tenant, TenantSession

POSTMAN = Actor("system", "webhooks")
#: So many messages are under way at the most, and so many to one endpoint.
_AT_ONCE, _AT_ONCE_TO_ONE = 64, 8
#: Seconds that a server which stops waits for answers.
_FAREWELL = 5.0
#: Who answers so wants nothing more (410); who asks us to wait longer than a day waits a day.
_GONE, _LONGEST_ASKED = 410, 86_400
_log = structlog.get_logger("titer.webhooks")


@dataclass(frozen=True, slots=True)
class _Message:
    """What is sent, when its transaction is over."""

    delivery_id: int
    endpoint_id: int
    attempt: int
    url: str
    secrets: tuple[str, ...]
    message_id: str
    payload: str


class Postman:
    """Sends what is due, and writes down what came of it.

    Each message goes its own way: one that nobody answers keeps no other waiting, nor does an
    endpoint that answers nothing. What is answered is written down at once.
    """

    def __init__(self, database: Database, callouts: Callouts) -> None:
        self._database = database
        self._callouts = callouts
        self._chance = random.SystemRandom()
        self._leasing = asyncio.Lock()
        self._tasks: set[asyncio.Task[None]] = set()
        #: How many messages are on their way to each endpoint.
        self._under_way: Counter[int] = Counter()
        #: Whether something was left that is due, for want of room.
        self._more = False
        self._begun = 0
        self._stopped = False

    async def round(self) -> int:
        """Attempt everything that is due, and wait for what comes of it; how many attempts."""
        begun = self._begun
        await self.begin()
        while self._tasks:
            await asyncio.wait(self._tasks)
        return self._begun - begun

    async def begin(self) -> None:
        """Begin to send what is due, as far as there is room. Waits for no answer."""
        async with self._leasing:
            if self._stopped:
                return
            self._more = False
            async with self._database.work(writes=False) as work:
                waiting = await organizations_with_due(work)
            for organization_id in waiting:
                await self._begin_for(organization_id)

    async def stop(self) -> None:
        """Begin nothing more, and wait a while for what is under way. What is not answered by then
        is sent again when its lease is over."""
        self._stopped = True
        async with self._leasing:  # whoever leases now has begun to send when they are done
            tasks = list(self._tasks)
        if tasks:
            await asyncio.wait(tasks, timeout=_FAREWELL)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin_for(self, organization_id: int) -> None:
        while (room := _AT_ONCE - self._under_way.total()) > 0:
            full = {each for each, count in self._under_way.items() if count >= _AT_ONCE_TO_ONE}
            async with self._database.work(writes=True) as work:
                session = await work.enter(Tenant(organization_id), POSTMAN)
                leased = await self._lease(session, room, full)
                await work.commit()
            for message in leased:
                self._under_way[message.endpoint_id] += 1
                task = asyncio.create_task(self._deliver(organization_id, message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
                self._begun += 1
            if not leased:
                self._more = self._more or bool(full)
                return
        self._more = True

    async def _deliver(self, organization_id: int, message: _Message) -> None:
        """Send a message, write down what came of it, and begin the next where one waits."""
        try:
            try:
                reply = await self._send(message)
                async with self._database.work(writes=True) as work:
                    session = await work.enter(Tenant(organization_id), POSTMAN)
                    await self._note(session, message, reply)
                    await work.commit()
            finally:
                self._under_way[message.endpoint_id] -= 1
            if self._more and not self._leasing.locked():
                await self.begin()
        except Exception:  # noqa: BLE001 - nobody waits for it; it is sent again after its lease
            _log.warning("webhook not noted", message_id=message.message_id, exc_info=True)

    async def _lease(
        self, session: TenantSession, room: int, full: Collection[int]
    ) -> list[_Message]:
        due = await WebhookDeliveries(session).due(session.now, room, full)
        endpoints = await WebhookEndpoints(session).by_id({each.endpoint_id for each in due})
        taken = Counter(self._under_way)
        messages: list[_Message] = []
        for delivery in due:
            endpoint = endpoints[delivery.endpoint_id]
            if not endpoint.active:
                delivery.state, delivery.due_at = State.FAILED, None
            elif taken[endpoint.id] < _AT_ONCE_TO_ONE:
                taken[endpoint.id] += 1
                messages.append(_lease_one(session, delivery, endpoint))
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
        if reply.status == _GONE:
            await retire_endpoint(session, message.endpoint_id)

    def _settle(self, session: TenantSession, delivery: WebhookDelivery, reply: Reply) -> None:
        """Say whether a delivery is done, given up, or due again: not before the receiver asks."""
        if reply.accepted:
            delivery.state, delivery.due_at = State.DELIVERED, None
            delivery.delivered_at = session.now
            return
        wait = wait_before(delivery.attempts + 1, self._chance.random())
        if wait is None or reply.status == _GONE:
            delivery.state, delivery.due_at = State.FAILED, None
            return
        asked = timedelta(seconds=min(reply.retry_after or 0, _LONGEST_ASKED))
        delivery.due_at = session.now + max(wait, asked)


def _lease_one(
    session: TenantSession, delivery: WebhookDelivery, endpoint: WebhookEndpoint
) -> _Message:
    delivery.attempts += 1
    delivery.due_at = session.now + LEASE
    secrets = [endpoint.secret]
    if endpoint.old_secret and _still(endpoint.old_secret_until, session.now):
        secrets.append(endpoint.old_secret)
    return _Message(
        delivery.id,
        delivery.endpoint_id,
        delivery.attempts,
        endpoint.url,
        tuple(secrets),
        delivery.message_id,
        delivery.payload,
    )


def _still(until: datetime | None, now: datetime) -> bool:
    return until is not None and now < until
