"""How the Results API spells things: snake_case, numbered pages, `{"error": "a sentence"}`."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from titer.domain.publication.rules import name_of_list
from titer.domain.publication.walks import Numbered
from titer.kit import errors
from titer.kit.errors import Problem
from titer.kit.paging import Slice
from titer.kit.web.answers import json_bytes
from titer.kit.web.publication import REFUSAL
from titer.kit.web.status import status_of

DEFAULT_PER_PAGE, MAX_PER_PAGE = 20, 100
_MOST_PAGES = 1_000_000
_RETRY_AFTER = 60


def _whole(most: int) -> BeforeValidator:
    def read(text: object) -> int:
        if isinstance(text, str) and text.isascii() and text.isdigit() and len(text) <= 9:  # noqa: PLR2004 - enough
            number = int(text)
            if 1 <= number <= most:
                return number
        raise ValueError(f"must be an integer from 1 to {most}")

    return BeforeValidator(read)


def _schema(most: int, default: int) -> WithJsonSchema:
    return WithJsonSchema({"type": "integer", "minimum": 1, "maximum": most, "default": default})


class Pages(BaseModel):
    """The parameters that every list takes."""

    model_config = ConfigDict(extra="forbid")

    page: Annotated[int, _whole(_MOST_PAGES), _schema(_MOST_PAGES, 1)] = Field(
        default=1, description="Counted from 1, the newest.", validate_default=False
    )
    per_page: Annotated[int, _whole(MAX_PER_PAGE), _schema(MAX_PER_PAGE, DEFAULT_PER_PAGE)] = Field(
        default=DEFAULT_PER_PAGE, validate_default=False
    )

    def filters(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self._names()}

    def window(self, resource: str) -> Numbered:
        """The page, of a list that is narrowed as this says."""
        named = name_of_list(resource, per_page=self.per_page, **self.filters())
        return Numbered(self.page, self.per_page, named)

    @classmethod
    @cache
    def _names(cls) -> frozenset[str]:
        return frozenset(cls.model_fields) - {"page", "per_page"}


@dataclass(slots=True)
class Pagination:
    """Where this page is; null where there is no page before or after it."""

    per_page: int
    current_page: int
    prev_page: int | None
    next_page: int | None


def page(name: str, window: Numbered, rows: Slice[dict[str, Any]]) -> Response:
    """A page of a list of records that are spelled already, under the list's own name."""
    body = b'{"%s":%s,"pagination":{"per_page":%d,"current_page":%d,%s}}' % (
        name.encode(),
        json_bytes(rows.rows),
        window.per_page,
        window.page,
        b'"prev_page":%s,"next_page":%s'
        % (
            b"%d" % (window.page - 1) if window.page > 1 else b"null",
            b"%d" % (window.page + 1) if rows.has_more else b"null",
        ),
    )
    return Response(body, media_type="application/json")


def refuse(_request: Request, problem: Problem) -> Response:
    status = status_of(type(problem))
    headers: dict[str, str] = {}
    if isinstance(problem, errors.Unauthenticated):
        headers["WWW-Authenticate"] = "Bearer"
    if isinstance(problem, errors.RateLimited):
        headers["Retry-After"] = str(_RETRY_AFTER)
    elif problem.retry_after is not None:
        headers["Retry-After"] = str(problem.retry_after)
    return JSONResponse({"error": _sentence(problem)}, status, headers)


def _sentence(problem: Problem) -> str:
    if isinstance(problem, errors.NotFound):
        return "Not found."
    if isinstance(problem, errors.Unauthorized):
        return "A valid API key is required."
    if isinstance(problem, errors.RateLimited):
        return f"Rate limit exceeded. Retry after {_RETRY_AFTER} seconds."
    return problem.sentence


class Error(BaseModel):
    """Every refusal: a sentence for a person; programs go by the status."""

    error: str


def document_refusals(problems: Sequence[type[Problem]]) -> dict[int | str, dict[str, Any]]:
    """The published document's answers for a list of refusals, by status."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for kind in sorted(set(problems), key=lambda kind: kind.slug):
        entry = by_status.setdefault(
            status_of(kind), {"content": {"application/json": {"schema": REFUSAL, "examples": {}}}}
        )
        examples = entry["content"]["application/json"]["examples"]
        examples[kind.slug] = {"value": {"error": _sentence(kind())}}
    for entry in by_status.values():
        entry["description"] = " · ".join(entry["content"]["application/json"]["examples"])
    return by_status


#: What any operation of this face may answer.
EVERYWHERE: tuple[type[Problem], ...] = (
    errors.InvalidQuery,
    errors.Unauthorized,
    errors.InsufficientScope,
    errors.RateLimited,
    errors.Internal,
    errors.Unavailable,
)
