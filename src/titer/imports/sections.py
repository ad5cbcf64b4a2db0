"""The sections of a reference file: what a record may say, and which service keeps it."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields
from typing import Any, ClassVar

from pydantic import model_validator

from titer.domain.clients import service as clients
from titer.domain.clients.repository import Clients
from titer.domain.commerce import service as commerce
from titer.domain.commerce.repository import Products, Skus
from titer.domain.commerce.rules import ProductType
from titer.domain.projects import service as projects
from titer.domain.projects.repository import Projects
from titer.domain.projects.rules import ProjectStatus, SampleIdScheme
from titer.domain.reference import service as reference
from titer.domain.reference.repository import (
    Analytes,
    MaterialTypes,
    StorageLocations,
    TestDefinitions,
)
from titer.imports.cells import Flag, Listed, Number, Whole
from titer.imports.rows import Columns
from titer.kit.errors import Detail, at_fault
from titer.kit.tenancy import TenantSession
from titer.kit.web.fields import Code, Day, Prose, Text


class Coded(Columns):
    """What every record of the catalogue says."""

    never_empty = frozenset({"name", "active"})

    code: Code
    name: Text = ""
    active: Flag = True


class Section:
    """One kind of record: how it is found, and who makes and changes it."""

    name: ClassVar[str]
    singular: ClassVar[str]
    columns: ClassVar[type[Any]]
    entry: ClassVar[type[Any]]
    repository: ClassVar[type[Any]]

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    def key(self, said: Any) -> str:
        """What no two records of the file may have in common."""
        return str(said.code)

    def ordered(self, said: Mapping[str, Any]) -> Sequence[str]:
        """The keys in an order in which the records can be made."""
        return list(said)

    async def prepare(self) -> None:
        """Learn what the records may refer to."""

    async def find(self, said: Any) -> Any | None:
        return await self.repository(self.session).with_code(said.code)

    async def values(self, said: Any) -> dict[str, Any]:
        """What the record says, as the fields of an entry. Raises `InvalidBody`."""
        given: dict[str, Any] = said.given()
        return given

    async def current(self, record: Any) -> dict[str, Any]:
        """The entry's fields as they are kept."""
        return {each.name: getattr(record, each.name) for each in fields(self.entry)}

    def entry_of(self, values: Mapping[str, Any]) -> Any:
        """A new record's entry. Raises `InvalidBody` for what is missing."""
        required = [each.name for each in fields(self.entry) if each.default is MISSING]
        missing = [name for name in required if name not in values]
        if missing:
            raise at_fault([Detail(name, "is required for a new record") for name in missing])
        return self.entry(**values)

    async def create(self, entry: Any) -> Any:
        raise NotImplementedError

    async def change(self, record_id: int, values: Mapping[str, Any]) -> Any:
        raise NotImplementedError


class MaterialTypeColumns(Coded):
    description: Prose | None = None


class MaterialTypeSection(Section):
    name, singular = "materialTypes", "materialType"
    columns, entry, repository = MaterialTypeColumns, reference.MaterialTypeEntry, MaterialTypes

    async def create(self, entry: Any) -> Any:
        return await reference.create_material_type(self.session, entry)

    async def change(self, record_id: int, values: Mapping[str, Any]) -> Any:
        return await reference.change_material_type(self.session, record_id, values)


class TestDefinitionColumns(Coded):
    __test__ = False

    method: Text | None = None
    unit: Text | None = None
    decimals: Whole | None = None
    spec_min: Number | None = None
    spec_max: Number | None = None
    loq: Number | None = None
    materials: Listed = ()


class TestDefinitionSection(Section):
    __test__ = False

    name, singular = "testDefinitions", "testDefinition"
    columns, entry = TestDefinitionColumns, reference.TestDefinitionEntry
    repository = TestDefinitions
    _materials: dict[str, int]

    async def prepare(self) -> None:
        rows = await MaterialTypes(self.session).all()
        self._materials = {row.code: row.id for row in rows}

    async def values(self, said: Any) -> dict[str, Any]:
        given: dict[str, Any] = said.given()
        if "materials" in given:
            codes = given.pop("materials")
            unknown = [code for code in codes if code not in self._materials]
            if unknown:
                raise at_fault(
                    [Detail("materials", f"{code} is no material type") for code in unknown]
                )
            ids = sorted(self._materials[code] for code in codes)
            given["material_type_ids"] = tuple(ids)
        return given

    async def current(self, record: Any) -> dict[str, Any]:
        beside = {"material_type_ids", "analytes"}
        materials = await TestDefinitions(self.session).materials_of([record.id])
        own = {
            each.name: getattr(record, each.name)
            for each in fields(self.entry)
            if each.name not in beside
        }
        return own | {"material_type_ids": tuple(materials[record.id])}

    async def create(self, entry: Any) -> Any:
        return await reference.create_test_definition(self.session, entry)

    async def change(self, record_id: int, values: Mapping[str, Any]) -> Any:
        return await reference.change_test_definition(self.session, record_id, values)


