"""What a project may be."""

from enum import StrEnum


class ProjectStatus(StrEnum):
    ACTIVE = "active"
    COMPLETED = "completed"
    ARCHIVED = "archived"


class SampleIdScheme(StrEnum):
    """How tracking ids of a project's samples are made: see `samples.rules`."""

    STANDARD = "standard"
    COMPOSITE = "composite"
