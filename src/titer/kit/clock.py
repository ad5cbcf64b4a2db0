"""The one place that asks what time it is. Times are UTC, cut to the millisecond."""

from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

import orjson


class Clock(Protocol):
    """Tells the time; a test hands over its own."""

    def now(self) -> datetime: ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return to_milliseconds(datetime.now(UTC))  # noqa: TID251 - this is where it is asked


def to_milliseconds(moment: datetime) -> datetime:
    """The same instant in UTC with what is below a millisecond cut off, never rounded."""
    moment = moment.astimezone(UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def spell(moment: datetime) -> str:
    """`2026-06-18T09:12:00.000Z`: three decimals and a Z, as every face prints an instant."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


@lru_cache(maxsize=64)
def spell_stamp(moment: datetime) -> str:
    """The same of a moment that many rows have, such as the time of their transaction."""
    return spell(moment)


def spell_utc(moment: datetime) -> str:
    """The same of a moment that is in UTC already: a page has hundreds."""
    text = orjson.dumps(moment, option=orjson.OPT_UTC_Z).decode()
    return f"{text[1:24]}Z" if moment.microsecond else f"{text[1:20]}.000Z"
