"""`/storage-locations`: the tree of places that samples are kept in."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.reference import service
from titer.domain.reference.repository import StorageLocations
from titer.domain.reference.rules import PLACE_CODE
from titer.domain.reference.service import StorageLocationEntry
from titer.kit.web.answers import CAMEL, MomentOut, current, expected_version, view, written
from titer.kit.web.fields import Flag, Id, PathId, Text, absent
from titer.surfaces.settings.access import ADMINISTRATOR, Office, operations
from titer.surfaces.settings.catalogue import CHANGE, NEW, ONE, Wanted
from titer.surfaces.settings.wire import Body, Page, page, shown

storage_locations = operations("Catalogue")

PlaceCode = Annotated[str, StringConstraints(strict=True, pattern=f"^{PLACE_CODE.pattern}$")]
Capacity = Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]


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
    created_at: MomentOut
    updated_at: MomentOut
    version: int


class NewStorageLocation(Body):
    """A place to add, within its parent if it has one."""

    model_config = shown({"code": "F2", "name": "Freezer 2", "kind": "freezer", "parentId": 5})

    code: PlaceCode
    name: Text
    kind: Text
    parent_id: Id | None = None
    capacity: Capacity | None = None
    active: Flag = True


class StorageLocationChange(Body):
    """What to change; what is left out stays. All that lies within a place moves along."""

    model_config = shown({"parentId": 6})

    code: PlaceCode = absent()
    name: Text = absent()
    kind: Text = absent()
    parent_id: Id | None = None
    capacity: Capacity | None = None
    active: Flag = absent()


@storage_locations.add(
    "GET", "/storage-locations", needs=ADMINISTRATOR, answers=Page[StorageLocation]
)
async def list_storage_locations(request: Request, office: Office, query: Wanted) -> Response:
    """List storage locations, newest first."""
    found = await StorageLocations(office).matching(query.window(), **query.filter())
    return page(request, StorageLocation, found, lambda row: view(StorageLocation, row))


@storage_locations.add(
    "GET",
    "/storage-locations/{storage_location_id}",
    needs=ADMINISTRATOR,
    answers=StorageLocation,
    refuses=ONE,
)
async def get_storage_location(
    request: Request, office: Office, storage_location_id: PathId
) -> Response:
    """Retrieve one storage location."""
    row = await StorageLocations(office).get(storage_location_id)
    return current(request, StorageLocation, row)


@storage_locations.add(
    "POST",
    "/storage-locations",
    needs=ADMINISTRATOR,
    answers=StorageLocation,
    status=201,
    refuses=NEW,
)
async def create_storage_location(office: Office, body: NewStorageLocation) -> Response:
    """Add a storage location."""
    row = await service.create_storage_location(office, StorageLocationEntry(**body.model_dump()))
    return written(StorageLocation, row, location=f"/api/settings/storage-locations/{row.id}")


@storage_locations.add(
    "PATCH",
    "/storage-locations/{storage_location_id}",
    needs=ADMINISTRATOR,
    answers=StorageLocation,
    refuses=CHANGE,
)
async def update_storage_location(
    request: Request, office: Office, storage_location_id: PathId, body: StorageLocationChange
) -> Response:
    """Change or move a storage location; all that lies within it moves along.

    `parentId: null` makes it a root. A location cannot be moved below itself.
    """
    expected = expected_version(request, storage_location_id)
    row = await service.change_storage_location(office, storage_location_id, body.given(), expected)
    return written(StorageLocation, row)
