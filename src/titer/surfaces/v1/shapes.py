"""The records that several resources of the Lab API show."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from titer.domain.results.rules import Specification
from titer.domain.samples import models
from titer.domain.samples.rules import Priority, Status, TestStatus
from titer.kit.web.answers import CAMEL, MomentOut, NumberOut, one_of, reader

SampleStatus = Annotated[str, one_of(Status)]
SamplePriority = Annotated[str, one_of(Priority)]
ScheduledStatus = Annotated[str, one_of(TestStatus)]
Verdict = Annotated[str, one_of(Specification)]


@dataclass(slots=True)
class SampleTest:
    """A test scheduled on a sample, with its current result."""

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


@dataclass(slots=True)
class SampleWithTests(Sample):
    """A sample with its scheduled tests."""

    __pydantic_config__: ClassVar = CAMEL

    tests: list[SampleTest]


def sample_test(row: models.SampleTest) -> SampleTest:
    return SampleTest(*reader(SampleTest)(row))


def sample(row: models.Sample) -> Sample:
    return Sample(*reader(Sample)(row))


def sample_with_tests(row: models.Sample, tests: Sequence[models.SampleTest]) -> SampleWithTests:
    values: list[Any] = [*reader(Sample)(row), [sample_test(test) for test in tests]]
    return SampleWithTests(*values)
