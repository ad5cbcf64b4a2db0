"""What a sample's status may become, and how tracking ids are spelled. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import StrEnum

from titer.domain.commerce.rules import Progress


class Status(StrEnum):
    """Where a sample stands in its workflow."""

    PENDING = "pending"
    RECEIVED = "received"
    PROCESSING = "processing"
    COMPLETED = "completed"
    VERIFIED = "verified"


class Priority(StrEnum):
    LOW = "low"
    NORMAL = "normal"
    HIGH = "high"
    URGENT = "urgent"


class TestStatus(StrEnum):
    """Where a scheduled test stands: no result yet, a result, a verified and locked result."""

    __test__ = False

    PENDING = "pending"
    COMPLETED = "completed"
    VERIFIED = "verified"


#: Every step that a sample's status may take, by the lab contract's table. Some have conditions.
ALLOWED: Mapping[Status, tuple[Status, ...]] = {
    Status.PENDING: (Status.RECEIVED,),
    Status.RECEIVED: (Status.PENDING, Status.PROCESSING),
    Status.PROCESSING: (Status.RECEIVED, Status.COMPLETED),
    Status.COMPLETED: (Status.PROCESSING, Status.VERIFIED),
    Status.VERIFIED: (),
}


@dataclass(frozen=True, slots=True)
class SampleState:
    """As much of a sample as its order looks at."""

    status: Status
    reported: bool
    #: Whether one of its tests has a result.
    tested: bool = False


def progress_of(samples: Collection[SampleState]) -> Progress:
    """How far samples have come together, as their order sees it."""
    begun = {Status.PROCESSING, Status.COMPLETED, Status.VERIFIED}
    return Progress(
        arrived=any(each.status is not Status.PENDING for each in samples),
        begun=any(each.tested or each.status in begun for each in samples),
        finished=bool(samples) and all(each.reported for each in samples),
    )


@dataclass(frozen=True, slots=True)
class Blocker:
    """One thing that stands in the way, and the test that it is about."""

    code: str
    sample_test_id: int | None
    message: str


@dataclass(frozen=True, slots=True)
class TestState:
    """As much of a scheduled test as the status machine looks at."""

    __test__ = False

    sample_test_id: int
    code: str
    status: TestStatus
    #: Whether anything has been entered: a panel may be pending with some of its results.
    started: bool = False


def blockers(old: Status, new: Status, tests: Sequence[TestState]) -> list[Blocker]:
    """What keeps an allowed step from being taken now."""
    match old, new:
        case Status.RECEIVED, Status.PENDING:
            return [
                Blocker("has_result", test.sample_test_id, f"{test.code} already has a result.")
                for test in tests
                if test.started or test.status is not TestStatus.PENDING
            ]
        case Status.PROCESSING, Status.COMPLETED:
            return [
                Blocker("no_result", test.sample_test_id, f"{test.code} has no result.")
                for test in tests
                if test.status is TestStatus.PENDING
            ]
        case Status.COMPLETED, Status.VERIFIED:
            return not_verified(tests)
        case _:
            return []


def not_verified(tests: Sequence[TestState]) -> list[Blocker]:
    """A blocker for each test whose result nobody has verified."""
    return [
        Blocker("not_verified", test.sample_test_id, f"{test.code} is not verified.")
        for test in tests
        if test.status is not TestStatus.VERIFIED
    ]


PLANT_LOCATION = re.compile(r"[A-Za-z0-9]{1,12}")


def standard_prefix(now: datetime) -> str:
    """`S-2026`: what the running numbers of a year are counted under."""
    return f"S-{now.astimezone(UTC).year}"


def composite_prefix(project_code: str, plant_location: str, day: date) -> str:
    """`WTP-INTAKE-260618`: project, plant, and the day of collection."""
    return f"{project_code}-{plant_location.upper()}-{day:%y%m%d}"


def spell_tracking_id(prefix: str, number: int, digits: int) -> str:
    """`S-2026-001041`. A number that outgrows its digits is printed whole."""
    return f"{prefix}-{number:0{digits}}"


def day_of(collection_date: str | None, now: datetime) -> date:
    """The day that a composite id names: of collection, or of creation when that is unknown."""
    if collection_date is None:
        return now.astimezone(UTC).date()
    return date.fromisoformat(collection_date[:10])


def lies_ahead(collection_date: str, now: datetime) -> bool:
    """Whether a day (in UTC) or an instant has not come yet."""
    if len(collection_date) == len("2026-06-18"):
        return date.fromisoformat(collection_date) > now.astimezone(UTC).date()
    return datetime.fromisoformat(collection_date) > now
