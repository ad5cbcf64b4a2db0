"""Use cases of results: entering one, entering many, verifying, reopening for a retest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from titer.domain.organizations.repository import Organizations
from titer.domain.reference.models import TestDefinition
from titer.domain.reference.repository import TestDefinitions
from titer.domain.results.errors import (
    DuplicateInRequest,
    NoResult,
    ResultLocked,
    SecondPersonRequired,
)
from titer.domain.results.models import ResultEntry
from titer.domain.results.rules import Limits, Reading, Source, Specification, judge, read
from titer.domain.samples.errors import InvalidTransition
from titer.domain.samples.models import Sample, SampleTest
from titer.domain.samples.repository import Samples, SampleTests
from titer.domain.samples.rules import Status, TestStatus
from titer.domain.samples.service import refuse_if_reported
from titer.kit.errors import NotFound, Problem
from titer.kit.records import require_version
from titer.kit.tenancy import TenantSession


@dataclass(frozen=True, slots=True)
class Entry:
    """What is to be written to a test. `keep` marks a field that the caller left out."""

    sample_test_id: int
    result: str | None = None
    notes: str | None = None
    reason: str | None = None
    keep_result: bool = False
    keep_notes: bool = False


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

    Raises `NotFound`, `ResultLocked`, `PreconditionFailed`, and `InvalidTransition` where the
    sample is closed to change.
    """
    samples = await _lock_samples(session, [entry.sample_test_id])
    test = await SampleTests(session).get_for_change(entry.sample_test_id, expected)
    definitions = await TestDefinitions(session).by_id([test.test_definition_id])
    _write(_Bench(session, samples, definitions, source), test, entry)
    await session.flush()
    return test


async def enter_many(
    session: TenantSession, entries: Sequence[Entry], *, source: Source = Source.BULK
) -> list[Outcome]:
    """Enter many results, each row for itself: a row that is refused changes nothing.

    Rows are locked in the order of their ids, so that two bulk entries never wait for each other.
    """
    wanted = [entry.sample_test_id for entry in entries]
    samples = await _lock_samples(session, wanted)
    tests = await SampleTests(session).locked(wanted)
    definitions = await TestDefinitions(session).by_id(
        {test.test_definition_id for test in tests.values()}
    )
    bench = _Bench(session, samples, definitions, source)
    outcomes: list[Outcome] = []
    seen: set[int] = set()
    for entry in entries:
        try:
            if entry.sample_test_id in seen:
                raise DuplicateInRequest
            seen.add(entry.sample_test_id)
            test = tests.get(entry.sample_test_id)
            if test is None:
                raise NotFound
            _write(bench, test, entry)
            outcomes.append(Outcome(entry, test))
        except Problem as problem:
            outcomes.append(Outcome(entry, problem=problem))
    await session.flush()
    return outcomes


async def verify(
    session: TenantSession, sample_test_id: int, expected: int | None = None
) -> SampleTest:
    """Verify a result, and lock it: of many at once exactly one succeeds.

    Raises `NotFound`, `PreconditionFailed`, `ResultLocked`, `NoResult`, `SecondPersonRequired`,
    and `InvalidTransition` where the sample is closed to change.
    """
    samples = await _lock_samples(session, [sample_test_id])
    test = await SampleTests(session).get_for_change(sample_test_id)
    if test.verified_at is not None:
        raise ResultLocked
    require_version(test, expected)
    refuse_if_reported(samples[test.sample_id])
    if test.result is None:
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
    _remember(session, test, "reopened", reason)
    _set_result(test, None, Reading(), Specification.NO_SPEC, Limits())
    test.notes = None
    test.source = test.entered_by = test.entered_at = None
    test.verified_at = test.verified_by = None
    session.label(test, "reopened", reason)
    await session.flush()


async def _require_second_person(session: TenantSession, test: SampleTest) -> None:
    organization = await Organizations(session).own()
    if organization.require_second_person and test.entered_by == session.actor.user_id:
        raise SecondPersonRequired


async def _lock_samples(session: TenantSession, test_ids: Sequence[int]) -> dict[int, Sample]:
    """The tests' samples, locked before the tests: the order that every use case keeps."""
    sample_ids = await SampleTests(session).sample_ids_of(test_ids)
    return dict(await Samples(session).locked(sample_ids))


@dataclass(frozen=True, slots=True)
class _Bench:
    """What lies ready when entries are written: locked samples, the catalogue, the source."""

    session: TenantSession
    samples: Mapping[int, Sample]
    definitions: Mapping[int, TestDefinition]
    source: Source


def _write(bench: _Bench, test: SampleTest, entry: Entry) -> None:
    session = bench.session
    _refuse_if_closed(test, bench.samples[test.sample_id], entry)
    if not entry.keep_notes:
        test.notes = entry.notes
    if entry.keep_result:
        session.label(test, "annotated", entry.reason)
        return
    if entry.result is None:
        _clear(session, test, entry)
        return
    definition = bench.definitions[test.test_definition_id]
    limits = Limits(definition.spec_min, definition.spec_max)
    test.unit = definition.unit
    reading = read(entry.result, definition.unit)
    _set_result(test, entry.result, reading, judge(reading, limits), limits)
    test.source = bench.source
    test.entered_by = session.actor.user_id
    test.entered_at = session.now
    session.label(test, "result_entered", entry.reason)
    _remember(session, test, "entered", entry.reason)


def _refuse_if_closed(test: SampleTest, sample: Sample, entry: Entry) -> None:
    """Refuse before anything is written: a row of a bulk entry that fails changes nothing."""
    if test.verified_at is not None:
        raise ResultLocked
    refuse_if_reported(sample)
    clears = not entry.keep_result and entry.result is None and test.result is not None
    if clears and sample.status == Status.COMPLETED:
        raise InvalidTransition(
            "A completed sample's results can be changed, not cleared: move it back first.",
            facts={"allowed": [Status.PROCESSING, Status.VERIFIED]},
        )


def _clear(session: TenantSession, test: SampleTest, entry: Entry) -> None:
    if test.result is None:
        session.label(test, "annotated", entry.reason)
        return
    _set_result(test, None, Reading(), Specification.NO_SPEC, Limits())
    test.source = test.entered_by = test.entered_at = None
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
    test.result = result
    test.result_operator = reading.operator
    test.result_value = reading.value
    test.specification = verdict
    test.spec_min = limits.low
    test.spec_max = limits.high
    test.status = TestStatus.PENDING if result is None else TestStatus.COMPLETED


def _remember(session: TenantSession, test: SampleTest, action: str, reason: str | None) -> None:
    """Keep what the test says now in its history. The version is the one that the flush leaves."""
    session.touch(test)  # the same result again is an act of its own, and moves the version on
    session.add(
        ResultEntry(
            sample_test_id=test.id,
            version=test.version + 1,
            action=action,
            result=test.result,
            result_operator=test.result_operator,
            result_value=test.result_value,
            unit=test.unit,
            specification=test.specification,
            spec_min=test.spec_min,
            spec_max=test.spec_max,
            notes=test.notes,
            source=test.source,
            reason=reason,
            actor_id=session.actor.user_id,
            occurred_at=session.now,
        )
    )
