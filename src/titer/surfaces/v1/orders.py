"""`/orders`: what clients have submitted."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.commerce import models, service
from titer.domain.commerce.repository import Orders
from titer.domain.commerce.rules import OrderStatus, PaymentStatus
from titer.domain.intake.service import place
from titer.domain.organizations.errors import SampleLimitExceeded
from titer.domain.samples.repository import AnalyteResults
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
    answer,
    current,
    etag,
    one_of,
    reader,
    view,
    written,
)
from titer.kit.web.bodies import MIB
from titer.kit.web.fields import Id, Moment, PathId, Prose, QueryId, QueryText, Text, absent
from titer.surfaces.v1 import shapes
from titer.surfaces.v1.access import CONDITIONS, READ, WRITE, Lab, expected_version, operations
from titer.surfaces.v1.samples import OrderedSample, intake_of
from titer.surfaces.v1.wire import Body, Page, Paged, page, shown

orders = operations("Orders & products")


@dataclass(slots=True)
class Order:
    """A client's submission of samples."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    number: str
    client_id: int
    status: Annotated[str, one_of(OrderStatus)]
    payment_status: Annotated[str, one_of(PaymentStatus)]
    orderer_name: str | None
    orderer_email: str | None
    ordered_at: MomentOut
    paid_at: MomentOut | None
    received_at: MomentOut | None
    notes: str | None
    external_id: str | None
    created_at: MomentOut
    updated_at: MomentOut
    version: int


@dataclass(slots=True)
class PlacedOrder(Order):
    """An order with the samples that came with it."""

    __pydantic_config__: ClassVar = CAMEL

    samples: list[shapes.SampleWithTests]


class OrderQuery(Paged):
    """Which orders are wanted."""

    client_id: QueryId | None = None
    status: OrderStatus | None = None
    payment_status: PaymentStatus | None = None
    number: QueryText | None = None
    external_id: QueryText | None = None


class OrderFields(Body):
    """What may be said of an order, at first and later."""

    status: OrderStatus = absent()
    payment_status: PaymentStatus = absent()
    orderer_name: Text | None = None
    orderer_email: Text | None = None
    ordered_at: Moment = absent()
    paid_at: Moment | None = None
    received_at: Moment | None = None
    notes: Prose | None = None
    external_id: Text | None = None


class NewOrder(OrderFields):
    """An order to open, with its samples and their tests."""

    model_config = shown(
        {
            "clientId": 4,
            "ordererName": "John Doe",
            "ordererEmail": "john@example.org",
            "samples": [{"materialTypeId": 3, "lot": "L-7", "testDefinitionIds": [12]}],
        }
    )

    client_id: Id
    samples: Annotated[list[OrderedSample], Field(max_length=500)] = Field(default=[])


class OrderChange(OrderFields):
    """What to change; what is left out stays."""


@orders.add("GET", "/orders", needs=READ, answers=Page[Order])
async def list_orders(
    request: Request, lab: Lab, query: Annotated[OrderQuery, Query()]
) -> Response:
    """List orders, newest first."""
    wanted = query.model_dump(exclude={"limit", "cursor"})
    found = await Orders(lab).matching(query.window(), **wanted)
    return page(request, Order, found, lambda row: view(Order, row))


@orders.add("GET", "/orders/{order_id}", needs=READ, answers=Order, refuses=(InvalidId, NotFound))
async def get_order(request: Request, lab: Lab, order_id: PathId) -> Response:
    """Retrieve one order; its samples are those of `/samples?orderId=`."""
    return current(request, Order, await Orders(lab).get(order_id))


@orders.add(
    "POST",
    "/orders",
    needs=WRITE,
    answers=PlacedOrder,
    status=201,
    refuses=(InvalidBody, InvalidReference, Duplicate, SampleLimitExceeded),
    body_limit=4 * MIB,
)
async def create_order(lab: Lab, body: NewOrder) -> Response:
    """Open an order, and register its samples with their tests: all of it, or nothing.

    Each sample counts against the plan's monthly sample allowance.
    """
    said = {name: value for name, value in body.given().items() if name != "samples"}
    intakes = [intake_of(sample) for sample in body.samples]
    order, registered = await place(lab, service.OrderEntry(**said), intakes)
    return await _placed(lab, order, registered)


async def _placed(lab: Lab, order: models.Order, registered: list[shapes.Registered]) -> Response:
    tests = [test for _, scheduled in registered for test in scheduled]
    analytes = await AnalyteResults(lab).of_each(tests)
    samples = [shapes.sample_with_tests(*each, analytes) for each in registered]
    headers = {"Location": f"/api/v1/orders/{order.id}", "ETag": etag(order)}
    values: list[Any] = [*reader(Order)(order), samples]
    return answer(PlacedOrder, PlacedOrder(*values), 201, headers)


@orders.add(
    "PATCH",
    "/orders/{order_id}",
    needs=WRITE,
    answers=Order,
    refuses=(InvalidId, InvalidBody, NotFound, Duplicate, *CONDITIONS),
)
async def update_order(request: Request, lab: Lab, order_id: PathId, body: OrderChange) -> Response:
    """Update an order; it stays its client's.

    `paidAt` and `receivedAt` follow from the statuses where they are not said.
    """
    expected = expected_version(request, lab, order_id)
    return written(Order, await service.change_order(lab, order_id, body.given(), expected))
