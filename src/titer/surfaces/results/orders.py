"""`/api/orders`: what was submitted, and how far it has come."""

from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from titer.domain.commerce import models
from titer.domain.commerce.rules import OrderStatus, PaymentStatus
from titer.domain.samples.repository import SampleTests
from titer.kit.db.driver import Row
from titer.kit.errors import InvalidId, NotFound
from titer.kit.web.answers import MomentOut, Spelling, answer, one_of, reader
from titer.kit.web.fields import Moment, PathId
from titer.surfaces.results.access import READ, Published, note_step, operations
from titer.surfaces.results.shapes import (
    Briefly,
    OrderedSku,
    Orderer,
    briefly,
    ordered_sku,
    orderer,
)
from titer.surfaces.results.wire import Pages, Pagination, page

orders = operations("Orders")


@dataclass(slots=True)
class Order:
    """A submission of samples."""

    id: int
    status: Annotated[str, one_of(OrderStatus)]
    payment_status: Annotated[str, one_of(PaymentStatus)]
    ordered_at: MomentOut
    paid_at: MomentOut | None
    date_received: MomentOut | None
    created_at: MomentOut
    updated_at: MomentOut
    orderer: Orderer


@dataclass(slots=True)
class OrderedSample:
    """A sample of the order, with its tests."""

    id: int
    lot: str | None
    sku: OrderedSku
    batch: str | None
    composite: bool
    number_of_composites: int
    tests: list[Briefly]


@dataclass(slots=True)
class OrderWithSamples(Order):
    """An order with its samples and their tests."""

    samples: list[OrderedSample]


@dataclass(slots=True)
class OrderList:
    """A page of orders, newest first."""

    orders: list[Order]
    pagination: Pagination


class OrderPages(Pages):
    """Which orders are wanted."""

    status: OrderStatus | None = None
    updated_since: Moment | None = None


def _order(row: models.Order) -> Order:
    return Order(
        id=row.id,
        status=row.status,
        payment_status=row.payment_status,
        ordered_at=row.ordered_at,
        paid_at=row.paid_at,
        date_received=row.received_at,
        created_at=row.created_at,
        updated_at=row.updated_at,
        orderer=orderer(row),
    )


#: An order's columns in the answer's order, and beside them who placed it.
_OWN = Spelling(Order, leaving={"orderer"})


def _spelled(row: Row) -> dict[str, Any]:
    *own, email, name = row
    return _OWN(own) | {"orderer": {"email": email, "name": name}}


@orders.add("GET", "/orders", needs=READ, answers=OrderList, glances=True, after=note_step)
async def list_orders(published: Published, query: Annotated[OrderPages, Query()]) -> Response:
    """List orders, newest first."""
    window = query.window("orders")
    found = await published.orders(window, **query.filters())
    return page("orders", window, found.map(_spelled))


@orders.add(
    "GET",
    "/orders/{order_id}",
    needs=READ,
    answers=OrderWithSamples,
    refuses=(InvalidId, NotFound),
)
async def get_order(published: Published, order_id: PathId) -> Response:
    """Retrieve one order with its samples and tests."""
    order = await published.order(order_id)
    samples = await published.samples_of(order.id)
    tests = await SampleTests(published.session).of_each([sample.id for sample in samples])
    variants = await published.variants(
        {sample.sku_id for sample in samples if sample.sku_id is not None}
    )
    shown = [
        OrderedSample(
            id=sample.id,
            lot=sample.lot,
            sku=ordered_sku(variants.get(sample.sku_id or 0)),
            batch=sample.batch,
            composite=sample.composite,
            number_of_composites=sample.number_of_composites,
            tests=[briefly(test, sample) for test in tests[sample.id]],
        )
        for sample in samples
    ]
    values = [*reader(Order)(_order(order)), shown]
    return answer(OrderWithSamples, OrderWithSamples(*values))
