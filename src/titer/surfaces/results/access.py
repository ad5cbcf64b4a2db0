"""Who is calling the Results API: a client's key, or one of the laboratory's own."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Depends
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.keys.repository import KeyOpening, find_key
from titer.domain.keys.rules import PREFIX, RESULTS_PREFIX, KeyIdentity, Kind, Scope
from titer.domain.keys.service import KeyUses
from titer.domain.publication.repository import Publications
from titer.domain.publication.walks import Walks
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

    session: TenantSession
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
        # What a key looks like decides what is asked for; `let_in` insists that it is that.
        request.state.narrowed = token.startswith(RESULTS_PREFIX)
        return token

    async def admit(self, request: Request, work: Work, credential: str, needs: str) -> Caller:
        key = await find_key(work, tokens.digest(credential))
        return Caller(await work.enter(*self.let_in(request, key, needs, work.now)))

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
        narrowed: bool = request.state.narrowed
        if narrowed != (key.kind is Kind.RESULTS) or narrowed != (key.client_id is not None):
            raise Unauthorized
        request.state.log = {"organization_id": key.organization_id, "key_id": key.key_id}
        if needs not in key.scopes:
            raise InsufficientScope(f"This key may not do that: it needs the scope `{needs}`.")
        self.uses.saw(key, now)
        actor = Actor("key", key.name, key.user_id, key.key_id, request_id_of(request.scope))
        return Tenant(key.organization_id, client_id=key.client_id), actor

    def refuse(self, request: Request, problem: Problem) -> Response:
        return wire.refuse(request, problem)


async def _publications(request: Request) -> Publications:
    state = request.state
    state.publications = Publications(state.session, narrowed=state.narrowed)
    return state.publications  # type: ignore[no-any-return]


async def note_step(face: Face, request: Request) -> None:
    """Note where the next pages begin, if that was not known: the one write of a list."""
    publications: Publications = request.state.publications
    step = publications.step
    if step is None:
        return
    async with face.database.work(writes=True) as work:
        session = await work.enter(publications.session.tenant, publications.session.actor)
        await Walks(session).note(step)
        await work.commit()


Published = Annotated[Publications, Depends(_publications)]
"""What the calling key may see: its client's, or with a key of the laboratory's own everything."""
READ = Scope.READ


def operations(tag: str) -> Operations:
    """The routes of one resource of this face."""
    return Operations(tag, wire.EVERYWHERE, wire.document_refusals)
