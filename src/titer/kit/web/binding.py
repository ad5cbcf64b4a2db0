"""What an operation's coroutine takes, found in a request.

FastAPI publishes our operations, and could find their parameters too; but it looks at a route's
whole signature anew for each request, which costs more than many a database takes to answer. Our
operations take few kinds of things: the request, who is calling, a path's ids, one model of a
query, one of a body. Which is which is settled once, when the routes are made.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi.exceptions import RequestValidationError
from fastapi.params import Depends, Query
from pydantic import BaseModel, TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import Response

from titer.kit.web.bodies import StrictRequest

Handler = Callable[..., Coroutine[Any, Any, Response]]
_Find = Callable[[StrictRequest, list[Any]], Any]


class Unbindable(TypeError):
    """An operation takes something that is not known here: a form, for instance."""


class Binding:
    """Calls an operation with what it takes. Raises `Unbindable` when it is made, if it cannot."""

    def __init__(self, endpoint: Handler, path: str) -> None:
        self._endpoint = endpoint
        self._given: list[tuple[str, Callable[[Request], Awaitable[Any]]]] = []
        self._found: list[tuple[str, _Find]] = []
        self._request: str | None = None
        hints = get_type_hints(endpoint, include_extras=True)
        for name in inspect.signature(endpoint).parameters:
            self._add(name, hints[name], path)

    def _add(self, name: str, hint: Any, path: str) -> None:
        said = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        kind = get_args(hint)[0] if said else hint
        dependency = next((each for each in said if isinstance(each, Depends)), None)
        if isinstance(kind, type) and issubclass(kind, Request):
            self._request = name
        elif dependency is not None:
            assert dependency.dependency is not None
            self._given.append((name, dependency.dependency))
        elif f"{{{name}}}" in path:
            self._found.append((name, _of_path(name, hint)))
        elif any(isinstance(each, Query) for each in said):
            self._found.append((name, _of_query(kind)))
        elif not said and isinstance(kind, type) and issubclass(kind, BaseModel):
            self._found.append((name, _of_body(kind)))
        else:
            raise Unbindable(f"{self._endpoint.__name__} takes a {name} of an unknown kind")

    async def __call__(self, request: StrictRequest) -> Response:
        """The operation's answer. Raises `RequestValidationError` with everything at fault."""
        faults: list[Any] = []
        words = {name: find(request, faults) for name, find in self._found}
        if faults:
            raise RequestValidationError(faults)
        for name, give in self._given:
            words[name] = await give(request)
        if self._request is not None:
            words[self._request] = request
        return await self._endpoint(**words)


def _of_path(name: str, hint: Any) -> _Find:
    adapter: TypeAdapter[Any] = TypeAdapter(hint)

    def find(request: StrictRequest, faults: list[Any]) -> Any:
        return _validated(adapter, request.path_params[name], ("path", name), faults)

    return find


def _of_query(model: type[BaseModel]) -> _Find:
    adapter: TypeAdapter[Any] = TypeAdapter(model)

    def find(request: StrictRequest, faults: list[Any]) -> Any:
        # The door has refused a name that stands twice.
        return _validated(adapter, dict(request.query_params), ("query",), faults)

    return find


def _of_body(model: type[BaseModel]) -> _Find:
    adapter: TypeAdapter[Any] = TypeAdapter(model)

    def find(request: StrictRequest, faults: list[Any]) -> Any:
        if request.document is None:
            faults.append({"type": "missing", "loc": ("body",), "msg": "Field required"})
            return None
        return _validated(adapter, request.document, ("body",), faults)

    return find


def _validated(
    adapter: TypeAdapter[Any], value: Any, place: tuple[str, ...], faults: list[Any]
) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        found = error.errors(include_url=False)
        faults += [{**fault, "loc": place + fault["loc"]} for fault in found]
        return None
