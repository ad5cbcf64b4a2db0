"""Keeping the catalogue: what the use cases refuse, and what they leave behind."""

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import pytest

from laboratory import Laboratory
from titer.domain.audit.repository import AuditEvents
from titer.domain.reference import service
from titer.domain.reference.models import StorageLocation, TestDefinition
from titer.domain.reference.repository import StorageLocations, TestDefinitions
from titer.domain.reference.service import (
    MaterialTypeEntry,
    StorageLocationEntry,
    TestDefinitionEntry,
)
from titer.kit.errors import Duplicate, InvalidBody, InvalidReference, NotFound, PreconditionFailed
from titer.kit.paging import Window
from titer.kit.tenancy import TenantSession

Work = Callable[[TenantSession], Awaitable[Any]]


def place(lab: Laboratory, code: str, parent_id: int | None = None, **more: Any) -> StorageLocation:
    entry = StorageLocationEntry(code=code, name=code, kind="box", parent_id=parent_id, **more)
    return lab.do(lambda session: service.create_storage_location(session, entry))


def move(lab: Laboratory, place_id: int, **values: Any) -> StorageLocation:
    return lab.do(lambda session: service.change_storage_location(session, place_id, values))


def paths(lab: Laboratory) -> dict[str, str]:
    async def read(session: TenantSession) -> dict[str, str]:
        return {each.code: each.path for each in await StorageLocations(session).all()}

    return lab.do(read)


def actions(lab: Laboratory, entity_type: str, entity_id: int) -> list[str]:
    async def read(session: TenantSession) -> list[str]:
        found = await AuditEvents(session).matching(
            Window(), entity_type=entity_type, entity_id=entity_id
        )
        return [event.action for event in found.rows]

    return lab.do(read)


def test_a_path_leads_down_by_code_and_follows_every_move(lab: Laboratory) -> None:
    cold = place(lab, "COLD")
    rack = place(lab, "R1", cold.id)
    box = place(lab, "B07", rack.id)
    assert box.path == "COLD/R1/B07"

    move(lab, cold.id, code="COLDROOM")
    assert paths(lab)["B07"] == "COLDROOM/R1/B07"
    move(lab, rack.id, parent_id=lab.has.fridge)
    assert paths(lab) == {
        "F1": "F1",
        "COLDROOM": "COLDROOM",
        "R1": "F1/R1",
        "B07": "F1/R1/B07",
    }
    move(lab, rack.id, parent_id=None)
    assert paths(lab)["B07"] == "R1/B07"


def test_only_what_lies_below_moves_along(lab: Laboratory) -> None:
    cold, lower = place(lab, "COLD"), place(lab, "cold")
    place(lab, "COLD2")
    place(lab, "IN", cold.id)
    place(lab, "in", lower.id)
    move(lab, cold.id, code="C_LD")
    assert paths(lab) == {
        "F1": "F1",
        "C_LD": "C_LD",
        "cold": "cold",
        "COLD2": "COLD2",
        "IN": "C_LD/IN",
        "in": "cold/in",
    }
    place(lab, "CXLD")
    move(lab, cold.id, code="COLD")
    assert paths(lab)["CXLD"] == "CXLD"


@pytest.mark.parametrize("below", ["itself", "its child", "its grandchild"])
def test_a_place_cannot_be_moved_below_itself(lab: Laboratory, below: str) -> None:
    top = place(lab, "TOP")
    middle = place(lab, "MIDDLE", top.id)
    bottom = place(lab, "BOTTOM", middle.id)
    to = {"itself": top.id, "its child": middle.id, "its grandchild": bottom.id}[below]
    with pytest.raises(InvalidBody, match="parentId must not be the location itself"):
        move(lab, top.id, parent_id=to)
    assert paths(lab)["BOTTOM"] == "TOP/MIDDLE/BOTTOM"


def test_every_place_that_moves_has_its_event(lab: Laboratory) -> None:
    top = place(lab, "TOP")
    inner = place(lab, "INNER", top.id)
    move(lab, top.id, parent_id=lab.has.fridge)
    assert actions(lab, "storage_location", top.id)[0] == "storage_location.moved"
    assert actions(lab, "storage_location", inner.id)[0] == "storage_location.moved"


def test_a_parent_must_be_ones_own_and_in_use(lab: Laboratory, rival: Laboratory) -> None:
    retired = place(lab, "OLD", active=False)
    for parent_id in (rival.has.fridge, 2**62, retired.id):
        with pytest.raises(InvalidReference, match="parentId"):
            place(lab, "NEW", parent_id)


def test_a_place_stays_in_a_parent_that_was_retired_since(lab: Laboratory) -> None:
    inner = place(lab, "INNER", lab.has.fridge)
    move(lab, lab.has.fridge, active=False)
    changed = move(lab, inner.id, name="Innermost")
    assert (changed.name, changed.path) == ("Innermost", "F1/INNER")


@pytest.mark.parametrize("code", ["A/B", "", " A", "A B", "Ä", "A" * 65, "-A"])
def test_a_place_has_a_code_that_a_path_can_hold(lab: Laboratory, code: str) -> None:
    with pytest.raises(InvalidBody, match="code must be"):
        place(lab, code)


def test_a_place_holds_at_least_one(lab: Laboratory) -> None:
    with pytest.raises(InvalidBody, match="capacity"):
        place(lab, "NONE", capacity=0)


