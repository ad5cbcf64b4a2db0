"""`/test-definitions`: the tests that the laboratory offers, with their limits."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from pydantic import AfterValidator, Field
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.reference import models, service
from titer.domain.reference.repository import Analytes, TestDefinitions
from titer.domain.reference.rules import MOST_DECIMALS
from titer.domain.reference.service import AnalyteEntry, TestDefinitionEntry
from titer.kit.tenancy import TenantSession
from titer.kit.web.answers import (
    CAMEL,
    MomentOut,
    NumberOut,
    current,
    expected_version,
    view,
    written,
)
from titer.kit.web.fields import Exact, Flag, Id, PathId, Text, absent
from titer.surfaces.settings.access import ADMINISTRATOR, Office, operations
from titer.surfaces.settings.catalogue import CHANGE, NEW, ONE, CatalogueCode, Wanted
from titer.surfaces.settings.wire import Body, Page, page, shown

test_definitions = operations("Catalogue")


def _no_repeats(ids: list[int]) -> list[int]:
    if len(set(ids)) != len(ids):
        raise ValueError("must not name an id twice")
    return ids


MaterialTypeIds = Annotated[list[Id], Field(max_length=1_000), AfterValidator(_no_repeats)]
Decimals = Annotated[int, Field(strict=True, ge=0, le=MOST_DECIMALS)]


@dataclass(slots=True)
class Analyte:
    """One of the things that a panel measures; its limits are inclusive, in `unit`, and exact."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    code: str
    name: str
    unit: str | None
    decimals: int | None
    spec_min: NumberOut | None
    spec_max: NumberOut | None
    loq: NumberOut | None
    active: bool


@dataclass(slots=True)
class TestDefinition:
    """A test that the laboratory offers; its limits are inclusive, in `unit`, and exact.

    With `analytes` it is a panel, which has a result for each of them.
    """

    __pydantic_config__: ClassVar = CAMEL
    __test__: ClassVar = False

    id: int
    code: str
    name: str
    method: str | None
    unit: str | None
    decimals: int | None
    spec_min: NumberOut | None
    spec_max: NumberOut | None
    loq: NumberOut | None
    material_type_ids: list[int]
    analytes: list[Analyte]
    active: bool
    created_at: MomentOut
    updated_at: MomentOut
    version: int


class AnalyteFields(Body):
    """An analyte of a panel, as it is to be."""

    code: CatalogueCode
    name: Text
    unit: Text | None = None
    decimals: Decimals | None = None
    spec_min: Exact | None = None
    spec_max: Exact | None = None
    loq: Exact | None = None
    active: Flag = True


#: A panel's whole list, in its order.
AnalyteList = Annotated[list[AnalyteFields], Field(max_length=500)]


class TestDefinitionFields(Body):
    """What may be said of a test, at first and later."""

    method: Text | None = None
    unit: Text | None = None
    decimals: Decimals | None = None
    spec_min: Exact | None = None
    spec_max: Exact | None = None
    loq: Exact | None = None


class NewTestDefinition(TestDefinitionFields):
    """A test to offer."""

    model_config = shown(
        {"code": "PB", "name": "Lead", "unit": "mg/L", "specMax": 0.015, "materialTypeIds": [3]}
    )

    code: CatalogueCode
    name: Text
    material_type_ids: MaterialTypeIds = Field(default=[])
    analytes: AnalyteList = Field(default=[])
    active: Flag = True


class TestDefinitionChange(TestDefinitionFields):
    """What to change; what is left out stays. Verdicts of the past stay as they are.

    `analytes` is the whole list, in its order: each is found by its code, and one that it leaves
    out is taken out of use.
    """

    model_config = shown({"specMax": 0.01})

    code: CatalogueCode = absent()
    name: Text = absent()
    material_type_ids: MaterialTypeIds = absent()
    analytes: AnalyteList = absent()
    active: Flag = absent()


@test_definitions.add("GET", "/test-definitions", needs=ADMINISTRATOR, answers=Page[TestDefinition])
async def list_test_definitions(request: Request, office: Office, query: Wanted) -> Response:
    """List test definitions, newest first."""
    definitions = TestDefinitions(office)
    found = await definitions.matching(query.window(), **query.filter())
    ids = [row.id for row in found.rows]
    materials = await definitions.materials_of(ids)
    analytes = await Analytes(office).of_each(ids)
    return page(
        request,
        TestDefinition,
        found,
        lambda row: _shape(row, materials[row.id], analytes[row.id]),
    )


@test_definitions.add(
    "GET",
    "/test-definitions/{test_definition_id}",
    needs=ADMINISTRATOR,
    answers=TestDefinition,
    refuses=ONE,
)
async def get_test_definition(
    request: Request, office: Office, test_definition_id: PathId
) -> Response:
    """Retrieve one test definition."""
    row = await TestDefinitions(office).get(test_definition_id)
    return current(request, TestDefinition, row, await _whole(office, row))


@test_definitions.add(
    "POST",
    "/test-definitions",
    needs=ADMINISTRATOR,
    answers=TestDefinition,
    status=201,
    refuses=NEW,
)
async def create_test_definition(office: Office, body: NewTestDefinition) -> Response:
    """Add a test definition."""
    row = await service.create_test_definition(office, TestDefinitionEntry(**_values(body)))
    location = f"/api/settings/test-definitions/{row.id}"
    return written(TestDefinition, row, await _whole(office, row), location=location)


@test_definitions.add(
    "PATCH",
    "/test-definitions/{test_definition_id}",
    needs=ADMINISTRATOR,
    answers=TestDefinition,
    refuses=CHANGE,
)
async def update_test_definition(
    request: Request, office: Office, test_definition_id: PathId, body: TestDefinitionChange
) -> Response:
    """Change a test definition.

    New limits count for results entered from then on: a verdict of the past stays as it is.
    """
    expected = expected_version(request, test_definition_id)
    row = await service.change_test_definition(office, test_definition_id, _given(body), expected)
    return written(TestDefinition, row, await _whole(office, row))


def _values(body: NewTestDefinition) -> dict[str, Any]:
    analytes = tuple(AnalyteEntry(**analyte.model_dump()) for analyte in body.analytes)
    return body.model_dump() | {"analytes": analytes}


def _given(body: TestDefinitionChange) -> dict[str, Any]:
    given = body.given()
    if "analytes" in given:
        given["analytes"] = tuple(AnalyteEntry(**each.model_dump()) for each in body.analytes)
    return given


async def _whole(office: TenantSession, row: models.TestDefinition) -> TestDefinition:
    materials = await TestDefinitions(office).materials_of([row.id])
    analytes = await Analytes(office).of_each([row.id])
    return _shape(row, materials[row.id], analytes[row.id])


def _shape(
    row: models.TestDefinition, materials: list[int], analytes: list[models.Analyte]
) -> TestDefinition:
    return TestDefinition(
        id=row.id,
        code=row.code,
        name=row.name,
        method=row.method,
        unit=row.unit,
        decimals=row.decimals,
        spec_min=row.spec_min,
        spec_max=row.spec_max,
        loq=row.loq,
        material_type_ids=materials,
        analytes=[view(Analyte, each) for each in analytes],
        active=row.active,
        created_at=row.created_at,
        updated_at=row.updated_at,
        version=row.version,
    )
