"""The kinds of value that a request may carry, each strict about what it takes."""

import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Annotated, Any

from fastapi import Path
from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints, WithJsonSchema

from titer.kit.clock import spell, to_milliseconds

MAX_ID = 2**63 - 1
_ID = re.compile(r"[1-9][0-9]{0,18}")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")

Id = Annotated[int, Field(strict=True, ge=1, le=MAX_ID)]
"""An id in a body: a JSON integer, not a string, not `1.0`."""


def _id_in_url(text: object) -> int:
    if not isinstance(text, str) or not _ID.fullmatch(text) or int(text) > MAX_ID:
        raise ValueError("must be a positive integer")
    return int(text)


_ID_SCHEMA = {"type": "integer", "format": "int64", "minimum": 1, "maximum": MAX_ID}
PathId = Annotated[int, BeforeValidator(_id_in_url), WithJsonSchema(_ID_SCHEMA), Path()]
QueryId = Annotated[int, BeforeValidator(_id_in_url), WithJsonSchema(_ID_SCHEMA)]

_SEQ = re.compile(r"0|[1-9][0-9]{0,17}")


def _seq_in_url(text: object) -> int:
    if not isinstance(text, str) or not _SEQ.fullmatch(text):
        raise ValueError("must be an integer from 0")
    return int(text)


QuerySeq = Annotated[
    int, BeforeValidator(_seq_in_url), WithJsonSchema({"type": "integer", "minimum": 0})
]
"""A place in a sequence that begins with 1; 0 is before the first."""


_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def no_control_characters(text: str) -> str:
    """The text, unless it holds a control character other than tab and line ends."""
    if _CONTROL.search(text):
        raise ValueError("must not hold control characters")
    return text


Text = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=500),
    AfterValidator(no_control_characters),
]
"""One line of text with something in it."""

Prose = Annotated[
    str, StringConstraints(strict=True, max_length=10_000), AfterValidator(no_control_characters)
]
"""Text of any length that a person writes."""

Code = Annotated[
    str, StringConstraints(strict=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:/+-]{0,63}$")
]
"""A short name that machines use: letters, digits and `_.:/+-`."""

Flag = Annotated[bool, Field(strict=True)]


def _flag_in_url(text: object) -> bool:
    if text not in {"true", "false"}:
        raise ValueError("must be true or false")
    return text == "true"


QueryFlag = Annotated[bool, BeforeValidator(_flag_in_url), WithJsonSchema({"type": "boolean"})]

QueryText = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500),
    AfterValidator(no_control_characters),
]
"""What a list is narrowed by; no database is asked for a NUL."""


def absent() -> Any:
    """The default of a field that a change may leave out, but not clear: null is refused."""
    return Field(default_factory=lambda: None)


def _instant(value: object) -> datetime:
    if isinstance(value, datetime):
        return to_milliseconds(value)
    if not isinstance(value, str):
        raise ValueError("must be an ISO 8601 date or date-time")
    try:
        if _DATE.fullmatch(value):
            return datetime.combine(date.fromisoformat(value), time(), UTC)
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError("must be an ISO 8601 date or date-time") from None
    if moment.tzinfo is None:
        raise ValueError("must say its offset: end it with Z or +hh:mm")
    try:
        return to_milliseconds(moment)
    except OverflowError:
        raise ValueError("is out of range") from None


def _end_of_instant(value: object) -> datetime:
    moment = _instant(value)
    if isinstance(value, str) and _DATE.fullmatch(value):
        return moment + timedelta(days=1, milliseconds=-1)
    return moment


_INSTANT_SCHEMA = {
    "type": "string",
    "description": "ISO 8601 date, or date-time with an offset.",
    "examples": ["2026-06-18", "2026-06-18T09:12:00.000Z"],
}
Moment = Annotated[datetime, BeforeValidator(_instant), WithJsonSchema(_INSTANT_SCHEMA)]
"""An instant; a bare date means its first millisecond in UTC."""

EndMoment = Annotated[datetime, BeforeValidator(_end_of_instant), WithJsonSchema(_INSTANT_SCHEMA)]
"""The end of a span; a bare date means its last millisecond in UTC."""


def _date(value: object) -> date:
    if isinstance(value, str) and _DATE.fullmatch(value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise ValueError("must be a date, YYYY-MM-DD")


Day = Annotated[
    date,
    BeforeValidator(_date),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-06-18"]}),
]


def _date_or_instant(value: object) -> str:
    moment = _instant(value)
    if isinstance(value, str) and _DATE.fullmatch(value):
        return value
    return spell(moment)


DayOrMoment = Annotated[str, BeforeValidator(_date_or_instant), WithJsonSchema(_INSTANT_SCHEMA)]
"""A date or an instant, kept as what it was given as."""

_MAX_DIGITS = 15
_SMALLEST, _LARGEST = Decimal("1e-12"), Decimal("1e15")


def _exact(value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number")
    sign, digits, exponent = Decimal(value).as_tuple()
    assert isinstance(exponent, int)
    # Decimal.normalize would round to the context's 28 digits first, and count what is left.
    spelled = "".join(map(str, digits))
    kept = spelled.rstrip("0") or "0"
    number = Decimal(f"{'-' * sign}{kept}E{exponent + len(spelled) - len(kept)}")
    if len(kept.lstrip("0")) > _MAX_DIGITS:
        raise ValueError(f"must have at most {_MAX_DIGITS} significant digits")
    if number and not _SMALLEST <= abs(number) < _LARGEST:
        raise ValueError("must be 0, or from 1e-12 to below 1e15")
    return Decimal(format(number, "f")) if number else Decimal(0)


Exact = Annotated[Decimal, BeforeValidator(_exact), WithJsonSchema({"type": "number"})]
"""A JSON number, kept exactly: up to 15 significant digits, which a double carries unchanged."""
