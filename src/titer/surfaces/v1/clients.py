"""`/clients`: whose samples these are."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.clients import service
from titer.domain.clients.repository import Clients
from titer.domain.reference.rules import CODE
from titer.kit.errors import (
    Duplicate,
    InvalidBody,
    InvalidId,
    NotFound,
)
from titer.kit.web.answers import CAMEL, MomentOut, current, view, written
from titer.kit.web.fields import Flag, PathId, Prose, QueryFlag, QueryText, Text, absent
from titer.surfaces.v1 import examples
from titer.surfaces.v1.access import CONDITIONS, READ, WRITE, Lab, expected_version, operations
from titer.surfaces.v1.wire import Body, Page, Paged, page, shown

clients = operations("Reference data")

ClientCode = Annotated[str, StringConstraints(strict=True, pattern=f"^{CODE.pattern}$")]


@dataclass(slots=True)
class Client:
    """Whoever sends samples and gets reports."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    name: str
    code: str | None
    contact_name: str | None
    email: str | None
    phone: str | None
    address: str | None
    notes: str | None
    active: bool
    created_at: MomentOut
    updated_at: MomentOut
    version: int


class ClientQuery(Paged):
    """Which clients are wanted; `name` finds a part of the name, in any case."""

    active: QueryFlag | None = None
    name: QueryText | None = None
    code: QueryText | None = None


class ClientFields(Body):
    """What may be said of a client, at first and later."""

    code: ClientCode | None = None
    contact_name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    address: Prose | None = None
    notes: Prose | None = None


class NewClient(ClientFields):
    """A client to add; the name is unique in any case."""

    model_config = shown(examples.NEW_CLIENT)

    name: Text
    active: Flag = True


class ClientChange(ClientFields):
    """What to change; what is left out stays."""

    name: Text = absent()
    active: Flag = absent()


@clients.add("GET", "/clients", needs=READ, answers=Page[Client])
async def list_clients(
    request: Request, lab: Lab, query: Annotated[ClientQuery, Query()]
) -> Response:
    """List clients, newest first."""
    found = await Clients(lab).matching(
        query.window(), active=query.active, name=query.name, code=query.code
    )
    return page(request, Client, found, lambda row: view(Client, row))


@clients.add(
    "GET", "/clients/{client_id}", needs=READ, answers=Client, refuses=(InvalidId, NotFound)
)
async def get_client(request: Request, lab: Lab, client_id: PathId) -> Response:
    """Retrieve one client."""
    return current(request, Client, await Clients(lab).get(client_id))


@clients.add(
    "POST",
    "/clients",
    needs=WRITE,
    answers=Client,
    status=201,
    refuses=(InvalidBody, Duplicate),
)
async def create_client(lab: Lab, body: NewClient) -> Response:
    """Create a client."""
    client = await service.create(lab, service.ClientEntry(**body.model_dump()))
    return written(Client, client, location=f"/api/v1/clients/{client.id}")


@clients.add(
    "PATCH",
    "/clients/{client_id}",
    needs=WRITE,
    answers=Client,
    refuses=(InvalidId, InvalidBody, NotFound, Duplicate, *CONDITIONS),
)
async def update_client(
    request: Request, lab: Lab, client_id: PathId, body: ClientChange
) -> Response:
    """Update a client; `active: false` takes it out of use.

    Samples keep the client name that they were registered with.
    """
    expected = expected_version(request, lab, client_id)
    return written(Client, await service.change(lab, client_id, body.given(), expected))
