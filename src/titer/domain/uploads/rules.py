"""What becomes of a row that was read from a file. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple, Protocol

from titer.domain.extraction.roles import role_of
from titer.domain.extraction.values import Assay, Extraction, Proposal, Source, Unmatched, World


class RowStatus(StrEnum):
    """Where a row stands: ready to be written, in need of a look, without a test, or written."""

    MATCHED = "matched"
    LOW_CONFIDENCE = "low_confidence"
    UNMATCHED = "unmatched"
    CONFLICT = "conflict"
    LOCKED = "locked"
    APPLIED = "applied"


#: As many values as one file may hold.
MAX_ROWS = 10_000
#: As many results as one request writes; what is left waits for a commit of its rows.
MAX_WRITTEN = 1_000
_LONGEST_NAME = 80
_LEAST_SHARE_OF_SAMPLES = 0.6
_SURE_ENOUGH = 0.5
_WHY_UNMATCHED = {
    "test_not_open": "The test is not scheduled on this sample.",
    "unknown_sample": "No sample has this name.",
}


@dataclass(slots=True)
class Row:
    """A row on its way to being kept; see `InstrumentUploadRow`."""

    row: int
    sheet: str
    line: int
    column: int
    text: str
    result: str
    unit: str | None
    entry: str | None = None
    label: str | None = None
    sample_id: int | None = None
    tracking_id: str | None = None
    external_id: str | None = None
    test_definition_id: int | None = None
    test_code: str | None = None
    analyte_id: int | None = None
    analyte_code: str | None = None
    sample_test_id: int | None = None
    confidence: Decimal = Decimal(0)
    reasons: list[str] = field(default_factory=list)
    status: RowStatus = RowStatus.UNMATCHED
    conflict: bool = False

    @property
    def goal(self) -> "Goal | None":
        if self.sample_test_id is None:
            return None
        return Goal(self.sample_test_id, self.analyte_id)

    @property
    def place(self) -> "Place":
        return Place(self.goal, self.sheet, self.line, self.column, self.result)


class Goal(NamedTuple):
    """Where a result would be entered: a scheduled test, or one analyte of a scheduled panel."""

    sample_test_id: int
    analyte_id: int | None


class Place(NamedTuple):
    """What makes a row of a file the same row, when the file is sent again."""

    goal: Goal | None
    sheet: str
    line: int
    column: int
    result: str | None


class Cell(Protocol):
    """Whatever names a cell of a file."""

    @property
    def sheet(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def column(self) -> int: ...


def cells(places: Sequence[Cell]) -> str:
    """Cells in words: "line 2, columns 3 and 4"; by line and sheet, in the order of the file."""
    columns: dict[tuple[str, int], set[int]] = {}
    for each in places:
        columns.setdefault((each.sheet, each.line), set()).add(each.column)
    told: list[str] = []
    for (sheet, line), found in sorted(columns.items()):
        listed = " and ".join(str(column) for column in sorted(found))
        named = f"line {line}, column{'s' if len(found) > 1 else ''} {listed}"
        told.append(f"{sheet}, {named}" if sheet else named)
    return "; ".join(told)


@dataclass(frozen=True, slots=True)
class Standing:
    """As much of a scheduled test, or of one of its analytes, as decides whether it takes a row."""

    result: str | None
    verified: bool
    reported: bool


def rows_of(extraction: Extraction, world: World) -> list[Row]:
    """The rows of an extraction in the order of their cells, numbered from 1."""
    external_ids = {sample.id: sample.external_id for sample in world.samples}
    assays = {assay.id: assay for assay in world.assays}
    found = [_proposed(each, external_ids, assays) for each in extraction.proposals]
    found += [_unmatched(each, external_ids, assays) for each in extraction.unmatched]
    sheets = {_kept(name): at for at, name in enumerate(extraction.sheets)}
    found.sort(key=lambda row: (sheets.get(row.sheet, 0), row.line, row.column))
    for number, row in enumerate(found, 1):
        row.row = number
    return found


def _proposed(
    proposal: Proposal, external_ids: Mapping[int, str | None], assays: Mapping[int, Assay]
) -> Row:
    original = proposal.converted_from
    row = _row(
        proposal.source,
        original.result if original else proposal.result,
        original.unit if original else proposal.unit,
    )
    row.entry = _kept(proposal.result)
    row.label = _kept(proposal.test_source.text) if proposal.test_source else None
    row.sample_id, row.tracking_id = proposal.sample_id, proposal.tracking_id
    row.external_id = external_ids.get(proposal.sample_id)
    _name(row, assays[proposal.assay_id])
    row.sample_test_id = proposal.target_id
    row.confidence = _exact(proposal.confidence)
    row.reasons = list(proposal.reasons)
    row.conflict = proposal.conflict
    if original:
        row.reasons.append(f"It would be entered as {row.entry} {proposal.unit}.")
    return row


@lru_cache(maxsize=1024)
def _exact(confidence: float) -> Decimal:
    return Decimal(f"{confidence:.4f}").normalize()


def _name(row: Row, assay: Assay) -> None:
    """Say on a row which test of the catalogue it is about, and which analyte of it."""
    row.test_definition_id = assay.test_definition_id
    row.test_code = assay.test_code
    if assay.analyte_id is not None:
        row.analyte_id, row.analyte_code = assay.analyte_id, assay.code


def _unmatched(
    value: Unmatched, external_ids: Mapping[int, str | None], assays: Mapping[int, Assay]
) -> Row:
    row = _row(value.source, value.result, value.unit)
    row.sample_id, row.tracking_id = value.sample_id, value.tracking_id
    row.external_id = external_ids.get(value.sample_id) if value.sample_id else None
    if value.assay_id is not None:
        _name(row, assays[value.assay_id])
    row.reasons = [_WHY_UNMATCHED.get(value.reason, "No scheduled test fits.")]
    return row


def _row(source: Source, result: str, unit: str) -> Row:
    sheet, text = _kept(source.sheet), _kept(source.text)
    return Row(0, sheet, source.line, source.column, text, _kept(result), _kept(unit) or None)


def _kept(text: str) -> str:
    """The text, without what no database keeps."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "")


