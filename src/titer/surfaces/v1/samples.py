"""`/samples`: register, read, change, receive, move along the workflow."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import Query
from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.organizations.errors import SampleLimitExceeded
from titer.domain.release import service as release
from titer.domain.release.errors import QcFailed, SignatureRequired
from titer.domain.samples import models, service
from titer.domain.samples.errors import InvalidTransition
from titer.domain.samples.judging import Intake
from titer.domain.samples.repository import AnalyteResults, SampleFilter, Samples, SampleTests
from titer.domain.samples.rules import PLANT_LOCATION, Priority, Status
from titer.kit.errors import (
    Duplicate,
    InvalidBody,
    InvalidId,
    InvalidReference,
    NotFound,
)
from titer.kit.tenancy import TenantSession
from titer.kit.web.answers import CAMEL, answer, etag, json_answer, spell_etag, unchanged
from titer.kit.web.fields import (
    DayOrMoment,
    EndMoment,
    Flag,
    Id,
    Moment,
    PathId,
    Prose,
    QueryId,
    QueryText,
    Text,
    absent,
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
from titer.surfaces.v1.wire import Body, Page, Paged, shown, spelled_page

samples = operations("Samples")

_VERSION_OF_SAMPLE = shapes.SAMPLE.names.index("version")
_VERSION_OF_TEST = shapes.SAMPLE_TEST.names.index("version")

PlantLocation = Annotated[
    str, StringConstraints(strict=True, pattern=f"^{PLANT_LOCATION.pattern}$")
]


def _no_repeats(ids: list[int]) -> list[int]:
    if len(set(ids)) != len(ids):
        raise ValueError("must not name an id twice")
    return ids


TestDefinitionIds = Annotated[list[Id], Field(max_length=100), AfterValidator(_no_repeats)]
SampleIds = Annotated[list[Id], Field(min_length=1, max_length=500), AfterValidator(_no_repeats)]


Composites = Annotated[int, Field(strict=True, ge=1, le=1_000)]


class SampleQuery(Paged):
    """Which samples are wanted."""

    status: Status | None = None
    material_type_id: QueryId | None = None
    project_id: QueryId | None = None
    tracking_id: QueryText | None = None
    external_id: QueryText | None = None
    order_id: QueryId | None = None
    sku_id: QueryId | None = None
    lot: QueryText | None = None
    since: Moment | None = Field(default=None, description="Received at or after; inclusive.")
    until: EndMoment | None = Field(
        default=None, description="Received at or before; a bare date means the end of that day."
    )

    def filter(self) -> SampleFilter:
        return SampleFilter(**self.model_dump(exclude={"limit", "cursor"}))


class SampleDetails(Body):
    """What may be said of a sample, whosever it is."""

    project_id: Id | None = None
    storage_location_id: Id | None = None
    plant_location: PlantLocation | None = None
    collection_date: DayOrMoment | None = None
    notes: Prose | None = None
    external_id: Text | None = None
    name: Text | None = Field(default=None, description="What the client calls it.")
    sku_id: Id | None = None
    lot: Text | None = None
    batch: Text | None = None
    composite: Flag = absent()
    number_of_composites: Composites = absent()
    serving_size: Text | None = Field(default=None, examples=["10 g"])
    custom_fields: CustomValues = absent()


class SampleFields(SampleDetails):
    """What may be said of a sample, at registration and later."""

    client_name: Text | None = None
    client_id: Id | None = None
    order_id: Id | None = None


class NewSample(SampleFields):
    """A sample to register; `clientName` or `clientId` is required."""

    model_config = shown(examples.NEW_SAMPLE)

    material_type_id: Id
    priority: Priority = Priority.NORMAL
    test_definition_ids: TestDefinitionIds = Field(default=[])

    @model_validator(mode="after")
    def _check(self) -> "NewSample":
        if self.client_name is None and self.client_id is None:
            raise ValueError("needs clientName or clientId")
        return self


class OrderedSample(SampleDetails):
    """A sample to register with its order, which says whose it is."""

    material_type_id: Id
    priority: Priority = Priority.NORMAL
    test_definition_ids: TestDefinitionIds = Field(default=[])


class SampleChange(SampleFields):
    """What to change; what is left out stays. `testDefinitionIds` schedules further tests."""

    material_type_id: Id | None = None
    priority: Priority | None = None
    test_definition_ids: TestDefinitionIds | None = None

    @field_validator("material_type_id", "priority", "test_definition_ids")
    @classmethod
    def _refuse_null(cls, value: Any) -> Any:
        if value is None:
            raise ValueError("cannot be cleared")
        return value

    @model_validator(mode="before")
    @classmethod
    def _point_to_the_status_route(cls, body: Any) -> Any:
        if isinstance(body, dict) and "status" in body:
            raise ValueError("does not take status: use PATCH /api/v1/samples/{id}/status")
        return body

    @model_validator(mode="after")
    def _check(self) -> "SampleChange":
        given = self.model_fields_set & {"client_id", "client_name"}
        if given and all(getattr(self, name) is None for name in given):
            raise ValueError("cannot clear the client: name another")
        return self


class StatusChange(Body):
    """The status to move to."""

    model_config = shown(examples.STATUS_CHANGE)

    status: Status


class Receipt(Body):
    """The samples that have arrived."""

    sample_ids: SampleIds


@dataclass(slots=True)
class Received:
    """What a receipt did: ids received now, ids received before, and the samples."""

    __pydantic_config__: ClassVar = CAMEL

    received: list[int]
    already_received: list[int]
    data: list[shapes.SampleWithTests]


@samples.add(
    "GET",
    "/samples",
    needs=READ,
    answers=Page[shapes.Sample],
    examples=examples.SAMPLES,
    glances=True,
)
async def list_samples(
    request: Request, lab: Lab, query: Annotated[SampleQuery, Query()]
) -> Response:
    """List samples, newest first.

    With `since` or `until` the order is by receipt, and the cursor is still an id.
    """
    found = await Samples(lab).matching(shapes.SAMPLE.names, query.window(), query.filter())
    return spelled_page(request, found.map(shapes.SAMPLE))


@samples.add(
    "GET",
    "/samples/{sample_id}",
    needs=READ,
    answers=shapes.SampleWithTests,
    refuses=(InvalidId, NotFound),
    glances=True,
)
async def get_sample(request: Request, lab: Lab, sample_id: PathId) -> Response:
    """Retrieve one sample with its scheduled tests."""
    found = await Samples(lab).with_tests(shapes.SAMPLE.names, shapes.TEST_COLUMNS, sample_id)
    if found is None:
        raise NotFound
    sample, tests = found
    changes = sum(test[_VERSION_OF_TEST] - 1 for test in tests)
    tag = spell_etag(sample_id, sample[_VERSION_OF_SAMPLE], changes)
    if unchanged(request, tag):
        return Response(status_code=304, headers={"ETag": tag})
    shown = shapes.SAMPLE(sample) | {"tests": await shapes.spelled_tests(lab, tests)}
    return json_answer(shown, headers={"ETag": tag})


@samples.add(
    "POST",
    "/samples",
    needs=WRITE,
    answers=shapes.SampleWithTests,
    status=201,
    refuses=(InvalidBody, InvalidReference, Duplicate, SampleLimitExceeded),
    glances=True,
)
async def create_sample(lab: Lab, body: NewSample) -> Response:
    """Register a sample, and schedule tests on it.

    Counts against the plan's monthly sample allowance.
    """
    sample, tests = await service.register(lab, intake_of(body))
    return answer(
        shapes.SampleWithTests,
        shapes.sample_with_tests(sample, tests, await AnalyteResults(lab).of_each(tests)),
        201,
        {"Location": f"/api/v1/samples/{sample.id}", "ETag": etag(sample)},
    )


@samples.add(
    "PATCH",
    "/samples/{sample_id}",
    needs=WRITE,
    answers=shapes.SampleWithTests,
    refuses=(
        InvalidId,
        InvalidBody,
        InvalidReference,
        NotFound,
        Duplicate,
        InvalidTransition,
        *CONDITIONS,
    ),
)
async def update_sample(
    request: Request, lab: Lab, sample_id: PathId, body: SampleChange
) -> Response:
    """Change a sample's fields, or schedule further tests; never its status."""
    expected = expected_version(request, lab, sample_id)
    sample = await service.change(lab, sample_id, body.given(), expected)
    return await _shown(lab, sample)


