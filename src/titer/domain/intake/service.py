"""Placing an order together with its samples and their tests: all of it, or nothing."""

from collections.abc import Sequence
from dataclasses import replace

from titer.domain.commerce.models import Order
from titer.domain.commerce.rules import order_prefix
from titer.domain.commerce.service import OrderEntry, create_order
from titer.domain.samples.judging import Intake
from titer.domain.samples.repository import Samples
from titer.domain.samples.rules import spell_tracking_id
from titer.domain.samples.service import Registered, enroll_all
from titer.kit.errors import Detail, Invalid, Problem
from titer.kit.tenancy import TenantSession


async def place(
    session: TenantSession, entry: OrderEntry, intakes: Sequence[Intake]
) -> tuple[Order, list[Registered]]:
    """Open an order and register its samples, each counted against the month's allowance.

    The samples are the order's client's. Raises what `create_order` and `register` raise; a
    fault of a sample says which.
    """
    (number,) = await Samples(session).next_numbers(order_prefix(session.now.year))
    number_text = spell_tracking_id(order_prefix(session.now.year), number, 6)
    order = await create_order(session, entry, number_text)
    theirs = [
        replace(intake, order_id=order.id, client_id=entry.client_id, client_name=None)
        for intake in intakes
    ]
    registered: list[Registered] = []
    for index, outcome in enumerate(await enroll_all(session, theirs) if theirs else ()):
        if isinstance(outcome, Invalid):
            raise _placed(outcome, index)
        if isinstance(outcome, Problem):
            raise outcome
        registered.append(outcome)
    return order, registered


def _placed(fault: Invalid, index: int) -> Invalid:
    """The fault with the place of its sample in the order."""
    details = [Detail(f"samples[{index}].{each.field}", each.message) for each in fault.details]
    return type(fault)(f"samples[{index}]: {fault.sentence}", details=details, facts=fault.facts)
