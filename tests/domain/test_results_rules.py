"""Reading a result and judging it: the golden table, and what holds for every text and number."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titer.domain.results.rules import Limits, Reading, Specification, judge, read

PASS, FAIL = Specification.PASS, Specification.FAIL
UNSURE, NO_SPEC = Specification.INCONCLUSIVE, Specification.NO_SPEC

TEXT = (None, None)
READINGS = [
    # what is written, the test's unit, the operator and the number that it says
    ("7.2", None, (None, "7.2")),
    ("7", None, (None, "7")),
    ("7.", None, (None, "7")),
    (".5", None, (None, "0.5")),
    ("0", None, (None, "0")),
    ("00.50", None, (None, "0.50")),
    ("007", None, (None, "7")),
    ("-1.4", None, (None, "-1.4")),
    ("+7", None, (None, "7")),
    ("-.5", None, (None, "-0.5")),
    ("  7.2\t", None, (None, "7.2")),
    ("\u00a07.2", None, (None, "7.2")),
    ("7.20", None, (None, "7.20")),
    ("<0.5", None, ("<", "0.5")),
    ("< 0.5", None, ("<", "0.5")),
    ("<=0.5", None, ("<=", "0.5")),
    ("<= 0.5", None, ("<=", "0.5")),
    (">0.5", None, (">", "0.5")),
    (">=0.5", None, (">=", "0.5")),
    ("~0.5", None, ("~", "0.5")),
    ("~ 0.5", None, ("~", "0.5")),
    ("<-1", None, ("<", "-1")),
    ("> +3", None, (">", "3")),
    ("1e3", None, (None, "1000")),
    ("1E3", None, (None, "1000")),
    ("1e+3", None, (None, "1000")),
    ("1.5e-3", None, (None, "0.0015")),
    ("<2.5E-4", None, ("<", "0.00025")),
    (".5e1", None, (None, "5")),
    ("1e40", None, (None, "1e40")),
    ("1e-40", None, (None, "1e-40")),
    ("0.1", None, (None, "0.1")),
    ("0.30000000000000004", None, (None, "0.30000000000000004")),
    ("9007199254740993", None, (None, "9007199254740993")),
    (
        "1234567890123456789012345678901234567890",
        None,
        (None, "1234567890123456789012345678901234567890"),
    ),
    ("7.2 mg/L", "mg/L", (None, "7.2")),
    ("7.2mg/L", "mg/L", (None, "7.2")),
    ("<0.001 mg/L", "mg/L", ("<", "0.001")),
    ("7.2  mg/L ", "mg/L", (None, "7.2")),
    ("45%", "%", (None, "45")),
    ("45 %", "%", (None, "45")),
    ("20 CFU/100 mL", "CFU/100 mL", (None, "20")),
    ("21.5 °C", "°C", (None, "21.5")),
    ("5 eq", "eq", (None, "5")),
    ("5e3 eq", "eq", (None, "5000")),
    # Not a number of this test: it stays text.
    ("7.2 mg/l", "mg/L", TEXT),
    ("7.2 ug/L", "mg/L", TEXT),
    ("7.2 mg/L", None, TEXT),
    ("7.2 mg/L", "", TEXT),
    ("7.2 mg /L", "mg/L", TEXT),
    ("1,5", None, TEXT),
    ("1,234.5", None, TEXT),
    ("1.234,5", None, TEXT),
    ("1 234", None, TEXT),
    ("1_000", None, TEXT),
    ("1'000", None, TEXT),
    ("1.2.3", None, TEXT),
    ("ND", None, TEXT),
    ("nd", None, TEXT),
    ("n.d.", None, TEXT),
    ("<LOQ", None, TEXT),
    ("BDL", None, TEXT),
    ("absent", None, TEXT),
    ("positive", None, TEXT),
    ("TNTC", None, TEXT),
    ("", None, TEXT),
    (" ", None, TEXT),
    (".", None, TEXT),
    ("-", None, TEXT),
    ("+", None, TEXT),
    ("<", None, TEXT),
    ("<>5", None, TEXT),
    ("=5", None, TEXT),
    ("==5", None, TEXT),
    ("=<5", None, TEXT),
    ("≤5", None, TEXT),
    ("≥5", None, TEXT),
    ("\u22121.4", None, TEXT),
    ("+-5", None, TEXT),
    ("--5", None, TEXT),
    ("5-6", None, TEXT),
    ("5 ± 0.2", None, TEXT),
    ("5 <", None, TEXT),
    ("e5", None, TEXT),
    ("1e", None, TEXT),
    ("1e5000", None, TEXT),
    ("1e41", None, TEXT),
    ("1e-41", None, TEXT),
    ("1e999", None, TEXT),
    ("1" * 41, None, TEXT),
    ("9" * 5_000, None, TEXT),
    ("0." + "0" * 60 + "1", None, TEXT),
    ("nan", None, TEXT),
    ("NaN", None, TEXT),
    ("inf", None, TEXT),
    ("Infinity", None, TEXT),
    ("-inf", None, TEXT),
    ("0x10", None, TEXT),
    ("1/2", None, TEXT),
    ("10^3", None, TEXT),
    ("1e3.5", None, TEXT),
    ("\u0667", None, TEXT),
    ("\uff17.\uff12", None, TEXT),
    ("½", None, TEXT),
    ("²", None, TEXT),
    ("7.2\nmg/L", None, TEXT),
    ("7.2; 7.3", None, TEXT),
    ("true", None, TEXT),
]

VERDICTS = [
    # result, minimum, maximum, verdict
    ("7.2", "6.5", "8.5", PASS),
    ("6.5", "6.5", "8.5", PASS),
    ("8.5", "6.5", "8.5", PASS),
    ("6.50", "6.5", "8.5", PASS),
    ("8.500", "6.5", "8.5", PASS),
    ("6.4999999999999999999", "6.5", "8.5", FAIL),
    ("8.5000000000000000001", "6.5", "8.5", FAIL),
    ("6.49", "6.5", "8.5", FAIL),
    ("8.51", "6.5", "8.5", FAIL),
    ("-7.2", "6.5", "8.5", FAIL),
    ("0.1", None, "0.1", PASS),
    ("1e-1", None, "0.1", PASS),
    ("0.10000000000000000001", None, "0.1", FAIL),
    ("0.015", None, "0.015", PASS),
    ("0.0150001", None, "0.015", FAIL),
    ("1000", "500", None, PASS),
    ("500", "500", None, PASS),
    ("499.9", "500", None, FAIL),
    ("1e40", "500", None, PASS),
    ("1e40", None, "500", FAIL),
    ("5", "5", "5", PASS),
    ("5.1", "5", "5", FAIL),
    ("0", "0", "0", PASS),
    ("-0", "0", None, PASS),
    ("-3", "-5", "5", PASS),
    ("-5", "-5", "5", PASS),
    ("-5.1", "-5", "5", FAIL),
    # Censored below: every value that it may stand for.
    ("<0.5", None, "1", PASS),
    ("<0.5", None, "0.5", PASS),
    ("<=0.5", None, "0.5", PASS),
    ("<0.5", None, "0.4", UNSURE),
    ("<=0.5", None, "0.4", UNSURE),
    ("<0.5", "0", "1", PASS),
    ("<0.5", "0", None, PASS),
    ("<0.5", "0.1", "1", UNSURE),
    ("<0.5", "0.1", None, UNSURE),
    ("<0.5", "0.5", None, FAIL),
    ("<=0.5", "0.5", None, UNSURE),
    ("<0.5", "0.6", None, FAIL),
    ("<=0.5", "0.6", None, FAIL),
    ("<6", "6.5", "8.5", FAIL),
    ("<7", "6.5", "8.5", UNSURE),
    ("<9", "6.5", "8.5", UNSURE),
    ("<-1", "0", "1", FAIL),
    ("<0", "0", "1", FAIL),
    ("<=0", "0", "1", PASS),
    ("<3", "-5", "5", UNSURE),
    ("<-6", "-5", "5", FAIL),
    ("<2", "0", "1", UNSURE),
    # Censored above.
    (">0.5", "0.1", None, PASS),
    (">0.5", "0.5", None, PASS),
    (">=0.5", "0.5", None, PASS),
    (">0.4", "0.5", None, UNSURE),
    (">0.5", None, "1", UNSURE),
    (">1", None, "1", FAIL),
    (">=1", None, "1", UNSURE),
    (">1.1", None, "1", FAIL),
    (">2419.6", None, "1000", FAIL),
    (">7", "6.5", "8.5", UNSURE),
    (">9", "6.5", "8.5", FAIL),
    (">5", "6.5", "8.5", UNSURE),
    # About: neither side is sure.
    ("~7.2", "6.5", "8.5", UNSURE),
    ("~99", "6.5", "8.5", UNSURE),
    # No number, and limits to hold it against.
    ("ND", None, "0.015", UNSURE),
    ("absent", "0", None, UNSURE),
    ("1,5", "1", "2", UNSURE),
    ("7.2 furlongs", "6.5", "8.5", UNSURE),
    ("1e999", None, "1", UNSURE),
    # Nothing to hold it against.
    ("7.2", None, None, NO_SPEC),
    ("<0.5", None, None, NO_SPEC),
    ("ND", None, None, NO_SPEC),
    ("~1", None, None, NO_SPEC),
]


def limits(low: str | None, high: str | None) -> Limits:
    return Limits(None if low is None else Decimal(low), None if high is None else Decimal(high))


@pytest.mark.parametrize(("text", "unit", "said"), READINGS)
def test_a_result_is_read_exactly_or_stays_text(
    text: str, unit: str | None, said: tuple[str | None, str | None]
) -> None:
    operator, number = said
    reading = read(text, unit)
    assert reading == Reading(operator, None if number is None else Decimal(number))


@pytest.mark.parametrize(("text", "low", "high", "verdict"), VERDICTS)
def test_bounds_are_inclusive_and_a_censored_result_must_pass_or_fail_whole(
    text: str, low: str | None, high: str | None, verdict: Specification
) -> None:
    assert judge(read(text, None), limits(low, high)) is verdict


numbers = st.decimals(
    min_value=-(10**9), max_value=10**9, allow_nan=False, allow_infinity=False, places=6
)
operators = st.sampled_from([None, "<", "<=", ">", ">=", "~"])


@st.composite
def bounds(draw: st.DrawFn) -> Limits:
    low, high = draw(st.none() | numbers), draw(st.none() | numbers)
    if low is not None and high is not None and low > high:
        low, high = high, low
    return Limits(low, high)


@given(st.text(max_size=60), st.none() | st.text(max_size=6))
def test_any_text_is_read_without_an_error_and_never_as_a_float(
    text: str, unit: str | None
) -> None:
    reading = read(text, unit)
    assert reading.value is None or type(reading.value) is Decimal
    assert reading.value is None or reading.value.is_finite()
    assert reading.operator is None or reading.value is not None
    assert judge(reading, Limits()) is NO_SPEC


@given(numbers, operators, st.sampled_from([None, "mg/L", "%"]))
def test_what_a_number_is_spelled_as_is_what_is_read(
    number: Decimal, operator: str | None, unit: str | None
) -> None:
    reading = read(f"{operator or ''}{number}{unit or ''}", unit)
    assert (reading.operator, str(reading.value)) == (operator, str(number))


@given(numbers, numbers, bounds())
def test_a_verdict_is_monotone_between_the_bounds(one: Decimal, two: Decimal, held: Limits) -> None:
    """Whatever lies between two values that pass, passes too."""
    verdicts = [judge(Reading(None, value), held) for value in (one, two)]
    middle = judge(Reading(None, (one + two) / 2), held)
    assert not held.exist or verdicts != [PASS, PASS] or middle is PASS
    assert all(verdict in {PASS, FAIL, NO_SPEC} for verdict in [*verdicts, middle])


@given(numbers, numbers, st.sampled_from(["<", "<=", ">", ">="]), bounds())
def test_a_censored_verdict_never_contradicts_a_value_that_it_may_stand_for(
    bound: Decimal, value: Decimal, operator: str, held: Limits
) -> None:
    stands_for = {
        "<": value < bound,
        "<=": value <= bound,
        ">": value > bound,
        ">=": value >= bound,
    }[operator]
    # A minimum of nothing says that the quantity cannot be negative.
    possible = stands_for and not (held.low == 0 and value < 0 <= bound)
    verdict = judge(Reading(operator, bound), held)
    exact = judge(Reading(None, value), held)
    assert not possible or verdict in {UNSURE, NO_SPEC} or verdict is exact


@given(numbers, numbers, bounds())
def test_a_looser_detection_limit_never_turns_inconclusive_into_pass(
    one: Decimal, two: Decimal, held: Limits
) -> None:
    tighter, looser = sorted((one, two))
    if tighter >= 0 and judge(Reading("<", looser), held) is PASS:
        assert judge(Reading("<", tighter), held) in {PASS, FAIL}
        assert held.low is not None or judge(Reading("<", tighter), held) is PASS
