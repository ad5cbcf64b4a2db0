"""`/api/v1/samples`: creating, reading and changing one, by the contract's sentences."""

from typing import Any

import pytest
from httpx2 import Response
from sqlalchemy import select

from evidence import ABSENT, at_once, books, fields_at_fault, new, refusal, retire
from laboratory import Laboratory, MovableClock, World
from titer.domain.clients.models import Client
from titer.domain.projects.models import Project
from titer.domain.reference.models import MaterialType, StorageLocation, TestDefinition
from titer.kit.tenancy import TenantSession

FIELDS = {
    *("id", "trackingId", "externalId", "status", "priority", "clientId", "clientName"),
    *("materialTypeId", "projectId", "storageLocationId", "plantLocation", "collectionDate"),
    *("notes", "receivedAt", "completedAt", "verifiedAt", "reportedAt", "createdBy"),
    *("createdAt", "updatedAt", "version"),
    *("name", "orderId", "skuId", "lot", "batch", "composite", "numberOfComposites"),
    *("servingSize", "customFields"),
}


@pytest.fixture(scope="module")
def lab(world: World) -> Laboratory:
    """One laboratory for the whole module: no test here looks at what another left."""
    return world.found("Aqua Laboratory")


@pytest.fixture(scope="module")
def rival(world: World) -> Laboratory:
    return world.found("Rival Laboratory")


@pytest.fixture
def fresh(world: World) -> Laboratory:
    """A laboratory for one test alone."""
    return world.found("Fresh Laboratory")


# Creating


def test_a_sample_is_registered_with_its_tests(lab: Laboratory) -> None:
    answer = lab.post("/samples", new(lab, testDefinitionIds=[lab.has.ph, lab.has.lead]))
    sample = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/v1/samples/{sample['id']}"
    assert answer.headers["etag"] == f'"{sample["id"]}.1"'
    assert sample["status"] == "pending"
    assert [test["testCode"] for test in sample["tests"]] == ["PH", "LEAD"]
    assert set(sample) == FIELDS | {"tests"}
    assert lab.get(answer.headers["location"].removeprefix("/api/v1")).json() == sample


def test_a_sample_keeps_every_field_that_it_was_given(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    given = {
        "clientId": lab.has.client,
        "materialTypeId": lab.has.water,
        "projectId": lab.has.project,
        "collectionDate": "2026-06-18",
        "priority": "urgent",
        "notes": "Grab sample,\nintake basin \U0001f9ea",
        "plantLocation": "Intake1",
        "storageLocationId": lab.has.fridge,
        "externalId": "LIMS/42",
    }
    sample = lab.post("/samples", given).json()
    assert {name: sample[name] for name in given} == given
    assert sample["clientName"] == "Springfield Waterworks"
    assert sample["createdAt"] == sample["updatedAt"] == "2026-06-18T09:12:00.000Z"
    assert (sample["createdBy"], sample["version"], sample["tests"]) == (lab.user_id, 1, [])
    assert {sample[f"{step}At"] for step in ("received", "completed", "verified", "reported")} == {
        None
    }


def test_a_scheduled_test_shows_every_field(lab: Laboratory) -> None:
    (test,) = lab.sample(tests=[lab.has.lead])["tests"]
    sample = lab.get(f"/samples/{test['sampleId']}").json()
    assert {
        "trackingId": sample["trackingId"],
        "testDefinitionId": lab.has.lead,
        "testCode": "LEAD",
        "testName": "Lead",
        "unit": "mg/L",
        "status": "pending",
        "specification": "no_spec",
        "version": 1,
    }.items() <= test.items()
    empty = {
        *("result", "resultOperator", "resultValue", "specMin", "specMax", "notes", "source"),
        *("enteredBy", "enteredAt", "verifiedBy", "verifiedAt"),
    }
    assert {name for name, value in test.items() if value is None} == empty


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("springfield waterworks", True),
        ("  SPRINGFIELD WATERWORKS ", True),
        ("Springfield Waterwork", False),
    ],
)
def test_a_known_client_name_links_the_client_in_any_case(
    lab: Laboratory,
    given: str,
    kept: bool,  # noqa: FBT001 - the table's column
) -> None:
    sample = lab.post("/samples", new(lab, clientName=given)).json()
    assert sample["clientId"] == (lab.has.client if kept else None)
    assert sample["clientName"] == ("Springfield Waterworks" if kept else given.strip())


