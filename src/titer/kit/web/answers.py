"""What is sent back: field kinds of answers, the envelope of a record, conditional requests."""

import re
from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from operator import attrgetter
from typing import Annotated, Any

from pydantic import (
    AliasGenerator,
    ConfigDict,
    PlainSerializer,
    TypeAdapter,
    WithJsonSchema,
)
from pydantic.alias_generators import to_camel
from starlette.requests import Request
from starlette.responses import Response

from titer.kit.clock import spell
from titer.kit.errors import InvalidHeader

CAMEL = ConfigDict(alias_generator=AliasGenerator(serialization_alias=to_camel))
"""Set as `__pydantic_config__` of an answer's dataclass: snake_case inside, camelCase outside."""

MomentOut = Annotated[
    datetime,
    PlainSerializer(spell),
    WithJsonSchema(
        {"type": "string", "format": "date-time", "examples": ["2026-06-18T09:12:00.000Z"]}
    ),
]


def _number(value: Decimal) -> int | float:
    return int(value) if value == value.to_integral_value() else float(value)


NumberOut = Annotated[Decimal, PlainSerializer(_number), WithJsonSchema({"type": "number"})]
"""An exact decimal as a JSON number; limits have at most 15 digits, so a double is exact."""


def one_of(words: type[StrEnum]) -> WithJsonSchema:
    """The schema of a text that is one of an enumeration's words."""
    return WithJsonSchema({"type": "string", "enum": [str(word) for word in words]})


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:
    """The compiled serializer of an answer's type."""
    return TypeAdapter(kind)


@cache
def reader(kind: Any) -> Callable[[Any], tuple[Any, ...]]:
    """Reads from a row, in their order, the fields of an answer's dataclass."""
    return attrgetter(*(field.name for field in fields(kind)))


def view(kind: Any, row: Any) -> Any:
    """An answer of `kind`, from a row that has all its fields."""
    return kind(*reader(kind)(row))


def dump(kind: Any, value: Any) -> bytes:
    return adapter(kind).dump_json(value, by_alias=True)


def answer(
    kind: Any, value: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """`value`, serialized as the dataclass `kind`, without a second validation."""
    return Response(dump(kind, value), status, headers, media_type="application/json")


def etag(record: Any, parts: Iterable[Any] = ()) -> str:
    """`"1041.7"`: the id and the version; `"1041.7-3"` once what is shown with it changed thrice.

    Without the second number a sample would answer 304 while the results of its tests change.
    """
    changes = sum(part.version - 1 for part in parts)
    return (
        f'"{record.id}.{record.version}-{changes}"'
        if changes
        else f'"{record.id}.{record.version}"'
    )


def current(request: Request, kind: Any, record: Any, shown: Any = None) -> Response:
    """A record that was asked for, with its ETag; 304 when the caller's copy is current.

    `shown` is the answer where the record alone does not make it.
    """
    if unchanged(request, etag(record)):
        return Response(status_code=304, headers={"ETag": etag(record)})
    return written(kind, record, shown)


def written(kind: Any, record: Any, shown: Any = None, *, location: str | None = None) -> Response:
    """A record as it is now, with its ETag; 201 when it is new and has a `location`."""
    headers = {"ETag": etag(record)}
    if location is not None:
        headers["Location"] = location
    value = view(kind, record) if shown is None else shown
    return answer(kind, value, 200 if location is None else 201, headers)


_ETAG = re.compile(r'(?:W/)?"([0-9]{1,19})\.([0-9]{1,19})(?:-[0-9]{1,19})?"')


def unchanged(request: Request, tag: str) -> bool:
    """Whether `If-None-Match` names the tag: the caller's copy is current."""
    wanted = request.headers.get("if-none-match", "")
    return wanted.strip() == "*" or tag in [
        part.strip().removeprefix("W/") for part in wanted.split(",")
    ]


def expected_version(request: Request, record_id: int) -> int | None:
    """The version that `If-Match` asks for; None when it asks for none, or for any.

    Changes of what is shown with a record do not count: they are no change of its own fields.
    A tag of another record gives a version that no record has. Raises `InvalidHeader`.
    """
    wanted = request.headers.get("if-match")
    if wanted is None or wanted.strip() == "*":
        return None
    match = _ETAG.fullmatch(wanted.strip())
    if match is None:
        raise InvalidHeader(
            'If-Match takes one ETag as it was sent, such as "1041.7", or *.',
        )
    named, version = int(match[1]), int(match[2])
    return version if named == record_id else -1
