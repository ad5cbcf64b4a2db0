"""The status table, tracking ids and dates, without a database."""

from datetime import UTC, date, datetime, timedelta, timezone
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from titer.domain.samples.rules import (
    ALLOWED,
    PLANT_LOCATION,
    Status,
    TestState,
    TestStatus,
    blockers,
    composite_prefix,
    day_of,
    lies_ahead,
    not_verified,
    spell_tracking_id,
    standard_prefix,
)

NOW = datetime(2026, 6, 18, 9, 12, tzinfo=UTC)
STEPS = {
    (Status.PENDING, Status.RECEIVED),
    (Status.RECEIVED, Status.PENDING),
    (Status.RECEIVED, Status.PROCESSING),
    (Status.PROCESSING, Status.RECEIVED),
    (Status.PROCESSING, Status.COMPLETED),
    (Status.COMPLETED, Status.PROCESSING),
    (Status.COMPLETED, Status.VERIFIED),
}
#: The steps with a condition, the tests that hold them up, and the blocker's code.
CONDITIONS = {
    (Status.RECEIVED, Status.PENDING): ({TestStatus.COMPLETED, TestStatus.VERIFIED}, "has_result"),
    (Status.PROCESSING, Status.COMPLETED): ({TestStatus.PENDING}, "no_result"),
    (Status.COMPLETED, Status.VERIFIED): (
        {TestStatus.PENDING, TestStatus.COMPLETED},
        "not_verified",
    ),
}
ALL_STATES = [TestState(10 + place, f"T{place}", status) for place, status in enumerate(TestStatus)]


@pytest.mark.parametrize(("old", "new"), list(product(Status, Status)))
def test_a_step_is_allowed_exactly_when_the_table_says_so(old: Status, new: Status) -> None:
    assert (new in ALLOWED[old]) is ((old, new) in STEPS)


@pytest.mark.parametrize(("old", "new"), sorted(STEPS))
def test_a_step_is_held_up_by_exactly_the_tests_that_its_condition_names(
    old: Status, new: Status
) -> None:
    holding, code = CONDITIONS.get((old, new), (set(), ""))
    found = blockers(old, new, ALL_STATES)
    assert {blocker.sample_test_id for blocker in found} == {
        state.sample_test_id for state in ALL_STATES if state.status in holding
    }
    assert {blocker.code for blocker in found} <= {code}
    assert blockers(old, new, []) == []


def test_no_status_is_left_out_of_the_table_and_verified_is_the_end() -> None:
    assert set(ALLOWED) == set(Status)
    assert ALLOWED[Status.VERIFIED] == ()


def test_only_a_verified_test_is_verified() -> None:
    assert [blocker.sample_test_id for blocker in not_verified(ALL_STATES)] == [10, 11]


def test_a_standard_tracking_id_counts_by_the_year_in_utc() -> None:
    assert spell_tracking_id(standard_prefix(NOW), 1041, 6) == "S-2026-001041"
    new_year_in_tokyo = datetime(2027, 1, 1, 8, tzinfo=timezone(timedelta(hours=9)))
    assert standard_prefix(new_year_in_tokyo) == "S-2026"


def test_a_composite_tracking_id_names_project_plant_and_day() -> None:
    prefix = composite_prefix("WTP", "intake", date(2026, 6, 8))
    assert spell_tracking_id(prefix, 7, 3) == "WTP-INTAKE-260608-007"


@given(st.integers(min_value=1, max_value=10**12), st.sampled_from([3, 6]))
def test_a_number_that_outgrows_its_digits_is_printed_whole(number: int, digits: int) -> None:
    spelled = spell_tracking_id("S-2026", number, digits)
    assert int(spelled.removeprefix("S-2026-")) == number
    assert len(spelled) >= len("S-2026-") + digits


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"[A-Za-z0-9-]{1,16}", fullmatch=True),
            st.from_regex(r"[A-Z0-9]{1,12}", fullmatch=True),
            st.dates(min_value=date(2000, 1, 1), max_value=date(2099, 12, 31)),
            st.integers(min_value=1, max_value=5000),
        ),
        min_size=2,
        max_size=2,
        unique=True,
    )
)
def test_no_two_composite_ids_are_spelled_alike(parts: list[tuple[str, str, date, int]]) -> None:
    one, two = (
        spell_tracking_id(composite_prefix(code, plant, day), number, 3)
        for code, plant, day, number in parts
    )
    assert one != two


@pytest.mark.parametrize(
    ("place", "fits"),
    [
        ("A", True),
        ("Intake1", True),
        ("A" * 12, True),
        ("A" * 13, False),
        ("", False),
        ("A-1", False),
        ("A 1", False),
        ("A\n", False),
        ("Ä", False),
        ("\u0661", False),
    ],
)
def test_a_plant_location_is_up_to_twelve_letters_and_digits(place: str, fits: bool) -> None:  # noqa: FBT001 - the table's column
    assert bool(PLANT_LOCATION.fullmatch(place)) is fits


@pytest.mark.parametrize(
    ("collected", "ahead"),
    [
        ("2026-06-17", False),
        ("2026-06-18", False),
        ("2026-06-19", True),
        ("2026-06-18T09:12:00.000Z", False),
        ("2026-06-18T09:12:00.001Z", True),
        ("9999-12-31", True),
        ("0001-01-01", False),
    ],
)
def test_a_day_or_instant_to_come_lies_ahead(collected: str, ahead: bool) -> None:  # noqa: FBT001 - the table's column
    assert lies_ahead(collected, NOW) is ahead


def test_a_composite_id_takes_the_day_of_collection_or_else_of_creation() -> None:
    assert day_of("2026-02-03", NOW) == date(2026, 2, 3)
    assert day_of("2026-02-03T23:59:59.999Z", NOW) == date(2026, 2, 3)
    assert day_of(None, NOW) == date(2026, 6, 18)
    assert day_of(None, datetime(2026, 6, 19, 1, tzinfo=timezone(timedelta(hours=2)))) == date(
        2026, 6, 18
    )
