"""What the text of a cell may mean, each kind strict about it."""

import re
from decimal import Decimal, InvalidOperation
from typing import Annotated

from pydantic import BeforeValidator

from titer.kit.web import fields

_WORDS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?")
_SEPARATORS = re.compile(r"[\s;,]+")


def _decimal(value: object) -> object:
    if not isinstance(value, str):
        return value
    if not _NUMBER.fullmatch(value):
        raise ValueError("must be a number, with a point as the decimal sign")
    try:
        return Decimal(value)
    except InvalidOperation:
        raise ValueError("must be a number") from None


def _whole(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(r"[+-]?[0-9]{1,18}", value):
            raise ValueError("must be a whole number")
        return int(value)
    return value


def _flag(value: object) -> object:
    if isinstance(value, str):
        if value.casefold() not in _WORDS:
            raise ValueError("must be yes or no")
        return _WORDS[value.casefold()]
    return value


def _listed(value: object) -> object:
    if value is None:
        return ()
    if isinstance(value, str):
        value = _SEPARATORS.split(value)
    codes = tuple(code for code in value if code) if isinstance(value, list | tuple) else ()
    for code in codes:
        if codes.count(code) > 1:
            raise ValueError(f"names {code} twice")
    return codes


Number = Annotated[fields.Exact, BeforeValidator(_decimal)]
"""An exact decimal, from its own digits."""

Whole = Annotated[int, BeforeValidator(_whole)]
Flag = Annotated[bool, BeforeValidator(_flag)]

Listed = Annotated[tuple[str, ...], BeforeValidator(_listed)]
"""Codes, as a list or separated by `;`, `,` or blanks."""
