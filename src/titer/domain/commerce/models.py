"""Rows of products, their variants, and orders."""

from datetime import datetime
from decimal import Decimal

from sqlalchemy.orm import Mapped, mapped_column

from titer.domain.commerce.rules import OrderStatus, PaymentStatus, ProductType
from titer.kit.db.types import ExactDecimal, Instant
from titer.kit.owned import TenantOwned, Versioned


class Product(Versioned, TenantOwned):
    """Something that a client makes."""

    __tablename__ = "products"

    client_id: Mapped[int]
    name: Mapped[str]
    brand: Mapped[str | None]
    product_type: Mapped[str] = mapped_column(default=ProductType.FINISHED_GOOD)
    shelf_life: Mapped[str | None]
    supplier: Mapped[str | None]
    lot_lookup_enabled: Mapped[bool] = mapped_column(default=False)
    pdp_embed_enabled: Mapped[bool] = mapped_column(default=False)
    show_limits_on_pip: Mapped[bool] = mapped_column(default=False)
    external_id: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)


class Sku(Versioned, TenantOwned):
    """A variant of a product, as it is sold."""

    __tablename__ = "skus"

    product_id: Mapped[int]
    name: Mapped[str]
    code: Mapped[str] = mapped_column(default="")
    serving_size_grams: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    serving_size_value: Mapped[Decimal | None] = mapped_column(ExactDecimal)
    serving_size_unit: Mapped[str | None]
    supplier: Mapped[str | None]
    external_id: Mapped[str | None]
    active: Mapped[bool] = mapped_column(default=True)


class Order(Versioned, TenantOwned):
    """A client's submission of samples."""

    __tablename__ = "orders"

    number: Mapped[str]
    client_id: Mapped[int]
    status: Mapped[str] = mapped_column(default=OrderStatus.CREATED)
    payment_status: Mapped[str] = mapped_column(default=PaymentStatus.DRAFT)
    orderer_name: Mapped[str | None]
    orderer_email: Mapped[str | None]
    ordered_at: Mapped[datetime] = mapped_column(Instant)
    paid_at: Mapped[datetime | None] = mapped_column(Instant)
    received_at: Mapped[datetime | None] = mapped_column(Instant)
    notes: Mapped[str | None]
    external_id: Mapped[str | None]
