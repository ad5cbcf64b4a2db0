"""The records that several resources of the Lab API show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from titer.domain.results.rules import Specification
from titer.domain.samples import models
from titer.domain.samples.repository import AnalyteResults
from titer.domain.samples.rules import Priority, Status, TestStatus
from titer.kit.db.driver import Row
from titer.kit.tenancy import TenantSession
from titer.kit.web.answers import CAMEL, MomentOut, NumberOut, Spelling, one_of, reader

SampleStatus = Annotated[str, one_of(Status)]
SamplePriority = Annotated[str, one_of(Priority)]
ScheduledStatus = Annotated[str, one_of(TestStatus)]
Verdict = Annotated[str, one_of(Specification)]


@dataclass(slots=True)
class AnalyteResult:
    """The result of one analyte of a panel."""

    __pydantic_config__: ClassVar = CAMEL

    analyte_id: int
    analyte_code: str
    analyte_name: str
    unit: str | None
    result: str | None
    result_operator: str | None
    result_value: NumberOut | None
    specification: Verdict
    spec_min: NumberOut | None
    spec_max: NumberOut | None
    loq: NumberOut | None
    entered_by: int | None
    entered_at: MomentOut | None


@dataclass(slots=True)
class _OwnResult:
    """What a scheduled test says of itself."""

    __pydantic_config__: ClassVar = CAMEL
    __test__: ClassVar = False

    id: int
    sample_id: int
    tracking_id: str
    test_definition_id: int
    test_code: str
    test_name: str
    unit: str | None
    status: ScheduledStatus
    result: str | None
    result_operator: str | None
    result_value: NumberOut | None
    specification: Verdict
    spec_min: NumberOut | None
    spec_max: NumberOut | None
    notes: str | None
    source: str | None
    entered_by: int | None
    entered_at: MomentOut | None
    verified_by: int | None
    verified_at: MomentOut | None
    version: int
    created_at: MomentOut
    updated_at: MomentOut
    custom_fields: dict[str, str]


@dataclass(slots=True)
class SampleTest(_OwnResult):
    """A test scheduled on a sample, with its current result.

    A panel's `result` is null: `results` has one for each of its analytes. Any other test has no
    `results`.
    """

    __pydantic_config__: ClassVar = CAMEL
    __test__: ClassVar = False

    results: list[AnalyteResult]


@dataclass(slots=True)
class Sample:
    """A sample, as lists show it."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    tracking_id: str
    external_id: str | None
    status: SampleStatus
    priority: SamplePriority
    client_id: int | None
    client_name: str
    material_type_id: int
    project_id: int | None
    storage_location_id: int | None
    plant_location: str | None
    collection_date: str | None
    notes: str | None
    received_at: MomentOut | None
    completed_at: MomentOut | None
    verified_at: MomentOut | None
    reported_at: MomentOut | None
    created_by: int | None
    created_at: MomentOut
    updated_at: MomentOut
    version: int
    name: str | None
    order_id: int | None
    sku_id: int | None
    lot: str | None
    batch: str | None
    composite: bool
    number_of_composites: int
    serving_size: str | None
    custom_fields: dict[str, str]


@dataclass(slots=True)
class SampleWithTests(Sample):
    """A sample with its scheduled tests."""

    __pydantic_config__: ClassVar = CAMEL

    tests: list[SampleTest]


Analytes = Mapping[int, Sequence[models.AnalyteResult]]
"""The results of panels, by the ids of their tests."""


#: How the values of a record's columns are spelled.
SAMPLE = Spelling(Sample)
SAMPLE_TEST = Spelling(_OwnResult)
ANALYTE_RESULT = Spelling(AnalyteResult)
#: Where an analyte's name differs from its column's.
_ANALYTE_COLUMNS = {"analyte_code": "code", "analyte_name": "name"}
ANALYTE_COLUMNS = tuple(_ANALYTE_COLUMNS.get(name, name) for name in ANALYTE_RESULT.names)
#: The columns of a test that an answer is made of: the last tells whether it is a panel.
TEST_COLUMNS = (*SAMPLE_TEST.names, "panel")


async def spelled_tests(lab: TenantSession, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Tests as answers show them, from the values of `TEST_COLUMNS`."""
    panels = [row[0] for row in rows if row[-1]]
    found = await AnalyteResults(lab).rows_of_each(ANALYTE_COLUMNS, panels) if panels else {}
    return [
        SAMPLE_TEST(row[:-1])
        | {"results": [ANALYTE_RESULT(each) for each in found.get(row[0], ())]}
        for row in rows
    ]


def sample_test(row: models.SampleTest, analytes: Analytes) -> SampleTest:
    results = [analyte_result(each) for each in analytes.get(row.id, ())]
    values: list[Any] = [*reader(_OwnResult)(row), results]
    return SampleTest(*values)


def analyte_result(row: models.AnalyteResult) -> AnalyteResult:
    return AnalyteResult(
        analyte_id=row.analyte_id,
        analyte_code=row.code,
        analyte_name=row.name,
        unit=row.unit,
        result=row.result,
        result_operator=row.result_operator,
        result_value=row.result_value,
        specification=row.specification,
        spec_min=row.spec_min,
        spec_max=row.spec_max,
        loq=row.loq,
        entered_by=row.entered_by,
        entered_at=row.entered_at,
    )


Registered = tuple[models.Sample, list[models.SampleTest]]


def sample_with_tests(
    row: models.Sample, tests: Sequence[models.SampleTest], analytes: Analytes
) -> SampleWithTests:
    values: list[Any] = [*reader(Sample)(row), [sample_test(test, analytes) for test in tests]]
    return SampleWithTests(*values)