@samples.add(
    "PATCH",
    "/samples/{sample_id}/status",
    needs=WRITE,
    answers=shapes.SampleWithTests,
    refuses=(InvalidId, InvalidBody, NotFound, InvalidTransition, *CONDITIONS),
)
async def set_sample_status(
    request: Request, lab: Lab, sample_id: PathId, body: StatusChange
) -> Response:
    """Move a sample one step along its workflow.

    `409 invalid_transition` says which steps are allowed and what stands in the way.
    """
    expected = expected_version(request, lab, sample_id)
    sample = await service.move(lab, sample_id, body.status, expected)
    return await _shown(lab, sample)


@samples.add(
    "POST",
    "/samples/receive",
    needs=WRITE,
    answers=Received,
    refuses=(InvalidBody, InvalidReference),
)
async def receive_samples(lab: Lab, body: Receipt) -> Response:
    """Receive up to 500 samples by id: all of them, or none."""
    now, before = await service.receive(lab, body.sample_ids)
    by_id = {sample.id: sample for sample in (*now, *before)}
    tests = await SampleTests(lab).of_each(body.sample_ids)
    every = [test for of_sample in tests.values() for test in of_sample]
    analytes = await AnalyteResults(lab).of_each(every)
    return answer(
        Received,
        Received(
            [sample.id for sample in now],
            [sample.id for sample in before],
            [
                shapes.sample_with_tests(by_id[sample_id], tests[sample_id], analytes)
                for sample_id in body.sample_ids
            ],
        ),
    )


@samples.add(
    "POST",
    "/samples/{sample_id}/report",
    needs=VERIFY,
    answers=shapes.SampleWithTests,
    refuses=(InvalidId, InvalidBody, NotFound, SignatureRequired, QcFailed, *CONDITIONS),
)
async def report_sample(request: Request, lab: Lab, sample_id: PathId) -> Response:
    """Mark a sample as reported, which closes it to change.

    The gate: the sample and each of its tests are verified, it has at least one, and no approval
    is pending or rejected. Otherwise `409 qc_failed` lists every blocker.
    """
    expected = expected_version(request, lab, sample_id)
    return await _shown(lab, await release.report(lab, sample_id, expected))


def intake_of(body: NewSample | OrderedSample) -> Intake:
    """What a body says of a sample, as its registration takes it."""
    values = body.given()
    values["test_definition_ids"] = tuple(body.test_definition_ids)
    return Intake(**values)


async def _shown(lab: TenantSession, sample: models.Sample) -> Response:
    tests = list(await SampleTests(lab).of(sample.id))
    return _answer(sample, tests, await AnalyteResults(lab).of_each(tests))


def _answer(
    sample: models.Sample, tests: list[models.SampleTest], analytes: shapes.Analytes
) -> Response:
    shown = shapes.sample_with_tests(sample, tests, analytes)
    return answer(shapes.SampleWithTests, shown, headers={"ETag": etag(sample, tests)})
