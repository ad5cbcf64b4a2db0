"""Results are read as written: normalised in their signs, never in their figures."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titer.domain.extraction.numbers import (
    Kind,
    Locale,
    detect_locale,
    looks_like_value,
    looks_temporal,
    read_result,
)


@pytest.mark.parametrize(("text", "locale", "result"), [
    ("1.50", Locale.POINT, "1.50"), ("1,50", Locale.COMMA, "1.50"), ("-0,07", Locale.COMMA, "-0.07"),
    ("208,401.988", Locale.POINT, "208401.988"), ("1.234,5", Locale.COMMA, "1234.5"),
    ("1 234,5", Locale.COMMA, "1234.5"), ("4.44061e+008", Locale.POINT, "4.44061e+008"),
    ("1,234,567", Locale.POINT, "1234567"), ("12.", Locale.POINT, "12"), (".5", Locale.POINT, ".5"),
    ("−3.2", Locale.POINT, "-3.2"), ("+3.2", Locale.POINT, "3.2"), ("0.000", Locale.POINT, "0.000"),
    ("1,234", Locale.POINT, "1234"), ("1,234", Locale.COMMA, "1.234"), ("5.2*", Locale.POINT, "5.2"),
    ("5.2 H", Locale.POINT, "5.2"), ("1'234.5", Locale.POINT, "1234.5"),
])  # fmt: skip
def test_a_number_keeps_its_figures(text, locale, result) -> None:
    reading = read_result(text, locale)
    assert (reading.kind, reading.result, reading.ambiguous) == (Kind.NUMBER, result, False)
    assert reading.number is not None


@pytest.mark.parametrize(("text", "result"), [
    ("< 0.5", "<0.5"), ("<0.5", "<0.5"), (">100", ">100"), ("≤2", "<=2"), ("≥ 3", ">=3"),
    ("~5", "~5"), ("BQL", "BQL"), ("ND", "ND"), ("n.d.", "n.d."), ("<LOQ", "<LOQ"), ("TND", "TND"),
    ("Not detected", "Not detected"),
])  # fmt: skip
def test_a_censored_result_keeps_its_sign_or_its_word(text, result) -> None:
    reading = read_result(text)
    assert (reading.kind, reading.result) == (Kind.CENSORED, result)
    assert reading.number is None


@pytest.mark.parametrize("text", [
    "", "  ", "n.a.", "N/A", "-", "---", "#DIV/0!", "Not Identified", "12/12/2026", "10:15", "±0.4",
    "R1", "1-16-02", "1,5,2", "1.2.3.4", "12 34", "5, 6", "hello", "5 foo bars", "3.1 xyz",
])  # fmt: skip
def test_what_is_no_result_is_none(text) -> None:
    assert read_result(text).kind is Kind.NONE


@pytest.mark.parametrize("text", ["Positive", "negative", "Non-reactive", "MTB DETECTED LOW", "2+"])
def test_a_word_can_be_a_result(text) -> None:
    assert read_result(text).kind is Kind.TEXT


def test_a_mark_behind_a_word_is_no_part_of_it() -> None:
    assert read_result("Trace*").result == "Trace"
    assert read_result("*").kind is Kind.NONE


@pytest.mark.parametrize("locale", [Locale.MIXED, Locale.SILENT])
def test_a_lone_group_of_three_is_ambiguous_where_the_file_does_not_tell(locale) -> None:
    assert read_result("1,234", locale).ambiguous
    assert not read_result("0,234", locale).ambiguous
    assert read_result("1,234,567", Locale.MIXED).ambiguous


def test_a_lone_point_before_three_figures_is_ambiguous_among_decimal_commas() -> None:
    assert read_result("1.234", Locale.COMMA).ambiguous
    grouped = read_result("1.234", Locale.GROUPED)
    assert (grouped.result, grouped.ambiguous) == ("1234", True)


@pytest.mark.parametrize(("text", "result", "unit"), [
    ("64%", "64", "%"), ("10 cps/ml", "10", "cps/ml"), ("28.8 % -", "28.8", "%"),
    ("<10 mg/L", "<10", "mg/L"),
])  # fmt: skip
def test_a_unit_behind_the_number_is_taken_off(text, result, unit) -> None:
    reading = read_result(text)
    assert (reading.result, reading.unit) == (result, unit)


@pytest.mark.parametrize(("texts", "locale"), [
    (["1.5", "2.25"], Locale.POINT), (["1,5", "2,25"], Locale.COMMA), (["5", "7"], Locale.SILENT),
    (["1,5", "2.5"], Locale.MIXED), (["1,234.5"], Locale.POINT), (["1.234,5"], Locale.GROUPED),
    ([], Locale.SILENT), (["1,234"], Locale.SILENT),
])  # fmt: skip
def test_the_file_tells_its_decimal_sign(texts, locale) -> None:
    assert detect_locale(texts) is locale


def test_dates_and_placeholders_stand_where_values_stand() -> None:
    assert looks_temporal("2026-03-01")
    assert looks_temporal("10:15:00")
    assert looks_like_value("n.a.")
    assert looks_like_value("<0.5")
    assert not looks_like_value("Na")
    assert not looks_like_value("Error")
    assert not looks_like_value("--")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-999, max_value=999))
def test_every_decimal_is_read_as_itself(number) -> None:
    assert read_result(f"{number:f}").result == f"{number:f}".lstrip("+")


@given(st.text(max_size=60))
def test_any_text_is_answered(text) -> None:
    assert read_result(text, Locale.MIXED).kind in Kind
