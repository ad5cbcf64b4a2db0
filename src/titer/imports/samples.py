"""Importing samples: each row is registered as the create route would register it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, StringConstraints, model_validator

from titer.domain.clients.repository import Clients
from titer.domain.organizations.errors import SampleLimitExceeded
from titer.domain.projects.repository import Projects
from titer.domain.projects.rules import ProjectStatus
from titer.domain.reference.repository import MaterialTypes, StorageLocations, TestDefinitions
from titer.domain.samples import service
from titer.domain.samples.rules import PLANT_LOCATION, Priority
from titer.imports.cells import Listed
from titer.imports.files import read
from titer.imports.rows import Columns, Fault, NotImported, Place, Row, headed, refused, understood
from titer.kit.errors import Detail, Problem, at_fault
from titer.kit.records import Records
from titer.kit.tenancy import TenantSession
from titer.kit.web.fields import DayOrMoment, Prose, Text

#: Other headings that people give the columns: the create route's own, and the plain ones.
_SYNONYMS = {
    "client": "clientName",
    "clientid": "clientCode",
    "material": "materialType",
    "materialtypeid": "materialType",
    "materialtypecode": "materialType",
    "projectid": "project",
    "projectcode": "project",
    "storagelocationid": "storageLocation",
    "storagelocationcode": "storageLocation",
    "testdefinitionids": "tests",
    "testcodes": "tests",
}
#: The audit trail is written out after this many rows, to keep a long file's memory small.
_SETTLE_EVERY = 500


class SampleColumns(Columns):
    """A sample to register. Records of the catalogue are named by code or by id."""

    never_empty = frozenset({"priority", "materialType"})

    material_type: Text
    client_name: Text | None = None
    client_code: Text | None = None
    project: Text | None = None
    collection_date: DayOrMoment | None = None
    priority: Priority = Priority.NORMAL
    tests: Annotated[Listed, Field(max_length=100)] = ()
    notes: Prose | None = None
    plant_location: (
        Annotated[str, StringConstraints(pattern=f"^{PLANT_LOCATION.pattern}$")] | None
    ) = None
    storage_location: Text | None = None
    external_id: Text | None = None

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
    rows = _rows(path, faults)
    catalogue = await _Catalogue.of(session)
    intakes: dict[Place, service.Intake] = {}
    for row in rows:
        columns = understood(row, SampleColumns, faults)
        if columns is not None:
            try:
                intakes[row.place] = catalogue.intake(columns)
            except Problem as problem:
                faults += refused(row, problem)
    faults += _repeated(intakes)
    registered = await _register(session, rows, intakes, faults, watch)
    if faults:
        raise NotImported(faults)
    return registered


def _rows(path: Path, faults: list[Fault]) -> list[Row]:
    known = _SYNONYMS | SampleColumns.known()
    return [row for table in read(path) for row in headed(table, known, faults)]


def _repeated(intakes: Mapping[Place, service.Intake]) -> list[Fault]:
    first: dict[str, Place] = {}
    faults: list[Fault] = []
    for place, intake in intakes.items():
        if intake.external_id is not None:
            before = first.setdefault(intake.external_id, place)
            if before is not place:
                faults.append(Fault(place, f"stands at {before} already", "externalId"))
    return faults


async def _register(
    session: TenantSession,
    rows: Sequence[Row],
    intakes: Mapping[Place, service.Intake],
    faults: list[Fault],
    watch: Callable[[Sequence[Row], str], Iterable[Row]],
) -> list[Registered]:
    registered: list[Registered] = []
    repeated = {fault.place for fault in faults}
    wanted = [row for row in rows if row.place in intakes and row.place not in repeated]
    for number, row in enumerate(watch(wanted, "samples"), start=1):
        try:
            sample, _ = await service.register(session, intakes[row.place])
        except SampleLimitExceeded as problem:
            faults += refused(row, problem)
            break
        except Problem as problem:
            faults += refused(row, problem)
            continue
        registered.append(Registered(row.place, sample.id, sample.tracking_id, sample.external_id))
        if number % _SETTLE_EVERY == 0:
            await session.settle()
    return registered


@dataclass(frozen=True, slots=True)
class _Names:
    """The records of one kind, by code and by id; None for one that is out of use."""

    column: str
    what: str
    by_name: Mapping[str, int | None]

    @classmethod
    async def of(cls, records: Records[Any], column: str, what: str) -> "_Names":
        rows = await records.all()
        # A code that looks like a number goes before the id: people write codes.
        names = {str(row.id): _in_use(row) for row in rows}
        names |= {row.code: _in_use(row) for row in rows if row.code}
        return cls(column, what, names)

    def find(self, name: str | None, faults: list[Detail]) -> int | None:
        if name is None:
            return None
        if name not in self.by_name:
            faults.append(Detail(self.column, f"{name} is no {self.what}"))
        elif self.by_name[name] is None:
            faults.append(Detail(self.column, f"the {self.what} {name} is not active"))
        return self.by_name.get(name)


def _in_use(row: Any) -> int | None:
    active = row.status == ProjectStatus.ACTIVE if hasattr(row, "status") else row.active
    return int(row.id) if active else None


@dataclass(frozen=True, slots=True)
class _Catalogue:
    """All that a row may refer to, looked up once for the whole file."""

    materials: _Names
    clients: _Names
    projects: _Names
    places: _Names
    tests: _Names

    @classmethod
    async def of(cls, session: TenantSession) -> "_Catalogue":
        return cls(
            await _Names.of(MaterialTypes(session), "materialType", "material type"),
            await _Names.of(Clients(session), "clientCode", "client"),
            await _Names.of(Projects(session), "project", "project"),
            await _Names.of(StorageLocations(session), "storageLocation", "storage location"),
            await _Names.of(TestDefinitions(session), "tests", "test"),
        )

    def intake(self, said: SampleColumns) -> service.Intake:
        """The row with its references found. Raises `InvalidBody`."""
        faults: list[Detail] = []
        tests = [self.tests.find(code, faults) for code in said.tests]
        material = self.materials.find(said.material_type, faults)
        client = self.clients.find(said.client_code, faults)
        project = self.projects.find(said.project, faults)
        place = self.places.find(said.storage_location, faults)
        if faults or material is None:
            raise at_fault(faults)
        return service.Intake(
            material_type_id=material,
            client_id=client,
            client_name=said.client_name,
            project_id=project,
            storage_location_id=place,
            plant_location=said.plant_location,
            collection_date=said.collection_date,
            priority=said.priority,
            notes=said.notes,
            external_id=said.external_id,
            test_definition_ids=tuple(test for test in tests if test is not None),
        )
