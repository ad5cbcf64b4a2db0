"""What a client is told of a test, and from when on. Pure."""

from decimal import Decimal
from enum import StrEnum
from hashlib import sha256

from titer.domain.results.rules import Reading
from titer.domain.samples.rules import TestStatus

#: What stands in place of a value that there is none of, or that is not published yet.
NOTHING = "-"


class Stage(StrEnum):
    """How far a test has come, in a client's eyes."""

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    PUBLISHED = "published"


def stage(status: TestStatus, *, started: bool, published: bool) -> Stage:
    if published:
        return Stage.PUBLISHED
    if status is not TestStatus.PENDING:
        return Stage.COMPLETED
    return Stage.IN_PROGRESS if started else Stage.NOT_STARTED


def spell_result(text: str | None, reading: Reading, unit: str | None) -> str:
    """The result as reported, with its unit: `0.05 mg/kg`. Text that is no number stays alone."""
    if text is None:
        return NOTHING
    if unit is None or reading.value is None or text.endswith(unit):
        return text
    return f"{text} {unit}"


def spell_limit(low: Decimal | None, high: Decimal | None, unit: str | None) -> str:
    """`≤ 0.1 mg/kg`, `≥ 6.5`, both as a range, or `-` where there is none."""
    if low is not None and high is not None:
        bounds = f"{_plain(low)} – {_plain(high)}"  # noqa: RUF001 - as a range is written
    elif high is not None:
        bounds = f"≤ {_plain(high)}"
    elif low is not None:
        bounds = f"≥ {_plain(low)}"
    else:
        return NOTHING
    return f"{bounds} {unit}" if unit else bounds


def spell_amount(value: Decimal, unit: str | None) -> str:
    """`0.5 ppm`."""
    return f"{_plain(value)} {unit}" if unit else _plain(value)


def spell_grams(value: Decimal) -> str:
    """`250.0`: with one decimal at least."""
    text = _plain(value)
    return text if "." in text else f"{text}.0"


def _plain(value: Decimal) -> str:
    """Without an exponent, and without zeros that say nothing."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def name_of_list(resource: str, **filters: object) -> str:
    """What a walk through a list is known by: the same list, narrowed in the same way."""
    told = ";".join(f"{name}={value}" for name, value in sorted(filters.items()) if value)
    return f"{resource}:{sha256(told.encode()).hexdigest()}"
