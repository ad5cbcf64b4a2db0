"""`/webhooks`: where to send word when a test is published, and what came of it."""

from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.clients.repository import Clients
from titer.domain.webhooks import models, service
from titer.domain.webhooks.repository import (
    WebhookAttempts,
    WebhookDeliveries,
    WebhookEndpoints,
)
from titer.domain.webhooks.rules import State
from titer.kit.callouts import Callouts
from titer.kit.errors import (
    Detail,
    InvalidBody,
    InvalidId,
    InvalidReference,
    NotFound,
    PreconditionFailed,
    at_fault,
    unknown,
)
from titer.kit.web.answers import (
    CAMEL,
    MomentOut,
    answer,
    current,
    expected_version,
    one_of,
    view,
    written,
)
from titer.kit.web.door import Operations
from titer.kit.web.fields import Flag, Id, PathId, Prose, Text, absent
from titer.surfaces.settings.access import ADMINISTRATOR, Office, operations
from titer.surfaces.settings.wire import Body, Page, Paged, page, shown


@dataclass(slots=True)
class Webhook:
    """An endpoint: of one client's tests, or with no client of everybody's."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    client_id: int | None
    url: str
    description: str | None
    active: bool
    created_at: MomentOut
    updated_at: MomentOut
    version: int


@dataclass(slots=True)
class SecretWebhook(Webhook):
    """An endpoint with its secret, which is shown in this answer and never again."""

    __pydantic_config__: ClassVar = CAMEL

    secret: str


class NewWebhook(Body):
    """An endpoint to add."""

    model_config = shown({"url": "https://lims.example.org/hooks", "clientId": 4})

    url: Text
    client_id: Id | None = None
    description: Prose | None = None


class WebhookChange(Body):
    """What to change; what is left out stays."""

    url: Text = absent()
    description: Prose | None = None
    active: Flag = absent()


class Replay(Body):
    """Send again what came later than this delivery; 0 means everything."""

    after: Annotated[int, Field(strict=True, ge=0)]


@dataclass(slots=True)
class Replayed:
    """How many messages will be sent again."""

    __pydantic_config__: ClassVar = CAMEL

    deliveries: int


@dataclass(slots=True)
class Attempt:
    """What came of one attempt: a status, or what went wrong."""

    __pydantic_config__: ClassVar = CAMEL

    number: int
    attempted_at: MomentOut
    status: int | None
    trouble: str | None
    milliseconds: int


@dataclass(slots=True)
class Delivery:
    """A message to the endpoint, and every attempt to bring it there."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    message_id: str
    event: str
    payload: str
    state: Annotated[str, one_of(State)]
    attempts: list[Attempt]
    created_at: MomentOut
    due_at: MomentOut | None
    delivered_at: MomentOut | None


ONE = (InvalidId, NotFound)
webhooks = operations("Webhooks")


@webhooks.add("GET", "/webhooks", needs=ADMINISTRATOR, answers=Page[Webhook])
async def list_webhooks(
    request: Request, office: Office, query: Annotated[Paged, Query()]
) -> Response:
    """List the endpoints, newest first."""
    found = await WebhookEndpoints(office).page(query.window())
    return page(request, Webhook, found, lambda row: view(Webhook, row))


@webhooks.add("GET", "/webhooks/{webhook_id}", needs=ADMINISTRATOR, answers=Webhook, refuses=ONE)
async def get_webhook(request: Request, office: Office, webhook_id: PathId) -> Response:
    """Retrieve one endpoint."""
    return current(request, Webhook, await WebhookEndpoints(office).get(webhook_id))


def keeping(callouts: Callouts) -> Operations:
    """The operations that look at an endpoint's URL."""
    keep = operations("Webhooks")

    @keep.add(
        "POST",
        "/webhooks",
        needs=ADMINISTRATOR,
        answers=SecretWebhook,
        status=201,
        refuses=(InvalidBody, InvalidReference),
    )
    async def create_webhook(office: Office, body: NewWebhook) -> Response:
        """Add an endpoint. Its secret is in this answer and nowhere else."""
        _check(callouts, body.url)
        if body.client_id is not None:
            known = await Clients(office).active_ids([body.client_id])
            if body.client_id not in known:
                raise unknown("clientId", [body.client_id])
        row = await service.add_endpoint(
            office, url=body.url, description=body.description, client_id=body.client_id
        )
        location = f"/api/settings/webhooks/{row.id}"
        return written(SecretWebhook, row, location=location)

    @keep.add(
        "PATCH",
        "/webhooks/{webhook_id}",
        needs=ADMINISTRATOR,
        answers=Webhook,
        refuses=(*ONE, InvalidBody, PreconditionFailed),
    )
    async def update_webhook(
        request: Request, office: Office, webhook_id: PathId, body: WebhookChange
    ) -> Response:
        """Change an endpoint; `active: false` sends it nothing more."""
        given = body.given()
        if "url" in given:
            _check(callouts, given["url"])
        expected = expected_version(request, webhook_id)
        return written(Webhook, await service.change_endpoint(office, webhook_id, given, expected))

    return keep


def _check(callouts: Callouts, url: str) -> None:
    fault = callouts.refuse_url(url)
    if fault is not None:
        raise at_fault([Detail("url", fault)])


@webhooks.add(
    "POST",
    "/webhooks/{webhook_id}/rotate-secret",
    needs=ADMINISTRATOR,
    answers=SecretWebhook,
    refuses=(*ONE, InvalidBody),
)
async def rotate_webhook_secret(office: Office, webhook_id: PathId) -> Response:
    """Make a new secret, shown here and nowhere else; for a day the old one signs too."""
    return written(SecretWebhook, await service.rotate_secret(office, webhook_id))


@webhooks.add(
    "POST",
    "/webhooks/{webhook_id}/test",
    needs=ADMINISTRATOR,
    answers=Delivery,
    refuses=(*ONE, InvalidBody),
)
async def test_webhook(office: Office, webhook_id: PathId) -> Response:
    """Send a message that says nothing but that it came."""
    row = await service.send_test(office, webhook_id)
    return answer(Delivery, _delivery(row, []))


@webhooks.add(
    "POST",
    "/webhooks/{webhook_id}/replay",
    needs=ADMINISTRATOR,
    answers=Replayed,
    refuses=(*ONE, InvalidBody),
)
async def replay_webhook(office: Office, webhook_id: PathId, body: Replay) -> Response:
    """Send again every message that came later than a delivery, under its first id."""
    return answer(Replayed, Replayed(await service.replay(office, webhook_id, body.after)))


@webhooks.add(
    "GET",
    "/webhooks/{webhook_id}/deliveries",
    needs=ADMINISTRATOR,
    answers=Page[Delivery],
    refuses=ONE,
)
async def list_webhook_deliveries(
    request: Request, office: Office, webhook_id: PathId, query: Annotated[Paged, Query()]
) -> Response:
    """List what was sent to an endpoint, newest first, with every attempt."""
    await WebhookEndpoints(office).get(webhook_id)
    found = await WebhookDeliveries(office).of(webhook_id, query.window())
    attempts = await WebhookAttempts(office).of_each([row.id for row in found.rows])
    return page(request, Delivery, found, lambda row: _delivery(row, attempts[row.id]))


def _delivery(row: models.WebhookDelivery, attempts: list[models.WebhookAttempt]) -> Delivery:
    own = (field.name for field in fields(Delivery) if field.name != "attempts")
    values: dict[str, Any] = {name: getattr(row, name) for name in own}
    return Delivery(**values, attempts=[view(Attempt, each) for each in attempts])
