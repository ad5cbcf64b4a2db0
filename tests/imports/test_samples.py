"""Importing many samples: as many statements as for few, and each sample as if it came alone."""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest

from evidence import books, events_of, new, statements
from laboratory import Laboratory, MovableClock, World
from titer.domain.organizations.errors import SampleLimitExceeded
from titer.domain.organizations.repository import Organizations
from titer.domain.organizations.rules import month_of
from titer.domain.samples.judging import Intake
from titer.domain.samples.models import AnalyteResult
from titer.domain.samples.repository import AnalyteResults
from titer.domain.samples.service import Registered, register_all
from titer.imports import samples
from titer.imports.rows import NotImported, Row
from titer.kit.errors import Duplicate, InvalidReference, Problem
from titer.kit.tenancy import TenantSession

HEADING = (
    "clientCode,materialType,project,plantLocation,collectionDate,tests,externalId,order,sku,"
    "custom.shade,tests.batch_id"
)


def unseen(rows: Sequence[Row], _doing: str) -> Iterable[Row]:
    return rows


def bring_in(lab: Laboratory, file: Path) -> list[samples.Registered]:
    return lab.do(lambda session: samples.bring_in(session, file, unseen))


@pytest.fixture
def stocked(lab: Laboratory) -> Laboratory:
    """The laboratory with a panel, an order, a product's variant, and fields of its own."""
    admin = lab.administrator()
    analytes = [{"code": code, "name": code} for code in ("PB", "HG")]
    panel = {"code": "HM", "name": "Heavy metals", "analytes": analytes}
    assert admin.post("/test-definitions", panel).status_code == 201
    for resource, key in (("sample", "shade"), ("test", "batch_id")):
        body = {"resource": resource, "key": key, "name": key}
        assert admin.post("/custom-fields", body).status_code == 201
    owned = {"clientId": lab.has.client}
    assert lab.post("/orders", owned | {"externalId": "PO-1"}).status_code == 201
    product = lab.post("/products", owned | {"name": "Gummies"}).json()["id"]
    sku = {"productId": product, "name": "Plum", "externalId": "V-1"}
    assert lab.post("/skus", sku).status_code == 201
    return lab


def write(file: Path, count: int, first: int) -> Path:
    lines = [
        f"SPR,{'DW' if at % 2 else 'SOIL'},WTP,{'NW'[at % 2]},2026-06-18,HM PH,X-{first + at},"
        "PO-1,V-1,blue,B-1"
        for at in range(count)
    ]
    file.write_text("\n".join([HEADING, *lines]))
    return file


def test_many_samples_cost_no_more_statements_than_a_few(
    stocked: Laboratory, tmp_path: Path
) -> None:
    bring_in(stocked, write(tmp_path / "first.csv", 2, 0))  # makes the counters and the month
    seen = []
    for count, first in ((4, 100), (250, 1_000)):
        file = write(tmp_path / f"{count}.csv", count, first)
        with statements(stocked.world) as ran:
            assert len(bring_in(stocked, file)) == count
        seen.append(ran)
    assert len(seen[0]) == len(seen[1]), seen[1]
    assert len(seen[1]) <= 40, seen[1]


def test_what_comes_in_is_what_would_come_alone(
    stocked: Laboratory, clock: MovableClock, tmp_path: Path
) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    listed = bring_in(stocked, write(tmp_path / "samples.csv", 3, 0))
    imported = stocked.get(f"/samples/{listed[2].sample_id}").json()
    definitions = [test["testDefinitionId"] for test in imported["tests"]]
    alone = stocked.post(
        "/samples",
        {name: imported[name] for name in ("clientId", "materialTypeId", "projectId", "orderId")}
        | {name: imported[name] for name in ("plantLocation", "collectionDate", "skuId")}
        | {"customFields": {"shade": "blue"}, "testDefinitionIds": definitions}
        | {"externalId": "alone"},
    ).json()
    assert [each.tracking_id for each in listed] == [
        "WTP-N-260618-001",
        "WTP-W-260618-001",
        "WTP-N-260618-002",
    ]
    assert alone["trackingId"] == "WTP-N-260618-003"
    own = {"id", "sampleId", "externalId", "trackingId", "tests", "createdBy", "customFields"}
    assert _without(imported, own) == _without(alone, own)
    for one, other in zip(imported["tests"], alone["tests"], strict=True):
        assert one["customFields"] == {"batch_id": "B-1"}
        assert len(one["results"] or ()) == len(other["results"] or ())
        assert _told(stocked, "sample_test", one["id"]) == _told(
            stocked, "sample_test", other["id"]
        )
    assert [each["analyteCode"] for each in imported["tests"][0]["results"]] == ["PB", "HG"]
    assert _told(stocked, "sample", imported["id"]) == _told(stocked, "sample", alone["id"])


