"""Who is calling the settings: a person signed in, and the session of their organization."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.people.repository import find_sign_in
from titer.domain.people.rules import PREFIX, ROLES, Circle, SignInIdentity
from titer.kit import tokens
from titer.kit.db.engine import Database, Work
from titer.kit.errors import Forbidden, Problem, Unauthorized
from titer.kit.tenancy import Actor, Opening, Tenant, TenantSession
from titer.kit.web.credentials import bearer
from titer.kit.web.door import Operations
from titer.kit.web.middleware import request_id_of
from titer.surfaces.settings import wire

_SIGN_IN_FIRST = "Sign in first: POST /api/auth/login, then Authorization: Bearer ls_..."

_TAKES = {
    Circle.MEMBER: "Your role does not allow this.",
    Circle.SIGNER: "Your role does not allow this: it takes an administrator or a reviewer.",
    Circle.ADMINISTRATOR: "Your role does not allow this: it takes an administrator.",
}


@dataclass(frozen=True, slots=True)
class Caller:
    """A person who was let in, and the session of their organization."""

    person: SignInIdentity
    session: TenantSession
    #: People click once; what a program repeats is the Lab API's.
    principal_id: int | None = None


class SettingsFace:
    """The door-keeper of `/api/settings` and `/api/auth`."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def greet(self, request: Request) -> str:
        token = bearer(request, PREFIX)
        if token is None:
            raise Unauthorized(_SIGN_IN_FIRST)
        return token

    async def admit(self, request: Request, work: Work, credential: str, needs: str) -> Caller:
        person = await find_sign_in(work, tokens.digest(credential))
        if person is None or not person.opens(work.now):
            raise Unauthorized(_SIGN_IN_FIRST)
        request.state.log = {
            "organization_id": person.organization_id,
            "user_id": person.user_id,
        }
        if person.role not in ROLES[Circle(needs)]:
            raise Forbidden(_TAKES[Circle(needs)])
        actor = Actor("user", person.name, person.user_id, request_id=request_id_of(request.scope))
        session = await work.enter(Tenant(person.organization_id), actor)
        return Caller(person, session)

    def opening(self, request: Request, credential: str, needs: str) -> Opening:
        raise NotImplementedError("no operation of this face glances")

    def refuse(self, request: Request, problem: Problem) -> Response:
        return wire.refuse(request, problem)


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


async def _session(request: Request) -> TenantSession:
    caller: Caller = request.state.caller
    return caller.session


Calling = Annotated[Caller, Depends(_caller)]
Office = Annotated[TenantSession, Depends(_session)]
"""The session of the signed-in person's organization, in the request's transaction."""

MEMBER, SIGNER, ADMINISTRATOR = Circle.MEMBER, Circle.SIGNER, Circle.ADMINISTRATOR


def operations(tag: str) -> Operations:
    """The routes of one resource of this face: `needs` is one of the circles."""
    return Operations(tag, wire.EVERYWHERE, wire.document_refusals)
