"""The catalogue over `/api/v1`: test definitions, material types, storage locations, to read."""

from decimal import Decimal
from typing import Any

import pytest

from laboratory import Laboratory
from titer.domain.reference import service
from titer.domain.reference.service import StorageLocationEntry, TestDefinitionEntry
from titer.kit.tenancy import TenantSession

LISTS = ["/test-definitions", "/material-types", "/storage-locations"]


def one_of(lab: Laboratory, path: str) -> int:
    return {
        "/test-definitions": lab.has.ph,
        "/material-types": lab.has.water,
        "/storage-locations": lab.has.fridge,
    }[path]


def define(lab: Laboratory, code: str, **more: Any) -> int:
    async def work(session: TenantSession) -> int:
        entry = TestDefinitionEntry(code=code, name=f"Test {code}", **more)
        return (await service.create_test_definition(session, entry)).id

    return lab.do(work)


def test_a_test_definition_is_shown_as_the_contract_says(lab: Laboratory) -> None:
    definition_id = define(
        lab,
        "ZN",
        method="EPA 200.8",
        unit="mg/L",
        decimals=3,
        spec_min=Decimal("0.005"),
        spec_max=Decimal("123456789.012345"),
        loq=Decimal("1E-3"),
        material_type_ids=(lab.has.soil, lab.has.water),
    )
    shown = lab.get(f"/test-definitions/{definition_id}")
    assert shown.json() == {
        "id": definition_id,
        "code": "ZN",
        "name": "Test ZN",
        "method": "EPA 200.8",
        "unit": "mg/L",
        "decimals": 3,
        "specMin": 0.005,
        "specMax": 123456789.012345,
        "loq": 0.001,
        "analytes": [],
        "materialTypeIds": [lab.has.water, lab.has.soil],
        "active": True,
    }
    assert '"specMin":0.005,"specMax":123456789.012345,"loq":0.001' in shown.text
    assert lab.get("/test-definitions").json()["data"][0] == shown.json()


@pytest.mark.parametrize(
    ("limit", "printed"),
    [
        ("0", "0"),
        ("6.50", "6.5"),
        ("100", "100"),
        ("-273.15", "-273.15"),
        ("999999999999999", "999999999999999"),
        ("0.1", "0.1"),
        ("0.3", "0.3"),
        ("123456.789012345", "123456.789012345"),
    ],
)
def test_a_limit_is_printed_digit_for_digit(lab: Laboratory, limit: str, printed: str) -> None:
    definition_id = define(lab, "T", spec_max=Decimal(limit))
    assert f'"specMax":{printed},' in lab.get(f"/test-definitions/{definition_id}").text


def test_material_types_and_storage_locations_are_shown(lab: Laboratory) -> None:
    assert lab.get(f"/material-types/{lab.has.water}").json() == {
        "id": lab.has.water,
        "code": "DW",
        "name": "Drinking water",
        "description": None,
        "active": True,
    }

    async def shelve(session: TenantSession) -> int:
        entry = StorageLocationEntry(
            code="S1", name="Shelf", kind="shelf", parent_id=lab.has.fridge, capacity=40
        )
        return (await service.create_storage_location(session, entry)).id

    shelf = lab.do(shelve)
    assert lab.get(f"/storage-locations/{shelf}").json() == {
        "id": shelf,
        "code": "S1",
        "name": "Shelf",
        "kind": "shelf",
        "parentId": lab.has.fridge,
        "path": "F1/S1",
        "capacity": 40,
        "active": True,
    }


def test_the_lists_are_narrowed(lab: Laboratory) -> None:
    define(lab, "LEAD-2", active=False)

    def codes(**wanted: str) -> list[str]:
        return [row["code"] for row in lab.get("/test-definitions", params=wanted).json()["data"]]

    assert codes() == ["LEAD-2", "COLOUR", "LEAD", "PH"]
    assert codes(active="false") == ["LEAD-2"]
    assert codes(active="true", name="lea") == ["LEAD"]
    assert codes(code="PH") == ["PH"]


@pytest.mark.parametrize("path", LISTS)
def test_a_list_is_paged(lab: Laboratory, path: str) -> None:
    whole = lab.get(path).json()
    assert (whole["nextCursor"], whole["hasMore"]) == (None, False)
    seen: list[dict[str, Any]] = []
    answer = lab.get(f"{path}?limit=1")
    while True:
        seen += answer.json()["data"]
        if not answer.json()["hasMore"]:
            break
        assert f"cursor={seen[-1]['id']}" in answer.headers["link"]
        answer = lab.get(f"{path}?limit=1&cursor={answer.json()['nextCursor']}")
    assert seen == whole["data"]


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize("query", ["active=on", "name=%00", "code=", "kind=box", "limit=x"])
def test_a_query_is_read_strictly(lab: Laboratory, path: str, query: str) -> None:
    answer = lab.get(f"{path}?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_query")
    assert answer.json()["details"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("path", LISTS)
def test_a_copy_is_kept_while_it_is_current(lab: Laboratory, path: str) -> None:
    record = f"{path}/{one_of(lab, path)}"
    tag = lab.get(record).headers["etag"]
    assert tag == f'"{one_of(lab, path)}.1"'
    kept = lab.get(record, headers={"If-None-Match": tag})
    assert (kept.status_code, kept.content) == (304, b"")


def test_other_materials_are_another_tag(lab: Laboratory) -> None:
    path = f"/test-definitions/{lab.has.ph}"
    tag = lab.get(path).headers["etag"]
    values = {"material_type_ids": [lab.has.water]}
    lab.do(lambda session: service.change_test_definition(session, lab.has.ph, values))
    fresh = lab.get(path, headers={"If-None-Match": tag})
    assert (fresh.status_code, fresh.json()["materialTypeIds"]) == (200, [lab.has.water])


@pytest.mark.parametrize("path", LISTS)
def test_a_rivals_record_is_as_absent(lab: Laboratory, rival: Laboratory, path: str) -> None:
    answers = [
        lab.get(f"{path}/{record_id}", headers={"X-Request-Id": "r"})
        for record_id in (one_of(rival, path), 2**62)
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert one_of(rival, path) not in [row["id"] for row in lab.get(path).json()["data"]]


@pytest.mark.parametrize("path", LISTS)
def test_the_catalogue_is_only_read_here(lab: Laboratory, path: str) -> None:
    for method, where in (("POST", path), ("PATCH", f"{path}/{one_of(lab, path)}")):
        answer = lab.request(method, where, json={"code": "X", "name": "X"})
        assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")
        assert answer.headers["allow"] == "GET"


def test_a_filter_of_samples_cannot_hold_a_nul(lab: Laboratory) -> None:
    for path in ("/samples", "/sample-tests"):
        assert lab.get(f"{path}?trackingId=%00").status_code == 400
