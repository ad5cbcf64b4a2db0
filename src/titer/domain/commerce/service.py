"""Keeping products, their variants, and orders.

An upsert finds its record by `with_external_id`, then creates or changes it here.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Any

from titer.domain.clients.repository import Clients
from titer.domain.commerce.models import Order, Product, Sku
from titer.domain.commerce.repository import Orders, Products, Skus
from titer.domain.commerce.rules import (
    OrderStatus,
    PaymentStatus,
    ProductType,
    Progress,
    order_status,
)
from titer.domain.people.rules import is_email
from titer.domain.reference.service import write
from titer.kit.errors import Detail, at_fault, unknown
from titer.kit.tenancy import TenantSession


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductEntry:
    """What is kept of a product."""

    client_id: int
    name: str
    brand: str | None = None
    product_type: ProductType = ProductType.FINISHED_GOOD
    shelf_life: str | None = None
    supplier: str | None = None
    lot_lookup_enabled: bool = False
    pdp_embed_enabled: bool = False
    show_limits_on_pip: bool = False
    external_id: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SkuEntry:
    """What is kept of a variant."""

    product_id: int
    name: str
    code: str = ""
    serving_size_grams: Decimal | None = None
    serving_size_value: Decimal | None = None
    serving_size_unit: str | None = None
    supplier: str | None = None
    external_id: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderEntry:
    """What is kept of an order. Its number is given out; times that are not said follow."""

    client_id: int
    status: OrderStatus = OrderStatus.CREATED
    payment_status: PaymentStatus = PaymentStatus.DRAFT
    orderer_name: str | None = None
    orderer_email: str | None = None
    ordered_at: datetime | None = None
    paid_at: datetime | None = None
    received_at: datetime | None = None
    notes: str | None = None
    external_id: str | None = None


async def create_product(session: TenantSession, entry: ProductEntry) -> Product:
    """Add a product. Raises `InvalidReference` (client) and `Duplicate` (external id)."""
    await _require_client(session, entry.client_id)
    await Products(session).require_free(entry.external_id)
    return await Products(session).add(Product(**asdict(entry)))


async def change_product(
    session: TenantSession, product_id: int, values: Mapping[str, Any], expected: int | None = None
) -> Product:
    """Change those fields of an entry that `values` names; it stays its client's.

    Raises `NotFound`, `PreconditionFailed` and `Duplicate`.
    """
    row = await Products(session).get_for_change(product_id, expected)
    await Products(session).require_free(values.get("external_id"), row.id)
    write(session, row, values)
    await session.flush()
    return row


async def create_sku(session: TenantSession, entry: SkuEntry) -> Sku:
    """Add a variant. Raises `InvalidReference` (product), `InvalidBody`, `Duplicate`."""
    product = await Products(session).find(entry.product_id)
    if product is None or not product.active:
        raise unknown("productId", [entry.product_id])
    _check_sku(entry)
    await Skus(session).require_free(entry.external_id)
    return await Skus(session).add(Sku(**asdict(entry)))


async def change_sku(
    session: TenantSession, sku_id: int, values: Mapping[str, Any], expected: int | None = None
) -> Sku:
    """Change those fields of an entry that `values` names; it stays its product's.

    Raises `NotFound`, `PreconditionFailed`, `InvalidBody` and `Duplicate`.
    """
    row = await Skus(session).get_for_change(sku_id, expected)
    kept = {name: getattr(row, name) for name in SkuEntry.__dataclass_fields__}
    _check_sku(SkuEntry(**{**kept, **values}))
    await Skus(session).require_free(values.get("external_id"), row.id)
    write(session, row, values)
    await session.flush()
    return row


async def create_order(session: TenantSession, entry: OrderEntry, number: str) -> Order:
    """Open an order under its number.

    Raises `InvalidReference` (client), `InvalidBody` and `Duplicate` (external id).
    """
    await _require_client(session, entry.client_id)
    _check_order(entry)
    await Orders(session).require_free(entry.external_id)
    stamped = replace(entry, ordered_at=entry.ordered_at or session.now)
    row = Order(number=number, **asdict(stamped))
    _stamp(session, row, entry.status, entry.payment_status)
    return await Orders(session).add(row)


async def change_order(
    session: TenantSession, order_id: int, values: Mapping[str, Any], expected: int | None = None
) -> Order:
    """Change those fields of an entry that `values` names; it stays its client's.

    Raises `NotFound`, `PreconditionFailed`, `InvalidBody` and `Duplicate`.
    """
    row = await Orders(session).get_for_change(order_id, expected)
    kept = {name: getattr(row, name) for name in OrderEntry.__dataclass_fields__}
    entry = OrderEntry(**{**kept, **values})
    _check_order(entry)
    await Orders(session).require_free(values.get("external_id"), row.id)
    old = row.status
    for name, value in values.items():
        setattr(row, name, value)
    _stamp(session, row, entry.status, entry.payment_status)
    if row.status != old:
        session.label(row, row.status)
    await session.flush()
    return row


def follow(session: TenantSession, order: Order, progress: Progress) -> None:
    """Let an order that is locked follow its samples, as `order_status` has it."""
    status = order_status(OrderStatus(order.status), progress)
    if status != order.status:
        order.status = status
        _stamp(session, order, status, PaymentStatus(order.payment_status))
        session.label(order, status)


def _stamp(session: TenantSession, row: Order, status: OrderStatus, payment: PaymentStatus) -> None:
    """What a status says without saying it: that the order came, or was paid, by now."""
    if payment == PaymentStatus.PAID and row.paid_at is None:
        row.paid_at = session.now
    arrived = status in {OrderStatus.RECEIVED, OrderStatus.IN_PROGRESS, OrderStatus.COMPLETED}
    if arrived and row.received_at is None:
        row.received_at = session.now


async def _require_client(session: TenantSession, client_id: int) -> None:
    if client_id not in await Clients(session).active_ids([client_id]):
        raise unknown("clientId", [client_id])


def _check_sku(entry: SkuEntry) -> None:
    faults = [
        Detail(field, "must be more than 0")
        for field, value in (
            ("servingSizeGrams", entry.serving_size_grams),
            ("servingSizeValue", entry.serving_size_value),
        )
        if value is not None and value <= 0
    ]
    if (entry.serving_size_value is None) != (entry.serving_size_unit is None):
        faults.append(Detail("servingSizeUnit", "goes with servingSizeValue, and only with it"))
    if faults:
        raise at_fault(faults)


def _check_order(entry: OrderEntry) -> None:
    if entry.orderer_email is not None and not is_email(entry.orderer_email):
        raise at_fault([Detail("ordererEmail", "must be an e-mail address")])
