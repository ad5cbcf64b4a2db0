"""Who comes to a face, what is asked of them, and how often they come: once, or in visits.

Most requests are worked on in one transaction. Work that takes longer than one may last comes in
`Visits`: short transactions with nothing held between them.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from starlette.requests import Request
from starlette.responses import Response

from titer.kit.db.engine import Database, Work
from titer.kit.errors import Conflict, Problem
from titer.kit.idempotency import Answer, Once, fingerprint, key_of
from titer.kit.tenancy import Opening, TenantSession
from titer.kit.web.bodies import JSON_LIMIT

T = TypeVar("T")


class Admitted(Protocol):
    """A caller whom a face has let in."""

    @property
    def session(self) -> TenantSession: ...

    @property
    def principal_id(self) -> int | None:
        """Whose idempotency keys count together; None where the face takes none."""
        ...


class Face(Protocol):
    """What a surface says for itself."""

    database: Database

    def greet(self, request: Request) -> str:
        """The caller's credential, well formed. Raises `Unauthenticated` without a look-up."""
        ...

    async def admit(self, request: Request, work: Work, credential: str, needs: str) -> Admitted:
        """Who is calling, with the session of their tenant. Raises `Unauthenticated`, `Denied`."""
        ...

    def opening(self, request: Request, credential: str, needs: str) -> Opening:
        """How the same is found out together with the first thing that the caller asks for."""
        ...

    def refuse(self, request: Request, problem: Problem) -> Response:
        """The problem in this face's spelling."""
        ...


class Contended(Conflict):
    """Two requests wanted the same thing at once, twice over."""

    slug, message = "contended", "Another request changed the same record. Please retry."


#: What an operation does before its transaction begins, in transactions of its own. It is handed
#: the face, the request, the credential and the body as it came, which nobody has validated yet.
#: What it finds out it leaves on `request.state`; the operation must insist on finding it there.
Preparation = Callable[[Face, Request, str, bytes], Awaitable[None]]

#: What an operation does when its transaction is over and before its answer leaves, in transactions
#: of its own: a read that may have something to note need not be a write for that.
Conclusion = Callable[[Face, Request], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Demand:
    """What an operation asks of its caller and of the database."""

    needs: str
    writes: bool
    body_limit: int = JSON_LIMIT
    #: The operation takes a form with a file of at most so many bytes, and comes in `Visits`.
    file_limit: int | None = None
    before: Preparation | None = None
    #: Its first statement is a prepared one, which finds the caller as well; if it only reads it
    #: has no others, and no transaction.
    glances: bool = False
    after: Conclusion | None = None


async def at_most_twice(work_on: Callable[[], Awaitable[Response]]) -> Response:
    """The work's answer, after a second attempt where the first one collided.

    Another request took the same unique value, or changed the same row, since we looked. Looking
    again tells which, and refuses in words. Raises `Contended` when that collides too.
    """
    try:
        return await work_on()
    except (IntegrityError, StaleDataError):
        pass
    try:
        return await work_on()
    except (IntegrityError, StaleDataError) as collision:
        raise Contended from collision


class Replayed(Exception):
    """The request was answered before: nothing more is to be done."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        super().__init__()


class Visits:
    """A caller who comes more than once: each time they are let in anew, in a transaction.

    Between two visits nothing of the database is held. A key that is revoked meanwhile opens
    nothing any more.
    """

    def __init__(self, face: Face, request: Request, credential: str, demand: Demand) -> None:
        self.request = request
        #: What makes the request the same request; known once its body has been read.
        self.told = b""
        self._face = face
        self._credential = credential
        self._demand = demand

    async def announce(self) -> None:
        """Be let in before anything is read. Raises `Unauthenticated`, `Denied`."""
        async with self._face.database.work(writes=False) as work:
            await self._admit(work)

    async def read(self, look: Callable[[TenantSession], Awaitable[T]]) -> T:
        """What `look` finds. A request that was answered before goes no further than this."""
        async with self._face.database.work(writes=False) as work:
            caller = await self._admit(work)
            once = once_of(self.request, caller, self.told)
            if once is not None and (earlier := await once.peek()) is not None:
                raise Replayed(earlier)
            return await look(caller.session)

    async def write(self, change: Callable[[TenantSession], Awaitable[Response]]) -> Response:
        """The answer of `change`, committed; the earlier one where there is one."""
        return await at_most_twice(lambda: self._write(change))

    async def _write(self, change: Callable[[TenantSession], Awaitable[Response]]) -> Response:
        async with self._face.database.work(writes=True) as work:
            caller = await self._admit(work)
            once = once_of(self.request, caller, self.told)
            if once is not None and (earlier := await once.earlier()) is not None:
                return replay(earlier)
            response = await change(caller.session)
            if once is not None:
                await once.keep(answer_of(response))
            await work.commit()
        return response

    async def _admit(self, work: Work) -> Admitted:
        return await self._face.admit(self.request, work, self._credential, self._demand.needs)


def once_of(request: Request, caller: Admitted, body: bytes) -> Once | None:
    """What guards this request against being done twice, if its caller asks for that."""
    key = key_of(request.headers.get("idempotency-key"))
    if key is None or caller.principal_id is None:
        return None
    query = dict(request.query_params)
    told = fingerprint(request.method, request.url.path, query, body)
    return Once(caller.session, caller.principal_id, key, told)


_KEPT_HEADERS = ("content-type", "location", "etag")


def answer_of(response: Response) -> Answer:
    kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return Answer(response.status_code, json.dumps(kept), bytes(response.body))


def replay(earlier: Answer) -> Response:
    headers = json.loads(earlier.headers) | {"Idempotent-Replayed": "true"}
    return Response(earlier.body, earlier.status, headers)
