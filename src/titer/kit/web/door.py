"""The one door of a face: every operation comes and goes through it.

In this order: the caller's credentials are looked at, the body is read within its limit, a
transaction begins, the caller is found in it, their scope is checked, the query and the body are
validated, the work is done, and it is committed before the first byte of the answer leaves. What
goes wrong on the way is a `Problem`, and the face says how it is spelled.
"""

import inspect
import json
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm.exc import StaleDataError
from starlette.requests import Request
from starlette.responses import Response

from titer.kit.db.engine import Database, Work
from titer.kit.errors import (
    Conflict,
    Detail,
    InvalidBody,
    InvalidQuery,
    PayloadTooLarge,
    Problem,
    UnsupportedMediaType,
)
from titer.kit.idempotency import Answer, Once, fingerprint, key_of
from titer.kit.tenancy import TenantSession
from titer.kit.web import bodies
from titer.kit.web.validation import near_miss, problem_of

Handler = Callable[..., Coroutine[Any, Any, Response]]


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

    def refuse(self, request: Request, problem: Problem) -> Response:
        """The problem in this face's spelling."""
        ...


class Contended(Conflict):
    """Two requests wanted the same thing at once, twice over."""

    slug, message = "contended", "Another request changed the same record. Please retry."


#: What an operation needs that anybody may call. The door looks for no caller and begins no
#: transaction: the operation does both itself, as a sign-in must.
ANYBODY = "anybody"


@dataclass(frozen=True, slots=True)
class Demand:
    """What an operation asks of its caller and of the database."""

    needs: str
    writes: bool
    body_limit: int = bodies.JSON_LIMIT


_demands: WeakKeyDictionary[Any, Demand] = WeakKeyDictionary()
_problems: WeakKeyDictionary[Any, tuple[type[Problem], ...]] = WeakKeyDictionary()


def demand_of(endpoint: Any) -> Demand:
    return _demands[endpoint]


def problems_of(endpoint: Any) -> tuple[type[Problem], ...]:
    """The refusals that an operation declares, beyond those that every operation has."""
    return _problems.get(endpoint, ())


class Door(APIRoute):
    """A route whose request is let in, worked on in one transaction, and let out."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()
        demand = demand_of(self.endpoint)
        known = tuple(_query_names(self))
        has_body = self.body_field is not None
        body_names = tuple(_body_names(self))

        async def through(request: Request) -> Response:
            face: Face = request.app.state.face
            try:
                credential = "" if demand.needs == ANYBODY else face.greet(request)
                body = await bodies.read(request, demand.body_limit)
                if demand.needs == ANYBODY:
                    return await attend(request, body)
                return await _at_most_twice(lambda: work_on(face, request, credential, body))
            except RequestValidationError as error:
                return face.refuse(request, problem_of(error.errors(), known + body_names))
            except Problem as problem:
                return face.refuse(request, problem)

        async def work_on(face: Face, request: Request, credential: str, body: bytes) -> Response:
            async with face.database.work(writes=demand.writes) as work:
                caller = await face.admit(request, work, credential, demand.needs)
                request.state.caller = caller
                once = _once(request, caller, body) if demand.writes else None
                if once is not None and (earlier := await once.earlier()) is not None:
                    return _replay(earlier)
                response = await attend(request, body)
                if once is not None:
                    await once.keep(_answer_of(response))
                await work.commit()
            return response

        async def attend(request: Request, body: bytes) -> Response:
            _check_query(request, known)
            document = _document(request, body, has_body=has_body)
            return await handle(bodies.StrictRequest(request, body, document))

        return through


async def _at_most_twice(work_on: Callable[[], Awaitable[Response]]) -> Response:
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


def _once(request: Request, caller: Admitted, body: bytes) -> Once | None:
    """What guards this request against being done twice, if its caller asks for that."""
    key = key_of(request.headers.get("idempotency-key"))
    if key is None or caller.principal_id is None:
        return None
    query = dict(request.query_params)
    told = fingerprint(request.method, request.url.path, query, body)
    return Once(caller.session, caller.principal_id, key, told)


_KEPT_HEADERS = ("content-type", "location", "etag")


def _answer_of(response: Response) -> Answer:
    kept = {name: response.headers[name] for name in _KEPT_HEADERS if name in response.headers}
    return Answer(response.status_code, json.dumps(kept), bytes(response.body))


def _replay(earlier: Answer) -> Response:
    headers = json.loads(earlier.headers) | {"Idempotent-Replayed": "true"}
    return Response(earlier.body, earlier.status, headers)


def _query_names(route: APIRoute) -> list[str]:
    names: list[str] = []
    for parameter in route.dependant.query_params:
        fields = getattr(parameter.field_info.annotation, "model_fields", None)
        if fields is None:
            names.append(parameter.alias)
        else:
            names += [field.alias or name for name, field in fields.items()]
    return names


def _body_names(route: APIRoute) -> list[str]:
    annotation = route.body_field.field_info.annotation if route.body_field else None
    fields = getattr(annotation, "model_fields", {})
    return [field.alias or name for name, field in fields.items()]


def _check_query(request: Request, known: Sequence[str]) -> None:
    seen: set[str] = set()
    for name, _ in request.query_params.multi_items():
        shown = name[:64]
        if name not in known:
            hint = near_miss(shown, known)
            what = f"{shown} is not a known query parameter{hint or '.'}"
            raise InvalidQuery(what, details=[Detail(shown, f"is not known{hint}")])
        if name in seen:
            raise InvalidQuery(f"{shown} stands twice.", details=[Detail(shown, "stands twice")])
        seen.add(name)


def _document(request: Request, body: bytes, *, has_body: bool) -> Any:
    """The body's JSON; a route that takes no body still refuses one that says something."""
    if has_body:
        if not body:
            raise InvalidBody("This route wants a JSON object in the request body.")
        bodies.require_json(request)
        return bodies.parse(body)
    if body and bodies.parse(body) != {}:
        raise InvalidBody("This route takes no request body.")
    return None


