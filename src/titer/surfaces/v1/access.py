"""Who is calling the Lab API: an API key, and the session of its organization."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.keys.repository import KeyOpening, find_key
from titer.domain.keys.rules import PREFIX, KeyIdentity, Scope
from titer.domain.keys.service import KeyUses
from titer.domain.organizations.rules import Requirements
from titer.kit import tokens
from titer.kit.db.engine import Database, Work
from titer.kit.errors import (
    InsufficientScope,
    PreconditionFailed,
    PreconditionRequired,
    Problem,
    Unauthorized,
)
from titer.kit.tenancy import Actor, Opening, Tenant, TenantSession
from titer.kit.web import answers
from titer.kit.web.credentials import bearer
from titer.kit.web.door import Operations
from titer.kit.web.middleware import request_id_of
from titer.kit.web.visits import Visits
from titer.surfaces.v1 import wire


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that was let in, and the session of its tenant."""

    key: KeyIdentity
    session: TenantSession

    @property
    def principal_id(self) -> int:
        return self.key.key_id


class LabFace:
    """The door-keeper of `/api/v1`."""

    def __init__(self, database: Database, uses: KeyUses) -> None:
        self.database = database
        self.uses = uses

    def greet(self, request: Request) -> str:
        token = bearer(request, PREFIX)
        if token is None:
            raise Unauthorized
        return token

    async def admit(self, request: Request, work: Work, credential: str, needs: str) -> Caller:
        key = await find_key(work, tokens.digest(credential))
        tenant, actor = self.let_in(request, key, needs, work.now)
        assert key is not None
        return Caller(key, await work.enter(tenant, actor))

    def opening(self, request: Request, credential: str, needs: str) -> Opening:
        now = self.database.clock.now()
        return KeyOpening(
            {"digest": tokens.digest(credential)},
            lambda key: self.let_in(request, key, needs, now),
        )

    def let_in(
        self, request: Request, key: KeyIdentity | None, needs: str, now: datetime
    ) -> tuple[Tenant, Actor]:
        """Whom a key acts for, and as whom. Raises `Unauthorized`, `InsufficientScope`."""
        if key is None or not key.opens(now):
            raise Unauthorized
        request.state.log = {"organization_id": key.organization_id, "key_id": key.key_id}
        if needs not in key.scopes:
            raise InsufficientScope(
                f"This key may not do that: it needs the scope `{needs}`.",
                facts={"required_scope": needs},
            )
        self.uses.saw(key, now)
        actor = Actor("key", key.name, key.user_id, key.key_id, request_id_of(request.scope))
        return Tenant(key.organization_id, key.requirements), actor

    def refuse(self, request: Request, problem: Problem) -> Response:
        return wire.refuse(request, problem)


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


async def _session(request: Request) -> TenantSession:
    session: TenantSession = request.state.session
    return session


async def _visits(request: Request) -> Visits:
    visits: Visits = request.state.visits
    return visits


Calling = Annotated[Caller, Depends(_caller)]
Lab = Annotated[TenantSession, Depends(_session)]
"""The session of the calling key's organization, in the request's transaction."""
Coming = Annotated[Visits, Depends(_visits)]
"""The caller of an operation that takes a file: a transaction each time they come."""

#: What a change of a record refuses where the caller's copy is stale, or must be named and is not.
CONDITIONS: tuple[type[Problem], ...] = (PreconditionFailed, PreconditionRequired)


def expected_version(request: Request, lab: TenantSession, record_id: int) -> int | None:
    """The version that `If-Match` asks for; None when it asks for none, or for any.

    Raises `InvalidHeader`, and `PreconditionRequired` where the organization wants the header.
    """
    if "if-match" not in request.headers:
        lab.at_entry(_refuse_without_condition)
    return answers.expected_version(request, record_id)


def _refuse_without_condition(tenant: Tenant) -> None:
    assert isinstance(tenant.known, Requirements)
    if tenant.known.if_match:
        raise PreconditionRequired


READ, WRITE, VERIFY = Scope.READ, Scope.WRITE, Scope.VERIFY


def operations(tag: str) -> Operations:
    """The routes of one resource of this face."""
    return Operations(tag, wire.EVERYWHERE, wire.document_refusals, wire.OF_CHANGES)
