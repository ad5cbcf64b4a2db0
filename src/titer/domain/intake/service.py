"""Placing an order together with its samples and their tests: all of it, or nothing."""

from collections.abc import Sequence
from dataclasses import replace

from titer.domain.commerce.models import Order
from titer.domain.commerce.rules import order_prefix
from titer.domain.commerce.service import OrderEntry, create_order
from titer.domain.samples.models import Sample, SampleTest
from titer.domain.samples.repository import Samples
from titer.domain.samples.rules import spell_tracking_id
from titer.domain.samples.service import Intake, enroll
from titer.kit.errors import Detail, Invalid
from titer.kit.tenancy import TenantSession

Registered = tuple[Sample, list[SampleTest]]


async def place(
    session: TenantSession, entry: OrderEntry, intakes: Sequence[Intake]
) -> tuple[Order, list[Registered]]:
    """Open an order and register its samples, each counted against the month's allowance.

    The samples are the order's client's. Raises what `create_order` and `enroll` raise; a fault
    of a sample says which.
    """
    (number,) = await Samples(session).next_numbers(order_prefix(session.now.year))
    number_text = spell_tracking_id(order_prefix(session.now.year), number, 6)
    order = await create_order(session, entry, number_text)
    registered: list[Registered] = []
    for index, intake in enumerate(intakes):
        own = replace(intake, order_id=order.id, client_id=entry.client_id, client_name=None)
        try:
            registered.append(await enroll(session, own))
        except Invalid as fault:
            raise _placed(fault, index) from fault
    return order, registered


def _placed(fault: Invalid, index: int) -> Invalid:
    """The fault with the place of its sample in the order."""
    details = [Detail(f"samples[{index}].{each.field}", each.message) for each in fault.details]
    return type(fault)(f"samples[{index}]: {fault.sentence}", details=details, facts=fault.facts)