def _without(record: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in record.items() if name not in names}


def _told(lab: Laboratory, entity: str, record_id: int) -> dict[str, Any]:
    """What the trail's one event of a record says, but for what is its alone."""
    (event,) = events_of(lab, entity, record_id)
    text: dict[str, Any] = json.loads(event.canonical)
    assert text["entity_id"] == record_id
    assert set(text["before"].values()) == {None}
    own = {"actor_kind", "actor_label", "entity_id", "key_id", "request_id", "before", "after"}
    its = {"sample_id", "tracking_id", "external_id", "custom_fields", "created_by"}
    names = sorted(text["before"])
    return _without(text, own) | {"names": names, "after": _without(text["after"], its)}


def register(lab: Laboratory, *intakes: Intake) -> list[Registered | Problem]:
    return lab.do(lambda session: register_all(session, intakes))


def test_each_that_may_not_be_is_refused_by_itself(lab: Laboratory) -> None:
    held = lab.sample(externalId="HELD")["id"]

    def intake(**fields: Any) -> Intake:
        return Intake(material_type_id=lab.has.water, client_name="Acme", **fields)

    told = register(
        lab,
        intake(external_id="A", test_definition_ids=(lab.has.ph,)),
        intake(test_definition_ids=(lab.has.ph, 7_777_777)),
        intake(external_id="A"),
        intake(external_id="HELD"),
        Intake(material_type_id=lab.has.soil, client_id=lab.has.client, project_id=lab.has.project),
    )
    first, strange, repeated, taken, last = told
    assert not isinstance(first, Problem)
    assert not isinstance(last, Problem)
    assert isinstance(strange, InvalidReference)
    assert strange.facts["ids"] == [7_777_777]
    assert isinstance(repeated, Duplicate)
    assert repeated.facts["existing_id"] == first[0].id
    assert isinstance(taken, Duplicate)
    assert taken.facts["existing_id"] == held
    assert [sample[0].tracking_id[-6:] for sample in (first, last)] == ["000002", "000003"]
    assert last[0].client_name == "Springfield Waterworks"
    assert lab.get(f"/samples/{first[0].id}").json()["tests"][0]["testCode"] == "PH"


def test_the_allowance_is_spent_to_its_end_and_the_first_beyond_it_is_told(
    world: World, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    lab = world.found("Small laboratory", plan="starter")

    async def spend(session: TenantSession) -> None:
        assert await Organizations(session).use(month_of(session.now), 498, None)

    lab.do(spend)
    water, strange = lab.has.water, Intake(material_type_id=7_777_777, client_name="Acme")
    plain = Intake(material_type_id=water, client_name="Acme")
    told = register(lab, plain, strange, plain, plain, strange)
    assert [type(each) for each in told] == [tuple, InvalidReference, tuple, SampleLimitExceeded]
    assert isinstance(told[3], SampleLimitExceeded)
    assert (told[3].facts["limit"], told[3].facts["used"]) == (500, 500)
    assert books(lab)["used"] == [("2026-06", 500)]
    (alone,) = register(lab, plain)
    assert isinstance(alone, SampleLimitExceeded)
    assert lab.post("/samples", new(lab)).status_code == 403
    assert books(lab)["used"] == [("2026-06", 500)]


def test_a_file_longer_than_a_batch_comes_in_whole_or_not_at_all(
    lab: Laboratory, tmp_path: Path
) -> None:
    file = tmp_path / "long.csv"
    lines = [f"Acme,DW,E-{at}" for at in range(1_200)]
    file.write_text("\n".join(["clientName,materialType,externalId", *lines]))
    assert [each.tracking_id[-4:] for each in bring_in(lab, file)] == [
        f"{at:04}" for at in range(1, 1_201)
    ]
    before = books(lab)
    lines = [f"Acme,DW,{'E-7' if at == 1_100 else f'F-{at}'}" for at in range(1_200)]
    file.write_text("\n".join(["clientName,materialType,externalId", *lines]))
    with pytest.raises(NotImported) as refusal:
        bring_in(lab, file)
    assert [fault.place.line for fault in refusal.value.faults] == [1_102]
    assert books(lab) == before


def test_the_results_of_a_panel_are_stamped_like_any_row(
    stocked: Laboratory, tmp_path: Path
) -> None:
    bring_in(stocked, write(tmp_path / "samples.csv", 2, 0))

    async def read(session: TenantSession) -> Sequence[AnalyteResult]:
        return await AnalyteResults(session).all()

    rows = stocked.do(read)
    assert [row.code for row in rows] == ["PB", "HG", "PB", "HG"]
    assert {row.version for row in rows} == {1}
    assert {row.created_at for row in rows} == {row.updated_at for row in rows}
