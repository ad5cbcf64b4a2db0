"""Use cases of results: entering one, entering many, verifying, reopening for a retest."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from titer.domain.organizations.repository import Organizations
from titer.domain.reference.models import Analyte
from titer.domain.reference.repository import Analytes
from titer.domain.reference.rules import Resource
from titer.domain.reference.service import merged_fields
from titer.domain.results.errors import (
    DuplicateInRequest,
    NoResult,
    ResultLocked,
    SecondPersonRequired,
)
from titer.domain.results.models import ResultEntry
from titer.domain.results.repository import Ground, under_lock
from titer.domain.results.rules import (
    Limits,
    Reading,
    Source,
    Specification,
    judge,
    read,
    worst,
)
from titer.domain.samples.errors import InvalidTransition
from titer.domain.samples.models import AnalyteResult, SampleTest
from titer.domain.samples.repository import AnalyteResults
from titer.domain.samples.rules import Status, TestStatus
from titer.domain.samples.service import move_orders, refuse_if_reported
from titer.kit.errors import Detail, NotFound, Problem, at_fault, unknown
from titer.kit.records import require_version
from titer.kit.strokes import assign
from titer.kit.tenancy import TenantSession


@dataclass(frozen=True, slots=True)
class AnalyteEntry:
    """What is to be written to one analyte of a panel, named by its id or by its code."""

    result: str | None
    analyte_id: int | None = None
    code: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written to a test. `keep` marks a field that the caller left out.

    A panel takes `results`, any other test takes `result`.
    """

    sample_test_id: int
    result: str | None = None
    notes: str | None = None
    reason: str | None = None
    keep_result: bool = False
    keep_notes: bool = False
    results: tuple[AnalyteEntry, ...] | None = None
    custom_fields: Mapping[str, str | None] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one row of a bulk entry: the test as written, or why it was not."""

    entry: Entry
    test: SampleTest | None = None
    problem: Problem | None = None


async def enter(
    session: TenantSession,
    entry: Entry,
    *,
    source: Source = Source.MANUAL,
    expected: int | None = None,
) -> SampleTest:
    """Enter, change or clear a result, or its notes.

    Raises `NotFound`, `ResultLocked`, `PreconditionFailed`, `InvalidTransition` where the sample
    is closed to change, and `InvalidBody` or `InvalidReference` where the test is no panel, or is
    one, or does not have the analyte.
    """
    ground = await _ground(session, entry.sample_test_id)
    require_version(ground.test, expected)
    _write(await _Bench.of(session, [ground], source), ground, entry)
    if entry.custom_fields is not None:
        said, had = entry.custom_fields, ground.test.custom_fields
        ground.test.custom_fields = await merged_fields(session, Resource.TEST, had, said)
    await session.flush()
    await _tell_orders(session, [ground])
    return ground.test


async def enter_many(
    session: TenantSession, entries: Sequence[Entry], *, source: Source = Source.BULK
) -> list[Outcome]:
    """Enter many results, each row for itself: a row that is refused changes nothing.

    Rows are locked in the order of their ids, so that two bulk entries never wait for each other.
    """
    grounds = await under_lock(session, {entry.sample_test_id for entry in entries})
    bench = await _Bench.of(session, list(grounds.values()), source)
    outcomes: list[Outcome] = []
    seen: set[int] = set()
    for entry in entries:
        try:
            if entry.sample_test_id in seen:
                raise DuplicateInRequest
            seen.add(entry.sample_test_id)
            ground = grounds.get(entry.sample_test_id)
            if ground is None:
                raise NotFound
            _write(bench, ground, entry)
            outcomes.append(Outcome(entry, ground.test))
        except Problem as problem:
            outcomes.append(Outcome(entry, problem=problem))
    await session.flush()
    await _tell_orders(session, grounds.values())
    return outcomes


async def _tell_orders(session: TenantSession, grounds: Iterable[Ground]) -> None:
    """Let the orders of samples follow that have results before their status says so."""
    early = {Status.PENDING, Status.RECEIVED}
    await move_orders(session, [each for each in grounds if each.status in early])


async def verify(
    session: TenantSession, sample_test_id: int, expected: int | None = None
) -> SampleTest:
    """Verify a result, and lock it: of many at once exactly one succeeds.

    Raises `NotFound`, `PreconditionFailed`, `ResultLocked`, `NoResult`, `SecondPersonRequired`,
    and `InvalidTransition` where the sample is closed to change.
    """
    ground = await _ground(session, sample_test_id)
    test = ground.test
    if test.verified_at is not None:
        raise ResultLocked
    require_version(test, expected)
    refuse_if_reported(ground)
    if test.status != TestStatus.COMPLETED:
        raise NoResult
    await _require_second_person(session, test)
    test.status = TestStatus.VERIFIED
    test.verified_at = session.now
    test.verified_by = session.actor.user_id
    session.label(test, "verified")
    _remember(session, test, "verified", None)
    await session.flush()
    return test


async def reopen(session: TenantSession, test: SampleTest, reason: str) -> None:
    """Unlock a verified test for a retest: nothing of the old result is left on it."""
    analytes = (await AnalyteResults(session).of_each([test])).get(test.id, [])
    for analyte in analytes:
        _remember(session, test, "reopened", reason, analyte)
    _remember(session, test, "reopened", reason)
    _set_result(test, None, Reading(), Specification.NO_SPEC, Limits())
    test.notes = None
    test.source = test.entered_by = test.entered_at = test.started_at = test.loq = None
    test.verified_at = test.verified_by = None
    before = _spelled(analytes)
    beside = {"results": (before, dict.fromkeys(before))} if analytes else None
    session.label(test, "reopened", reason, beside=beside)
    # The database lets nobody change an analyte before its test is unlocked.
    await session.flush()
    for analyte in analytes:
        _set_analyte(analyte, None, Reading(), Specification.NO_SPEC, Limits())
        analyte.loq = analyte.entered_by = analyte.entered_at = None
    await session.flush()


async def _require_second_person(session: TenantSession, test: SampleTest) -> None:
    if not (await Organizations(session).requirements()).second_person:
        return
    analytes = (await AnalyteResults(session).of_each([test])).get(test.id, [])
    entered_by = {test.entered_by, *(analyte.entered_by for analyte in analytes)}
    if session.actor.user_id in entered_by:
        raise SecondPersonRequired


async def _ground(session: TenantSession, sample_test_id: int) -> Ground:
    found = await under_lock(session, [sample_test_id])
    if not found:
        raise NotFound
    return found[sample_test_id]


@dataclass(frozen=True, slots=True)
class _Bench:
    """What lies ready when entries are written, beside what each is written on."""

    session: TenantSession
    source: Source
    #: Of the panels: what the catalogue says of each analyte now, and each one's place.
    catalogue: Mapping[int, Analyte] = field(default_factory=dict)
    analytes: Mapping[int, Sequence[AnalyteResult]] = field(default_factory=dict)

    @classmethod
    async def of(
        cls, session: TenantSession, grounds: Sequence[Ground], source: Source
    ) -> "_Bench":
        panels = [ground.test for ground in grounds if ground.test.panel]
        if not panels:
            return cls(session, source)
        analytes = await AnalyteResults(session).of_each(panels)
        catalogue = await Analytes(session).by_id(
            {each.analyte_id for rows in analytes.values() for each in rows}
        )
        return cls(session, source, catalogue, analytes)


def _write(bench: _Bench, ground: Ground, entry: Entry) -> None:
    session, test = bench.session, ground.test
    written = _analytes_of(bench, test, entry)
    _refuse_if_closed(ground, entry, written)
    if not entry.keep_notes:
        test.notes = entry.notes
    if written:
        _write_panel(bench, test, entry, written)
        return
    if entry.keep_result:
        session.label(test, "annotated", entry.reason)
        return
    if entry.result is None:
        _clear(session, test, entry)
        return
    assign(test, unit=ground.unit, loq=ground.loq)
    reading = read(entry.result, ground.unit)
    verdict = judge(reading, ground.limits)
    _set_result(test, entry.result, reading, verdict, ground.limits)
    _stamp(bench, test)
    session.label(test, "result_entered", entry.reason)
    _remember(session, test, "entered", entry.reason)


def _stamp(bench: _Bench, test: SampleTest) -> None:
    """Say on a test who entered a result, how and when."""
    assign(
        test,
        source=bench.source,
        entered_by=bench.session.actor.user_id,
        entered_at=bench.session.now,
        started_at=test.started_at or bench.session.now,
    )


_Written = Sequence[tuple[AnalyteResult, str | None]]


def _analytes_of(bench: _Bench, test: SampleTest, entry: Entry) -> _Written:
    """The analytes that an entry is about, each with what it is to be.

    Raises `InvalidBody` and `InvalidReference`.
    """
    if test.panel and not entry.keep_result:
        raise at_fault([Detail("result", "is not for a test with analytes: send results")])
    if entry.results is None:
        return ()
    if not test.panel:
        raise at_fault([Detail("results", "is for a test with analytes: send result")])
    by_id = {each.analyte_id: each for each in bench.analytes[test.id]}
    by_code = {each.code: each for each in bench.analytes[test.id]}
    found: dict[int, tuple[AnalyteResult, str | None]] = {}
    for each in entry.results:
        if each.analyte_id is not None:
            if each.analyte_id not in by_id:
                raise unknown("results.analyteId", [each.analyte_id])
            row = by_id[each.analyte_id]
        elif each.code in by_code:
            row = by_code[each.code]
        else:
            raise at_fault([Detail("results.analyteCode", f"{each.code} is no analyte of it")])
        if row.id in found:
            raise at_fault([Detail("results", f"must not name {row.code} twice")])
        found[row.id] = (row, each.result)
    return list(found.values())


def _write_panel(bench: _Bench, test: SampleTest, entry: Entry, written: _Written) -> None:
    """Set some of a panel's results, and what follows from all of them."""
    session, rows = bench.session, bench.analytes[test.id]
    before = _spelled(row for row, _ in written)
    for row, text in written:
        if text is None:
            if row.result is None:
                continue
            _set_analyte(row, None, Reading(), Specification.NO_SPEC, Limits())
            row.loq = row.entered_by = row.entered_at = None
            _remember(session, test, "cleared", entry.reason, row)
            continue
        analyte = bench.catalogue[row.analyte_id]
        limits = Limits(analyte.spec_min, analyte.spec_max)
        row.unit, row.loq = analyte.unit, analyte.loq
        reading = read(text, analyte.unit)
        _set_analyte(row, text, reading, judge(reading, limits), limits)
        row.entered_by, row.entered_at = session.actor.user_id, session.now
        _remember(session, test, "entered", entry.reason, row)
    test.specification = worst(Specification(row.specification) for row in rows)
    whole = all(row.result is not None for row in rows)
    test.status = TestStatus.COMPLETED if whole else TestStatus.PENDING
    if any(row.result is not None for row in rows):
        _stamp(bench, test)
    else:
        test.source = test.entered_by = test.entered_at = test.started_at = None
    after = _spelled(row for row, _ in written)
    session.touch(test)
    verb = "result_entered" if any(text is not None for _, text in written) else "result_cleared"
    session.label(test, verb, entry.reason, beside={"results": (before, after)})


