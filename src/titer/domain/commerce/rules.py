"""What an order and a product may be. Pure."""

from enum import StrEnum


class OrderStatus(StrEnum):
    """How far a client's submission has come."""

    CREATED = "created"
    RECEIVED = "received"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class PaymentStatus(StrEnum):
    DRAFT = "draft"
    PENDING = "pending"
    PAID = "paid"


class ProductType(StrEnum):
    FINISHED_GOOD = "finished_good"
    RAW_MATERIAL = "raw_material"


def order_prefix(year: int) -> str:
    """What the running numbers of a year's orders are counted under."""
    return f"O-{year}"
