"""Importing orders with their samples: each is placed as the create route would place it.

A row is a sample, with what is said of its order beside it. Rows that name the same order belong
together, wherever they stand; what is said of the order is said on one of them, or on all alike. A
row without a material type has no sample: it tells of the order alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from titer.domain.commerce.rules import OrderStatus, PaymentStatus
from titer.domain.commerce.service import OrderEntry
from titer.domain.intake.service import place
from titer.domain.organizations.errors import SampleLimitExceeded
from titer.domain.samples.judging import Intake
from titer.imports.catalogue import SYNONYMS, Catalogue, SampleDetails, repeated
from titer.imports.files import read
from titer.imports.reference import Watch
from titer.imports.rows import Fault, NotImported, Place, Row, headed, refused, understood
from titer.kit.errors import Detail, Invalid, Problem, at_fault
from titer.kit.tenancy import TenantSession
from titer.kit.web.fields import Moment, Prose, Text

_SYNONYMS = {
    **{heading: column for heading, column in SYNONYMS.items() if column != "order"},
    **{name: "client" for name, column in SYNONYMS.items() if column.startswith("client")},
    "clientname": "client",
    "clientcode": "client",
    "orderexternalid": "order",
    "email": "ordererEmail",
    "datereceived": "receivedAt",
}


#: The audit trail is written out after so many orders and samples, to keep a long file's memory
#: small.
_SETTLE_EVERY = 500


class OrderColumns(SampleDetails):
    """An order by its external id, the client by code or name, and one of the order's samples."""

    order: Text
    client: Text | None = None
    material_type: Text | None = None
    status: OrderStatus | None = None
    payment_status: PaymentStatus | None = None
    orderer_name: Text | None = None
    orderer_email: Text | None = None
    ordered_at: Moment | None = None
    paid_at: Moment | None = None
    received_at: Moment | None = None
    order_notes: Prose | None = None


#: What a row says of its order, and how an entry of one calls it.
_OF_ORDER = {
    **{name: name for name in ("client", "status", "payment_status", "orderer_name")},
    **{name: name for name in ("orderer_email", "ordered_at", "paid_at", "received_at")},
    "order_notes": "notes",
}


@dataclass(frozen=True, slots=True)
class Placed:
    """An order that came in, the place of its first row, and how many samples came with it."""

    place: Place
    order_id: int
    number: str
    external_id: str
    samples: int


@dataclass(slots=True)
class _Order:
    """An order as its rows tell of it."""

    row: Row
    external_id: str
    said: dict[str, Any] = field(default_factory=dict)
    samples: list[tuple[Row, OrderColumns]] = field(default_factory=list)

    def hear(self, row: Row, columns: OrderColumns, faults: list[Fault]) -> None:
        """Take in another row. One that says another thing of the order is at fault."""
        for name, alias in _OF_ORDER.items():
            value = getattr(columns, name)
            if value is None:
                continue
            if self.said.setdefault(alias, value) != value:
                column = OrderColumns.model_fields[name].alias or name
                message = f"is not what an earlier row of {self.external_id} says"
                faults.append(Fault(row.place, message, column))
        if columns.material_type is not None:
            self.samples.append((row, columns))
        else:
            faults += _of_no_sample(row, columns)


def _of_no_sample(row: Row, columns: OrderColumns) -> list[Fault]:
    own = set(SampleDetails.model_fields) & columns.model_fields_set
    filled = [name for name in own if getattr(columns, name) not in {None, ()}]
    return [Fault(row.place, "is required for a sample", "materialType")] if filled else []


async def bring_in(session: TenantSession, path: Path, watch: Watch) -> list[Placed]:
    """Place every order of a file. Raises `NotImported`; then nothing may be committed."""
    faults: list[Fault] = []
    catalogue = await Catalogue.of(session)
    known = _SYNONYMS | OrderColumns.known() | catalogue.custom_columns
    rows = [row for table in read(path) for row in headed(table, known, faults)]
    orders = _grouped(rows, catalogue, faults)
    wanted: dict[int, tuple[_Order, OrderEntry, dict[Place, Intake]]] = {}
    for order in orders.values():
        entry = _entry(order, catalogue, faults)
        if entry is not None:
            wanted[id(order.row)] = order, entry, _intakes(order, entry, catalogue, faults)
    every = {place: intake for _, _, own in wanted.values() for place, intake in own.items()}
    twice = list(repeated(every))
    faults += twice
    placed: list[Placed] = []
    unsettled = 0
    for row in watch([order.row for order, _, _ in wanted.values()], "orders"):
        order, entry, intakes = wanted[id(row)]
        for fault in twice:
            intakes.pop(fault.place, None)
        try:
            made, registered = await place(session, entry, list(intakes.values()))
        except SampleLimitExceeded as problem:
            faults += refused(row, problem)
            break
        except Problem as problem:
            faults += _told(order, intakes, problem)
            continue
        external_id = order.external_id
        placed.append(Placed(row.place, made.id, made.number, external_id, len(registered)))
        unsettled += 1 + len(registered)
        if unsettled >= _SETTLE_EVERY:
            await session.settle()
            unsettled = 0
    if faults:
        raise NotImported(faults)
    return placed


def _grouped(rows: Sequence[Row], catalogue: Catalogue, faults: list[Fault]) -> dict[str, _Order]:
    orders: dict[str, _Order] = {}
    for row in rows:
        plain, _ = catalogue.parted(row)
        columns = understood(plain, OrderColumns, faults)
        if columns is not None:
            order = orders.setdefault(columns.order, _Order(row, columns.order))
            order.hear(row, columns, faults)
    return orders


def _entry(order: _Order, catalogue: Catalogue, faults: list[Fault]) -> OrderEntry | None:
    said = dict(order.said)
    wanted = said.pop("client", None)
    if wanted is None:
        faults.append(Fault(order.row.place, "is required for an order", "client"))
        return None
    client_id = catalogue.clients.by_name.get(wanted) or catalogue.client_named(wanted)
    if client_id is None:
        message = f"{wanted} is no client's code or name, or is not active"
        faults.append(Fault(order.row.place, message, "client"))
        return None
    return OrderEntry(client_id=client_id, external_id=order.external_id, **said)


def _intakes(
    order: _Order, entry: OrderEntry, catalogue: Catalogue, faults: list[Fault]
) -> dict[Place, Intake]:
    intakes: dict[Place, Intake] = {}
    for row, columns in order.samples:
        wrong: list[Detail] = []
        material = catalogue.materials.find(columns.material_type, wrong)
        values = catalogue.details(columns, entry.client_id, wrong)
        if wrong or material is None:
            faults += refused(row, at_fault(wrong))
            continue
        _, custom = catalogue.parted(row)
        intakes[row.place] = Intake(material_type_id=material, **values, **custom)
    return intakes


def _told(order: _Order, intakes: Mapping[Place, Intake], problem: Problem) -> list[Fault]:
    """The faults that the domain finds, each at its own row: that of a sample, or the order's."""
    if not isinstance(problem, Invalid) or not problem.details:
        return refused(order.row, problem)
    places = list(intakes)
    faults: list[Fault] = []
    for detail in problem.details:
        index, separator, column = detail.field.removeprefix("samples[").partition("].")
        place = places[int(index)] if separator else order.row.place
        faults.append(Fault(place, detail.message, column if separator else detail.field))
    return faults
