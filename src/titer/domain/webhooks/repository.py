"""All queries about webhooks."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import ColumnElement, func, or_, select

from titer.domain.webhooks.models import WebhookAttempt, WebhookDelivery, WebhookEndpoint
from titer.domain.webhooks.rules import State
from titer.kit.db.engine import Work
from titer.kit.paging import Slice, Window
from titer.kit.records import Records


class WebhookEndpoints(Records[WebhookEndpoint]):
    model = WebhookEndpoint

    async def about(self, client_id: int | None) -> Sequence[WebhookEndpoint]:
        """Those in use that want to know of a client's tests."""
        wanted: ColumnElement[bool] = WebhookEndpoint.client_id.is_(None)
        if client_id is not None:
            wanted = or_(wanted, WebhookEndpoint.client_id == client_id)
        return await self.all(WebhookEndpoint.active.is_(True), wanted)


class WebhookDeliveries(Records[WebhookDelivery]):
    model = WebhookDelivery

    async def of(self, endpoint_id: int, window: Window) -> Slice[WebhookDelivery]:
        return await self.page(window, WebhookDelivery.endpoint_id == endpoint_id)

    async def after(self, endpoint_id: int, delivery_id: int) -> Sequence[WebhookDelivery]:
        """Those to an endpoint that came later than one, oldest first."""
        return await self.all(
            WebhookDelivery.endpoint_id == endpoint_id, WebhookDelivery.id > delivery_id
        )

    async def due(
        self, moment: datetime, limit: int, but_to: Collection[int] = ()
    ) -> Sequence[WebhookDelivery]:
        """Those to attempt now, locked, but for those to some endpoints; what another worker has
        locked is left to it."""
        statement = (
            select(WebhookDelivery)
            .where(WebhookDelivery.state == State.PENDING, WebhookDelivery.due_at <= moment)
            .where(WebhookDelivery.endpoint_id.not_in(but_to))
            .order_by(WebhookDelivery.due_at, WebhookDelivery.id)
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        return (await self.session.scalars(statement)).all()


class WebhookAttempts(Records[WebhookAttempt]):
    model = WebhookAttempt

    async def of_each(self, delivery_ids: Collection[int]) -> dict[int, list[WebhookAttempt]]:
        found: dict[int, list[WebhookAttempt]] = {each: [] for each in delivery_ids}
        for row in await self.all(WebhookAttempt.delivery_id.in_(delivery_ids)):
            found[row.delivery_id].append(row)
        return found


async def organizations_with_due(work: Work) -> list[int]:
    """The organizations that have something to send by now."""
    if work.on_postgresql:
        rows = await work.look_up(select(func.organizations_with_due_webhooks(work.now)))
    else:
        table = WebhookDelivery.__table__
        rows = await work.look_up(
            select(table.c.organization_id)
            .distinct()
            .where(table.c.state == State.PENDING, table.c.due_at <= work.now)
        )
    return [int(row[0]) for row in rows]
