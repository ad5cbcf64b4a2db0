"""`/sample-tests`: read, enter a result, enter many, verify, history."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from fastapi import Query
from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_core import PydanticKnownError
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.release import service as release
from titer.domain.release.errors import SignatureRequired
from titer.domain.results import service
from titer.domain.results.errors import (
    BulkFailed,
    NoResult,
    ResultLocked,
    SecondPersonRequired,
)
from titer.domain.results.repository import ResultEntries
from titer.domain.results.service import AnalyteEntry, Entry, Outcome
from titer.domain.samples import models, repository
from titer.domain.samples.errors import InvalidTransition
from titer.domain.samples.repository import SampleTests
from titer.domain.samples.rules import TestStatus
from titer.kit.errors import InvalidBody, InvalidId, InvalidReference, NotFound
from titer.kit.paging import Slice
from titer.kit.tenancy import TenantSession
from titer.kit.web.answers import (
    CAMEL,
    MomentOut,
    NumberOut,
    answer,
    etag,
    json_answer,
    spell_etag,
    unchanged,
    view,
)
from titer.kit.web.bodies import MIB
from titer.kit.web.fields import (
    Code,
    Flag,
    Id,
    PathId,
    Prose,
    QueryId,
    QueryText,
    absent,
    no_control_characters,
)
from titer.surfaces.v1 import examples, shapes
from titer.surfaces.v1.access import (
    CONDITIONS,
    READ,
    VERIFY,
    WRITE,
    Lab,
    expected_version,
    operations,
)
from titer.surfaces.v1.custom_fields import CustomValues
from titer.surfaces.v1.wire import Body, Page, Paged, page, shown, spelled_page

sample_tests = operations("Tests & results")

_VERSION = shapes.SAMPLE_TEST.names.index("version")
MAX_ROWS = 1_000
MAX_ANALYTES = 500
ResultText = Annotated[
    str,
    StringConstraints(strict=True, strip_whitespace=True, min_length=1, max_length=1_000),
    AfterValidator(no_control_characters),
]


class SampleTestQuery(Paged):
    """Which tests are wanted."""

    sample_id: QueryId | None = None
    status: TestStatus | None = None
    test_definition_id: QueryId | None = None
    tracking_id: QueryText | None = None


class AnalyteResultEntry(Body):
    """The result of one analyte of a panel; `null` clears it."""

    analyte_id: Id | None = None
    analyte_code: Code | None = None
    result: ResultText | None

    @model_validator(mode="after")
    def _check(self) -> "AnalyteResultEntry":
        if (self.analyte_id is None) == (self.analyte_code is None):
            raise ValueError("needs analyteId or analyteCode, and not both")
        return self


AnalyteResults = Annotated[list[AnalyteResultEntry], Field(min_length=1, max_length=MAX_ANALYTES)]


def _entries(results: list[AnalyteResultEntry] | None) -> tuple[AnalyteEntry, ...] | None:
    if results is None:
        return None
    return tuple(AnalyteEntry(each.result, each.analyte_id, each.analyte_code) for each in results)


class ResultChange(Body):
    """A result to enter; `null` clears it. What is left out stays. A panel takes `results`."""

    model_config = shown({"result": "7.2", "notes": "pH in range"})

    result: ResultText | None = None
    results: AnalyteResults = absent()
    notes: Prose | None = None
    reason: Prose | None = Field(default=None, description="Why; kept in history and audit.")
    custom_fields: CustomValues = absent()

    @model_validator(mode="after")
    def _check(self) -> "ResultChange":
        if not self.model_fields_set & {"result", "results", "notes", "custom_fields"}:
            raise ValueError("needs result or notes, a panel's results, or customFields")
        return self

    def entry(self, sample_test_id: int) -> Entry:
        return Entry(
            sample_test_id,
            self.result,
            self.notes,
            self.reason,
            keep_result="result" not in self.model_fields_set,
            keep_notes="notes" not in self.model_fields_set,
            results=_entries(self.results),
            custom_fields=self.custom_fields,
        )


#: What stands for a result that the row does not speak of, not even with null.
_UNSAID: Any = object()


class ResultRow(Body):
    """One row of a bulk entry: `result`, or a panel's `results`."""

    sample_test_id: Id
    results: AnalyteResults = absent()
    result: ResultText | None = Field(default_factory=lambda: _UNSAID, validate_default=True)
    notes: Prose | None = None

    @field_validator("result", mode="before")
    @classmethod
    def _require(cls, said: object, info: ValidationInfo) -> object:
        if said is not _UNSAID:
            return said
        if info.data.get("results", _UNSAID) is None:
            raise PydanticKnownError("missing")
        return None

    def entry(self) -> Entry:
        return Entry(
            self.sample_test_id,
            self.result,
            self.notes,
            keep_result="result" not in self.model_fields_set,
            keep_notes="notes" not in self.model_fields_set,
            results=_entries(self.results),
        )


