"""The spelling that our own faces share: bodies, queries, pages, refusals.

A face with another contract's accent brings its own.
"""

from collections.abc import Callable, Sequence
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from titer.kit import errors
from titer.kit.errors import Problem
from titer.kit.paging import DEFAULT_LIMIT, MAX_LIMIT, Slice, Window
from titer.kit.web.answers import dump, json_bytes
from titer.kit.web.fields import QueryId
from titer.kit.web.middleware import request_id_of
from titer.kit.web.publication import REFUSAL
from titer.kit.web.status import status_of

T = TypeVar("T")


class Body(BaseModel):
    """A request body: camelCase, and nothing that the route does not know."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)

    def given(self) -> dict[str, Any]:
        """Only what the caller wrote: absent is not null."""
        return {name: getattr(self, name) for name in self.model_fields_set}


def shown(example: dict[str, Any]) -> ConfigDict:
    """The configuration of a body that the document shows an example of."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class Filters(BaseModel):
    """Query parameters: camelCase, and nothing that the route does not know."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)


def _limit(text: object) -> int:
    if not isinstance(text, str) or not text.isascii() or not text.isdigit() or int(text[:9]) < 1:
        raise ValueError("must be an integer from 1")
    return min(int(text[:9]), MAX_LIMIT)


_LIMIT_SCHEMA = {"type": "integer", "minimum": 1, "default": DEFAULT_LIMIT}
Limit = Annotated[int, BeforeValidator(_limit), WithJsonSchema(_LIMIT_SCHEMA)]


class Paged(Filters):
    """The parameters that every list takes."""

    limit: Limit = Field(
        default=DEFAULT_LIMIT,
        description=f"Rows per page; more than {MAX_LIMIT} gives {MAX_LIMIT}.",
        validate_default=False,
    )
    cursor: QueryId | None = Field(
        default=None, description="The id to read after: the last page's `nextCursor`."
    )

    def window(self) -> Window:
        return Window(self.limit, self.cursor)


class Page(BaseModel, Generic[T]):
    """A page of a list, newest first."""

    data: list[T]
    next_cursor: int | None = Field(
        serialization_alias="nextCursor",
        description="Pass it as `cursor` for the next page; null on the last one.",
    )
    has_more: bool = Field(serialization_alias="hasMore")


def page(request: Request, kind: Any, rows: Slice[Any], view: Callable[[Any], Any]) -> Response:
    """A page's answer, with the next page's address in `Link` as well."""
    views = [view(row) for row in rows.rows]
    cursor = rows.rows[-1].id if rows.has_more else None
    return _page(request, dump(list[kind], views), cursor)


def spelled_page(request: Request, rows: Slice[dict[str, Any]]) -> Response:
    """The same of records that are spelled already."""
    cursor = rows.rows[-1]["id"] if rows.has_more else None
    return _page(request, json_bytes(rows.rows), cursor)


def _page(request: Request, data: bytes, cursor: int | None) -> Response:
    body = b'{"data":%s,"nextCursor":%s,"hasMore":%s}' % (
        data,
        b"null" if cursor is None else b"%d" % cursor,
        b"false" if cursor is None else b"true",
    )
    response = Response(body, media_type="application/json")
    if cursor is not None:
        said = request.scope["query_string"].decode("latin-1").split("&")
        kept = [part for part in said if part and not part.startswith("cursor=")]
        following = request.url.replace(query="&".join([*kept, f"cursor={cursor}"]))
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def refuse(request: Request, problem: Problem) -> Response:
    """`{"error", "message", "requestId"}`, with `details` and further facts where there are any."""
    status = status_of(type(problem))
    body: dict[str, Any] = {
        "error": problem.slug,
        "message": problem.sentence,
        "requestId": request_id_of(request.scope),
    }
    if problem.details:
        body["details"] = [
            {"field": detail.field, "message": detail.message} for detail in problem.details
        ]
    body |= {to_camel(name): value for name, value in problem.facts.items()}
    headers: dict[str, str] = {}
    if status == 401:  # noqa: PLR2004 - the one status that must say how to do better
        headers["WWW-Authenticate"] = "Bearer"
    if problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    if isinstance(problem, errors.PreconditionFailed):
        headers["ETag"] = f'"{problem.facts["id"]}.{problem.facts["current_version"]}"'
    return JSONResponse(body, status, headers)


class ErrorDetail(BaseModel):
    field: str
    message: str


class Error(BaseModel):
    """Every refusal. `error` is stable and made for programs; `message` is made for people."""

    model_config = ConfigDict(extra="allow")

    error: str
    message: str
    request_id: str = Field(alias="requestId")
    details: list[ErrorDetail] = Field(default=[], description="Only where fields are at fault.")


def document_refusals(problems: Sequence[type[Problem]]) -> dict[int | str, dict[str, Any]]:
    """The published document's answers for a list of refusals, by status, each with an example."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for kind in sorted(set(problems), key=lambda kind: kind.slug):
        entry = by_status.setdefault(
            status_of(kind), {"content": {"application/json": {"schema": REFUSAL, "examples": {}}}}
        )
        example = {"error": kind.slug, "message": kind.message, "requestId": "01JZ..."}
        entry["content"]["application/json"]["examples"][kind.slug] = {"value": example}
    for entry in by_status.values():
        slugs = entry["content"]["application/json"]["examples"]
        entry["description"] = " · ".join(slugs)
    return by_status
