"""Keeping the catalogue: material types, test definitions, storage locations.

What is in use somewhere is never deleted: it is retired (`active=False`), and can be restored.
An upsert finds its record by `with_code` of the repository, then creates or changes it here.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from titer.domain.reference import rules
from titer.domain.reference.models import (
    Analyte,
    CustomField,
    MaterialType,
    StorageLocation,
    TestDefinition,
)
from titer.domain.reference.repository import (
    Analytes,
    CustomFields,
    MaterialTypes,
    StorageLocations,
    TestDefinitions,
)
from titer.kit.errors import Detail, at_fault, taken, unknown
from titer.kit.tenancy import TenantSession


@dataclass(frozen=True, slots=True, kw_only=True)
class MaterialTypeEntry:
    """What a person keeps of a material type."""

    code: str
    name: str
    description: str | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class AnalyteEntry:
    """What a person keeps of an analyte; its place is where it stands in its panel's list."""

    code: str
    name: str
    unit: str | None = None
    decimals: int | None = None
    spec_min: Decimal | None = None
    spec_max: Decimal | None = None
    loq: Decimal | None = None
    active: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class TestDefinitionEntry:
    """What a person keeps of a test definition. `analytes` make a panel of it."""

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
    analytes: tuple[AnalyteEntry, ...] = ()
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
        panel=_is_panel(entry.analytes),
    )
    materials = sorted(set(entry.material_type_ids))
    beside: dict[str, tuple[Any, Any]] = {"material_type_ids": (None, materials)}
    if entry.analytes:
        beside["analytes"] = (None, _spelled(entry.analytes))
    session.label(row, "created", beside=beside)
    await TestDefinitions(session).add(row)
    await TestDefinitions(session).set_materials(row.id, materials)
    await _set_analytes(session, row.id, [], entry.analytes)
    return row


async def change_test_definition(
    session: TenantSession,
    test_definition_id: int,
    values: Mapping[str, Any],
    expected: int | None = None,
) -> TestDefinition:
    """Change those fields of an entry that `values` names; verdicts of the past stay.

    Raises `NotFound`, `PreconditionFailed`, and what creating one raises. A material type that
    the test has already may have been retired since. `analytes` is the whole list, in its order:
    each is found by its code, and one that it leaves out is taken out of use.
    """
    definitions = TestDefinitions(session)
    row = await definitions.get_for_change(test_definition_id, expected)
    had = (await definitions.materials_of([row.id]))[row.id]
    had_analytes = (await Analytes(session).of_each([row.id]))[row.id]
    entry = replace(_definition_entry(row, had, had_analytes), **values)
    _check_definition(entry)
    await definitions.require_free(entry.code, row.id)
    materials = sorted(set(entry.material_type_ids))
    await _require_materials(session, set(materials) - set(had))
    own = {
        name: value
        for name, value in values.items()
        if name not in {"material_type_ids", "analytes"}
    }
    beside: dict[str, tuple[Any, Any]] = {}
    if materials != had:
        beside["material_type_ids"] = (had, materials)
        await definitions.set_materials(row.id, materials)
    if "analytes" in values:
        before = [_analyte_entry(analyte) for analyte in had_analytes]
        after = _with_retired(before, entry.analytes)
        if before != after:
            beside["analytes"] = (_spelled(before), _spelled(after))
            await _set_analytes(session, row.id, had_analytes, after)
            row.panel = _is_panel(after)
    write(session, row, own, beside=beside)
    if beside:
        definitions.touch(row)
    await session.flush()
    return row


async def keep_analyte(
    session: TenantSession, test_definition_id: int, entry: AnalyteEntry
) -> TestDefinition:
    """Change the panel's analyte that has the entry's code, or add it at the panel's end.

    Raises `NotFound` and `InvalidBody`.
    """
    had = (await Analytes(session).of_each([test_definition_id]))[test_definition_id]
    entries = {row.code: _analyte_entry(row) for row in had} | {entry.code: entry}
    analytes = tuple(entries.values())
    return await change_test_definition(session, test_definition_id, {"analytes": analytes})


def _is_panel(analytes: Iterable[AnalyteEntry]) -> bool:
    return any(analyte.active for analyte in analytes)


