"""Importing samples: each row is registered as the create route would register it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import model_validator

from titer.domain.commerce.repository import Orders
from titer.domain.organizations.errors import SampleLimitExceeded
from titer.domain.samples import service
from titer.domain.samples.judging import Intake
from titer.imports.catalogue import SYNONYMS, Catalogue, CustomValues, SampleDetails, repeated
from titer.imports.files import read
from titer.imports.rows import (
    Fault,
    NotImported,
    Place,
    Row,
    batched,
    headed,
    refused,
    understood,
)
from titer.kit.errors import Detail, Problem, at_fault
from titer.kit.tenancy import TenantSession
from titer.kit.web.fields import Text

#: So many rows are registered and written together, to keep a long file's memory small.
_AT_ONCE = 500


class SampleColumns(SampleDetails):
    """A sample to register, of a client by name or code, and of an order of theirs by its external
    id or its number."""

    never_empty = SampleDetails.never_empty | {"materialType"}

    material_type: Text
    client_name: Text | None = None
    client_code: Text | None = None
    order: Text | None = None

    @model_validator(mode="after")
    def _needs_a_client(self) -> "SampleColumns":
        if self.client_name is None and self.client_code is None:
            raise ValueError("needs clientName or clientCode")
        return self


@dataclass(frozen=True, slots=True)
class Registered:
    """A sample that came in, and the place of its row."""

    place: Place
    sample_id: int
    tracking_id: str
    external_id: str | None


async def bring_in(
    session: TenantSession, path: Path, watch: Callable[[Sequence[Row], str], Iterable[Row]]
) -> list[Registered]:
    """Register every row of a file. Raises `NotImported`; then nothing may be committed.

    Rows are read and looked up before the first is registered: a file with faults costs nobody
    else a moment.
    """
    faults: list[Fault] = []
    catalogue = await Catalogue.of(session)
    known = SYNONYMS | SampleColumns.known() | catalogue.custom_columns
    rows = [row for table in read(path) for row in headed(table, known, faults)]
    intakes: dict[Place, Intake] = {}
    for batch in batched(rows, _AT_ONCE):
        intakes |= await _intakes(session, catalogue, batch, faults)
    faults += repeated(intakes)
    registered = await _register(session, rows, intakes, faults, watch)
    if faults:
        raise NotImported(faults)
    return registered


async def _intakes(
    session: TenantSession, catalogue: Catalogue, rows: Sequence[Row], faults: list[Fault]
) -> dict[Place, Intake]:
    """What the rows say, with their references found, but for those that are at fault."""
    said: list[tuple[Row, SampleColumns, CustomValues]] = []
    for row in rows:
        plain, custom = catalogue.parted(row)
        columns = understood(plain, SampleColumns, faults)
        if columns is not None:
            said.append((row, columns, custom))
    named = {columns.order for _, columns, _ in said if columns.order is not None}
    orders = await Orders(session).known_as(named)
    intakes: dict[Place, Intake] = {}
    for row, columns, custom in said:
        try:
            intakes[row.place] = _intake(catalogue, orders, columns, custom)
        except Problem as problem:
            faults += refused(row, problem)
    return intakes


def _intake(
    catalogue: Catalogue, orders: Mapping[str, int], said: SampleColumns, custom: CustomValues
) -> Intake:
    """The row with its references found. Raises `InvalidBody`."""
    faults: list[Detail] = []
    material = catalogue.materials.find(said.material_type, faults)
    client = catalogue.clients.find(said.client_code, faults)
    owner = client or catalogue.client_named(said.client_name)
    values = catalogue.details(said, owner, faults)
    order = None if said.order is None else orders.get(said.order)
    if said.order is not None and order is None:
        faults.append(Detail("order", f"{said.order} is no order"))
    if faults or material is None:
        raise at_fault(faults)
    return Intake(
        material_type_id=material,
        client_id=client,
        client_name=said.client_name,
        order_id=order,
        **values,
        **custom,
    )


async def _register(
    session: TenantSession,
    rows: Sequence[Row],
    intakes: Mapping[Place, Intake],
    faults: list[Fault],
    watch: Callable[[Sequence[Row], str], Iterable[Row]],
) -> list[Registered]:
    registered: list[Registered] = []
    repeated = {fault.place for fault in faults}
    wanted = [row for row in rows if row.place in intakes and row.place not in repeated]
    for batch in batched(watch(wanted, "samples"), _AT_ONCE):
        outcomes = await service.register_all(session, [intakes[row.place] for row in batch])
        for row, outcome in zip(batch, outcomes, strict=False):
            if isinstance(outcome, Problem):
                faults += refused(row, outcome)
                continue
            sample, _ = outcome
            registered.append(
                Registered(row.place, sample.id, sample.tracking_id, sample.external_id)
            )
        if outcomes and isinstance(outcomes[-1], SampleLimitExceeded):
            break
        await session.settle()
    return registered
