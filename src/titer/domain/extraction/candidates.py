"""A value that may be the result of an assay on a sample, with the cells that say so."""

from dataclasses import dataclass, field

from titer.domain.extraction.identifiers import IdMatch
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.numbers import Reading
from titer.domain.extraction.sheet import Sheet

Place = tuple[int, int]


@dataclass(frozen=True, slots=True)
class SampleRef:
    """How a row came by its sample: `fit` is how far that can be relied on."""

    match: IdMatch
    place: Place | None
    fit: float
    via: str
    supported: bool = True


@dataclass(slots=True)
class Candidate:
    sheet: Sheet
    sample: SampleRef
    tests: tuple[TestMatch, ...]
    test_place: Place | None
    place: Place
    reading: Reading
    unit: str
    layout: str
    role: float
    table: int
    rank: float = 0.98
    row_kind: str = ""
    flags: set[str] = field(default_factory=set)

    @property
    def quality(self) -> float:
        return self.sample.fit * self.tests[0].score * self.role
