"""Who may administer, how an address is compared, and how guessing is slowed down."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from titer.domain.keys.rules import POWERS, Scope
from titer.domain.people import rules
from titer.domain.people.rules import Circle, Role, SignInIdentity

NOW = datetime(2026, 6, 18, 9, tzinfo=UTC)
SIGNED_IN = SignInIdentity(
    organization_id=1,
    sign_in_id=2,
    user_id=3,
    name="Ada",
    email="ada@example.org",
    role=Role.REVIEWER,
    active=True,
    expires_at=NOW + timedelta(hours=1),
    ended_at=None,
)


@pytest.mark.parametrize("role", Role)
def test_the_two_administrator_roles_administer_and_everybody_is_a_member(role: Role) -> None:
    administers = role in {Role.SYSTEM_ADMINISTRATOR, Role.ADMINISTRATOR}
    assert (role in rules.ROLES[Circle.ADMINISTRATOR]) is administers
    assert role in rules.ROLES[Circle.MEMBER]


@pytest.mark.parametrize(
    ("failures", "seconds"),
    [(5, 1), (6, 2), (7, 4), (8, 8), (14, 512), (15, 900), (16, 900), (10**9, 900)],
)
def test_failures_from_the_fifth_on_double_the_wait_up_to_a_quarter_of_an_hour(
    failures: int, seconds: int
) -> None:
    assert rules.slow_down(failures) == timedelta(seconds=seconds)


@pytest.mark.parametrize("failures", range(5))
def test_the_first_four_failures_cost_no_wait(failures: int) -> None:
    assert rules.slow_down(failures) is None


def test_an_address_is_compared_without_case_blanks_or_composition() -> None:
    assert rules.fold_email("  Ada@Example.ORG ") == "ada@example.org"
    assert rules.fold_email("jose\N{COMBINING ACUTE ACCENT}@x.example") == "josé@x.example"


@pytest.mark.parametrize("text", ["a@b", "ada.l+lab@sub.example.org", "josé@exämple.org"])
def test_an_address_has_something_on_both_sides_of_one_at(text: str) -> None:
    assert rules.is_email(text)


@pytest.mark.parametrize(
    "text", ["", "ada", "@example.org", "ada@", "a@b@c", "ada l@example.org", "a\x07@b", "a@b\n"]
)
def test_what_no_mail_server_takes_is_no_address(text: str) -> None:
    assert not rules.is_email(text)


def test_failures_are_counted_per_address_and_named_organization() -> None:
    anywhere = rules.subject("Ada@example.org", None)
    assert anywhere == rules.subject("ada@example.org ", None)
    assert len({anywhere, rules.subject("ada@example.org", 1), rules.subject("b@x.y", None)}) == 3
    assert b"ada" not in anywhere


def test_a_sign_in_opens_until_its_time_its_end_or_its_persons_leave() -> None:
    assert SIGNED_IN.opens(NOW)
    assert not SIGNED_IN.opens(NOW + timedelta(hours=1))
    assert not replace(SIGNED_IN, ended_at=NOW).opens(NOW)
    assert not replace(SIGNED_IN, active=False).opens(NOW)


def test_a_role_gives_a_key_no_power_that_it_lacks() -> None:
    assert POWERS.keys() == set(Role)
    assert POWERS[Role.ADMINISTRATOR] == POWERS[Role.SYSTEM_ADMINISTRATOR] == set(Scope)
    assert POWERS[Role.TECHNICIAN] == {Scope.READ, Scope.WRITE}
    assert POWERS[Role.READ_ONLY] == {Scope.READ}
