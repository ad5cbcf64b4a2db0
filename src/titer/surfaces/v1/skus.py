"""`/skus`: the variants that products are sold as."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import Query
from pydantic import StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.commerce import service
from titer.domain.commerce.repository import Skus
from titer.kit.errors import (
    Duplicate,
    InvalidBody,
    InvalidId,
    InvalidReference,
    NotFound,
)
from titer.kit.web.answers import (
    CAMEL,
    MomentOut,
    NumberOut,
    current,
    view,
    written,
)
from titer.kit.web.fields import (
    Exact,
    Flag,
    Id,
    PathId,
    QueryFlag,
    QueryId,
    QueryText,
    Text,
    absent,
)
from titer.surfaces.v1.access import CONDITIONS, READ, WRITE, Lab, expected_version, operations
from titer.surfaces.v1.wire import Body, Page, Paged, page, shown

skus = operations("Orders & products")

SkuCode = Annotated[
    str, StringConstraints(strict=True, pattern=r"^([A-Za-z0-9][A-Za-z0-9_.:/+-]{0,63})?$")
]


@dataclass(slots=True)
class Sku:
    """A variant of a product, as it is sold."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    product_id: int
    name: str
    code: str
    serving_size_grams: NumberOut | None
    serving_size_value: NumberOut | None
    serving_size_unit: str | None
    supplier: str | None
    external_id: str | None
    active: bool
    created_at: MomentOut
    updated_at: MomentOut
    version: int


class SkuQuery(Paged):
    """Which variants are wanted; `name` finds a part of the name, in any case."""

    product_id: QueryId | None = None
    name: QueryText | None = None
    code: QueryText | None = None
    external_id: QueryText | None = None
    active: QueryFlag | None = None


class SkuFields(Body):
    """What may be said of a variant, at first and later."""

    code: SkuCode = absent()
    serving_size_grams: Exact | None = None
    serving_size_value: Exact | None = None
    serving_size_unit: Text | None = None
    supplier: Text | None = None
    external_id: Text | None = None
    active: Flag = absent()


class NewSku(SkuFields):
    """A variant to add."""

    model_config = shown({"productId": 2, "name": "Apple Strawberry", "code": "BB-AS"})

    product_id: Id
    name: Text


class SkuChange(SkuFields):
    """What to change; what is left out stays."""

    name: Text = absent()


@skus.add("GET", "/skus", needs=READ, answers=Page[Sku])
async def list_skus(request: Request, lab: Lab, query: Annotated[SkuQuery, Query()]) -> Response:
    """List the variants of products, newest first."""
    wanted = query.model_dump(exclude={"limit", "cursor"})
    found = await Skus(lab).matching(query.window(), **wanted)
    return page(request, Sku, found, lambda row: view(Sku, row))


@skus.add("GET", "/skus/{sku_id}", needs=READ, answers=Sku, refuses=(InvalidId, NotFound))
async def get_sku(request: Request, lab: Lab, sku_id: PathId) -> Response:
    """Retrieve one variant."""
    return current(request, Sku, await Skus(lab).get(sku_id))


@skus.add(
    "POST",
    "/skus",
    needs=WRITE,
    answers=Sku,
    status=201,
    refuses=(InvalidBody, InvalidReference, Duplicate),
)
async def create_sku(lab: Lab, body: NewSku) -> Response:
    """Add a variant of a product."""
    row = await service.create_sku(lab, service.SkuEntry(**body.given()))
    return written(Sku, row, location=f"/api/v1/skus/{row.id}")


@skus.add(
    "PATCH",
    "/skus/{sku_id}",
    needs=WRITE,
    answers=Sku,
    refuses=(InvalidId, InvalidBody, NotFound, Duplicate, *CONDITIONS),
)
async def update_sku(request: Request, lab: Lab, sku_id: PathId, body: SkuChange) -> Response:
    """Update a variant; it stays its product's."""
    expected = expected_version(request, lab, sku_id)
    return written(Sku, await service.change_sku(lab, sku_id, body.given(), expected))
