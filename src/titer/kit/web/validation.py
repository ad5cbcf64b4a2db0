"""FastAPI's validation errors, said in our words: where, and what is wrong, never the value."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from typing import Any

from titer.kit.errors import (
    Detail,
    InvalidBody,
    InvalidHeader,
    InvalidId,
    InvalidQuery,
    Problem,
)

_KINDS: dict[str, type[Problem]] = {
    "path": InvalidId,
    "query": InvalidQuery,
    "header": InvalidHeader,
    "body": InvalidBody,
}
_WORDS = {
    "missing": "is required",
    "extra_forbidden": "is not a known field",
    "model_attributes_type": "must be a JSON object",
    "model_type": "must be a JSON object",
    "string_unicode": "holds a character that cannot be kept",
}


#: One request may hold tens of thousands of faults: as many are told as somebody may mend.
MAX_DETAILS = 100


def problem_of(errors: Sequence[Any], known: Iterable[str] = ()) -> Problem:
    """One refusal for all that a validation found; what stands first in the URL goes first."""
    places = {error["loc"][0] for error in errors}
    place = next(kind for kind in ("path", "query", "header", "body") if kind in places)
    faults = [error for error in errors if error["loc"][0] == place]
    details = [_detail(error, list(known)) for error in faults[:MAX_DETAILS]]
    if place == "path":
        return InvalidId()
    kind = _KINDS[place]
    first = details[0]
    sentence = f"{kind.message[:-1]}: {first.field} {first.message}"
    if not first.field:
        sentence = f"The request body {first.message}"
    named = [detail for detail in details if detail.field]
    return kind(sentence if sentence.endswith("?") else f"{sentence}.", details=named)


def _detail(error: Any, known: list[str]) -> Detail:
    field = spell_path(error["loc"][1:])
    message = _WORDS.get(error["type"]) or _lower_first(error["msg"])
    if error["type"] == "extra_forbidden":
        message += near_miss(str(error["loc"][-1]), known)
    return Detail(field, message)


def near_miss(name: str, known: Iterable[str]) -> str:
    """`; did you mean status?` where a known name is close."""
    close = get_close_matches(name[:64], list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]}?" if close else ""


def spell_path(parts: Iterable[object]) -> str:
    """`updates[0].result` for ("updates", 0, "result")."""
    spelled = ""
    for part in parts:
        if isinstance(part, int):
            spelled += f"[{part}]"
        else:
            spelled += f".{part}" if spelled else str(part)
    return spelled[:200]


def _lower_first(message: str) -> str:
    message = message.removeprefix("Value error, ").removeprefix("Input ")
    return message[:1].lower() + message[1:]