class BulkResults(Body):
    """Up to 1,000 results. With `atomic`, all of them or none."""

    model_config = shown(examples.BULK_RESULTS)

    updates: Annotated[list[ResultRow], Field(min_length=1, max_length=MAX_ROWS)]
    atomic: Flag = False


@dataclass(slots=True)
class WrittenRow:
    """A row that was written: the test as it is now."""

    __pydantic_config__: ClassVar = CAMEL

    index: int
    sample_test_id: int
    ok: Literal[True]
    sample_test: shapes.SampleTest


@dataclass(slots=True)
class RefusedRow:
    """A row that changed nothing, and why."""

    __pydantic_config__: ClassVar = CAMEL

    index: int
    sample_test_id: int
    ok: Literal[False]
    error: str
    message: str


@dataclass(slots=True)
class BulkAnswer:
    """How many rows were written, how many were not, and each of them."""

    __pydantic_config__: ClassVar = CAMEL

    updated: int
    failed: int
    results: list[WrittenRow | RefusedRow]


@dataclass(slots=True)
class HistoryEntry:
    """What a test's result, or that of one of its analytes, once was, and what made it so."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    version: int
    action: str
    analyte_id: int | None
    analyte_code: str | None
    result: str | None
    result_operator: str | None
    result_value: NumberOut | None
    unit: str | None
    specification: str
    spec_min: NumberOut | None
    spec_max: NumberOut | None
    notes: str | None
    source: str | None
    reason: str | None
    actor_id: int | None
    occurred_at: MomentOut


@sample_tests.add("GET", "/sample-tests", needs=READ, answers=Page[shapes.SampleTest], glances=True)
async def list_sample_tests(
    request: Request, lab: Lab, query: Annotated[SampleTestQuery, Query()]
) -> Response:
    """List sample tests, newest first."""
    wanted = query.model_dump(exclude={"limit", "cursor"})
    found = await SampleTests(lab).listing(shapes.TEST_COLUMNS, query.window(), **wanted)
    spelled = await shapes.spelled_tests(lab, found.rows)
    return spelled_page(request, Slice(spelled, found.has_more))


@sample_tests.add(
    "GET",
    "/sample-tests/{sample_test_id}",
    needs=READ,
    answers=shapes.SampleTest,
    refuses=(InvalidId, NotFound),
    glances=True,
)
async def get_sample_test(request: Request, lab: Lab, sample_test_id: PathId) -> Response:
    """Retrieve one sample test."""
    found = await SampleTests(lab).values(shapes.TEST_COLUMNS, sample_test_id)
    tag = spell_etag(sample_test_id, found[_VERSION])
    if unchanged(request, tag):
        return Response(status_code=304, headers={"ETag": tag})
    (shown,) = await shapes.spelled_tests(lab, [found])
    return json_answer(shown, headers={"ETag": tag})


@sample_tests.add(
    "GET",
    "/sample-tests/{sample_test_id}/history",
    needs=READ,
    answers=Page[HistoryEntry],
    refuses=(InvalidId, NotFound),
)
async def list_result_history(
    request: Request, lab: Lab, sample_test_id: PathId, query: Annotated[Paged, Query()]
) -> Response:
    """Everything that a test's result ever was, newest first."""
    await SampleTests(lab).get(sample_test_id)
    found = await ResultEntries(lab).of(sample_test_id, query.window())
    return page(request, HistoryEntry, found, lambda row: view(HistoryEntry, row))