def test_a_client_out_of_use_is_not_linked_by_name_and_refused_by_id(fresh: Laboratory) -> None:
    retire(fresh, Client, fresh.has.client)
    named = fresh.post("/samples", new(fresh, clientName="Springfield Waterworks"))
    assert named.json()["clientId"] is None
    by_id = fresh.post("/samples", new(fresh, clientName=None, clientId=fresh.has.client))
    assert refusal(by_id) == (400, "invalid_reference")


def test_a_client_id_and_another_clients_name_are_refused_together(lab: Laboratory) -> None:
    agreeing = new(lab, clientId=lab.has.client, clientName="SPRINGFIELD waterworks")
    assert lab.post("/samples", agreeing).status_code == 201
    answer = lab.post("/samples", new(lab, clientId=lab.has.client, clientName="Acme"))
    assert refusal(answer) == (400, "invalid_body")
    assert fields_at_fault(answer) == ["clientName"]


WRONG: list[tuple[dict[str, Any], list[str]]] = [
    ({"materialTypeId": None}, ["materialTypeId"]),
    ({"materialTypeId": "3"}, ["materialTypeId"]),
    ({"materialTypeId": True}, ["materialTypeId"]),
    ({"materialTypeId": 1.0}, ["materialTypeId"]),
    ({"materialTypeId": 0}, ["materialTypeId"]),
    ({"materialTypeId": -1}, ["materialTypeId"]),
    ({"materialTypeId": 2**63}, ["materialTypeId"]),
    ({"materialTypeId": 2**70}, ["materialTypeId"]),
    ({"clientName": None}, []),
    ({"clientName": ""}, ["clientName"]),
    ({"clientName": "   "}, ["clientName"]),
    ({"clientName": 5}, ["clientName"]),
    ({"clientName": "a" * 501}, ["clientName"]),
    ({"clientName": "a\x1b[31m"}, ["clientName"]),
    ({"clientId": "7"}, ["clientId"]),
    ({"projectId": False}, ["projectId"]),
    ({"collectionDate": "yesterday"}, ["collectionDate"]),
    ({"collectionDate": "2026-02-30"}, ["collectionDate"]),
    ({"collectionDate": "2026-01-05T09:12:00"}, ["collectionDate"]),
    ({"collectionDate": 20260105}, ["collectionDate"]),
    ({"collectionDate": "9999-12-31"}, ["collectionDate"]),
    ({"priority": "asap"}, ["priority"]),
    ({"priority": "Urgent"}, ["priority"]),
    ({"priority": None}, ["priority"]),
    ({"testDefinitionIds": None}, ["testDefinitionIds"]),
    ({"testDefinitionIds": 5}, ["testDefinitionIds"]),
    ({"testDefinitionIds": [5, 5]}, ["testDefinitionIds"]),
    ({"testDefinitionIds": ["5"]}, ["testDefinitionIds[0]"]),
    ({"testDefinitionIds": [1, None]}, ["testDefinitionIds[1]"]),
    ({"testDefinitionIds": list(range(1, 102))}, ["testDefinitionIds"]),
    ({"notes": 5}, ["notes"]),
    ({"notes": "a" * 10_001}, ["notes"]),
    ({"plantLocation": "A B"}, ["plantLocation"]),
    ({"plantLocation": ""}, ["plantLocation"]),
    ({"plantLocation": "A" * 13}, ["plantLocation"]),
    ({"plantLocation": "Basin\n"}, ["plantLocation"]),
    ({"storageLocationId": 1.5}, ["storageLocationId"]),
    ({"externalId": ""}, ["externalId"]),
    ({"externalId": 5}, ["externalId"]),
    ({"status": "received"}, ["status"]),
    ({"trackingId": "S-2026-000001"}, ["trackingId"]),
    ({"id": 5}, ["id"]),
    ({"tests": []}, ["tests"]),
    ({"client_name": "Acme"}, ["client_name"]),
]