def _refused_by_the_door(endpoint: Handler, method: str) -> tuple[type[Problem], ...]:
    """What the door itself refuses, from what an operation takes and does."""
    of_bodies = (InvalidBody, PayloadTooLarge, UnsupportedMediaType)
    takes_body = "body" in inspect.signature(endpoint).parameters
    of_changes = (Contended,)
    return (of_bodies if takes_body else ()) + (of_changes if method != "GET" else ())


def _told_needs(needs: str) -> dict[str, Any]:
    """What an operation asks of its caller, for the published document."""
    return {} if needs == ANYBODY else {"security": [{"bearer": []}], "x-needs": str(needs)}


class Operations:
    """The routes of one resource of a face: each declares its scope and its refusals."""

    def __init__(
        self,
        tag: str,
        shared: Sequence[type[Problem]],
        refusals: "Refusals",
        of_changes: Sequence[type[Problem]] = (),
    ) -> None:
        self._tag = tag
        self._shared = tuple(shared)
        self._of_changes = tuple(of_changes)
        self._refusals = refusals
        self._routes: list[tuple[str, Handler, dict[str, Any]]] = []

    def add(
        self,
        method: str,
        path: str,
        *,
        needs: str,
        answers: Any,
        status: int = 200,
        refuses: Sequence[type[Problem]] = (),
        body_limit: int = bodies.JSON_LIMIT,
        examples: Any = None,
        writes: bool | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register the decorated coroutine; its docstring's first line is the summary.

        `writes` says whether it writes to the database, where its method does not tell.
        """

        def register(endpoint: Handler) -> Handler:
            wants_to_write = method != "GET" if writes is None else writes
            _demands[endpoint] = Demand(needs, wants_to_write, body_limit)
            problems = (*self._shared, *_refused_by_the_door(endpoint, method), *refuses)
            if method != "GET":
                problems += self._of_changes
            _problems[endpoint] = problems
            responses = self._refusals(problems)
            if examples is not None:
                responses[status] = {"content": {"application/json": {"example": examples}}}
            summary, _, description = (endpoint.__doc__ or "").strip().partition("\n")
            words: dict[str, Any] = {
                "methods": [method],
                "response_model": answers,
                "status_code": status,
                "responses": responses,
                "operation_id": to_camel(endpoint.__name__),
                "summary": summary.rstrip("."),
                "description": inspect.cleandoc(description) or None,
                "tags": [self._tag],
                "openapi_extra": _told_needs(needs),
            }
            self._routes.append((path, endpoint, words))
            return endpoint

        return register

    def install(self, app: FastAPI, prefix: str) -> None:
        """Put the routes into `app`, flat: a router within a router costs every request."""
        for path, endpoint, words in self._routes:
            app.router.add_api_route(prefix + path, endpoint, route_class_override=Door, **words)


class Refusals(Protocol):
    """How a face documents its refusals: responses by status, for the published document."""

    def __call__(self, problems: Sequence[type[Problem]]) -> dict[int | str, dict[str, Any]]: ...
