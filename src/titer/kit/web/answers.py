"""What is sent back: field kinds of answers, the envelope of a record, conditional requests."""

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from functools import cache
from operator import attrgetter
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import orjson
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

from titer.kit.clock import spell, spell_utc
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


class Spelling:
    """Spells rows of plain values as the JSON of an answer's dataclass, without making one.

    `names` are the columns that a row must have, in their order. A moment may come as a datetime
    or in its spelling already, an exact decimal as one or as text, an object of texts as its JSON:
    as each database's driver gives them.
    """

    def __init__(self, kind: Any, *, leaving: Collection[str] = ()) -> None:
        hints = get_type_hints(kind, include_extras=True)
        self.names = tuple(each.name for each in fields(kind) if each.name not in leaving)
        camel = getattr(kind, "__pydantic_config__", None) is CAMEL
        self.shown = tuple(to_camel(name) if camel else name for name in self.names)
        self._special = tuple(
            (place, spelling)
            for place, name in enumerate(self.names)
            if (spelling := _spelling_of(hints[name])) is not None
        )

    def __call__(self, row: Sequence[Any]) -> dict[str, Any]:
        values = list(row)
        for place, spelling in self._special:
            value = values[place]
            if value is not None:
                values[place] = spelling(value)
        return dict(zip(self.shown, values, strict=True))


def spelled_moment(value: datetime | str | None) -> str | None:
    """A moment of a row of plain values, spelled."""
    return spell_utc(value) if isinstance(value, datetime) else value


def _moment(value: datetime | str) -> str:
    return value if isinstance(value, str) else spell_utc(value)


def spelled_number(value: Decimal | str | None) -> int | float | None:
    """An exact decimal of a row of plain values, as a JSON number."""
    return None if value is None else _exact(value)


def _exact(value: Decimal | str) -> int | float:
    return _number(Decimal(value))


def _words(value: Any) -> Any:
    return orjson.Fragment(value) if isinstance(value, str) else value


def _spelling_of(hint: Any) -> Callable[[Any], Any] | None:
    kinds = _kinds(hint)
    for kind, spelling in ((datetime, _moment), (Decimal, _exact), (dict, _words), (bool, bool)):
        if kind in kinds:
            return spelling
    return None


def _kinds(hint: Any) -> list[Any]:
    """The classes that a hint allows, without what is said about them."""
    if get_origin(hint) is Annotated:
        return _kinds(get_args(hint)[0])
    if get_origin(hint) in {Union, UnionType}:
        return [kind for part in get_args(hint) for kind in _kinds(part)]
    return [get_origin(hint) or hint]


def json_bytes(value: Any) -> bytes:
    """Plain values as JSON."""
    return orjson.dumps(value)


def answer(
    kind: Any, value: Any, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    """`value`, serialized as the dataclass `kind`, without a second validation."""
    return Response(dump(kind, value), status, headers, media_type="application/json")


def json_answer(value: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Plain values that are spelled already."""
    return Response(json_bytes(value), status, headers, media_type="application/json")


def etag(record: Any, parts: Iterable[Any] = ()) -> str:
    """`"1041.7"`: the id and the version; `"1041.7-3"` once what is shown with it changed thrice.

    Without the second number a sample would answer 304 while the results of its tests change.
    """
    return spell_etag(record.id, record.version, sum(part.version - 1 for part in parts))


def spell_etag(record_id: int, version: int, changes: int = 0) -> str:
    return f'"{record_id}.{version}-{changes}"' if changes else f'"{record_id}.{version}"'


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
