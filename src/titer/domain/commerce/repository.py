"""All queries about products, variants and orders."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import ColumnElement, or_, select

from titer.domain.commerce.models import Order, Product, Sku
from titer.kit.errors import taken
from titer.kit.paging import Slice, Window
from titer.kit.prepared import TENANT, Prepared, among
from titer.kit.records import M, Records
from titer.kit.strokes import table_of

_ORDERS = table_of(Order).c
_KNOWN_AS = Prepared(
    select(_ORDERS.id, _ORDERS.external_id, _ORDERS.number).where(
        _ORDERS.organization_id == TENANT,
        or_(among(_ORDERS.external_id, "names"), among(_ORDERS.number, "names")),
    )
)


class Commerce(Records[M]):
    """Records that the client's own systems know by an id of theirs."""

    async def with_external_id(self, external_id: str) -> M | None:
        return await self.one(self.model.external_id == external_id)

    async def require_free(self, external_id: str | None, but_for: int | None = None) -> None:
        """Raise `Duplicate` if another record has the external id."""
        if external_id is None:
            return
        holder = await self.with_external_id(external_id)
        if holder is not None and holder.id != but_for:
            raise taken("externalId", external_id, holder.id)

    async def matching(self, window: Window, *, name: str | None = None, **equal: Any) -> Slice[M]:
        """Those whose columns are as `equal` says, and whose name contains `name`."""
        conditions: list[ColumnElement[bool]] = [
            getattr(self.model, column) == value
            for column, value in equal.items()
            if value is not None
        ]
        if name is not None:
            conditions.append(self.model.name.icontains(name, autoescape=True))
        return await self.page(window, *conditions)


class Products(Commerce[Product]):
    model = Product

    async def named(self, client_id: int, name: str) -> Product | None:
        """The first of a client's products with that very name."""
        found = await self.all(Product.client_id == client_id, Product.name == name)
        return found[0] if found else None


class Skus(Commerce[Sku]):
    model = Sku

    async def coded(self, product_id: int, code: str) -> Sku | None:
        """The first of a product's variants with that code."""
        found = await self.all(Sku.product_id == product_id, Sku.code == code)
        return found[0] if found else None


class Orders(Commerce[Order]):
    model = Order

    async def known_as(self, names: Collection[str]) -> dict[str, int]:
        """The ids of the orders with those external ids, or else with those numbers, by name."""
        if not names:
            return {}
        rows = await self.session.fetch(_KNOWN_AS, names=list(names))
        known = {number: order_id for order_id, _, number in rows if number in names}
        return known | {external: order_id for order_id, external, _ in rows if external in names}

    async def held(self, order_ids: Collection[int]) -> Sequence[Order]:
        """Those orders, locked until the commit in the order of their ids; samples may still be
        registered to them meanwhile."""
        statement = select(Order).where(Order.id.in_(order_ids)).order_by(Order.id)
        # A sample that refers to the order holds its key: that must not stand in our way.
        statement = statement.with_for_update(key_share=True)
        # One that was read before it was locked may have changed since.
        statement = statement.execution_options(populate_existing=True)
        return (await self.session.scalars(statement)).all()
