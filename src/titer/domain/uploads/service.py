"""Use cases of instrument uploads: keeping what was read, writing it, committing reviewed rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from titer.domain.extraction.values import Extraction, World
from titer.domain.organizations.repository import Organizations
from titer.domain.reference.repository import Analytes, TestDefinitions
from titer.domain.results import service as results
from titer.domain.results.errors import DuplicateInRequest
from titer.domain.results.rules import Source
from titer.domain.results.service import AnalyteEntry, Entry
from titer.domain.samples.models import SampleTest
from titer.domain.samples.repository import Samples, SampleTests
from titer.domain.uploads import rules
from titer.domain.uploads.errors import RowUnmatched, UnreadableUpload
from titer.domain.uploads.models import ExtractionAlias, InstrumentUpload, InstrumentUploadRow
from titer.domain.uploads.repository import (
    ExtractionAliases,
    InstrumentUploadRows,
    InstrumentUploads,
    OpenWork,
    in_pieces,
)
from titer.domain.uploads.rules import Measurand, Row, RowStatus
from titer.kit.errors import NotFound, Problem
from titer.kit.tenancy import TenantSession


@dataclass(frozen=True, slots=True)
class Sending:
    """A file as it was sent, and what its sender asks for."""

    file_name: str
    sha256: str
    size: int
    hint: str | None
    dry_run: bool
    threshold: Decimal


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a file is read in: the organization's open work, and whom it lets see an excerpt."""

    organization_id: int
    world: World
    allow_language_model: bool


@dataclass(frozen=True, slots=True)
class Committed:
    """What became of one row that was chosen: the test as it is now, or why it was not written."""

    row: int
    sample_test_id: int | None
    test: SampleTest | None = None
    problem: Problem | None = None


async def look_around(session: TenantSession, sha256: str) -> Surroundings:
    """What a file is to be read in. Reads only."""
    own = await Organizations(session).own()
    world = await OpenWork(session).read(sha256)
    return Surroundings(session.tenant.organization_id, world, own.allow_language_model)


async def look_further(
    session: TenantSession, around: Surroundings, names: Sequence[str]
) -> Surroundings:
    """What a file is to be read in that names samples beyond the open work, such as reported ones:
    its rows are theirs, and are told that they come too late. Reads only."""
    world = await OpenWork(session).widen(around.world, names)
    return around if world is around.world else replace(around, world=world)


async def record(
    session: TenantSession, sending: Sending, extraction: Extraction, world: World
) -> tuple[InstrumentUpload, list[Row]]:
    """Keep what was read from a file, and write what is sure, unless it is a dry run.

    Where each row stands is decided now, not by the world that the file was read in. Raises
    `UnreadableUpload` for more values than an upload may hold.
    """
    rows = _rows(extraction, world)
    if not sending.dry_run:
        await _lock(session, rows)
    await _place(session, sending, rows)
    written = [] if sending.dry_run else await _write_sure(session, sending, rows)
    count = rules.tally([row.status for row in rows], extraction.unmatched_total)
    upload = InstrumentUpload(
        file_name=sending.file_name,
        sha256=sending.sha256,
        size=sending.size,
        dry_run=sending.dry_run,
        confidence_threshold=sending.threshold,
        hint=sending.hint,
        extractor=extraction.extractor,
        applied=count.applied,
        needs_review=count.needs_review,
        unmatched=count.unmatched,
        created_by=session.actor.user_id,
    )
    session.label(upload, "previewed" if sending.dry_run else "uploaded")
    await InstrumentUploads(session).add(upload)
    await InstrumentUploadRows(session).append(upload.id, rows)
    await _learn(session, written)
    return upload, rows


def _rows(extraction: Extraction, world: World) -> list[Row]:
    if len(extraction.proposals) > rules.MAX_ROWS:
        raise UnreadableUpload(
            f"The file holds more than {rules.MAX_ROWS:,} results: send it in parts."
        )
    return rules.rows_of(extraction, world)


async def _lock(session: TenantSession, rows: Sequence[Row]) -> None:
    """Lock the rows' samples, in the order that every use case keeps."""
    wanted = {row.sample_id for row in rows if row.sample_test_id and row.sample_id}
    for piece in in_pieces(sorted(wanted)):
        await Samples(session).locked(piece)


async def _place(session: TenantSession, sending: Sending, rows: Sequence[Row]) -> None:
    kept = InstrumentUploadRows(session)
    standings = await kept.standings({row.sample_test_id for row in rows if row.sample_test_id})
    earlier = await kept.written_before(sending.sha256)
    for row in rows:
        standing = None if row.goal is None else standings.get(row.goal)
        rules.place(row, sending.threshold, standing, earlier)


async def _write_sure(
    session: TenantSession, sending: Sending, rows: Sequence[Row]
) -> Sequence[Row]:
    """Write every matched row, as many as one request may; those that were written."""
    matched = [row for row in rows if row.status is RowStatus.MATCHED]
    ready = sorted(matched[: rules.MAX_WRITTEN], key=lambda row: row.sample_test_id or 0)
    for row in matched[rules.MAX_WRITTEN :]:
        row.reasons.append("It is left to be committed: one upload writes only so many rows.")
    problems = await _enter(session, sending.file_name, ready)
    for row in ready:
        problem = problems[row.row]
        if problem is None:
            row.status = RowStatus.APPLIED
        else:
            row.status = _status_after(problem)
            row.reasons.append(problem.sentence)
    return [row for row in ready if row.status is RowStatus.APPLIED]


