"""What is sent back: field kinds of answers, the envelope of a record, conditional requests."""

import re
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
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