def test_a_code_is_taken_once_in_a_catalogue(lab: Laboratory, rival: Laboratory) -> None:
    water = MaterialTypeEntry(code="DW", name="Drinking water")
    ph = TestDefinitionEntry(code="PH", name="pH again")
    refused: list[tuple[Work, int]] = [
        (lambda session: service.create_material_type(session, water), lab.has.water),
        (lambda session: service.create_test_definition(session, ph), lab.has.ph),
        (
            lambda session: service.change_material_type(session, lab.has.soil, {"code": "DW"}),
            lab.has.water,
        ),
        (
            lambda session: service.change_test_definition(session, lab.has.lead, {"code": "PH"}),
            lab.has.ph,
        ),
    ]
    for work, holder in refused:
        with pytest.raises(Duplicate) as refusal:
            lab.do(work)
        assert refusal.value.facts == {"field": "code", "existing_id": holder}
    place(lab, "B1")
    with pytest.raises(Duplicate):
        place(lab, "B1")
    assert place(rival, "B1").path == "B1"


def test_a_record_may_be_given_the_code_it_has(lab: Laboratory) -> None:
    same = lab.do(
        lambda session: service.change_material_type(session, lab.has.water, {"code": "DW"})
    )
    assert (same.code, same.version) == ("DW", 1)


def test_a_test_names_materials_of_its_own_organization(lab: Laboratory, rival: Laboratory) -> None:
    entry = TestDefinitionEntry(code="ZN", name="Zinc", material_type_ids=(rival.has.water, 2**62))
    with pytest.raises(InvalidReference) as refusal:
        lab.do(lambda session: service.create_test_definition(session, entry))
    assert refusal.value.facts == {"ids": [rival.has.water, 2**62]}


def materials(lab: Laboratory, definition: TestDefinition) -> list[int]:
    async def read(session: TenantSession) -> list[int]:
        return (await TestDefinitions(session).materials_of([definition.id]))[definition.id]

    return lab.do(read)


def test_other_materials_are_a_new_version_of_the_test(lab: Laboratory) -> None:
    entry = TestDefinitionEntry(code="ZN", name="Zinc", material_type_ids=(lab.has.water,))
    zinc = lab.do(lambda session: service.create_test_definition(session, entry))
    assert (zinc.version, materials(lab, zinc)) == (1, [lab.has.water])
    both = {"material_type_ids": [lab.has.soil, lab.has.water]}
    zinc = lab.do(lambda session: service.change_test_definition(session, zinc.id, both))
    assert (zinc.version, materials(lab, zinc)) == (2, [lab.has.water, lab.has.soil])
    zinc = lab.do(lambda session: service.change_test_definition(session, zinc.id, both))
    assert zinc.version == 2
    none: dict[str, Any] = {"material_type_ids": [], "name": "Zn"}
    zinc = lab.do(lambda session: service.change_test_definition(session, zinc.id, none))
    assert (zinc.version, zinc.name, materials(lab, zinc)) == (3, "Zn", [])
    assert actions(lab, "test_definition", zinc.id) == [
        "test_definition.changed",
        "test_definition.changed",
        "test_definition.created",
    ]


def test_a_material_retired_since_stays_but_is_not_taken_up(lab: Laboratory) -> None:
    entry = TestDefinitionEntry(code="ZN", name="Zinc", material_type_ids=(lab.has.water,))
    zinc = lab.do(lambda session: service.create_test_definition(session, entry))
    retire = {"active": False}
    lab.do(lambda session: service.change_material_type(session, lab.has.water, retire))
    lab.do(lambda session: service.change_material_type(session, lab.has.soil, retire))
    kept = {"name": "Zn", "material_type_ids": [lab.has.water]}
    zinc = lab.do(lambda session: service.change_test_definition(session, zinc.id, kept))
    assert zinc.name == "Zn"
    further = {"material_type_ids": [lab.has.water, lab.has.soil]}
    with pytest.raises(InvalidReference) as refusal:
        lab.do(lambda session: service.change_test_definition(session, zinc.id, further))
    assert refusal.value.facts == {"ids": [lab.has.soil]}


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"spec_min": Decimal(2), "spec_max": Decimal(1)}, "specMin must not be above specMax"),
        ({"spec_min": Decimal(9)}, "specMin must not be above specMax"),
        ({"loq": Decimal("-0.1")}, "loq must not be negative"),
        ({"decimals": 16}, "decimals must be from 0 to 15"),
        ({"decimals": -1}, "decimals must be from 0 to 15"),
        ({"code": "a b"}, "code must be"),
    ],
)
def test_a_specification_makes_sense(lab: Laboratory, values: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidBody, match=fault):
        lab.do(lambda session: service.change_test_definition(session, lab.has.ph, values))


def rename(lab: Laboratory, material_type_id: int, name: str, **more: Any) -> None:
    values = {"name": name} | more
    lab.do(lambda session: service.change_material_type(session, material_type_id, values))


def test_retiring_and_restoring_are_called_so(lab: Laboratory) -> None:
    for active in (False, True):
        rename(lab, lab.has.soil, f"active: {active}", active=active)
    assert actions(lab, "material_type", lab.has.soil) == [
        "material_type.restored",
        "material_type.retired",
        "material_type.created",
    ]


def test_another_organizations_record_is_as_absent(lab: Laboratory, rival: Laboratory) -> None:
    for record_id in (rival.has.water, 2**62):
        with pytest.raises(NotFound):
            rename(lab, record_id, "Mine")


def test_a_stale_copy_is_not_written_over(lab: Laboratory) -> None:
    lab.do(lambda session: service.change_test_definition(session, lab.has.ph, {"name": "New"}, 1))
    with pytest.raises(PreconditionFailed) as refusal:
        lab.do(
            lambda session: service.change_test_definition(session, lab.has.ph, {"name": "X"}, 1)
        )
    assert refusal.value.facts["current_version"] == 2