@sample_tests.add(
    "PATCH",
    "/sample-tests/{sample_test_id}",
    needs=WRITE,
    answers=shapes.SampleTest,
    refuses=(
        InvalidId,
        InvalidBody,
        InvalidReference,
        NotFound,
        ResultLocked,
        InvalidTransition,
        *CONDITIONS,
    ),
    glances=True,
)
async def enter_result(
    request: Request, lab: Lab, sample_test_id: PathId, body: ResultChange
) -> Response:
    """Enter, change or clear a result.

    The text is kept as it was written, and read exactly: an optional operator, a decimal number,
    an optional unit. The limits of the catalogue are frozen onto the test. A test with analytes
    takes `results`, any number of them at a time, and is completed when each has one.
    """
    expected = expected_version(request, lab, sample_test_id)
    entry = body.entry(sample_test_id)
    return await _shown(lab, await service.enter(lab, entry, expected=expected))


@sample_tests.add(
    "POST",
    "/sample-tests/{sample_test_id}/verify",
    needs=VERIFY,
    answers=shapes.SampleTest,
    refuses=(
        InvalidId,
        InvalidBody,
        NotFound,
        NoResult,
        ResultLocked,
        SecondPersonRequired,
        SignatureRequired,
        InvalidTransition,
        *CONDITIONS,
    ),
)
async def verify_result(request: Request, lab: Lab, sample_test_id: PathId) -> Response:
    """Verify a result, and lock it.

    A result that fails its limits, or may fail them, opens an approval record.
    """
    expected = expected_version(request, lab, sample_test_id)
    return await _shown(lab, await release.verify(lab, sample_test_id, expected))


@sample_tests.add(
    "POST",
    "/sample-tests/bulk-results",
    needs=WRITE,
    answers=BulkAnswer,
    refuses=(InvalidBody, BulkFailed),
    body_limit=4 * MIB,
    glances=True,
)
async def enter_bulk_results(lab: Lab, body: BulkResults) -> Response:
    """Enter up to 1,000 results in one call.

    Each row succeeds or fails for itself, unless `atomic` asks for all or nothing.
    """
    outcomes = await service.enter_many(lab, [row.entry() for row in body.updates])
    failed = sum(outcome.problem is not None for outcome in outcomes)
    if failed and body.atomic:
        raise BulkFailed(
            f"{failed} of {len(outcomes)} rows cannot be written, so none was.",
            facts={"updated": 0, "failed": failed, "results": _as_planned(outcomes)},
        )
    written = [outcome.test for outcome in outcomes if outcome.test is not None]
    analytes = await repository.AnalyteResults(lab).of_each(written)
    rows = [_row(index, outcome, analytes) for index, outcome in enumerate(outcomes)]
    return answer(BulkAnswer, BulkAnswer(len(rows) - failed, failed, rows))


def _row(index: int, outcome: Outcome, analytes: shapes.Analytes) -> WrittenRow | RefusedRow:
    sample_test_id = outcome.entry.sample_test_id
    if outcome.problem is not None:
        slug, sentence = outcome.problem.slug, outcome.problem.sentence
        return RefusedRow(index, sample_test_id, ok=False, error=slug, message=sentence)
    assert outcome.test is not None
    shown = shapes.sample_test(outcome.test, analytes)
    return WrittenRow(index, sample_test_id, ok=True, sample_test=shown)


def _as_planned(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """The rows of a call that wrote nothing: which could have been written, and which not."""
    rows: list[dict[str, Any]] = []
    for index, outcome in enumerate(outcomes):
        row = {"index": index, "sampleTestId": outcome.entry.sample_test_id}
        if outcome.problem is None:
            rows.append(row | {"ok": True})
        else:
            slug, sentence = outcome.problem.slug, outcome.problem.sentence
            rows.append(row | {"ok": False, "error": slug, "message": sentence})
    return rows


async def _shown(lab: TenantSession, test: models.SampleTest) -> Response:
    shown = shapes.sample_test(test, await repository.AnalyteResults(lab).of_each([test]))
    return answer(shapes.SampleTest, shown, headers={"ETag": etag(test)})
