"""What a row says of a sample, and the records that it may refer to."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypedDict

from pydantic import Field, StringConstraints

from titer.domain.clients.repository import Clients
from titer.domain.commerce.repository import Products, Skus
from titer.domain.projects.repository import Projects
from titer.domain.projects.rules import ProjectStatus
from titer.domain.reference.repository import (
    CustomFields,
    MaterialTypes,
    StorageLocations,
    TestDefinitions,
)
from titer.domain.reference.rules import Resource
from titer.domain.samples.judging import Intake
from titer.domain.samples.rules import PLANT_LOCATION, Priority
from titer.imports.cells import Flag, Listed, Whole
from titer.imports.rows import Columns, Fault, Place, Row, fold
from titer.kit.errors import Detail
from titer.kit.records import Records
from titer.kit.tenancy import TenantSession
from titer.kit.web.fields import DayOrMoment, Prose, Text

#: Other headings that people give the columns: the create route's own, and the plain ones.
SYNONYMS = {
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
    "skuid": "sku",
    "skucode": "sku",
    "orderid": "order",
    "ordernumber": "order",
}
#: What stands in a heading before the key of a field that the organization has defined: `custom.x`
#: is the sample's own, `tests.x` that of every test of the row.
_CUSTOM = {Resource.SAMPLE: "custom", Resource.TEST: "tests"}


class SampleDetails(Columns):
    """What is said of a sample, whosever it is. Records of the catalogue are named by code or by
    id, a variant by its external id, its code or its id."""

    never_empty = frozenset({"priority", "composite", "numberOfComposites"})

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
    name: Text | None = None
    sku: Text | None = None
    lot: Text | None = None
    batch: Text | None = None
    composite: Flag = False
    number_of_composites: Annotated[Whole, Field(ge=1, le=1_000)] = 1
    serving_size: Text | None = None


class CustomValues(TypedDict):
    """What a row says of the fields that the organization has defined, as an intake takes it."""

    custom_fields: Mapping[str, str | None]
    test_custom_fields: Mapping[str, str | None]


def repeated(intakes: Mapping[Place, Intake]) -> Iterator[Fault]:
    """A fault for each row whose sample has the external id of an earlier one."""
    first: dict[str, Place] = {}
    for place, intake in intakes.items():
        if intake.external_id is not None:
            before = first.setdefault(intake.external_id, place)
            if before is not place:
                yield Fault(place, f"stands at {before} already", "externalId")


@dataclass(frozen=True, slots=True)
class Names:
    """The records of one kind, by code and by id; None for one that is out of use."""

    column: str
    what: str
    by_name: Mapping[str, int | None]

    @classmethod
    async def of(cls, records: Records[Any], column: str, what: str) -> "Names":
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
class Variants:
    """The variants of every client: an external id goes before a code, and a code before an id."""

    by_name: Mapping[tuple[int, str], tuple[int, ...]]

    @classmethod
    async def of(cls, session: TenantSession) -> "Variants":
        owners = {row.id: row.client_id for row in await Products(session).all()}
        rows = [row for row in await Skus(session).all() if row.active]
        found: dict[tuple[int, str], tuple[int, ...]] = {}
        for row in rows:
            found[owners[row.product_id], str(row.id)] = (row.id,)
        coded: dict[tuple[int, str], tuple[int, ...]] = {}
        for row in rows:
            name = owners[row.product_id], row.code
            coded[name] = (*coded.get(name, ()), row.id)
        known = {
            (owners[row.product_id], row.external_id): (row.id,)
            for row in rows
            if row.external_id is not None
        }
        return cls({**found, **coded, **known})

    def find(self, name: str | None, client_id: int | None, faults: list[Detail]) -> int | None:
        if name is None:
            return None
        ids = self.by_name.get((client_id or 0, name), ())
        if not ids:
            faults.append(Detail("sku", f"{name} is no variant of the client's products"))
        elif len(ids) > 1:
            faults.append(Detail("sku", f"{name} names several: give an external id"))
        return ids[0] if len(ids) == 1 else None


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All that a row may refer to, looked up once for the whole file."""

    materials: Names
    clients: Names
    client_names: Mapping[str, int]
    projects: Names
    places: Names
    tests: Names
    skus: Variants
    #: The columns of the fields that the organization has defined, by their folded headings.
    custom_columns: dict[str, str]

    @classmethod
    async def of(cls, session: TenantSession) -> "Catalogue":
        clients = await Clients(session).all()
        fields = [row for row in await CustomFields(session).all() if row.active]
        headings = [f"{_CUSTOM[Resource(row.resource)]}.{row.key}" for row in fields]
        return cls(
            await Names.of(MaterialTypes(session), "materialType", "material type"),
            await Names.of(Clients(session), "clientCode", "client"),
            {row.name_folded: row.id for row in clients if row.active},
            await Names.of(Projects(session), "project", "project"),
            await Names.of(StorageLocations(session), "storageLocation", "storage location"),
            await Names.of(TestDefinitions(session), "tests", "test"),
            await Variants.of(session),
            {fold(heading): heading for heading in headings},
        )

    def client_named(self, name: str | None) -> int | None:
        return self.client_names.get((name or "").casefold())

    def parted(self, row: Row) -> tuple[Row, CustomValues]:
        """The row without what it says of the organization's own fields; and that."""
        own = set(self.custom_columns.values())
        said: dict[str, dict[str, str | None]] = {prefix: {} for prefix in _CUSTOM.values()}
        for column in own & row.cells.keys():
            prefix, _, key = column.partition(".")
            if row.cells[column] is not None:
                said[prefix][key] = str(row.cells[column])
        plain = {column: cell for column, cell in row.cells.items() if column not in own}
        custom = CustomValues(
            custom_fields=said[_CUSTOM[Resource.SAMPLE]],
            test_custom_fields=said[_CUSTOM[Resource.TEST]],
        )
        return Row(row.place, plain), custom

    def details(
        self, said: SampleDetails, client_id: int | None, faults: list[Detail]
    ) -> dict[str, Any]:
        """What is said of a sample of this client's, as an intake takes it."""
        tests = [self.tests.find(code, faults) for code in said.tests]
        return {
            "project_id": self.projects.find(said.project, faults),
            "storage_location_id": self.places.find(said.storage_location, faults),
            "sku_id": self.skus.find(said.sku, client_id, faults),
            "test_definition_ids": tuple(test for test in tests if test is not None),
        } | {name: getattr(said, name) for name in _AS_SAID}


#: What a row says of a sample that stands in an intake as it is.
_AS_SAID = (
    *("plant_location", "collection_date", "priority", "notes", "external_id", "name"),
    *("lot", "batch", "composite", "number_of_composites", "serving_size"),
)