def _with_retired(
    had: Sequence[AnalyteEntry], wanted: Sequence[AnalyteEntry]
) -> list[AnalyteEntry]:
    """The list as it will be: what it leaves out stays at its end, out of use."""
    named = {analyte.code for analyte in wanted}
    return [*wanted, *(replace(each, active=False) for each in had if each.code not in named)]


def _spelled(analytes: Iterable[AnalyteEntry]) -> list[dict[str, Any]]:
    """The analytes as the trail keeps them."""
    return [asdict(analyte) for analyte in analytes]


async def _set_analytes(
    session: TenantSession,
    definition_id: int,
    had: Iterable[Analyte],
    wanted: Sequence[AnalyteEntry],
) -> None:
    known = {analyte.code: analyte for analyte in had}
    for position, entry in enumerate(wanted, start=1):
        row = known.get(entry.code)
        if row is None:
            row = Analyte(test_definition_id=definition_id)
            session.add(row)
        for name, value in asdict(entry).items():
            setattr(row, name, value)
        row.position = position
    await session.flush()


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


async def define_custom_field(
    session: TenantSession, resource: rules.Resource, key: str, name: str
) -> CustomField:
    """Define a field for tests or for samples. Raises `Duplicate` (key)."""
    holder = await CustomFields(session).with_key(resource, key)
    if holder is not None:
        raise taken("key", key, holder.id)
    return await CustomFields(session).add(CustomField(resource=resource, key=key, name=name))


async def change_custom_field(
    session: TenantSession,
    custom_field_id: int,
    values: Mapping[str, Any],
    expected: int | None = None,
) -> CustomField:
    """Rename a field, take it out of use or bring it back; values that are there stay.

    Raises `NotFound` and `PreconditionFailed`.
    """
    row = await CustomFields(session).get_for_change(custom_field_id, expected)
    write(session, row, values)
    await session.flush()
    return row


async def merged_fields(
    session: TenantSession,
    resource: rules.Resource,
    had: Mapping[str, str],
    said: Mapping[str, str | None],
) -> dict[str, str]:
    """What a record's custom fields are once `said` is. Raises what `merge_fields` raises."""
    return merge_fields(await fields_in_use(session, resource), had, said)


async def fields_in_use(session: TenantSession, resource: rules.Resource) -> frozenset[str]:
    """The keys of the custom fields that records of a kind may have."""
    rows = await CustomFields(session).of(resource)
    return frozenset(row.key for row in rows if row.active)


def merge_fields(
    in_use: Collection[str], had: Mapping[str, str], said: Mapping[str, str | None]
) -> dict[str, str]:
    """What a record's custom fields are once `said` is: null clears one.

    Raises `InvalidBody` for a key that nobody has defined, or that is out of use.
    """
    unknown_keys = [key for key in said if key not in in_use and key not in had]
    if unknown_keys:
        raise at_fault(
            [Detail(f"customFields.{key}", "is not a field in use") for key in unknown_keys]
        )
    merged = {**had, **said}
    return {key: value for key, value in merged.items() if value is not None}


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
        + [fault for place in enumerate(entry.analytes) for fault in _analyte_at_fault(*place)]
        + rules.repeats_at_fault([analyte.code for analyte in entry.analytes])
    )


def _analyte_at_fault(index: int, entry: AnalyteEntry) -> list[Detail]:
    faults = (
        rules.code_at_fault(entry.code)
        + rules.decimals_at_fault(entry.decimals)
        + rules.limits_at_fault(entry.spec_min, entry.spec_max, entry.loq)
    )
    return [Detail(f"analytes[{index}].{fault.field}", fault.message) for fault in faults]


def _check_place(entry: StorageLocationEntry) -> None:
    _check(
        rules.code_at_fault(entry.code, rules.PLACE_CODE) + rules.capacity_at_fault(entry.capacity)
    )


def _analyte_entry(row: Analyte) -> AnalyteEntry:
    return AnalyteEntry(
        code=row.code,
        name=row.name,
        unit=row.unit,
        decimals=row.decimals,
        spec_min=row.spec_min,
        spec_max=row.spec_max,
        loq=row.loq,
        active=row.active,
    )


def _definition_entry(
    row: TestDefinition, materials: Iterable[int], analytes: Iterable[Analyte]
) -> TestDefinitionEntry:
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
        analytes=tuple(_analyte_entry(analyte) for analyte in analytes),
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