@pytest.mark.parametrize(("fields", "faults"), WRONG)
def test_a_wrong_field_is_named_and_nothing_is_written(
    lab: Laboratory, fields: dict[str, Any], faults: list[str]
) -> None:
    before = books(lab)
    answer = lab.post("/samples", new(lab, **fields))
    assert refusal(answer) == (400, "invalid_body")
    assert fields_at_fault(answer) == faults
    assert books(lab) == before


def test_a_sample_needs_a_material_and_a_client(lab: Laboratory) -> None:
    nothing = lab.post("/samples", {})
    assert refusal(nothing) == (400, "invalid_body")
    assert fields_at_fault(nothing) == ["materialTypeId"]
    nobody = lab.post("/samples", {"materialTypeId": lab.has.water})
    assert nobody.json()["message"] == "The request body needs clientName or clientId."
    assert "details" not in nobody.json()


def test_an_unknown_field_that_is_nearly_a_known_one_is_pointed_to(lab: Laboratory) -> None:
    answer = lab.post("/samples", new(lab, colectionDate="2026-01-01"))
    assert answer.json()["details"] == [
        {"field": "colectionDate", "message": "is not a known field; did you mean collectionDate?"}
    ]


REFERENCES = ["clientId", "materialTypeId", "projectId", "storageLocationId", "testDefinitionIds"]


def belonging(lab: Laboratory, field: str) -> int:
    return {
        "clientId": lab.has.client,
        "materialTypeId": lab.has.soil,
        "projectId": lab.has.project,
        "storageLocationId": lab.has.fridge,
        "testDefinitionIds": lab.has.colour,
    }[field]


def naming(field: str, record_id: int) -> dict[str, Any]:
    return {field: [record_id] if field.endswith("Ids") else record_id}


@pytest.mark.parametrize("field", REFERENCES)
def test_a_foreign_id_is_an_invalid_reference_exactly_like_an_absent_one(
    lab: Laboratory, rival: Laboratory, field: str
) -> None:
    before = books(lab)
    absent = lab.post("/samples", new(lab, **naming(field, ABSENT)))
    foreign_id = belonging(rival, field)
    foreign = lab.post("/samples", new(lab, **naming(field, foreign_id)))
    assert refusal(foreign) == refusal(absent) == (400, "invalid_reference")
    assert fields_at_fault(foreign) == [field]
    assert foreign.json()["ids"] == [foreign_id]
    same = {name: value for name, value in absent.json().items() if name != "requestId"}
    told = {name: value for name, value in foreign.json().items() if name != "requestId"}
    assert str(told) == str(same).replace(str(ABSENT), str(foreign_id))
    assert books(lab) == before


def test_all_references_at_fault_are_named_together(lab: Laboratory, rival: Laboratory) -> None:
    wrong: dict[str, Any] = {}
    for field in REFERENCES:
        wrong |= naming(field, belonging(rival, field))
    answer = lab.post("/samples", wrong)
    assert sorted(fields_at_fault(answer)) == sorted(REFERENCES)
    assert answer.json()["ids"] == sorted({belonging(rival, field) for field in REFERENCES})


@pytest.mark.parametrize(
    ("field", "kind"),
    [
        ("materialTypeId", MaterialType),
        ("projectId", Project),
        ("storageLocationId", StorageLocation),
        ("testDefinitionIds", TestDefinition),
    ],
)
def test_a_record_out_of_use_cannot_be_named_but_stays_where_it_is(
    fresh: Laboratory, field: str, kind: Any
) -> None:
    record_id = belonging(fresh, field)
    sample = fresh.post("/samples", new(fresh, **naming(field, record_id))).json()
    retire(fresh, kind, record_id)
    answer = fresh.post("/samples", new(fresh, **naming(field, record_id)))
    assert refusal(answer) == (400, "invalid_reference")
    kept = fresh.patch(f"/samples/{sample['id']}", {"notes": "still here"})
    assert kept.status_code == 200, kept.text


def test_a_sample_may_carry_a_hundred_tests(lab: Laboratory) -> None:
    async def stock(session: TenantSession) -> list[int]:
        tests = [TestDefinition(code=f"T{place}", name="Test") for place in range(100)]
        session.add_all(tests)
        await session.flush()
        return [test.id for test in tests]

    many = lab.do(stock)
    sample = lab.post("/samples", new(lab, testDefinitionIds=many[::-1])).json()
    assert [test["testDefinitionId"] for test in sample["tests"]] == many[::-1]


