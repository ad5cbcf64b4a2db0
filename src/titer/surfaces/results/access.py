"""Who is calling the Results API: a client's key, or one of the laboratory's own."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.keys.repository import find_key
from titer.domain.keys.rules import PREFIX, RESULTS_PREFIX, KeyIdentity, Kind, Scope
from titer.domain.keys.service import KeyUses
from titer.domain.publication.repository import Publications, Walks
from titer.kit import tokens
from titer.kit.db.engine import Database, Work
from titer.kit.errors import InsufficientScope, Problem, Unauthorized
from titer.kit.tenancy import Actor, Opening, Tenant, TenantSession
from titer.kit.web.credentials import bearer
from titer.kit.web.door import Operations
from titer.kit.web.middleware import request_id_of
from titer.kit.web.visits import Face
from titer.surfaces.results import wire


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that was let in, and the session of its tenant."""

    key: KeyIdentity
    session: TenantSession
    #: What the key may see: its client's, or with a key of the laboratory's own everything.
    publications: Publications
    #: Nothing is changed here, so nothing is repeated.
    principal_id: int | None = None


class ResultsFace:
    """The door-keeper of the Results API."""

    def __init__(self, database: Database, uses: KeyUses) -> None:
        self.database = database
        self.uses = uses

    def greet(self, request: Request) -> str:
        token = bearer(request, RESULTS_PREFIX, PREFIX)
        if token is None:
            raise Unauthorized
        return token

    async def admit(self, request: Request, work: Work, credential: str, needs: str) -> Caller:
        key = await find_key(work, tokens.digest(credential))
        if key is None or not key.opens(work.now):
            raise Unauthorized
        if (key.kind is Kind.RESULTS) != (key.client_id is not None):
            raise Unauthorized
        request.state.log = {"organization_id": key.organization_id, "key_id": key.key_id}
        if needs not in key.scopes:
            raise InsufficientScope(f"This key may not do that: it needs the scope `{needs}`.")
        actor = Actor("key", key.name, key.user_id, key.key_id, request_id_of(request.scope))
        session = await work.enter(Tenant(key.organization_id), actor)
        self.uses.saw(key, work.now)
        return Caller(key, session, Publications(session, key.client_id))

    def opening(self, request: Request, credential: str, needs: str) -> Opening:
        raise NotImplementedError("no operation of this face glances")

    def refuse(self, request: Request, problem: Problem) -> Response:
        return wire.refuse(request, problem)


async def note_step(face: Face, request: Request) -> None:
    """Note where the next pages begin, if that was not known: the one write of a list."""
    caller: Caller = request.state.caller
    step = caller.publications.step
    if step is None:
        return
    async with face.database.work(writes=True) as work:
        session = await work.enter(caller.session.tenant, caller.session.actor)
        await Walks(session).note(step)
        await work.commit()


async def _caller(request: Request) -> Caller:
    caller: Caller = request.state.caller
    return caller


Reading = Annotated[Caller, Depends(_caller)]
READ = Scope.READ


def operations(tag: str) -> Operations:
    """The routes of one resource of this face."""
    return Operations(tag, wire.EVERYWHERE, wire.document_refusals)
