"""What goes into an extraction and what comes out: values only."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Sample:
    """A sample of the tenant that a file may speak about."""

    id: int
    tracking_id: str
    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class Assay:
    """A test, or one analyte of a panel, as the tenant's catalogue names it.

    `id` is its number in a world. `test_definition_id` and `test_code` say which test of the
    catalogue it is, or belongs to.
    """

    id: int
    code: str
    name: str = ""
    unit: str = ""
    aliases: tuple[str, ...] = ()
    analyte_id: int | None = None
    test_definition_id: int | None = None
    test_code: str | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """An assay scheduled on a sample: the place where a result would be entered.

    The analytes of one scheduled panel share its id.
    """

    id: int
    sample_id: int
    assay_id: int


@dataclass(frozen=True, slots=True)
class LearnedAlias:
    """A header or analyte text that people of this tenant confirmed for an assay before."""

    text: str
    assay_id: int


@dataclass(frozen=True, slots=True)
class World:
    """All that the tenant has open: nothing outside it can ever be proposed."""

    samples: tuple[Sample, ...]
    assays: tuple[Assay, ...]
    targets: tuple[Target, ...]
    learned: tuple[LearnedAlias, ...] = ()


@dataclass(frozen=True, slots=True)
class Source:
    """One cell of the file; line and column count from 1, the text is verbatim."""

    sheet: str
    line: int
    column: int
    text: str


@dataclass(frozen=True, slots=True)
class Original:
    """What the file says where the proposed result was converted to the test's unit."""

    result: str
    unit: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """A result the file seems to hold for one open target."""

    target_id: int
    sample_id: int
    tracking_id: str
    assay_id: int
    code: str
    analyte_id: int | None
    result: str
    unit: str
    confidence: float
    raw_score: float
    conflict: bool
    layout: str
    source: Source
    sample_source: Source | None
    test_source: Source | None
    converted_from: Original | None = None
    flags: frozenset[str] = field(default_factory=frozenset)
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Unmatched:
    """A value that names a known sample or a known test, but not both as scheduled."""

    reason: str
    sample_id: int | None
    tracking_id: str | None
    code: str | None
    result: str
    unit: str
    source: Source
    assay_id: int | None = None


@dataclass(frozen=True, slots=True)
class Extraction:
    """Everything read from one file.

    `strangers` are the names that could be samples' which the world does not hold.
    """

    proposals: tuple[Proposal, ...]
    unmatched: tuple[Unmatched, ...]
    unmatched_total: int
    sheets: tuple[str, ...]
    extractor: str = "embedded"
    notes: tuple[str, ...] = ()
    strangers: tuple[str, ...] = ()
