"""Reading a result, and holding it against its limits. Pure, and exact: decimals, never floats."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Specification(StrEnum):
    """What the limits say of a result."""

    PASS = "pass"  # noqa: S105 - a verdict
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    NO_SPEC = "no_spec"


#: From the worst to the best.
_SEVERITY = (
    Specification.FAIL,
    Specification.INCONCLUSIVE,
    Specification.PASS,
    Specification.NO_SPEC,
)


def worst(verdicts: Iterable[Specification]) -> Specification:
    """A panel's verdict: the worst of its analytes'."""
    return min(verdicts, key=_SEVERITY.index, default=Specification.NO_SPEC)


class Source(StrEnum):
    """By what way a result came in."""

    MANUAL = "manual"
    BULK = "bulk"
    INSTRUMENT = "instrument"


@dataclass(frozen=True, slots=True)
class Limits:
    """Inclusive bounds; None where there is none."""

    low: Decimal | None = None
    high: Decimal | None = None

    @property
    def exist(self) -> bool:
        return self.low is not None or self.high is not None


@dataclass(frozen=True, slots=True)
class Reading:
    """What a result's text says: an operator and an exact number, or neither."""

    operator: str | None = None
    value: Decimal | None = None


#: Optional operator, a decimal number with a point, an optional unit. `1,5` and `1,234.5` are not
#: guessed at: a comma means one thing in Berlin and another in Boston.
_READING = re.compile(
    r"\s*(?P<operator><=|>=|<|>|~)?\s*"
    r"(?P<number>[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?)"
    r"(?:\s*(?P<unit>\S(?:.*\S)?))?\s*",
)
_MAX_DIGITS = 40


def read(text: str, unit: str | None) -> Reading:
    """Read a result. A unit other than the test's own leaves it text."""
    match = _READING.fullmatch(text)
    if match is None or len(match["number"]) > _MAX_DIGITS:
        return Reading()
    if match["unit"] is not None and match["unit"] != unit:
        return Reading()
    value = Decimal(match["number"])
    if value and abs(value.adjusted()) > _MAX_DIGITS:
        return Reading()
    return Reading(match["operator"], value)


def judge(reading: Reading, limits: Limits) -> Specification:
    """The verdict. A censored result passes or fails only where every value it may stand for does.

    `<0.5` against a maximum of 0.4 is inconclusive: the true value may lie on either side.
    """
    if not limits.exist:
        return Specification.NO_SPEC
    if reading.value is None or reading.operator == "~":
        return Specification.INCONCLUSIVE
    span = _Span.of(reading.operator, reading.value)
    if span.outside(limits):
        return Specification.FAIL
    if span.within(limits):
        return Specification.PASS
    return Specification.INCONCLUSIVE


@dataclass(frozen=True, slots=True)
class _Span:
    """All values that a reading may stand for; an open end does not include its bound."""

    low: Decimal | None
    high: Decimal | None
    low_open: bool = False
    high_open: bool = False

    @classmethod
    def of(cls, operator: str | None, value: Decimal) -> "_Span":
        match operator:
            case "<" | "<=":
                return cls(None, value, high_open=operator == "<")
            case ">" | ">=":
                return cls(value, None, low_open=operator == ">")
            case _:
                return cls(value, value)

    def within(self, limits: Limits) -> bool:
        low_ok = limits.low is None or (self.low is not None and self.low >= limits.low)
        high_ok = limits.high is None or (self.high is not None and self.high <= limits.high)
        # A concentration below nothing is nothing: `<0.5` lies within [0, 1]. Where a negative
        # minimum says that the quantity may be negative, `<3` may stand for anything below it.
        if limits.low == 0 and self.low is None:
            low_ok = True
        return low_ok and high_ok

    def outside(self, limits: Limits) -> bool:
        above = (
            limits.high is not None
            and self.low is not None
            and (self.low > limits.high or (self.low == limits.high and self.low_open))
        )
        below = (
            limits.low is not None
            and self.high is not None
            and (self.high < limits.low or (self.high == limits.low and self.high_open))
        )
        return above or below