async def _enter(
    session: TenantSession, file_name: str, rows: Sequence[Row | InstrumentUploadRow]
) -> dict[int, Problem | None]:
    """Write rows to their tests; by their numbers what is wrong with each, or None."""
    problems: dict[int, Problem | None] = {}
    for piece in in_pieces(_bundled(rows)):
        entries = [_entry(file_name, bundle) for bundle in piece]
        outcomes = await results.enter_many(session, entries, source=Source.INSTRUMENT)
        for bundle, outcome in zip(piece, outcomes, strict=True):
            problems |= {row.row: outcome.problem for row in bundle}
    return problems


def _status_after(problem: Problem) -> RowStatus:
    return RowStatus.CONFLICT if isinstance(problem, DuplicateInRequest) else RowStatus.LOCKED


Bundle = list[Row | InstrumentUploadRow]


def _bundled(rows: Iterable[Row | InstrumentUploadRow]) -> list[Bundle]:
    """Rows by the write that they go into: one for all analytes of a panel, one for any other.

    A second row for one test or analyte is a bundle of its own, which bulk entry refuses.
    """
    bundles: list[Bundle] = []
    panels: dict[int | None, Bundle] = {}
    for row in rows:
        panel = panels.get(row.sample_test_id, [])
        if panel and row.analyte_id not in {each.analyte_id for each in panel}:
            panel.append(row)
            continue
        bundles.append([row])
        if row.analyte_id is not None:
            panels.setdefault(row.sample_test_id, bundles[-1])
    return bundles


def _entry(file_name: str, rows: Bundle) -> Entry:
    """What one bundle of rows writes."""
    first = rows[0]
    assert first.sample_test_id is not None
    reason = f"Instrument file {file_name}: {rules.cells(rows)}"
    if first.analyte_id is None:
        return Entry(first.sample_test_id, first.entry, reason=reason, keep_notes=True)
    analytes = tuple(AnalyteEntry(row.entry, row.analyte_id) for row in rows)
    return Entry(
        first.sample_test_id, reason=reason, keep_result=True, keep_notes=True, results=analytes
    )


async def commit(
    session: TenantSession, upload_id: int, numbers: Sequence[int]
) -> tuple[InstrumentUpload, list[Committed]]:
    """Write chosen rows of an upload, each for itself: whoever chooses a row has looked at it.

    A row that is written already stays as it is. Raises `NotFound`.
    """
    upload = await InstrumentUploads(session).get_for_change(upload_id)
    rows = {row.row: row for row in await InstrumentUploadRows(session).of(upload_id)}
    chosen = [rows[number] for number in numbers if number in rows]
    to_write = [row for row in chosen if row.sample_test_id and row.status != RowStatus.APPLIED]
    problems = await _enter(session, upload.file_name, to_write)
    present = await SampleTests(session).by_id(
        {row.sample_test_id for row in chosen if row.sample_test_id}
    )
    committed = [
        _committed(number, rows.get(number), problems.get(number), present) for number in numbers
    ]
    written = [row for row in to_write if problems[row.row] is None]
    for row in written:
        row.status = RowStatus.APPLIED
    await _learn(session, written)
    if written:
        upload.applied += len(written)
        upload.needs_review -= len(written)
        session.label(upload, "committed", f"{len(written)} rows")
    await session.flush()
    return upload, committed


def _committed(
    number: int,
    row: InstrumentUploadRow | None,
    problem: Problem | None,
    present: dict[int, SampleTest],
) -> Committed:
    if row is None:
        return Committed(number, None, problem=NotFound("The upload has no such row."))
    if row.sample_test_id is None:
        return Committed(number, None, problem=RowUnmatched())
    if problem is not None:
        return Committed(number, row.sample_test_id, problem=problem)
    return Committed(number, row.sample_test_id, present[row.sample_test_id])


async def _learn(session: TenantSession, written: Iterable[Row | InstrumentUploadRow]) -> None:
    """Keep the file's own names of what rows were written to; the latest word counts."""
    rows = [row for row in written if row.label and row.test_definition_id]
    tests = await TestDefinitions(session).by_id({row.test_definition_id or 0 for row in rows})
    analytes = await Analytes(session).by_id({row.analyte_id for row in rows if row.analyte_id})
    pairs: list[tuple[str | None, Measurand]] = []
    for row in rows:
        test_id = row.test_definition_id or 0
        named = tests[test_id] if row.analyte_id is None else analytes[row.analyte_id]
        pairs.append((row.label, Measurand(test_id, row.analyte_id, named.code, named.name)))
    taught = {name.casefold(): (name, meant) for name, meant in rules.lessons(pairs).items()}
    aliases = ExtractionAliases(session)
    for piece in in_pieces(taught):
        known = await aliases.of_texts(piece)
        for folded in piece:
            _remember(session, known.get(folded), *taught[folded])
    await session.flush()


def _remember(
    session: TenantSession, alias: ExtractionAlias | None, name: str, meant: Measurand
) -> None:
    told = (meant.test_definition_id, meant.analyte_id)
    if alias is not None and (alias.test_definition_id, alias.analyte_id) == told:
        return
    if alias is None:
        alias = ExtractionAlias(
            text=name, text_folded=name.casefold(), created_by=session.actor.user_id
        )
        session.add(alias)
    alias.test_definition_id, alias.analyte_id = told
    session.label(alias, "learned")


async def forget(session: TenantSession, alias_id: int) -> ExtractionAlias:
    """Forget a learned name: files are read without it from now on. Raises `NotFound`."""
    alias = await ExtractionAliases(session).get_for_change(alias_id)
    session.label(alias, "forgotten")
    await session.delete(alias)
    await session.flush()
    return alias
