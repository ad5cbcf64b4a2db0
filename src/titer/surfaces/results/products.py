"""`/api/products` and `/api/skus`: what a client makes, and how it is sold."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from titer.domain.commerce import models
from titer.domain.commerce.rules import ProductType
from titer.kit.db.driver import Row
from titer.kit.errors import InvalidId, NotFound
from titer.kit.web.answers import (
    MomentOut,
    NumberOut,
    Spelling,
    answer,
    one_of,
    reader,
    spelled_number,
    view,
)
from titer.kit.web.fields import Moment, PathId
from titer.surfaces.results.access import READ, Published, note_step, operations
from titer.surfaces.results.shapes import Named, grams, spelled_grams
from titer.surfaces.results.wire import Pages, Pagination, page

products = operations("Products")


@dataclass(slots=True)
class Product:
    """Something that is made, and tested."""

    id: int
    name: str
    brand: str | None
    supplier: str | None
    product_type: Annotated[str, one_of(ProductType)]
    shelf_life: str | None
    lot_lookup_enabled: bool
    pdp_embed_enabled: bool
    show_limits_on_pip: bool
    created_at: MomentOut
    updated_at: MomentOut


@dataclass(slots=True)
class ProductSku:
    """A variant, as its product shows it."""

    id: int
    name: str
    code: str
    serving_size_grams: str | None


@dataclass(slots=True)
class ProductWithSkus(Product):
    """A product with its variants."""

    skus: list[ProductSku]


@dataclass(slots=True)
class ProductList:
    """A page of products, by name."""

    products: list[Product]
    pagination: Pagination


@dataclass(slots=True)
class ServingSize:
    """How much is one serving; both null when nobody has said."""

    value: NumberOut | None
    unit: str | None


@dataclass(slots=True)
class Sku:
    """A variant of a product, as it is sold."""

    id: int
    name: str
    code: str
    serving_size_grams: str | None
    serving_size: ServingSize
    supplier: str | None
    product: Named


@dataclass(slots=True)
class SkuWithProduct:
    """A variant with all that is known of its product."""

    id: int
    name: str
    code: str
    serving_size_grams: str | None
    serving_size: ServingSize
    supplier: str | None
    product: Product


@dataclass(slots=True)
class SkuList:
    """A page of variants, by name."""

    skus: list[Sku]
    pagination: Pagination


class ProductPages(Pages):
    """Which records are wanted."""

    updated_since: Moment | None = None


_PRODUCT = Spelling(Product)


def _spelled_sku(row: Row) -> dict[str, Any]:
    sku_id, name, code, in_grams, size, unit, supplier, product_id, product_name = row
    return {
        "id": sku_id,
        "name": name,
        "code": code,
        "serving_size_grams": spelled_grams(in_grams),
        "serving_size": {"value": spelled_number(size), "unit": unit},
        "supplier": supplier,
        "product": {"id": product_id, "name": product_name},
    }


def _fields(
    sku: models.Sku,
) -> tuple[int, str, str, str | None, ServingSize, str | None]:
    size = ServingSize(sku.serving_size_value, sku.serving_size_unit)
    return sku.id, sku.name, sku.code, grams(sku), size, sku.supplier


@products.add("GET", "/products", needs=READ, answers=ProductList, glances=True, after=note_step)
async def list_products(published: Published, query: Annotated[ProductPages, Query()]) -> Response:
    """List products, by name."""
    window = query.window("products")
    found = await published.products(window, **query.filters())
    return page("products", window, found.map(_PRODUCT))


@products.add(
    "GET",
    "/products/{product_id}",
    needs=READ,
    answers=ProductWithSkus,
    refuses=(InvalidId, NotFound),
)
async def get_product(published: Published, product_id: PathId) -> Response:
    """Retrieve one product with its variants."""
    row = await published.product(product_id)
    skus = [
        ProductSku(sku.id, sku.name, sku.code, grams(sku))
        for sku in await published.skus_of(row.id)
    ]
    return answer(ProductWithSkus, ProductWithSkus(*[*reader(Product)(row), skus]))


@products.add("GET", "/skus", needs=READ, answers=SkuList, glances=True, after=note_step)
async def list_skus(published: Published, query: Annotated[ProductPages, Query()]) -> Response:
    """List the variants of products, by name."""
    window = query.window("skus")
    found = await published.skus(window, **query.filters())
    return page("skus", window, found.map(_spelled_sku))


@products.add(
    "GET", "/skus/{sku_id}", needs=READ, answers=SkuWithProduct, refuses=(InvalidId, NotFound)
)
async def get_sku(published: Published, sku_id: PathId) -> Response:
    """Retrieve one variant with its product."""
    sku, product = await published.sku(sku_id)
    return answer(SkuWithProduct, SkuWithProduct(*_fields(sku), view(Product, product)))
