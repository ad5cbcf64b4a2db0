"""`/extraction-aliases`: what instruments call the tests, learned from rows that were written."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.uploads import service
from titer.domain.uploads.repository import ExtractionAliases
from titer.kit.errors import InvalidId, NotFound
from titer.kit.web.answers import CAMEL, MomentOut, answer, view
from titer.kit.web.fields import PathId
from titer.surfaces.settings.access import ADMINISTRATOR, Office, operations
from titer.surfaces.settings.wire import Page, Paged, page

extraction_aliases = operations("Instrument uploads")


@dataclass(slots=True)
class ExtractionAlias:
    """A name that stands in instrument files for a test of the catalogue or an analyte of one."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    text: str
    test_definition_id: int
    created_by: int | None
    created_at: MomentOut
    updated_at: MomentOut
    analyte_id: int | None


@extraction_aliases.add(
    "GET", "/extraction-aliases", needs=ADMINISTRATOR, answers=Page[ExtractionAlias]
)
async def list_extraction_aliases(
    request: Request, office: Office, query: Annotated[Paged, Query()]
) -> Response:
    """List the names that were learned, newest first."""
    found = await ExtractionAliases(office).page(query.window())
    return page(request, ExtractionAlias, found, lambda row: view(ExtractionAlias, row))


@extraction_aliases.add(
    "DELETE",
    "/extraction-aliases/{extraction_alias_id}",
    needs=ADMINISTRATOR,
    answers=ExtractionAlias,
    refuses=(InvalidId, NotFound),
)
async def forget_extraction_alias(office: Office, extraction_alias_id: PathId) -> Response:
    """Forget a name: files are read without it from now on. The answer is what was forgotten."""
    alias = await service.forget(office, extraction_alias_id)
    return answer(ExtractionAlias, view(ExtractionAlias, alias))
