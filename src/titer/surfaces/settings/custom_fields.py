"""`/custom-fields`: what the organization wants to know of its tests and samples besides."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.reference import service
from titer.domain.reference.repository import CustomFields
from titer.domain.reference.rules import FIELD_KEY, Resource
from titer.kit.web.answers import CAMEL, MomentOut, current, expected_version, one_of, view, written
from titer.kit.web.fields import Flag, PathId, QueryFlag, Text, absent
from titer.surfaces.settings.access import ADMINISTRATOR, Office, operations
from titer.surfaces.settings.catalogue import CHANGE, NEW, ONE
from titer.surfaces.settings.wire import Body, Page, Paged, page, shown

custom_fields = operations("Catalogue")

FieldKey = Annotated[str, StringConstraints(strict=True, pattern=f"^{FIELD_KEY.pattern}$")]


@dataclass(slots=True)
class CustomField:
    """A field of tests or of samples: `key` is for programs, `name` for people."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    resource: Annotated[str, one_of(Resource)]
    key: str
    name: str
    active: bool
    created_at: MomentOut
    updated_at: MomentOut
    version: int


class CustomFieldQuery(Paged):
    """Which fields are wanted."""

    resource: Resource | None = None
    active: QueryFlag | None = None


class NewCustomField(Body):
    """A field to define; its key stays for good."""

    model_config = shown({"resource": "test", "key": "metafield_batch_id", "name": "Batch ID"})

    resource: Resource
    key: FieldKey
    name: Text


class CustomFieldChange(Body):
    """What to change; what is left out stays."""

    name: Text = absent()
    active: Flag = absent()


@custom_fields.add("GET", "/custom-fields", needs=ADMINISTRATOR, answers=Page[CustomField])
async def list_custom_fields(
    request: Request, office: Office, query: Annotated[CustomFieldQuery, Query()]
) -> Response:
    """List custom fields, newest first."""
    found = await CustomFields(office).matching(
        query.window(), resource=query.resource, active=query.active
    )
    return page(request, CustomField, found, lambda row: view(CustomField, row))


@custom_fields.add(
    "GET",
    "/custom-fields/{custom_field_id}",
    needs=ADMINISTRATOR,
    answers=CustomField,
    refuses=ONE,
)
async def get_custom_field(request: Request, office: Office, custom_field_id: PathId) -> Response:
    """Retrieve one custom field."""
    return current(request, CustomField, await CustomFields(office).get(custom_field_id))


@custom_fields.add(
    "POST", "/custom-fields", needs=ADMINISTRATOR, answers=CustomField, status=201, refuses=NEW
)
async def create_custom_field(office: Office, body: NewCustomField) -> Response:
    """Define a custom field."""
    row = await service.define_custom_field(office, body.resource, body.key, body.name)
    return written(CustomField, row, location=f"/api/settings/custom-fields/{row.id}")


@custom_fields.add(
    "PATCH",
    "/custom-fields/{custom_field_id}",
    needs=ADMINISTRATOR,
    answers=CustomField,
    refuses=CHANGE,
)
async def update_custom_field(
    request: Request, office: Office, custom_field_id: PathId, body: CustomFieldChange
) -> Response:
    """Rename a custom field; `active: false` takes it out of use, and values stay."""
    expected = expected_version(request, custom_field_id)
    row = await service.change_custom_field(office, custom_field_id, body.given(), expected)
    return written(CustomField, row)