def _spelled(rows: Iterable[AnalyteResult]) -> dict[str, str | None]:
    """Results by their analytes' codes, as the trail keeps them."""
    return {row.code: row.result for row in rows}


def _set_analyte(
    row: AnalyteResult,
    result: str | None,
    reading: Reading,
    verdict: Specification,
    limits: Limits,
) -> None:
    row.result = result
    row.result_operator = reading.operator
    row.result_value = reading.value
    row.specification = verdict
    row.spec_min = limits.low
    row.spec_max = limits.high


def _refuse_if_closed(ground: Ground, entry: Entry, written: _Written) -> None:
    """Refuse before anything is written: a row of a bulk entry that fails changes nothing."""
    test = ground.test
    if test.verified_at is not None:
        raise ResultLocked
    refuse_if_reported(ground)
    clears = not entry.keep_result and entry.result is None and test.result is not None
    clears = clears or any(text is None and row.result is not None for row, text in written)
    if clears and ground.status == Status.COMPLETED:
        raise InvalidTransition(
            "A completed sample's results can be changed, not cleared: move it back first.",
            facts={"allowed": [Status.PROCESSING, Status.VERIFIED]},
        )


def _clear(session: TenantSession, test: SampleTest, entry: Entry) -> None:
    if test.result is None:
        session.label(test, "annotated", entry.reason)
        return
    _set_result(test, None, Reading(), Specification.NO_SPEC, Limits())
    test.source = test.entered_by = test.entered_at = test.started_at = test.loq = None
    session.label(test, "result_cleared", entry.reason)
    _remember(session, test, "cleared", entry.reason)


