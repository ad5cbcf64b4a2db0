"""All queries about the catalogue."""

from collections.abc import Collection, Iterable

from sqlalchemy import ColumnElement, delete, select

from titer.domain.reference.models import (
    MaterialType,
    StorageLocation,
    TestDefinition,
    TestMaterial,
)
from titer.kit.paging import Slice, Window
from titer.kit.records import M, Records


class Catalogue(Records[M]):
    """Records that people know by a code, and that may be taken out of use."""

    async def with_code(self, code: str) -> M | None:
        return await self.one(self.model.code == code)

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


class StorageLocations(Catalogue[StorageLocation]):
    model = StorageLocation
