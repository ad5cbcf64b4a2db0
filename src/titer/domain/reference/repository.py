"""All queries about the catalogue."""

from collections.abc import Collection, Iterable, Sequence

from sqlalchemy import ColumnElement, delete, func, select
from sqlalchemy.orm.attributes import flag_modified

from titer.domain.reference.models import (
    Analyte,
    CustomField,
    MaterialType,
    StorageLocation,
    TestDefinition,
    TestMaterial,
)
from titer.kit.errors import taken
from titer.kit.paging import Slice, Window
from titer.kit.records import M, Records


class Catalogue(Records[M]):
    """Records that people know by a code, and that may be taken out of use."""

    async def with_code(self, code: str) -> M | None:
        return await self.one(self.model.code == code)

    async def require_free(self, code: str, but_for: int | None = None) -> None:
        """Raise `Duplicate` if a record has the code, other than the one with the id `but_for`."""
        holder = await self.with_code(code)
        if holder is not None and holder.id != but_for:
            raise taken("code", code, holder.id)

    async def matching(
        self,
        window: Window,
        *,
        active: bool | None = None,
        name: str | None = None,
        code: str | None = None,
    ) -> Slice[M]:
        """Those that are (in)active, whose name contains `name` in any case, whose code is it."""
        conditions: list[ColumnElement[bool]] = []
        if active is not None:
            conditions.append(self.model.active.is_(active))
        if name is not None:
            conditions.append(self.model.name.icontains(name, autoescape=True))
        if code is not None:
            conditions.append(self.model.code == code)
        return await self.page(window, *conditions)

    async def active_ids(self, ids: Collection[int]) -> set[int]:
        """Those of the ids that may be used in new work."""
        if not ids:
            return set()
        statement = select(self.model.id).where(self.model.id.in_(ids), self.model.active.is_(True))
        return set(await self.session.scalars(statement))


class MaterialTypes(Catalogue[MaterialType]):
    model = MaterialType


class TestDefinitions(Catalogue[TestDefinition]):
    __test__ = False
    model = TestDefinition

    async def materials_of(self, definition_ids: Collection[int]) -> dict[int, list[int]]:
        """The ids of the material types that each test is meant for."""
        found: dict[int, list[int]] = {definition_id: [] for definition_id in definition_ids}
        if not found:
            return found
        rows = await self.session.execute(
            select(TestMaterial.test_definition_id, TestMaterial.material_type_id)
            .where(TestMaterial.test_definition_id.in_(definition_ids))
            .order_by(TestMaterial.material_type_id)
        )
        for definition_id, material_id in rows:
            found[definition_id].append(material_id)
        return found

    async def set_materials(self, definition_id: int, material_ids: Iterable[int]) -> None:
        await self.session.execute(
            delete(TestMaterial)
            .where(TestMaterial.test_definition_id == definition_id)
            .execution_options(synchronize_session=False)
        )
        self.session.add_all(
            TestMaterial(test_definition_id=definition_id, material_type_id=material_id)
            for material_id in sorted(set(material_ids))
        )
        await self.session.flush()

    def touch(self, definition: TestDefinition) -> None:
        """Make the next flush write the definition, whose materials changed, a new version."""
        flag_modified(definition, "updated_at")


class Analytes(Records[Analyte]):
    model = Analyte

    async def with_code(self, definition_id: int, code: str) -> Analyte | None:
        return await self.one(Analyte.test_definition_id == definition_id, Analyte.code == code)

    async def of_each(self, definition_ids: Collection[int]) -> dict[int, list[Analyte]]:
        """The analytes of each definition in their order, those out of use too."""
        found: dict[int, list[Analyte]] = {definition_id: [] for definition_id in definition_ids}
        if not found:
            return found
        rows = await self.session.scalars(
            select(Analyte)
            .where(Analyte.test_definition_id.in_(definition_ids))
            .order_by(Analyte.position, Analyte.id)
        )
        for row in rows:
            found[row.test_definition_id].append(row)
        return found


class StorageLocations(Catalogue[StorageLocation]):
    model = StorageLocation

    async def hold_tree(self) -> None:
        """Nobody else changes the organization's tree until the commit.

        Two moves at once could otherwise each be right and together make a circle.
        """
        if self.session.on_postgresql:
            tree = f"storage_locations of {self.session.tenant.organization_id}"
            await self.session.execute(
                select(func.pg_advisory_xact_lock(func.hashtextextended(tree, 0)))
            )

    async def below(self, path: str) -> Sequence[StorageLocation]:
        """Every storage location below the one at `path`, however deep."""
        found = await self.all(StorageLocation.path.startswith(f"{path}/", autoescape=True))
        # SQLite's LIKE takes `cold` for `COLD`.
        return [place for place in found if place.path.startswith(f"{path}/")]


class CustomFields(Records[CustomField]):
    model = CustomField

    async def of(self, resource: str) -> Sequence[CustomField]:
        """The fields of tests, or of samples, in the order in which they were defined."""
        return await self.all(CustomField.resource == resource)

    async def with_key(self, resource: str, key: str) -> CustomField | None:
        return await self.one(CustomField.resource == resource, CustomField.key == key)

    async def matching(
        self, window: Window, *, resource: str | None = None, active: bool | None = None
    ) -> Slice[CustomField]:
        pairs = ((CustomField.resource, resource), (CustomField.active, active))
        return await self.page(
            window, *(column == value for column, value in pairs if value is not None)
        )
