"""Months, and what is left of them."""

from dataclasses import dataclass
from datetime import UTC, datetime


@dataclass(frozen=True, slots=True)
class Requirements:
    """What an organization asks of every change, and what its plan allows."""

    second_person: bool
    if_match: bool
    human_signature: bool
    #: Samples in a calendar month; None where there is no limit.
    monthly_samples: int | None


def month_of(moment: datetime) -> str:
    """The calendar month in UTC, as `2026-06`."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def next_month(moment: datetime) -> datetime:
    """The instant at which the next calendar month begins in UTC."""
    moment = moment.astimezone(UTC)
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)  # noqa: PLR2004 - December
    return datetime(year, month, 1, tzinfo=UTC)
