"""`/material-types`: what samples are made of."""

from dataclasses import dataclass
from typing import ClassVar

from starlette.requests import Request
from starlette.responses import Response

from titer.domain.reference import service
from titer.domain.reference.repository import MaterialTypes
from titer.domain.reference.service import MaterialTypeEntry
from titer.kit.errors import Duplicate, InvalidBody, PreconditionFailed
from titer.kit.web.answers import CAMEL, MomentOut, current, expected_version, view, written
from titer.kit.web.fields import Flag, PathId, Prose, Text, absent
from titer.surfaces.settings.access import ADMINISTRATOR, Office, operations
from titer.surfaces.settings.catalogue import ONE, CatalogueCode, Wanted
from titer.surfaces.settings.wire import Body, Page, page, shown

material_types = operations("Catalogue")


@dataclass(slots=True)
class MaterialType:
    """What a sample is made of."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    code: str
    name: str
    description: str | None
    active: bool
    created_at: MomentOut
    updated_at: MomentOut
    version: int


class NewMaterialType(Body):
    """A material type to add."""

    model_config = shown({"code": "DW", "name": "Drinking water"})

    code: CatalogueCode
    name: Text
    description: Prose | None = None
    active: Flag = True


class MaterialTypeChange(Body):
    """What to change; what is left out stays."""

    model_config = shown({"active": False})

    code: CatalogueCode = absent()
    name: Text = absent()
    description: Prose | None = None
    active: Flag = absent()


@material_types.add("GET", "/material-types", needs=ADMINISTRATOR, answers=Page[MaterialType])
async def list_material_types(request: Request, office: Office, query: Wanted) -> Response:
    """List material types, newest first."""
    found = await MaterialTypes(office).matching(query.window(), **query.filter())
    return page(request, MaterialType, found, lambda row: view(MaterialType, row))


@material_types.add(
    "GET",
    "/material-types/{material_type_id}",
    needs=ADMINISTRATOR,
    answers=MaterialType,
    refuses=ONE,
)
async def get_material_type(request: Request, office: Office, material_type_id: PathId) -> Response:
    """Retrieve one material type."""
    return current(request, MaterialType, await MaterialTypes(office).get(material_type_id))


@material_types.add(
    "POST",
    "/material-types",
    needs=ADMINISTRATOR,
    answers=MaterialType,
    status=201,
    refuses=(InvalidBody, Duplicate),
)
async def create_material_type(office: Office, body: NewMaterialType) -> Response:
    """Add a material type."""
    row = await service.create_material_type(office, MaterialTypeEntry(**body.model_dump()))
    return written(MaterialType, row, location=f"/api/settings/material-types/{row.id}")


@material_types.add(
    "PATCH",
    "/material-types/{material_type_id}",
    needs=ADMINISTRATOR,
    answers=MaterialType,
    refuses=(*ONE, InvalidBody, Duplicate, PreconditionFailed),
)
async def update_material_type(
    request: Request, office: Office, material_type_id: PathId, body: MaterialTypeChange
) -> Response:
    """Change a material type; `active: false` takes it out of use for new work."""
    expected = expected_version(request, material_type_id)
    row = await service.change_material_type(office, material_type_id, body.given(), expected)
    return written(MaterialType, row)
