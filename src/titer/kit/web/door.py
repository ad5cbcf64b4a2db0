"""The one door of a face: every operation comes and goes through it.

In this order: the caller's credentials are looked at, the body is read within its limit, a
transaction begins, the caller is found in it, their scope is checked, the query and the body are
validated, the work is done, and it is committed before the first byte of the answer leaves. What
goes wrong on the way is a `Problem`, and the face says how it is spelled.

Work that takes longer than a transaction may last comes in `Visits` instead: the caller is let in
once before the body is read, and again for each short transaction that the operation asks for.
"""

import inspect
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from titer.kit.errors import (
    Detail,
    InvalidBody,
    InvalidQuery,
    PayloadTooLarge,
    Problem,
    UnsupportedMediaType,
)
from titer.kit.tenancy import TenantSession
from titer.kit.web import bodies, forms
from titer.kit.web.binding import Binding, Handler, Unbindable
from titer.kit.web.validation import near_miss, problem_of
from titer.kit.web.visits import (
    Conclusion,
    Contended,
    Demand,
    Face,
    Preparation,
    Replayed,
    Visits,
    answer_of,
    at_most_twice,
    once_of,
    replay,
)

#: What an operation needs that anybody may call. The door looks for no caller and begins no
#: transaction: the operation does both itself, as a sign-in must.
ANYBODY = "anybody"
_HEADER = "idempotency-key"


_demands: WeakKeyDictionary[Any, Demand] = WeakKeyDictionary()
_problems: WeakKeyDictionary[Any, tuple[type[Problem], ...]] = WeakKeyDictionary()


def demand_of(endpoint: Any) -> Demand:
    return _demands[endpoint]


def problems_of(endpoint: Any) -> tuple[type[Problem], ...]:
    """The refusals that an operation declares, beyond those that every operation has."""
    return _problems.get(endpoint, ())


class Door(APIRoute):
    """A route whose request is let in, worked on in one transaction, and let out."""

    #: Answers a request of this route's, whatever goes wrong on the way.
    through: Callable[[Request], Coroutine[Any, Any, Response]]
    #: Whether it needs nothing of the application's on the way to its operation.
    is_bound: bool

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        passage = _Passage(
            self._bound(),
            demand_of(self.endpoint),
            tuple(_query_names(self)),
            has_body=self.body_field is not None,
        )
        known = (*passage.known, *_body_names(self))

        async def through(request: Request) -> Response:
            face: Face = request.app.state.face
            try:
                return await passage.let_in(face, request)
            except Replayed as replayed:
                return replay(replayed.answer)
            except RequestValidationError as error:
                return face.refuse(request, problem_of(error.errors(), known))
            except Problem as problem:
                return face.refuse(request, problem)

        self.through = through
        return through

    def _bound(self) -> Callable[[Any], Coroutine[Any, Any, Response]]:
        """What calls the operation: FastAPI's own way where it takes what only that finds."""
        self.is_bound = True
        try:
            return Binding(self.endpoint, self.path_format)
        except Unbindable:
            self.is_bound = False
            return super().get_route_handler()


@dataclass(frozen=True, slots=True)
class _Passage:
    """The way of a request through the door, to the operation that works on it."""

    handle: Callable[[Any], Coroutine[Any, Any, Response]]
    demand: Demand
    #: Names of the query parameters.
    known: Sequence[str]
    has_body: bool

    async def let_in(self, face: Face, request: Request) -> Response:
        if self.demand.needs == ANYBODY:
            return await self._attend(request, await bodies.read(request, self.demand.body_limit))
        credential = face.greet(request)
        if self.demand.file_limit is not None:
            visits = Visits(face, request, credential, self.demand)
            return await self._receive(visits, self.demand.file_limit)
        body = await bodies.read(request, self.demand.body_limit)
        if self.demand.before is not None:
            await self.demand.before(face, request, credential, body)
        work_on = self._work_on
        if self.demand.glances and not self.demand.writes and face.database.glances:
            return await self._glance(face, request, credential, body)
        if self.demand.glances and self.demand.writes and _HEADER not in request.headers:
            work_on = self._write_at_once
        return await at_most_twice(lambda: work_on(face, request, credential, body))

    async def _work_on(
        self, face: Face, request: Request, credential: str, body: bytes
    ) -> Response:
        async with face.database.work(writes=self.demand.writes, hurried=True) as work:
            caller = await face.admit(request, work, credential, self.demand.needs)
            request.state.caller, request.state.session = caller, caller.session
            once = once_of(request, caller, body) if self.demand.writes else None
            if once is not None and (earlier := await once.earlier()) is not None:
                return replay(earlier)
            response = await self._attend(request, body)
            if once is not None:
                await once.keep(answer_of(response))
            await work.commit()
        if self.demand.after is not None:
            await self.demand.after(face, request)
        return response

    async def _glance(self, face: Face, request: Request, credential: str, body: bytes) -> Response:
        """Let the caller in with the first statement of the work, and with each that follows."""
        async with face.database.work(writes=False, hurried=True) as work:
            opening = face.opening(request, credential, self.demand.needs)
            response = await self._attend_opening(request, body, work.glance(opening))
        if self.demand.after is not None:
            await self.demand.after(face, request)
        return response

    async def _write_at_once(
        self, face: Face, request: Request, credential: str, body: bytes
    ) -> Response:
        """Let the caller in with the first statement of a transaction.

        Nothing is done twice here: whose idempotency key it is must be known before the work.
        """
        async with face.database.work(writes=True, hurried=True) as work:
            opening = face.opening(request, credential, self.demand.needs)
            response = await self._attend_opening(request, body, await work.open_by(opening))
            await work.commit()
        if self.demand.after is not None:
            await self.demand.after(face, request)
        return response

    async def _attend_opening(
        self, request: Request, body: bytes, session: TenantSession
    ) -> Response:
        request.state.session = session
        try:
            return await self._attend(request, body)
        finally:
            # Also where nothing was asked for, or nothing valid: who may not come in is told so,
            # and nothing else.
            await session.open()

    async def _receive(self, visits: Visits, file_limit: int) -> Response:
        """Let in whoever sends a file, before the file is read, and hand over their visits."""
        request = visits.request
        await visits.announce()
        boundary = forms.require_form(request)
        body = await bodies.read(request, self.demand.body_limit)
        _check_query(request, self.known)
        parts = forms.parse(body, boundary, file_limit)
        visits.told = forms.told(parts)
        request.state.visits = visits
        return await self.handle(forms.FormRequest(request, parts))

    async def _attend(self, request: Request, body: bytes) -> Response:
        _check_query(request, self.known)
        document = _document(request, body, has_body=self.has_body)
        return await self.handle(bodies.StrictRequest(request, body, document))


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
    if not request.scope["query_string"]:
        return
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
        file_limit: int | None = None,
        examples: Any = None,
        before: Preparation | None = None,
        glances: bool = False,
        after: Conclusion | None = None,
    ) -> Callable[[Handler], Handler]:
        """Register the decorated coroutine; its docstring's first line is the summary.

        With `file_limit` it takes a form with a file of so many bytes, and is handed `Visits` in
        place of a transaction. `before` and `after` are done in transactions of their own. One that
        `glances` begins with a prepared statement, and reads by those alone, with no transaction.
        """
        if file_limit is not None:
            body_limit = file_limit + forms.OVERHEAD

        def register(endpoint: Handler) -> Handler:
            _demands[endpoint] = Demand(
                needs,
                writes=method != "GET",
                body_limit=body_limit,
                file_limit=file_limit,
                before=before,
                glances=glances,
                after=after,
            )
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
