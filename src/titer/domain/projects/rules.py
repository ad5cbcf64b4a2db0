"""What a project may be. Pure."""

import re
from datetime import date
from enum import StrEnum

from titer.kit.errors import Detail

CODE = re.compile(r"[A-Za-z0-9-]{1,16}")


class ProjectStatus(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    ARCHIVED = "archived"


class SampleIdScheme(StrEnum):
    """How tracking ids of a project's samples are made: see `samples.rules`."""

    STANDARD = "standard"
    COMPOSITE = "composite"


def verb_of(status: ProjectStatus) -> str:
    """What the trail calls the step to a status."""
    return "reopened" if status is ProjectStatus.ACTIVE else str(status)


def faults(code: str, start_date: date | None, end_date: date | None) -> list[Detail]:
    """What is wrong with a project: its code, or a time that ends before it begins."""
    found: list[Detail] = []
    if not CODE.fullmatch(code):
        found.append(Detail("code", "must be 1 to 16 letters, digits and hyphens"))
    if start_date is not None and end_date is not None and start_date > end_date:
        found.append(Detail("endDate", "must not be before startDate"))
    return found
