"""`/api/tests`: what was tested, and with what result once it is published."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from email.utils import format_datetime
from functools import cache
from typing import Annotated, Any, ClassVar

from fastapi import Query
from pydantic import Field
from starlette.responses import Response

from titer.domain.commerce.rules import OrderStatus, order_status
from titer.domain.publication import rules
from titer.domain.publication.repository import (
    Publications,
    PublishedAnalyte,
    PublishedTest,
    TestFilter,
)
from titer.domain.results.rules import Reading, Specification
from titer.domain.samples.rules import SampleState, Status, TestStatus, progress_of
from titer.kit.errors import InvalidId, NotFound
from titer.kit.web.answers import MomentOut, json_answer, one_of, spelled_moment
from titer.kit.web.fields import Moment, PathId, QueryId, QueryText
from titer.surfaces.results.access import READ, Published, note_step, operations
from titer.surfaces.results.shapes import Named, Orderer, TestedSku
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


@tests.add("GET", "/tests", needs=READ, answers=TestList, glances=True, after=note_step)
async def list_tests(published: Published, query: Annotated[TestPages, Query()]) -> Response:
    """List tests, newest first.

    Follow `next_page` until it is null. Each page begins where the one before it ended when the key
    asked for it: whatever comes or is published meanwhile, a test that is in the list all the time
    is seen exactly once, and none twice. What is registered meanwhile comes with the next page 1.
    (Two walks of one key through one list at once are not told apart: take a key for each.)
    """
    window = query.window("tests")
    found = await published.tests(window, TestFilter(**query.filters()))
    bench = await _Bench.of(published, found.rows)
    response = page("tests", window, found.map(bench.spelled))
    response.headers.update(RETIRING)
    return response


@tests.add(
    "GET",
    "/tests/{test_id}",
    needs=READ,
    answers=Test,
    refuses=(InvalidId, NotFound),
    glances=True,
)
async def get_test(published: Published, test_id: PathId) -> Response:
    """Retrieve one test with its results."""
    test = await published.test(test_id)
    bench = await _Bench.of(published, [test])
    return json_answer(bench.spelled(test), headers=RETIRING)


_NO_SKU: Mapping[str, Any] = {
    "id": None,
    "name": rules.NOTHING,
    "code": "",
    "product": {"id": None, "name": rules.NOTHING},
}


class _Bench:
    """What lies ready when tests are spelled: a sample is spelled once, whatever its tests."""

    def __init__(
        self, analytes: Mapping[int, Sequence[PublishedAnalyte]], fields: Sequence[tuple[str, str]]
    ) -> None:
        self.analytes = analytes
        #: Keys and names of the fields that the organization has defined, in their order.
        self.fields = fields
        self._samples: dict[int, dict[str, Any]] = {}

    @classmethod
    async def of(cls, published: Publications, rows: Sequence[PublishedTest]) -> "_Bench":
        panels = [test.id for test in rows if test.panel]
        filled = any(test.custom_fields != _UNFILLED for test in rows)
        return cls(
            await published.analytes_of_each(panels) if panels else {},
            await published.fields() if filled else (),
        )

    def spelled(self, test: PublishedTest) -> dict[str, Any]:
        published = test.sample_reported_at is not None
        verdict = test.specification if published else Specification.NO_SPEC.value
        assay = {"id": test.test_definition_id, "name": test.test_name}
        sample = self._samples.get(test.sample_id)
        if sample is None:
            sample = self._samples[test.sample_id] = _sample(test)
        return {
            "id": test.id,
            "status": _stage(test.status, test.entered_at is not None, published),
            "spec_status": verdict,
            "start_date": spelled_moment(test.started_at),
            "complete_date": spelled_moment(test.verified_at),
            "published_at": spelled_moment(test.sample_reported_at),
            "notes": (test.notes or "") if published else "",
            "created_at": spelled_moment(test.created_at),
            "updated_at": spelled_moment(max(test.updated_at, test.sample_updated_at)),
            "specification": verdict,
            "custom_fields": self._filled(test) if self.fields else [],
            "assay": assay,
            "results": self._results(test, assay, published=published),
            "sample": sample,
        }

    def _filled(self, test: PublishedTest) -> list[dict[str, str]]:
        values = json.loads(test.custom_fields)
        return [
            {"key": key, "name": name, "value": values[key]}
            for key, name in self.fields
            if key in values
        ]

    def _results(
        self, test: PublishedTest, assay: dict[str, Any], *, published: bool
    ) -> list[dict[str, Any]]:
        if not test.panel:
            return [_result(assay, test, published=published)]
        return [
            _result({"id": each.analyte_id, "name": each.name}, each, published=published)
            for each in self.analytes.get(test.id, ())
        ]


#: As both databases tell custom fields that nobody has filled.
_UNFILLED = "{}"


def _sample(test: PublishedTest) -> dict[str, Any]:
    variant = None
    sku = _NO_SKU
    if test.sample_sku_id is not None:
        variant = f"{test.product_name}, {test.sku_name}"
        product = {"id": test.product_id, "name": test.product_name}
        sku = {
            "id": test.sample_sku_id,
            "name": test.sku_name,
            "code": test.sku_code,
            "product": product,
        }
    return {
        "id": test.sample_id,
        "name": test.sample_name or variant or test.sample_tracking_id,
        "lot": test.sample_lot,
        "batch": test.sample_batch,
        "composite": bool(test.sample_composite),
        "number_of_composites": test.sample_number_of_composites,
        "serving_size": test.sample_serving_size,
        "sku": sku,
        "order": _alone(test) if test.sample_order_id is None else _order(test),
    }


def _order(test: PublishedTest) -> dict[str, Any]:
    return {
        "id": test.sample_order_id,
        "status": test.order_status,
        "ordered_at": spelled_moment(test.order_ordered_at),
        "orderer": {"email": test.order_orderer_email, "name": test.order_orderer_name},
    }


def _alone(test: PublishedTest) -> dict[str, Any]:
    """What stands in place of an order that there is none of."""
    return {
        "id": None,
        "status": _status_alone(test.sample_status, reported=test.sample_reported_at is not None),
        "ordered_at": spelled_moment(test.sample_created_at),
        "orderer": {"email": None, "name": test.sample_client_name},
    }


@cache
def _stage(status: str, started: bool, published: bool) -> str:  # noqa: FBT001 - it is remembered by positions
    return rules.stage(TestStatus(status), started=started, published=published).value


@cache
def _status_alone(status: str, *, reported: bool) -> str:
    state = SampleState(Status(status), reported)
    return order_status(OrderStatus.CREATED, progress_of([state])).value


def _exact(value: Decimal | str | None) -> Decimal | None:
    """A decimal as either database tells it."""
    return Decimal(value) if isinstance(value, str) else value


def _result(
    analyte: dict[str, Any], row: PublishedTest | PublishedAnalyte, *, published: bool
) -> dict[str, Any]:
    if not published:
        nothing, verdict = rules.NOTHING, Specification.NO_SPEC.value
        return {
            "analyte": analyte,
            "result": nothing,
            "loq": None,
            "spec_result": verdict,
            "specification": verdict,
            "limit_value": nothing,
            "limit": nothing,
        }
    reading = Reading(row.result_operator, _exact(row.result_value))
    limit = rules.spell_limit(_exact(row.spec_min), _exact(row.spec_max), row.unit)
    loq = _exact(row.loq)
    return {
        "analyte": analyte,
        "result": rules.spell_result(row.result, reading, row.unit),
        "loq": None if loq is None else rules.spell_amount(loq, row.unit),
        "spec_result": row.specification,
        "specification": row.specification,
        "limit_value": limit,
        "limit": limit,
    }
