"""`/api/tests`: what was tested, and with what result once it is published."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Annotated, ClassVar

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from titer.domain.commerce.models import Order
from titer.domain.commerce.repository import Orders
from titer.domain.commerce.rules import OrderStatus, order_status
from titer.domain.publication import rules
from titer.domain.publication.repository import TestFilter
from titer.domain.reference.models import CustomField
from titer.domain.reference.repository import CustomFields
from titer.domain.reference.rules import Resource
from titer.domain.results.rules import Reading as Value
from titer.domain.results.rules import Specification
from titer.domain.samples.models import AnalyteResult, Sample, SampleTest
from titer.domain.samples.repository import AnalyteResults
from titer.domain.samples.rules import SampleState, Status, progress_of
from titer.kit.errors import InvalidId, NotFound
from titer.kit.web.answers import MomentOut, answer, one_of
from titer.kit.web.fields import Moment, PathId, QueryId, QueryText
from titer.surfaces.results.access import READ, Caller, Reading, note_step, operations
from titer.surfaces.results.shapes import (
    Named,
    Orderer,
    TestedSku,
    Variant,
    orderer,
    stage_of,
    tested_sku,
)
from titer.surfaces.results.wire import Pages, Pagination, page

tests = operations("Tests")

#: Since when `spec_status`, `spec_result` and `limit_value` are on their way out, and until when
#: they stay (RFC 9745, RFC 8594).
DEPRECATED = datetime(2026, 4, 16, tzinfo=UTC)
SUNSET = datetime(2027, 12, 31, 23, 59, 59, tzinfo=UTC)
RETIRING = {
    "Deprecation": f"@{int(DEPRECATED.timestamp())}",
    "Sunset": format_datetime(SUNSET, usegmt=True),
}
Verdict = Annotated[str, one_of(Specification)]


@dataclass(slots=True)
class CustomFieldValue:
    """A field that the organization has defined, and what it says of this test."""

    key: str
    name: str
    value: str


@dataclass(slots=True)
class Result:
    """What was found of one analyte; `-` until it is published. `spec_result` and `limit_value`
    are deprecated, and equal to `specification` and `limit`."""

    analyte: Named
    result: str
    loq: str | None
    spec_result: Verdict
    specification: Verdict
    limit_value: str
    limit: str


@dataclass(slots=True)
class TestedOrder:
    """The order that a sample came with. A sample that came with none has one all the same,
    without an id, that tells of the sample alone."""

    __test__: ClassVar = False

    id: int | None
    status: Annotated[str, one_of(OrderStatus)]
    ordered_at: MomentOut
    orderer: Orderer


@dataclass(slots=True)
class TestedSample:
    """What was tested."""

    __test__: ClassVar = False

    id: int
    name: str
    lot: str | None
    batch: str | None
    composite: bool
    number_of_composites: int
    serving_size: str | None
    sku: TestedSku
    order: TestedOrder


@dataclass(slots=True)
class Test:
    """A test of a sample. `spec_status` is deprecated, and equal to `specification`."""

    __test__: ClassVar = False

    id: int
    status: Annotated[str, one_of(rules.Stage)]
    spec_status: Verdict
    start_date: MomentOut | None
    complete_date: MomentOut | None
    published_at: MomentOut | None
    notes: str
    created_at: MomentOut
    updated_at: MomentOut
    specification: Verdict
    custom_fields: list[CustomFieldValue]
    assay: Named
    results: list[Result]
    sample: TestedSample


@dataclass(slots=True)
class TestList:
    """A page of tests, newest first."""

    __test__: ClassVar = False

    tests: list[Test]
    pagination: Pagination


class TestPages(Pages):
    """Which tests are wanted."""

    __test__: ClassVar = False

    status: rules.Stage | None = None
    updated_since: Moment | None = Field(
        default=None,
        description="Changed at or after. A change bears the moment at which it began: ask from a "
        "minute before the newest that you have.",
    )
    order_id: QueryId | None = None
    sku_code: QueryText | None = None
    lot: QueryText | None = None


@tests.add("GET", "/tests", needs=READ, answers=TestList, after=note_step)
async def list_tests(caller: Reading, query: Annotated[TestPages, Query()]) -> Response:
    """List tests, newest first.

    Follow `next_page` until it is null. Each page begins where the one before it ended when the key
    asked for it: whatever comes or is published meanwhile, a test that is in the list all the time
    is seen exactly once, and none twice. What is registered meanwhile comes with the next page 1.
    (Two walks of one key through one list at once are not told apart: take a key for each.)
    """
    window = query.window("tests", caller.key.key_id)
    found = await caller.publications.tests(window, TestFilter(**query.filters()))
    bench = await _Bench.of(caller, found.rows)
    response = page("tests", Test, window, found, lambda row: bench.shown(row[0], row[1]))
    response.headers.update(RETIRING)
    return response


@tests.add("GET", "/tests/{test_id}", needs=READ, answers=Test, refuses=(InvalidId, NotFound))
async def get_test(caller: Reading, test_id: PathId) -> Response:
    """Retrieve one test with its results."""
    test, sample = await caller.publications.test(test_id)
    bench = await _Bench.of(caller, [(test, sample)])
    return answer(Test, bench.shown(test, sample), headers=RETIRING)


@dataclass(frozen=True, slots=True)
class _Bench:
    """What lies ready when tests are shown."""

    analytes: Mapping[int, Sequence[AnalyteResult]]
    variants: Mapping[int, Variant]
    orders: Mapping[int, Order]
    fields: Sequence[CustomField]

    @classmethod
    async def of(cls, caller: Caller, rows: Sequence[tuple[SampleTest, Sample]]) -> "_Bench":
        session = caller.session
        samples = [sample for _, sample in rows]
        filled = any(test.custom_fields for test, _ in rows)
        return cls(
            await AnalyteResults(session).of_each([test for test, _ in rows]),
            await caller.publications.variants(
                {sample.sku_id for sample in samples if sample.sku_id is not None}
            ),
            await Orders(session).by_id(
                {sample.order_id for sample in samples if sample.order_id is not None}
            ),
            await CustomFields(session).of(Resource.TEST) if filled else (),
        )

    def shown(self, test: SampleTest, sample: Sample) -> Test:
        published = sample.reported_at is not None
        verdict = test.specification if published else Specification.NO_SPEC
        return Test(
            id=test.id,
            status=stage_of(test, sample),
            spec_status=verdict,
            start_date=test.started_at,
            complete_date=test.verified_at,
            published_at=sample.reported_at,
            notes=(test.notes or "") if published else "",
            created_at=test.created_at,
            updated_at=max(test.updated_at, sample.updated_at),
            specification=verdict,
            custom_fields=[
                CustomFieldValue(field.key, field.name, test.custom_fields[field.key])
                for field in self.fields
                if field.key in test.custom_fields
            ],
            assay=Named(test.test_definition_id, test.test_name),
            results=self._results(test, published=published),
            sample=self._sample(sample),
        )

    def _results(self, test: SampleTest, *, published: bool) -> list[Result]:
        if not test.panel:
            analyte = Named(test.test_definition_id, test.test_name)
            return [_result(analyte, test, published=published)]
        return [
            _result(Named(each.analyte_id, each.name), each, published=published)
            for each in self.analytes[test.id]
        ]

    def _sample(self, sample: Sample) -> TestedSample:
        variant = self.variants.get(sample.sku_id or 0)
        order = self.orders.get(sample.order_id or 0)
        return TestedSample(
            id=sample.id,
            name=sample.name or _name_of(variant) or sample.tracking_id,
            lot=sample.lot,
            batch=sample.batch,
            composite=sample.composite,
            number_of_composites=sample.number_of_composites,
            serving_size=sample.serving_size,
            sku=tested_sku(variant),
            order=_alone(sample)
            if order is None
            else TestedOrder(order.id, order.status, order.ordered_at, orderer(order)),
        )


def _alone(sample: Sample) -> TestedOrder:
    """What stands in place of an order that there is none of."""
    state = SampleState(Status(sample.status), sample.reported_at is not None)
    status = order_status(OrderStatus.CREATED, progress_of([state]))
    return TestedOrder(None, status, sample.created_at, Orderer(None, sample.client_name))


def _name_of(variant: Variant | None) -> str | None:
    """`Baby Food, Apple Strawberry`."""
    return None if variant is None else f"{variant[1].name}, {variant[0].name}"


def _result(analyte: Named, row: SampleTest | AnalyteResult, *, published: bool) -> Result:
    if not published:
        nothing, verdict = rules.NOTHING, Specification.NO_SPEC
        return Result(analyte, nothing, None, verdict, verdict, nothing, nothing)
    reading = Value(row.result_operator, row.result_value)
    limit = rules.spell_limit(row.spec_min, row.spec_max, row.unit)
    return Result(
        analyte=analyte,
        result=rules.spell_result(row.result, reading, row.unit),
        loq=None if row.loq is None else rules.spell_amount(row.loq, row.unit),
        spec_result=row.specification,
        specification=row.specification,
        limit_value=limit,
        limit=limit,
    )
