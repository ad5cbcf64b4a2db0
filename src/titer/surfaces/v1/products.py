"""`/products`: what clients make."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.commerce import service
from titer.domain.commerce.repository import Products
from titer.domain.commerce.rules import ProductType
from titer.kit.errors import (
    Duplicate,
    InvalidBody,
    InvalidId,
    InvalidReference,
    NotFound,
)
from titer.kit.web.answers import CAMEL, MomentOut, current, one_of, view, written
from titer.kit.web.fields import Flag, Id, PathId, QueryFlag, QueryId, QueryText, Text, absent
from titer.surfaces.v1.access import CONDITIONS, READ, WRITE, Lab, expected_version, operations
from titer.surfaces.v1.wire import Body, Page, Paged, page, shown

products = operations("Orders & products")


@dataclass(slots=True)
class Product:
    """Something that a client makes, and has tested."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    client_id: int
    name: str
    brand: str | None
    product_type: Annotated[str, one_of(ProductType)]
    shelf_life: str | None
    supplier: str | None
    lot_lookup_enabled: bool
    pdp_embed_enabled: bool
    show_limits_on_pip: bool
    external_id: str | None
    active: bool
    created_at: MomentOut
    updated_at: MomentOut
    version: int


class ProductQuery(Paged):
    """Which products are wanted; `name` finds a part of the name, in any case."""

    client_id: QueryId | None = None
    name: QueryText | None = None
    external_id: QueryText | None = None
    active: QueryFlag | None = None


class ProductFields(Body):
    """What may be said of a product, at first and later."""

    brand: Text | None = None
    product_type: ProductType = absent()
    shelf_life: Text | None = None
    supplier: Text | None = None
    lot_lookup_enabled: Flag = absent()
    pdp_embed_enabled: Flag = absent()
    show_limits_on_pip: Flag = absent()
    external_id: Text | None = None
    active: Flag = absent()


class NewProduct(ProductFields):
    """A product to add."""

    model_config = shown({"clientId": 4, "name": "Baby Food", "productType": "finished_good"})

    client_id: Id
    name: Text


class ProductChange(ProductFields):
    """What to change; what is left out stays."""

    name: Text = absent()


@products.add("GET", "/products", needs=READ, answers=Page[Product])
async def list_products(
    request: Request, lab: Lab, query: Annotated[ProductQuery, Query()]
) -> Response:
    """List the clients' products, newest first."""
    wanted = query.model_dump(exclude={"limit", "cursor"})
    found = await Products(lab).matching(query.window(), **wanted)
    return page(request, Product, found, lambda row: view(Product, row))


@products.add(
    "GET", "/products/{product_id}", needs=READ, answers=Product, refuses=(InvalidId, NotFound)
)
async def get_product(request: Request, lab: Lab, product_id: PathId) -> Response:
    """Retrieve one product."""
    return current(request, Product, await Products(lab).get(product_id))


@products.add(
    "POST",
    "/products",
    needs=WRITE,
    answers=Product,
    status=201,
    refuses=(InvalidBody, InvalidReference, Duplicate),
)
async def create_product(lab: Lab, body: NewProduct) -> Response:
    """Add a product."""
    row = await service.create_product(lab, service.ProductEntry(**body.given()))
    return written(Product, row, location=f"/api/v1/products/{row.id}")


@products.add(
    "PATCH",
    "/products/{product_id}",
    needs=WRITE,
    answers=Product,
    refuses=(InvalidId, InvalidBody, NotFound, Duplicate, *CONDITIONS),
)
async def update_product(
    request: Request, lab: Lab, product_id: PathId, body: ProductChange
) -> Response:
    """Update a product; it stays its client's."""
    expected = expected_version(request, lab, product_id)
    return written(Product, await service.change_product(lab, product_id, body.given(), expected))
