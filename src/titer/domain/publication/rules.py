"""What a client is told of a test, and from when on. Pure."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from hashlib import sha256
from typing import Any

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


Start = Sequence[Any]
"""What the first row of a page is ordered by: its id, or its name and id."""

#: The most pages whose beginnings a walk keeps, the furthest ones, and looks ahead for at once.
KEPT_PAGES, MOST_AHEAD = 200, 64
_FEWEST_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Trail:
    """Where the pages of a walk begin, from page `first` on. Page 1 begins wherever it does."""

    first: int = 2
    starts: tuple[Start, ...] = ()

    def start_of(self, page: int) -> Start | None:
        place = page - self.first
        return self.starts[place] if 0 <= place < len(self.starts) else None

    def nearest(self, page: int) -> tuple[int, Start | None]:
        """The last page that is not after `page` and whose beginning is known."""
        last = min(page, self.first + len(self.starts) - 1)
        start = self.start_of(last)
        return (1, None) if start is None else (last, start)

    def continued(self, page: int, starts: Sequence[Start]) -> "Trail":
        """With `page` and those after it beginning there, and nothing known of what follows."""
        known = page - self.first
        before = self.starts[:known] if 0 <= known <= len(self.starts) else ()
        every = (*before, *starts)
        kept = every[-KEPT_PAGES:]
        return Trail(page + len(starts) - len(kept), kept)

    def spell(self) -> str:
        return json.dumps(self.starts, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def read(cls, first: int, spelled: str) -> "Trail":
        return cls(first, tuple(json.loads(spelled)))


def look_ahead(page: int) -> int:
    """For how many pages after this one their beginnings are looked up together: the further
    somebody has walked, the more, so that a walk is noted down seldom."""
    return max(_FEWEST_AHEAD, min(page, MOST_AHEAD))


def name_of_list(resource: str, **filters: object) -> str:
    """What a walk through a list is known by: the same list, narrowed and cut in the same way."""
    told = ";".join(f"{name}={value}" for name, value in sorted(filters.items()) if value)
    return f"{resource}:{sha256(told.encode()).hexdigest()}"