def test_an_external_id_is_unique_in_its_organization_and_the_holder_is_named(
    lab: Laboratory, rival: Laboratory
) -> None:
    first = lab.post("/samples", new(lab, externalId="LIMS/77")).json()
    before = books(lab)
    again = lab.post("/samples", new(lab, externalId=" LIMS/77 "))
    assert refusal(again) == (409, "duplicate")
    assert (again.json()["field"], again.json()["existingId"]) == ("externalId", first["id"])
    assert books(lab) == before
    assert rival.post("/samples", new(rival, externalId="LIMS/77")).status_code == 201
    assert lab.post("/samples", new(lab, externalId="lims/77")).status_code == 201


def test_of_many_creates_with_one_external_id_exactly_one_succeeds(lab: Laboratory) -> None:
    answers = at_once(lab, [("POST", "/samples", new(lab, externalId="RACE"))] * 6)
    made = [answer for answer in answers if answer.status_code == 201]
    assert len(made) == 1
    for answer in answers:
        if answer is not made[0]:
            assert refusal(answer) == (409, "duplicate")
            assert answer.json()["existingId"] == made[0].json()["id"]


def test_a_date_or_an_instant_of_collection_is_kept_as_what_it_was_given_as(
    lab: Laboratory, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    for given, kept in (
        ("2026-06-18", "2026-06-18"),
        ("2026-06-18T09:12:00.000999Z", "2026-06-18T09:12:00.000Z"),
        ("2026-06-18T11:12:00+02:00", "2026-06-18T09:12:00.000Z"),
    ):
        answer = lab.post("/samples", new(lab, collectionDate=given))
        assert answer.json()["collectionDate"] == kept
    for ahead in ("2026-06-19", "2026-06-18T09:12:00.001Z", "2026-06-18T09:13:00+00:00"):
        answer = lab.post("/samples", new(lab, collectionDate=ahead))
        assert refusal(answer) == (400, "invalid_body")
        assert fields_at_fault(answer) == ["collectionDate"]


# One sample


def uncounted(answer: Response) -> dict[str, str]:
    """The headers that do not count the caller's requests."""
    return {name: text for name, text in answer.headers.items() if "ratelimit" not in name}


def test_a_foreign_sample_is_answered_exactly_like_one_that_never_was(
    lab: Laboratory, rival: Laboratory
) -> None:
    theirs = rival.sample("verified")["id"]
    for method, tail, body in (
        ("GET", "", None),
        ("PATCH", "", {"notes": "x"}),
        ("PATCH", "/status", {"status": "received"}),
        ("POST", "/report", None),
        ("GET", "/approvals", None),
    ):
        answers = [
            lab.request(
                method, f"/samples/{each}{tail}", json=body, headers={"X-Request-Id": "same"}
            )
            for each in (theirs, ABSENT)
        ]
        assert refusal(answers[0]) == (404, "not_found")
        assert answers[0].content == answers[1].content
        foreign, absent = (uncounted(answer) for answer in answers)
        assert foreign == absent
    assert rival.get(f"/samples/{theirs}").json()["notes"] is None


# Changing


def test_a_field_left_out_stays_and_a_null_clears(lab: Laboratory) -> None:
    full = lab.sample(
        notes="n",
        projectId=lab.has.project,
        storageLocationId=lab.has.fridge,
        plantLocation="P1",
        collectionDate="2026-01-01",
        externalId="E1",
        priority="high",
    )
    path = f"/samples/{full['id']}"
    assert lab.patch(path, {}).json() == full
    clearable = (
        *("notes", "projectId", "storageLocationId", "plantLocation"),
        *("collectionDate", "externalId"),
    )
    for name in clearable:
        answer = lab.patch(path, {name: None})
        assert answer.json()[name] is None, answer.text
    cleared = lab.get(path).json()
    assert {name for name in FIELDS if cleared[name] != full[name]} == {
        *clearable,
        "version",
        "updatedAt",
    }
    assert cleared["version"] == full["version"] + len(clearable)


@pytest.mark.parametrize("name", ["materialTypeId", "priority", "testDefinitionIds"])
def test_what_a_sample_cannot_be_without_cannot_be_cleared(lab: Laboratory, name: str) -> None:
    answer = lab.patch(f"/samples/{lab.sample()['id']}", {name: None})
    assert refusal(answer) == (400, "invalid_body")
    assert answer.json()["details"] == [{"field": name, "message": "cannot be cleared"}]


@pytest.mark.parametrize(
    "body", [{"clientName": None}, {"clientId": None}, {"clientId": None, "clientName": None}]
)
def test_the_client_can_be_exchanged_but_not_cleared(
    lab: Laboratory, body: dict[str, None]
) -> None:
    answer = lab.patch(f"/samples/{lab.sample()['id']}", body)
    assert refusal(answer) == (400, "invalid_body")


def test_a_client_is_exchanged_by_name_or_by_id(lab: Laboratory) -> None:
    path = f"/samples/{lab.sample()['id']}"
    known = {"clientId": lab.has.client, "clientName": "Springfield Waterworks"}

    def now(body: dict[str, Any]) -> dict[str, Any]:
        sample = lab.patch(path, body).json()
        return {name: sample[name] for name in ("clientId", "clientName")}

    assert now({"clientId": lab.has.client}) == known
    assert now({"notes": "x"}) == known
    assert now({"clientName": "Somebody"}) == {"clientId": None, "clientName": "Somebody"}
    assert now({"clientName": "SPRINGFIELD WATERWORKS"}) == known
    assert now({"clientId": None, "clientName": "Nobody"}) == {
        "clientId": None,
        "clientName": "Nobody",
    }
    assert now({"clientId": lab.has.client, "clientName": None}) == known


def test_a_name_that_contradicts_the_clients_id_is_refused_even_when_the_id_stays(
    lab: Laboratory,
) -> None:
    path = f"/samples/{lab.sample()['id']}"
    lab.patch(path, {"clientId": lab.has.client})
    answer = lab.patch(path, {"clientId": lab.has.client, "clientName": "Somebody else"})
    assert refusal(answer) == (400, "invalid_body")
    assert fields_at_fault(answer) == ["clientName"]


def test_a_client_renamed_since_does_not_hold_up_a_change(fresh: Laboratory) -> None:
    path = f"/samples/{fresh.sample(clientName='Springfield Waterworks')['id']}"

    async def rename(session: TenantSession) -> None:
        client = (await session.scalars(select(Client))).one()
        client.name, client.name_folded = "Springfield Water", "springfield water"

    fresh.do(rename)
    answer = fresh.patch(path, {"notes": "x"})
    assert (answer.status_code, answer.json()["clientName"]) == (200, "Springfield Waterworks")


def test_the_status_is_pointed_to_its_own_route(lab: Laboratory) -> None:
    sample = lab.sample()
    answer = lab.patch(f"/samples/{sample['id']}", {"status": "received", "notes": "x"})
    assert refusal(answer) == (400, "invalid_body")
    assert "PATCH /api/v1/samples/{id}/status" in answer.json()["message"]
    assert lab.get(f"/samples/{sample['id']}").json() == sample


@pytest.mark.parametrize("name", ["trackingId", "id", "createdAt", "reportedAt", "version"])
def test_what_the_laboratory_keeps_itself_cannot_be_changed(lab: Laboratory, name: str) -> None:
    answer = lab.patch(f"/samples/{lab.sample()['id']}", {name: None})
    assert refusal(answer) == (400, "invalid_body")
    assert fields_at_fault(answer) == [name]


@pytest.mark.parametrize("field", REFERENCES)
def test_a_change_to_a_foreign_id_is_an_invalid_reference_and_changes_nothing(
    lab: Laboratory, rival: Laboratory, field: str
) -> None:
    sample = lab.sample()
    body = {"notes": "changed"} | naming(field, belonging(rival, field))
    answer = lab.patch(f"/samples/{sample['id']}", body)
    assert refusal(answer) == (400, "invalid_reference")
    assert fields_at_fault(answer) == [field]
    assert lab.get(f"/samples/{sample['id']}").json() == sample


def test_an_external_id_may_be_kept_and_not_taken_from_another(lab: Laboratory) -> None:
    holder = lab.sample(externalId="E1")
    other = lab.sample()
    assert lab.patch(f"/samples/{holder['id']}", {"externalId": "E1"}).json() == holder
    answer = lab.patch(f"/samples/{other['id']}", {"externalId": "E1", "notes": "x"})
    assert refusal(answer) == (409, "duplicate")
    assert answer.json()["existingId"] == holder["id"]
    assert lab.get(f"/samples/{other['id']}").json() == other


def test_a_future_day_of_collection_is_refused_in_a_change_too(lab: Laboratory) -> None:
    answer = lab.patch(f"/samples/{lab.sample()['id']}", {"collectionDate": "9999-01-01"})
    assert refusal(answer) == (400, "invalid_body")


def test_moving_to_a_composite_project_wants_a_plant_and_keeps_the_tracking_id(
    lab: Laboratory,
) -> None:
    sample = lab.sample()
    path = f"/samples/{sample['id']}"
    project = {"projectId": lab.has.composite_project}
    assert fields_at_fault(lab.patch(path, project)) == ["plantLocation"]
    moved = lab.patch(path, project | {"plantLocation": "Intake"}).json()
    assert moved["trackingId"] == sample["trackingId"]
    assert fields_at_fault(lab.patch(path, {"plantLocation": None})) == ["plantLocation"]


def test_further_tests_are_added_and_none_is_taken_away(lab: Laboratory) -> None:
    sample = lab.sample(tests=[lab.has.ph])
    path = f"/samples/{sample['id']}"
    added = lab.patch(path, {"testDefinitionIds": [lab.has.lead, lab.has.ph]}).json()
    assert [test["testCode"] for test in added["tests"]] == ["PH", "LEAD"]
    assert added["tests"][0] == sample["tests"][0]
    assert added["version"] == sample["version"] + 1
    assert lab.patch(path, {"testDefinitionIds": []}).json() == added
    assert lab.patch(path, {"testDefinitionIds": [lab.has.ph]}).json() == added


@pytest.mark.parametrize("status", ["completed", "verified"])
def test_a_sample_that_is_done_takes_no_further_tests(lab: Laboratory, status: str) -> None:
    sample = lab.sample(status, tests=[lab.has.ph])
    answer = lab.patch(f"/samples/{sample['id']}", {"testDefinitionIds": [lab.has.colour]})
    assert refusal(answer) == (409, "invalid_transition")
    assert lab.get(f"/samples/{sample['id']}").json() == sample


def test_a_reported_sample_is_closed_to_change(lab: Laboratory) -> None:
    sample = lab.sample("verified", tests=[lab.has.ph])
    path = f"/samples/{sample['id']}"
    reported = lab.post(f"{path}/report").json()
    for answer in (
        lab.patch(path, {"notes": "late"}),
        lab.patch(path, {}),
        lab.patch(f"{path}/status", {"status": "processing"}),
        lab.patch(path, {"testDefinitionIds": [lab.has.lead]}),
    ):
        assert refusal(answer) == (409, "invalid_transition")
        assert answer.json()["allowed"] == []
    assert lab.get(path).json() == reported


# Asking


WRONG_QUERIES = [
    *[("limit", wrong) for wrong in ("0", "-1", "1.5", "ten", "", "+5", "1e2", "0x10", "\u0665")],
    *[("cursor", wrong) for wrong in ("0", "-1", "abc", "", "1.0", "9223372036854775808", "+1")],
    *[("status", wrong) for wrong in ("", "Received", "reported", "received,pending")],
    *[("materialTypeId", wrong) for wrong in ("0", "x", "")],
    *[("projectId", wrong) for wrong in ("-1", "1.0")],
    *[("since", wrong) for wrong in ("", "yesterday", "2026-06-18T09:12:00", "2026-02-30")],
    *[("until", wrong) for wrong in ("", "2026-06-18T09:12", "1750000000")],
    *[(name, "a\x00b") for name in ("trackingId", "externalId", "status", "since", "cursor")],
]


@pytest.mark.parametrize(("name", "wrong"), WRONG_QUERIES)
def test_a_wrong_query_parameter_is_named(lab: Laboratory, name: str, wrong: str) -> None:
    answer = lab.get("/samples", params={name: wrong})
    assert refusal(answer) == (400, "invalid_query")
    assert fields_at_fault(answer) == [name]
