"""`/test-definitions`, `/material-types`, `/storage-locations`: the catalogue, to read.

It is kept under `/api/settings`, by administrators.
"""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.reference import models
from titer.domain.reference.repository import (
    Analytes,
    MaterialTypes,
    StorageLocations,
    TestDefinitions,
)
from titer.kit.errors import InvalidId, NotFound
from titer.kit.web.answers import CAMEL, NumberOut, current, view
from titer.kit.web.fields import PathId, QueryFlag, QueryText
from titer.surfaces.v1.access import READ, Lab, operations
from titer.surfaces.v1.wire import Page, Paged, page

reference = operations("Reference data")


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


@dataclass(slots=True)
class MaterialType:
    """What a sample is made of."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    code: str
    name: str
    description: str | None
    active: bool


@dataclass(slots=True)
class StorageLocation:
    """A place that samples are kept in; `path` leads down to it by code, `COLD/F2/B07`."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    code: str
    name: str
    kind: str
    parent_id: int | None
    path: str
    capacity: int | None
    active: bool


class CatalogueQuery(Paged):
    """Which records are wanted; `name` finds a part of the name, in any case."""

    active: QueryFlag | None = None
    name: QueryText | None = None
    code: QueryText | None = None

    def filter(self) -> dict[str, Any]:
        return self.model_dump(exclude={"limit", "cursor"})


Wanted = Annotated[CatalogueQuery, Query()]


def _test_definition(
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
    )


@reference.add("GET", "/test-definitions", needs=READ, answers=Page[TestDefinition])
async def list_test_definitions(request: Request, lab: Lab, query: Wanted) -> Response:
    """List test definitions (codes, units, spec limits), newest first."""
    definitions = TestDefinitions(lab)
    found = await definitions.matching(query.window(), **query.filter())
    ids = [row.id for row in found.rows]
    materials = await definitions.materials_of(ids)
    analytes = await Analytes(lab).of_each(ids)
    return page(
        request,
        TestDefinition,
        found,
        lambda row: _test_definition(row, materials[row.id], analytes[row.id]),
    )


@reference.add(
    "GET",
    "/test-definitions/{test_definition_id}",
    needs=READ,
    answers=TestDefinition,
    refuses=(InvalidId, NotFound),
)
async def get_test_definition(request: Request, lab: Lab, test_definition_id: PathId) -> Response:
    """Retrieve one test definition."""
    definitions = TestDefinitions(lab)
    row = await definitions.get(test_definition_id)
    materials = (await definitions.materials_of([row.id]))[row.id]
    analytes = (await Analytes(lab).of_each([row.id]))[row.id]
    return current(request, TestDefinition, row, _test_definition(row, materials, analytes))


@reference.add("GET", "/material-types", needs=READ, answers=Page[MaterialType])
async def list_material_types(request: Request, lab: Lab, query: Wanted) -> Response:
    """List material/matrix types, newest first."""
    found = await MaterialTypes(lab).matching(query.window(), **query.filter())
    return page(request, MaterialType, found, lambda row: view(MaterialType, row))


@reference.add(
    "GET",
    "/material-types/{material_type_id}",
    needs=READ,
    answers=MaterialType,
    refuses=(InvalidId, NotFound),
)
async def get_material_type(request: Request, lab: Lab, material_type_id: PathId) -> Response:
    """Retrieve one material type."""
    return current(request, MaterialType, await MaterialTypes(lab).get(material_type_id))


@reference.add("GET", "/storage-locations", needs=READ, answers=Page[StorageLocation])
async def list_storage_locations(request: Request, lab: Lab, query: Wanted) -> Response:
    """List storage locations, newest first."""
    found = await StorageLocations(lab).matching(query.window(), **query.filter())
    return page(request, StorageLocation, found, lambda row: view(StorageLocation, row))


@reference.add(
    "GET",
    "/storage-locations/{storage_location_id}",
    needs=READ,
    answers=StorageLocation,
    refuses=(InvalidId, NotFound),
)
async def get_storage_location(request: Request, lab: Lab, storage_location_id: PathId) -> Response:
    """Retrieve one storage location."""
    return current(request, StorageLocation, await StorageLocations(lab).get(storage_location_id))
