"""JSON bodies, read strictly: what a lenient parser would drop or bend is refused."""

import json
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

from starlette.requests import Request

from titer.kit.errors import InvalidBody, PayloadTooLarge, UnsupportedMediaType

MIB = 1024 * 1024
JSON_LIMIT = 1 * MIB
_LENGTH_DIGITS = 18


class StrictRequest(Request):
    """A request whose body was read and parsed beforehand, by our rules."""

    def __init__(self, request: Request, body: bytes, document: Any) -> None:
        super().__init__(request.scope, request.receive)
        self._body = body
        self.document = document

    async def json(self) -> Any:
        return self.document


async def read(request: Request, limit: int = JSON_LIMIT) -> bytes:
    """The whole body. Raises `PayloadTooLarge` as soon as it passes `limit` bytes."""
    if _passes(request.headers.get("content-length", ""), limit):
        raise _too_large(limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise _too_large(limit)
    return bytes(body)


def _passes(announced: str, limit: int) -> bool:
    """Whether a Content-Length is above the limit; what is no number is the server's to judge."""
    if not (announced.isascii() and announced.isdigit()):
        return False
    return len(announced) > _LENGTH_DIGITS or int(announced) > limit


def _too_large(limit: int) -> PayloadTooLarge:
    return PayloadTooLarge(f"The request body may have at most {limit:,} bytes.")


def require_json(request: Request) -> None:
    """Raise `UnsupportedMediaType` unless the request says that it sends JSON in UTF-8."""
    media_type, _, parameters = request.headers.get("content-type", "").partition(";")
    charset = parameters.strip().lower().removeprefix("charset=").strip('"')
    if media_type.strip().lower() != "application/json" or charset not in {"", "utf-8", "utf8"}:
        raise UnsupportedMediaType


def parse(body: bytes) -> Any:
    """The JSON document. Numbers with a point or an exponent come as exact decimals.

    Raises `InvalidBody` for what is not JSON in UTF-8, for a key given twice, for NaN and
    Infinity, for numbers beyond any measurement, for a NUL, and for nesting beyond reason.
    """
    try:
        document = json.loads(
            body.decode("utf-8"),
            object_pairs_hook=_object,
            parse_float=_decimal,
            parse_constant=_no_constant,
        )
    except UnicodeDecodeError as error:
        raise InvalidBody("The request body is not UTF-8.") from error
    except RecursionError as error:
        raise InvalidBody("The request body is nested too deeply.") from error
    except json.JSONDecodeError as error:
        raise InvalidBody(
            f"The request body is not JSON: {error.msg} at line {error.lineno},"
            f" column {error.colno}."
        ) from error
    except ValueError as error:
        raise InvalidBody("The request body holds a number that is too long.") from error
    _refuse_unstorable(body, document)
    return document


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    document = dict(pairs)
    if len(document) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise InvalidBody(f"The key {twice[:64]!r} stands twice in one object.")
    return document


def _decimal(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation:  # an exponent that Decimal itself cannot hold
        number = None
    if number is None or not -300 < number.adjusted() < 300:  # noqa: PLR2004 - beyond what any column holds
        raise InvalidBody("The request body holds a number that is out of range.")
    return number


def _no_constant(name: str) -> NoReturn:
    raise InvalidBody(f"{name} is not a JSON number.")


def _refuse_unstorable(body: bytes, document: Any) -> None:
    """Text that no database keeps: NUL, and halves of surrogate pairs. Both come only escaped."""
    if b"\\u" not in body:
        return
    unread = [document]
    while unread:
        part = unread.pop()
        if isinstance(part, dict):
            unread.extend(part.keys())
            unread.extend(part.values())
        elif isinstance(part, list):
            unread.extend(part)
        elif isinstance(part, str) and ("\0" in part or not _is_whole(part)):
            raise InvalidBody("The request body holds a character that cannot be kept.")


def _is_whole(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
