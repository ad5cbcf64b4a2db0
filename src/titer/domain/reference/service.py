"""Keeping the catalogue: material types, test definitions, storage locations.

What is in use somewhere is never deleted: it is retired (`active=False`), and can be restored.
An upsert finds its record by `with_code` of the repository, then creates or changes it here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from titer.domain.reference import rules
from titer.domain.reference.models import MaterialType, StorageLocation, TestDefinition
from titer.domain.reference.repository import (
    MaterialTypes,
    StorageLocations,
    TestDefinitions,
)
from titer.kit.errors import Detail, at_fault, unknown
from titer.kit.tenancy import TenantSession


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialTypeEntry:
    """What a person keeps of a material type."""

    code: str
    name: str
    description: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TestDefinitionEntry:
    """What a person keeps of a test definition."""

    __test__ = False

    code: str
    name: str
    method: str | None = None
    unit: str | None = None
    decimals: int | None = None
    spec_min: Decimal | None = None
    spec_max: Decimal | None = None
    loq: Decimal | None = None
    material_type_ids: tuple[int, ...] = ()
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageLocationEntry:
    """What a person keeps of a storage location; its path follows."""

    code: str
    name: str
    kind: str
    parent_id: int | None = None
    capacity: int | None = None
    active: bool = True


async def create_material_type(session: TenantSession, entry: MaterialTypeEntry) -> MaterialType:
    """Add a material type. Raises `InvalidBody` and `Duplicate` (code)."""
    _check(rules.code_at_fault(entry.code))
    await MaterialTypes(session).require_free(entry.code)
    row = MaterialType(
        code=entry.code, name=entry.name, description=entry.description, active=entry.active
    )
    return await MaterialTypes(session).add(row)


async def change_material_type(
    session: TenantSession,
    material_type_id: int,
    values: Mapping[str, Any],
    expected: int | None = None,
) -> MaterialType:
    """Change those fields of an entry that `values` names.

    Raises `NotFound`, `PreconditionFailed`, and what creating one raises.
    """
    row = await MaterialTypes(session).get_for_change(material_type_id, expected)
    entry = replace(
        MaterialTypeEntry(
            code=row.code, name=row.name, description=row.description, active=row.active
        ),
        **values,
    )
    _check(rules.code_at_fault(entry.code))
    await MaterialTypes(session).require_free(entry.code, row.id)
    write(session, row, values)
    await session.flush()
    return row


async def create_test_definition(
    session: TenantSession, entry: TestDefinitionEntry
) -> TestDefinition:
    """Add a test. Raises `InvalidBody`, `Duplicate` (code), `InvalidReference` (materials)."""
    _check_definition(entry)
    await TestDefinitions(session).require_free(entry.code)
    await _require_materials(session, entry.material_type_ids)
    row = TestDefinition(
        code=entry.code,
        name=entry.name,
        method=entry.method,
        unit=entry.unit,
        decimals=entry.decimals,
        spec_min=entry.spec_min,
        spec_max=entry.spec_max,
        loq=entry.loq,
        active=entry.active,
    )
    materials = sorted(set(entry.material_type_ids))
    session.label(row, "created", beside={"material_type_ids": (None, materials)})
    await TestDefinitions(session).add(row)
    await TestDefinitions(session).set_materials(row.id, materials)
    return row


async def change_test_definition(
    session: TenantSession,
    test_definition_id: int,
    values: Mapping[str, Any],
    expected: int | None = None,
) -> TestDefinition:
    """Change those fields of an entry that `values` names; verdicts of the past stay.

    Raises `NotFound`, `PreconditionFailed`, and what creating one raises. A material type that
    the test has already may have been retired since.
    """
    definitions = TestDefinitions(session)
    row = await definitions.get_for_change(test_definition_id, expected)
    had = (await definitions.materials_of([row.id]))[row.id]
    entry = replace(_definition_entry(row, had), **values)
    _check_definition(entry)
    await definitions.require_free(entry.code, row.id)
    materials = sorted(set(entry.material_type_ids))
    await _require_materials(session, set(materials) - set(had))
    own = {name: value for name, value in values.items() if name != "material_type_ids"}
    if materials == had:
        write(session, row, own)
    else:
        write(session, row, own, beside={"material_type_ids": (had, materials)})
        definitions.touch(row)
        await definitions.set_materials(row.id, materials)
    await session.flush()
    return row


async def create_storage_location(
    session: TenantSession, entry: StorageLocationEntry
) -> StorageLocation:
    """Add a place to the tree.

    Raises `InvalidBody`, `Duplicate` (code), `InvalidReference` (parent).
    """
    places = StorageLocations(session)
    await places.hold_tree()
    _check_place(entry)
    await places.require_free(entry.code)
    parent = await _parent(session, entry.parent_id)
    row = StorageLocation(
        code=entry.code,
        name=entry.name,
        kind=entry.kind,
        parent_id=entry.parent_id,
        path=rules.path_of(parent.path if parent else None, entry.code),
        capacity=entry.capacity,
        active=entry.active,
    )
    return await places.add(row)


async def change_storage_location(
    session: TenantSession,
    storage_location_id: int,
    values: Mapping[str, Any],
    expected: int | None = None,
) -> StorageLocation:
    """Change a place, or move it: the paths of all that lies below it follow.

    Raises `NotFound`, `PreconditionFailed`, and what creating one raises; a place cannot be moved
    below itself.
    """
    places = StorageLocations(session)
    await places.hold_tree()
    row = await places.get_for_change(storage_location_id, expected)
    entry = replace(_place_entry(row), **values)
    _check_place(entry)
    await places.require_free(entry.code, row.id)
    parent = await _parent(session, entry.parent_id, already=row.parent_id)
    if parent is not None and rules.lies_within(parent.path, row.path):
        raise at_fault([Detail("parentId", "must not be the location itself, nor lie below it")])
    moved = entry.parent_id != row.parent_id
    write(session, row, values)
    if moved:
        session.label(row, "moved")
    await _lead_to(session, row, rules.path_of(parent.path if parent else None, row.code))
    await session.flush()
    return row


def write(
    session: TenantSession,
    row: Any,
    values: Mapping[str, Any],
    beside: Mapping[str, tuple[Any, Any]] | None = None,
) -> None:
    """Set what `values` names, and tell the trail when that retires or restores the record."""
    was_active = row.active
    for name, value in values.items():
        setattr(row, name, value)
    verb = rules.verb_of(was_active=was_active, is_active=row.active)
    if verb != "changed" or beside:
        session.label(row, verb, beside=beside)


async def _lead_to(session: TenantSession, place: StorageLocation, path: str) -> None:
    """Give a place its path, and all that lies below it theirs."""
    old = place.path
    if path == old:
        return
    for inner in await StorageLocations(session).below(old):
        inner.path = path + inner.path.removeprefix(old)
        session.label(inner, "moved")
    place.path = path


async def _parent(
    session: TenantSession, parent_id: int | None, already: int | None = None
) -> StorageLocation | None:
    if parent_id is None:
        return None
    parent = await StorageLocations(session).find(parent_id)
    if parent is None or not (parent.active or parent_id == already):
        raise unknown("parentId", [parent_id])
    return parent


async def _require_materials(session: TenantSession, ids: Iterable[int]) -> None:
    wanted = set(ids)
    absent = wanted - await MaterialTypes(session).active_ids(wanted)
    if absent:
        raise unknown("materialTypeIds", absent)


def _check(faults: list[Detail]) -> None:
    if faults:
        raise at_fault(faults)


def _check_definition(entry: TestDefinitionEntry) -> None:
    _check(
        rules.code_at_fault(entry.code)
        + rules.decimals_at_fault(entry.decimals)
        + rules.limits_at_fault(entry.spec_min, entry.spec_max, entry.loq)
    )


def _check_place(entry: StorageLocationEntry) -> None:
    _check(
        rules.code_at_fault(entry.code, rules.PLACE_CODE) + rules.capacity_at_fault(entry.capacity)
    )


def _definition_entry(row: TestDefinition, materials: Iterable[int]) -> TestDefinitionEntry:
    return TestDefinitionEntry(
        code=row.code,
        name=row.name,
        method=row.method,
        unit=row.unit,
        decimals=row.decimals,
        spec_min=row.spec_min,
        spec_max=row.spec_max,
        loq=row.loq,
        material_type_ids=tuple(materials),
        active=row.active,
    )


def _place_entry(row: StorageLocation) -> StorageLocationEntry:
    return StorageLocationEntry(
        code=row.code,
        name=row.name,
        kind=row.kind,
        parent_id=row.parent_id,
        capacity=row.capacity,
        active=row.active,
    )
