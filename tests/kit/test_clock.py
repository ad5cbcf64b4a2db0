"""Instants: cut to the millisecond, in UTC, spelled one way."""

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from titer.kit.clock import SystemClock, spell, spell_utc, to_milliseconds

moments = st.datetimes(
    min_value=datetime(1, 1, 3),  # noqa: DTZ001 - Hypothesis adds the zone
    max_value=datetime(9999, 12, 29),  # noqa: DTZ001 - Hypothesis adds the zone
    timezones=st.just(UTC),
)


def test_an_instant_has_three_decimals_and_a_z() -> None:
    moment = datetime(2026, 6, 18, 11, 12, 0, 999_999, tzinfo=timezone(timedelta(hours=2)))
    assert spell(moment) == "2026-06-18T09:12:00.999Z"
    assert spell(datetime(2026, 6, 18, tzinfo=UTC)) == "2026-06-18T00:00:00.000Z"
    assert spell(datetime(1, 1, 2, tzinfo=UTC)) == "0001-01-02T00:00:00.000Z"


def test_microseconds_are_cut_and_never_rounded() -> None:
    moment = datetime(2026, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert to_milliseconds(moment) == datetime(2026, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)


@given(moments)
def test_what_is_spelled_reads_back_as_the_same_millisecond(moment: datetime) -> None:
    assert datetime.fromisoformat(spell(moment)) == to_milliseconds(moment)


@given(moments, moments)
def test_spelled_instants_sort_as_time_does(one: datetime, two: datetime) -> None:
    assert (spell(one) < spell(two)) is (to_milliseconds(one) < to_milliseconds(two))


def test_the_machines_clock_tells_milliseconds_in_utc() -> None:
    now = SystemClock().now()
    assert now.tzinfo is UTC
    assert now.microsecond % 1000 == 0


@given(moments)
def test_the_quick_spelling_is_the_same(moment: datetime) -> None:
    assert spell_utc(moment) == spell(moment)
