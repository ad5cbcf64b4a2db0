"""`/api/auth`: sign in, sign out, and who is signed in."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints
from slowapi import Limiter
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.people import service
from titer.domain.people.rules import Role
from titer.domain.people.service import SignInDesk
from titer.kit.errors import InvalidBody, RateLimited
from titer.kit.passwords import MAX_LENGTH
from titer.kit.web.answers import CAMEL, MomentOut, answer, one_of
from titer.kit.web.door import ANYBODY, Operations
from titer.kit.web.fields import Id
from titer.kit.web.middleware import request_id_of
from titer.surfaces.settings.access import MEMBER, Calling, operations
from titer.surfaces.settings.limits import network_of
from titer.surfaces.settings.wire import Body, shown


class Credentials(Body):
    """Who signs in. `organizationId` is needed only by whoever belongs to several."""

    model_config = shown({"email": "ada@example.org", "password": "correct horse battery"})

    email: Annotated[str, StringConstraints(strict=True, min_length=1, max_length=320)]
    password: Annotated[
        str, StringConstraints(strict=True, min_length=1, max_length=MAX_LENGTH)
    ] = Field(json_schema_extra={"format": "password"})
    organization_id: Id | None = None


@dataclass(slots=True)
class Person:
    """The person signed in."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    email: str
    name: str
    role: Annotated[str, one_of(Role)]
    organization_id: int


@dataclass(slots=True)
class SignedIn:
    """A token that opens `/api/settings` until it expires or is signed out."""

    __pydantic_config__: ClassVar = CAMEL

    token: str
    expires_at: MomentOut
    user: Person


@dataclass(slots=True)
class SignedOut:
    """The token opens nothing any more."""

    ok: bool


def signing_in(desk: SignInDesk, limiter: Limiter, per_minute: int) -> Operations:
    """The one operation that nobody needs to be known for."""
    entrance = operations("Sign-in")

    @entrance.add(
        "POST",
        "/login",
        needs=ANYBODY,
        answers=SignedIn,
        refuses=(InvalidBody, RateLimited),
    )
    @limiter.limit(f"{per_minute}/minute", key_func=network_of)
    async def sign_in(request: Request, body: Credentials) -> Response:
        """Sign in with an e-mail address and a password.

        After five failures in a row the account waits one second, then twice as long after each
        further failure, up to 15 minutes: `429` with `Retry-After`.
        """
        done = await desk.sign_in(
            body.email, body.password, body.organization_id, request_id_of(request.scope)
        )
        user = done.user
        person = Person(user.id, user.email, user.name, user.role, user.organization_id)
        return answer(SignedIn, SignedIn(done.token, done.expires_at, person))

    return entrance


auth = operations("Sign-in")


@auth.add("POST", "/logout", needs=MEMBER, answers=SignedOut)
async def sign_out(caller: Calling) -> Response:
    """Sign out: the token of this request opens nothing from now on."""
    await service.sign_out(caller.session, caller.person.sign_in_id)
    return answer(SignedOut, SignedOut(ok=True))


@auth.add("GET", "/me", needs=MEMBER, answers=Person)
async def me(caller: Calling) -> Response:
    """Who is signed in."""
    person = caller.person
    return answer(
        Person,
        Person(person.user_id, person.email, person.name, person.role, person.organization_id),
    )