class AnalyteColumns(Coded):
    """An analyte of the panel `test`; a new one takes its place at the panel's end."""

    test: Code
    unit: Text | None = None
    decimals: Whole | None = None
    spec_min: Number | None = None
    spec_max: Number | None = None
    loq: Number | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlacedAnalyte(reference.AnalyteEntry):
    """An analyte with the panel that it belongs to."""

    test_definition_id: int


class AnalyteSection(Section):
    name, singular = "analytes", "analyte"
    columns, entry, repository = AnalyteColumns, PlacedAnalyte, Analytes

    def key(self, said: Any) -> str:
        return f"{said.test}: {said.code}"

    async def find(self, said: Any) -> Any | None:
        panel = await TestDefinitions(self.session).with_code(said.test)
        return await Analytes(self.session).with_code(panel.id, said.code) if panel else None

    async def values(self, said: Any) -> dict[str, Any]:
        given: dict[str, Any] = said.given()
        code = given.pop("test")
        panel = await TestDefinitions(self.session).with_code(code)
        if panel is None:
            raise at_fault([Detail("test", f"{code} is no test")])
        return given | {"test_definition_id": panel.id}

    async def create(self, entry: Any) -> Any:
        return await self._keep(asdict(entry))

    async def change(self, record_id: int, values: Mapping[str, Any]) -> Any:
        row = await Analytes(self.session).get(record_id)
        return await self._keep(await self.current(row) | dict(values))

    async def _keep(self, values: dict[str, Any]) -> Any:
        panel_id = values.pop("test_definition_id")
        entry = reference.AnalyteEntry(**values)
        return await reference.keep_analyte(self.session, panel_id, entry)


class StorageLocationColumns(Coded):
    never_empty = frozenset({"name", "active", "kind"})

    kind: Text = ""
    parent: Code | None = None
    capacity: Whole | None = None


class StorageLocationSection(Section):
    name, singular = "storageLocations", "storageLocation"
    columns, entry = StorageLocationColumns, reference.StorageLocationEntry
    repository = StorageLocations

    def ordered(self, said: Mapping[str, Any]) -> Sequence[str]:
        """Parents before what lies in them; a circle stays where it is, and is refused then."""
        placed: dict[str, None] = {}
        for code in said:
            way = [code]
            while (above := said[way[-1]].parent) in said and above not in placed:
                if above in way:
                    break
                way.append(str(above))
            placed |= dict.fromkeys(reversed(way))
        return list(placed)

    async def values(self, said: Any) -> dict[str, Any]:
        given: dict[str, Any] = said.given()
        if "parent" in given:
            code = given.pop("parent")
            parent = await StorageLocations(self.session).with_code(code) if code else None
            if code is not None and parent is None:
                raise at_fault([Detail("parent", f"{code} is no storage location")])
            given["parent_id"] = parent.id if parent else None
        return given

    async def create(self, entry: Any) -> Any:
        return await reference.create_storage_location(self.session, entry)

    async def change(self, record_id: int, values: Mapping[str, Any]) -> Any:
        return await reference.change_storage_location(self.session, record_id, values)


class ClientColumns(Columns):
    never_empty = frozenset({"name", "active"})

    code: Code | None = None
    name: Text = ""
    contact_name: Text | None = None
    email: Text | None = None
    phone: Text | None = None
    address: Prose | None = None
    notes: Prose | None = None
    active: Flag = True

    @model_validator(mode="after")
    def _needs_a_key(self) -> "ClientColumns":
        if not self.code and not self.name:
            raise ValueError("needs a code or a name")
        return self


class ClientSection(Section):
    name, singular = "clients", "client"
    columns, entry, repository = ClientColumns, clients.ClientEntry, Clients

    def key(self, said: Any) -> str:
        return str(said.code or said.name.casefold())

    async def find(self, said: Any) -> Any | None:
        """By code; else by name, where that client has no other code."""
        found = await Clients(self.session).with_code(said.code) if said.code else None
        if found is None and said.name:
            named = await Clients(self.session).named(said.name)
            if named is not None and (said.code is None or named.code is None):
                found = named
        return found

    async def create(self, entry: Any) -> Any:
        return await clients.create(self.session, entry)

    async def change(self, record_id: int, values: Mapping[str, Any]) -> Any:
        return await clients.change(self.session, record_id, values)


