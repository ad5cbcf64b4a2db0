"""Months, and what is left of them."""

from datetime import UTC, datetime


def month_of(moment: datetime) -> str:
    """The calendar month in UTC, as `2026-06`."""
    return f"{moment.astimezone(UTC):%Y-%m}"


def next_month(moment: datetime) -> datetime:
    """The instant at which the next calendar month begins in UTC."""
    moment = moment.astimezone(UTC)
    year, month = (moment.year + 1, 1) if moment.month == 12 else (moment.year, moment.month + 1)  # noqa: PLR2004 - December
    return datetime(year, month, 1, tzinfo=UTC)