def _set_result(
    test: SampleTest,
    result: str | None,
    reading: Reading,
    verdict: Specification,
    limits: Limits,
) -> None:
    """The result and everything that is read from it, always together: no operator of an old
    result outlives it."""
    assign(
        test,
        result=result,
        result_operator=reading.operator,
        result_value=reading.value,
        specification=verdict,
        spec_min=limits.low,
        spec_max=limits.high,
        status=TestStatus.PENDING if result is None else TestStatus.COMPLETED,
    )


def _remember(
    session: TenantSession,
    test: SampleTest,
    action: str,
    reason: str | None,
    analyte: AnalyteResult | None = None,
) -> None:
    """Keep what the test, or one of its analytes, says now in its history.

    The version is the one that the flush leaves on the test.
    """
    session.touch(test)  # the same result again is an act of its own, and moves the version on
    told = test if analyte is None else analyte
    session.enter_rows(
        ResultEntry,
        [
            {
                "sample_test_id": test.id,
                "analyte_id": analyte.analyte_id if analyte else None,
                "analyte_code": analyte.code if analyte else None,
                "version": test.version + 1,
                "action": action,
                "result": told.result,
                "result_operator": told.result_operator,
                "result_value": told.result_value,
                "unit": told.unit,
                "specification": told.specification,
                "spec_min": told.spec_min,
                "spec_max": told.spec_max,
                "notes": test.notes,
                "source": test.source,
                "reason": reason,
                "actor_id": session.actor.user_id,
                "occurred_at": session.now,
            }
        ],
    )
