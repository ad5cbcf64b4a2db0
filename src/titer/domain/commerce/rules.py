"""What an order and a product may be. Pure."""

from dataclasses import dataclass
from enum import StrEnum


class OrderStatus(StrEnum):
    """How far a client's submission has come."""

    CREATED = "created"
    RECEIVED = "received"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class Progress:
    """How far the samples of an order have come, all of them together."""

    #: One has arrived.
    arrived: bool = False
    #: One is being tested: it is processed, or has a result.
    begun: bool = False
    #: There are samples, and every one is reported.
    finished: bool = False


_WAY = (
    OrderStatus.CREATED,
    OrderStatus.RECEIVED,
    OrderStatus.IN_PROGRESS,
    OrderStatus.COMPLETED,
)


def order_status(current: OrderStatus, progress: Progress) -> OrderStatus:
    """Where an order stands after one of its samples has moved on.

    It is `received` with its first sample that arrives, `in_progress` with the first that is being
    tested, `completed` when the last one is reported. It only moves ahead, so that what a person
    has set by hand holds, and a receipt that is taken back does not take back the order's. But a
    completed order that gets a further sample is not complete any more; and a cancelled order stays
    cancelled, whatever becomes of its samples, until a person says otherwise.
    """
    if current is OrderStatus.CANCELLED:
        return current
    if progress.finished:
        return OrderStatus.COMPLETED
    reached = OrderStatus.CREATED
    if progress.begun:
        reached = OrderStatus.IN_PROGRESS
    elif progress.arrived:
        reached = OrderStatus.RECEIVED
    return reached if current is OrderStatus.COMPLETED else max(current, reached, key=_WAY.index)


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
