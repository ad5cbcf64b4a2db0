"""`/users`: the people of the organization."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import Query
from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.people import models, service
from titer.domain.people.errors import LastAdministrator
from titer.domain.people.repository import Users
from titer.domain.people.rules import Role
from titer.kit.errors import Duplicate, InvalidBody, InvalidId, NotFound, PreconditionFailed
from titer.kit.passwords import MAX_LENGTH, MIN_LENGTH
from titer.kit.web.answers import (
    CAMEL,
    MomentOut,
    answer,
    etag,
    expected_version,
    one_of,
    unchanged,
    view,
)
from titer.kit.web.fields import Flag, PathId, QueryFlag, Text, absent
from titer.surfaces.settings.access import ADMINISTRATOR, Office, operations
from titer.surfaces.settings.wire import Body, Page, Paged, page, shown

users = operations("Users")

Password = Annotated[
    str,
    StringConstraints(strict=True, min_length=MIN_LENGTH, max_length=MAX_LENGTH),
    Field(json_schema_extra={"format": "password"}),
]


class UserQuery(Paged):
    """Which people are wanted."""

    role: Role | None = None
    active: QueryFlag | None = None


class NewUser(Body):
    """A person to let into the organization."""

    model_config = shown(
        {
            "email": "grace@example.org",
            "name": "Grace Hopper",
            "role": "reviewer",
            "password": "correct horse battery",
        }
    )

    email: Annotated[Text, StringConstraints(max_length=254)]
    name: Text
    role: Role
    password: Password


class UserChange(Body):
    """What to change; what is left out stays. A new password ends the person's sign-ins."""

    model_config = shown({"role": "technician"})

    name: Text = absent()
    role: Role = absent()
    active: Flag = absent()
    password: Password = absent()


@dataclass(slots=True)
class User:
    """A person of the organization."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    email: str
    name: str
    role: Annotated[str, one_of(Role)]
    active: bool
    created_at: MomentOut
    updated_at: MomentOut
    version: int


@users.add("GET", "/users", needs=ADMINISTRATOR, answers=Page[User])
async def list_users(
    request: Request, office: Office, query: Annotated[UserQuery, Query()]
) -> Response:
    """List the people of the organization, newest first."""
    found = await Users(office).matching(query.window(), role=query.role, active=query.active)
    return page(request, User, found, lambda user: view(User, user))


@users.add(
    "GET",
    "/users/{user_id}",
    needs=ADMINISTRATOR,
    answers=User,
    refuses=(InvalidId, NotFound),
)
async def get_user(request: Request, office: Office, user_id: PathId) -> Response:
    """Retrieve one person."""
    user = await Users(office).get(user_id)
    if unchanged(request, etag(user)):
        return Response(status_code=304, headers={"ETag": etag(user)})
    return _shown(user)


@users.add(
    "POST",
    "/users",
    needs=ADMINISTRATOR,
    answers=User,
    status=201,
    refuses=(InvalidBody, Duplicate),
)
async def create_user(office: Office, body: NewUser) -> Response:
    """Create a person, who can sign in at once."""
    user = await service.create_user(office, body.email, body.name, body.role, body.password)
    headers = {"Location": f"/api/settings/users/{user.id}", "ETag": etag(user)}
    return answer(User, view(User, user), 201, headers)


@users.add(
    "PATCH",
    "/users/{user_id}",
    needs=ADMINISTRATOR,
    answers=User,
    refuses=(InvalidId, InvalidBody, NotFound, LastAdministrator, PreconditionFailed),
)
async def update_user(
    request: Request, office: Office, user_id: PathId, body: UserChange
) -> Response:
    """Change a person's name, role or password, or let them in or out.

    A new password and deactivation end the person's sign-ins. Keys that the person made keep
    working until they are revoked: `GET /api/settings/api-keys?createdBy=` lists them.
    """
    expected = expected_version(request, user_id)
    return _shown(await service.change_user(office, user_id, body.given(), expected))


def _shown(user: models.User) -> Response:
    return answer(User, view(User, user), headers={"ETag": etag(user)})