class ProjectColumns(Columns):
    never_empty = frozenset({"name", "status", "sampleIdScheme"})

    code: Code
    name: Text = ""
    description: Prose | None = None
    client: Text | None = None
    status: ProjectStatus = ProjectStatus.ACTIVE
    sample_id_scheme: SampleIdScheme = SampleIdScheme.STANDARD
    start_date: Day | None = None
    end_date: Day | None = None


class ProjectSection(Section):
    name, singular = "projects", "project"
    columns, entry, repository = ProjectColumns, projects.ProjectEntry, Projects

    async def values(self, said: Any) -> dict[str, Any]:
        given: dict[str, Any] = said.given()
        if "client" in given:
            wanted = given.pop("client")
            given["client_id"] = await self._client(wanted) if wanted else None
        return given

    async def _client(self, wanted: str) -> int:
        known = Clients(self.session)
        found = await known.with_code(wanted) or await known.named(wanted)
        if found is None:
            raise at_fault([Detail("client", f"{wanted} is no client's code or name")])
        return found.id

    async def create(self, entry: Any) -> Any:
        return await projects.create(self.session, entry)

    async def change(self, record_id: int, values: Mapping[str, Any]) -> Any:
        return await projects.change(self.session, record_id, values)


class ProductColumns(Columns):
    """A product of a client's, which is named by code or name."""

    never_empty = frozenset(
        {"name", "active", "productType", "lotLookupEnabled", "pdpEmbedEnabled", "showLimitsOnPip"}
    )

    external_id: Text
    client: Text
    name: Text = ""
    brand: Text | None = None
    product_type: ProductType = ProductType.FINISHED_GOOD
    shelf_life: Text | None = None
    supplier: Text | None = None
    lot_lookup_enabled: Flag = False
    pdp_embed_enabled: Flag = False
    show_limits_on_pip: Flag = False
    active: Flag = True


class ProductSection(Section):
    name, singular = "products", "product"
    columns, entry, repository = ProductColumns, commerce.ProductEntry, Products

    def key(self, said: Any) -> str:
        return str(said.external_id)

    async def find(self, said: Any) -> Any | None:
        return await Products(self.session).with_external_id(said.external_id)

    async def values(self, said: Any) -> dict[str, Any]:
        given: dict[str, Any] = said.given()
        wanted = given.pop("client")
        known = Clients(self.session)
        found = await known.with_code(wanted) or await known.named(wanted)
        if found is None:
            raise at_fault([Detail("client", f"{wanted} is no client's code or name")])
        return given | {"client_id": found.id}

    async def create(self, entry: Any) -> Any:
        return await commerce.create_product(self.session, entry)

    async def change(self, record_id: int, values: Mapping[str, Any]) -> Any:
        if "client_id" in values:
            raise at_fault([Detail("client", "of a product cannot be changed")])
        return await commerce.change_product(self.session, record_id, values)


class SkuColumns(Columns):
    """A variant of the product with the external id `product`."""

    never_empty = frozenset({"name", "active", "code"})

    external_id: Text
    product: Text
    name: Text = ""
    code: Code = ""
    serving_size_grams: Number | None = None
    serving_size_value: Number | None = None
    serving_size_unit: Text | None = None
    supplier: Text | None = None
    active: Flag = True


class SkuSection(Section):
    name, singular = "skus", "sku"
    columns, entry, repository = SkuColumns, commerce.SkuEntry, Skus

    def key(self, said: Any) -> str:
        return str(said.external_id)

    async def find(self, said: Any) -> Any | None:
        return await Skus(self.session).with_external_id(said.external_id)

    async def values(self, said: Any) -> dict[str, Any]:
        given: dict[str, Any] = said.given()
        wanted = given.pop("product")
        found = await Products(self.session).with_external_id(wanted)
        if found is None:
            raise at_fault([Detail("product", f"{wanted} is no product's external id")])
        return given | {"product_id": found.id}

    async def create(self, entry: Any) -> Any:
        return await commerce.create_sku(self.session, entry)

    async def change(self, record_id: int, values: Mapping[str, Any]) -> Any:
        if "product_id" in values:
            raise at_fault([Detail("product", "of a variant cannot be changed")])
        return await commerce.change_sku(self.session, record_id, values)


SECTIONS: tuple[type[Section], ...] = (
    MaterialTypeSection,
    TestDefinitionSection,
    AnalyteSection,
    StorageLocationSection,
    ClientSection,
    ProjectSection,
    ProductSection,
    SkuSection,
)