def place(
    row: Row, threshold: Decimal, standing: Standing | None, earlier: Mapping[Place, int]
) -> None:
    """Decide where a row stands, and say why."""
    written_by = earlier.get(row.place)
    if row.sample_test_id is None or standing is None:
        _mark(row, RowStatus.UNMATCHED)
    elif written_by is not None:
        _mark(row, RowStatus.APPLIED, f"It was written before, by upload {written_by}.")
    elif standing.reported:
        _mark(row, RowStatus.LOCKED, "The sample has been reported.")
    elif standing.verified:
        _mark(row, RowStatus.LOCKED, "The test's result is verified.")
    elif row.conflict:
        _mark(row, RowStatus.CONFLICT)
    elif standing.result == row.entry:
        _mark(row, RowStatus.APPLIED, "The test has this result already.")
    elif standing.result is not None:
        _mark(row, RowStatus.CONFLICT, f"The test has the result {standing.result} already.")
    elif row.confidence < threshold or not _is_plain(row):
        _mark(row, RowStatus.LOW_CONFIDENCE)
    else:
        _mark(row, RowStatus.MATCHED)


def _is_plain(row: Row) -> bool:
    """Whether the result stands in the file as it would be entered: no conversion, one line."""
    converted = row.result != row.entry
    return not converted and bool(row.result.strip()) and row.result.isprintable()


def _mark(row: Row, status: RowStatus, reason: str | None = None) -> None:
    row.status = status
    if reason is not None:
        row.reasons.append(reason)


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows went where; together they are all rows."""

    applied: int
    needs_review: int
    unmatched: int


def tally(statuses: Sequence[str], unmatched_total: int = 0) -> Tally:
    """Count rows. `unmatched_total` counts those too that were too many to be listed."""
    applied = sum(status == RowStatus.APPLIED for status in statuses)
    unmatched = sum(status == RowStatus.UNMATCHED for status in statuses)
    review = len(statuses) - applied - unmatched
    return Tally(applied, review, max(unmatched, unmatched_total))


class Measurand(NamedTuple):
    """A test of the catalogue, or an analyte of a panel, with its code and name."""

    test_definition_id: int
    analyte_id: int | None
    code: str
    name: str


def lessons(pairs: Iterable[tuple[str | None, Measurand]]) -> dict[str, Measurand]:
    """What written rows teach: by the file's name for a test or an analyte, which it surely means.

    Each pair is a name and what its row was written to. A name that stood for several codes, or
    that any column might have, teaches nothing; nor does one that the catalogue has already.
    """
    meant: dict[str, dict[str, Measurand]] = {}
    spelled: dict[str, str] = {}
    for label, measurand in pairs:
        name = " ".join((label or "").split())
        folded = name.casefold()
        code = measurand.code.casefold()
        if _tells(name) and folded not in (code, measurand.name.casefold()):
            meant.setdefault(folded, {})[code] = measurand
            spelled.setdefault(folded, name)
    return {
        spelled[name]: measurand
        for name, by_code in meant.items()
        if len(by_code) == 1
        for measurand in by_code.values()
    }


def _tells(name: str) -> bool:
    has_letter = any(character.isalpha() for character in name)
    return 1 < len(name) <= _LONGEST_NAME and has_letter and not role_of(name).named


def is_weak(extraction: Extraction) -> bool:
    """Whether the rules found so little that a second reader is worth asking."""
    sure = {each.sample_id for each in extraction.proposals if each.confidence >= _SURE_ENOUGH}
    named = {each.sample_id for each in extraction.proposals}
    named |= {each.sample_id for each in extraction.unmatched if each.sample_id is not None}
    return not sure or len(sure) < _LEAST_SHARE_OF_SAMPLES * len(named)
