"""`/api/products` and `/api/skus`: what a client makes, and how it is sold."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query
from starlette.responses import Response

from titer.domain.commerce import models
from titer.domain.commerce.rules import ProductType
from titer.kit.errors import InvalidId, NotFound
from titer.kit.web.answers import MomentOut, NumberOut, answer, one_of, reader, view
from titer.kit.web.fields import Moment, PathId
from titer.surfaces.results.access import READ, Reading, note_step, operations
from titer.surfaces.results.shapes import Named, Variant, grams
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


def _sku(variant: Variant) -> Sku:
    sku, product = variant
    return Sku(*_fields(sku), Named(product.id, product.name))


def _fields(
    sku: models.Sku,
) -> tuple[int, str, str, str | None, ServingSize, str | None]:
    size = ServingSize(sku.serving_size_value, sku.serving_size_unit)
    return sku.id, sku.name, sku.code, grams(sku), size, sku.supplier


@products.add("GET", "/products", needs=READ, answers=ProductList, after=note_step)
async def list_products(caller: Reading, query: Annotated[ProductPages, Query()]) -> Response:
    """List products, by name."""
    window = query.window("products", caller.key.key_id)
    found = await caller.publications.products(window, **query.filters())
    return page("products", Product, window, found, lambda row: view(Product, row))


@products.add(
    "GET",
    "/products/{product_id}",
    needs=READ,
    answers=ProductWithSkus,
    refuses=(InvalidId, NotFound),
)
async def get_product(caller: Reading, product_id: PathId) -> Response:
    """Retrieve one product with its variants."""
    row = await caller.publications.product(product_id)
    skus = [
        ProductSku(sku.id, sku.name, sku.code, grams(sku))
        for sku in await caller.publications.skus_of(row.id)
    ]
    return answer(ProductWithSkus, ProductWithSkus(*[*reader(Product)(row), skus]))


@products.add("GET", "/skus", needs=READ, answers=SkuList, after=note_step)
async def list_skus(caller: Reading, query: Annotated[ProductPages, Query()]) -> Response:
    """List the variants of products, by name."""
    window = query.window("skus", caller.key.key_id)
    found = await caller.publications.skus(window, **query.filters())
    return page("skus", Sku, window, found, lambda row: _sku((row[0], row[1])))


@products.add(
    "GET", "/skus/{sku_id}", needs=READ, answers=SkuWithProduct, refuses=(InvalidId, NotFound)
)
async def get_sku(caller: Reading, sku_id: PathId) -> Response:
    """Retrieve one variant with its product."""
    sku, product = await caller.publications.sku(sku_id)
    return answer(SkuWithProduct, SkuWithProduct(*_fields(sku), view(Product, product)))
