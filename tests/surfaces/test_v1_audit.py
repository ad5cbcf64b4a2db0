"""`/api/v1/audit-events`: the trail that changes leave, over HTTP on both databases."""

from typing import Any

import pytest

from laboratory import Laboratory, MovableClock
from titer.domain.reference import service
from titer.domain.reference.service import TestDefinitionEntry
from titer.kit.tenancy import TenantSession


def events(lab: Laboratory, **wanted: Any) -> list[dict[str, Any]]:
    answer = lab.get("/audit-events", params=wanted)
    assert answer.status_code == 200, answer.text
    data: list[dict[str, Any]] = answer.json()["data"]
    return data


def about(lab: Laboratory, entity_type: str, entity_id: int) -> list[dict[str, Any]]:
    return events(lab, entityType=entity_type, entityId=entity_id)


def test_an_event_says_who_did_what_and_when(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:12:00.123Z")
    client = lab.post(
        "/clients", {"name": "Acme", "phone": "1"}, headers={"X-Request-Id": "intake-7"}
    ).json()
    (event,) = about(lab, "client", client["id"])
    assert event == {
        "id": event["id"],
        "occurredAt": "2026-06-18T09:12:00.123Z",
        "actor": {
            "kind": "key",
            "label": "Integration server",
            "userId": lab.user_id,
            "keyId": lab.key_id,
        },
        "requestId": "intake-7",
        "action": "client.created",
        "entityType": "client",
        "entityId": client["id"],
        "entityVersion": 1,
        "reason": None,
        "changes": [
            {"field": "active", "before": None, "after": True},
            {"field": "name", "before": None, "after": "Acme"},
            {"field": "phone", "before": None, "after": "1"},
        ],
    }
    assert lab.get(f"/audit-events/{event['id']}").json() == event


def test_a_change_tells_before_and_after_of_what_changed(lab: Laboratory) -> None:
    body = {"name": "Springfield Water", "phone": "1", "active": False}
    lab.patch(f"/clients/{lab.has.client}", body)
    event = about(lab, "client", lab.has.client)[0]
    assert (event["action"], event["entityVersion"]) == ("client.retired", 2)
    assert event["changes"] == [
        {"field": "active", "before": True, "after": False},
        {"field": "name", "before": "Springfield Waterworks", "after": "Springfield Water"},
        {"field": "phone", "before": None, "after": "1"},
    ]


def test_what_changed_nothing_left_no_event(lab: Laboratory) -> None:
    before = about(lab, "client", lab.has.client)
    lab.patch(f"/clients/{lab.has.client}", {"name": "Springfield Waterworks"})
    lab.patch(f"/clients/{lab.has.client}", {"name": ""})
    lab.patch(f"/clients/{lab.has.client}", {"name": "X"}, headers={"If-Match": '"1.9"'})
    assert about(lab, "client", lab.has.client) == before


def test_a_projects_steps_have_their_names(lab: Laboratory) -> None:
    path = f"/projects/{lab.has.project}"
    for body in ({"name": "A"}, {"status": "completed"}, {"status": "active"}):
        lab.patch(path, body)
    lab.patch(path, {"status": "archived", "endDate": "2026-12-31"})
    found = about(lab, "project", lab.has.project)
    assert [event["action"] for event in found] == [
        "project.archived",
        "project.reopened",
        "project.completed",
        "project.changed",
        "project.created",
    ]
    assert found[0]["changes"] == [
        {"field": "endDate", "before": None, "after": "2026-12-31"},
        {"field": "status", "before": "active", "after": "archived"},
    ]


def test_limits_and_materials_of_a_test_are_told_exactly(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> int:
        entry = TestDefinitionEntry(code="ZN", name="Zinc", material_type_ids=(lab.has.water,))
        return (await service.create_test_definition(session, entry)).id

    zinc = lab.do(work)
    values = {"material_type_ids": [lab.has.soil]}
    lab.do(lambda session: service.change_test_definition(session, zinc, values))
    changed, created = about(lab, "test_definition", zinc)
    assert changed["changes"] == [
        {"field": "materialTypeIds", "before": [lab.has.water], "after": [lab.has.soil]}
    ]
    assert {"field": "materialTypeIds", "before": None, "after": [lab.has.water]} in created[
        "changes"
    ]
    (lead,) = about(lab, "test_definition", lab.has.lead)
    assert {"field": "specMax", "before": None, "after": "0.015"} in lead["changes"]
    assert lead["actor"]["kind"] == "cli"


def test_the_trail_is_narrowed(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2030-01-02T10:00:00Z")
    client = lab.post("/clients", {"name": "A"}).json()["id"]
    clock.set("2030-01-03T23:59:59.999Z")
    lab.patch(f"/clients/{client}", {"active": False})
    clock.set("2030-01-04T00:00:00Z")
    lab.patch(f"/clients/{client}", {"active": True})

    def actions(**wanted: Any) -> list[str]:
        return [event["action"].removeprefix("client.") for event in events(lab, **wanted)]

    assert actions(entityType="client", entityId=client) == ["restored", "retired", "created"]
    assert actions(action="client.retired") == ["retired"]
    assert actions(since="2030-01-03") == ["restored", "retired"]
    assert actions(since="2030-01-02", until="2030-01-03") == ["retired", "created"]
    assert actions(since="2030-01-03T23:59:59.999Z", until="2030-01-03T23:59:59.999Z") == [
        "retired"
    ]
    assert actions(since="2030-01-05") == []
    assert events(lab, entityType="no_such_thing") == []


def test_the_trail_is_paged_newest_first(lab: Laboratory) -> None:
    whole = events(lab, limit=500)
    assert [event["id"] for event in whole] == sorted((e["id"] for e in whole), reverse=True)
    seen: list[dict[str, Any]] = []
    cursor: dict[str, int] = {}
    while True:
        page = lab.get("/audit-events", params={"limit": 4} | cursor).json()
        seen += page["data"]
        if not page["hasMore"]:
            break
        lab.post("/clients", {"name": f"Meanwhile {len(seen)}"})
        cursor = {"cursor": page["nextCursor"]}
    assert seen == whole


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("entityId=x", "entityId"),
        ("entityType=", "entityType"),
        ("action=%00", "action"),
        ("since=yesterday", "since"),
        ("since=2026-06-18T09:00:00", "since"),
        ("until=2026-13-01", "until"),
        ("actor=key", "actor"),
        ("entitytype=client", "entitytype"),
    ],
)
def test_a_query_is_read_strictly(lab: Laboratory, query: str, parameter: str) -> None:
    answer = lab.get(f"/audit-events?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_query")
    assert [detail["field"] for detail in answer.json()["details"]] == [parameter]


def test_a_rivals_events_are_as_absent(lab: Laboratory, rival: Laboratory) -> None:
    theirs = events(rival)[0]["id"]
    answers = [
        lab.get(f"/audit-events/{event_id}", headers={"X-Request-Id": "r"})
        for event_id in (theirs, 2**62)
    ]
    assert [answer.status_code for answer in answers] == [404, 404]
    assert answers[0].content == answers[1].content
    assert theirs not in [event["id"] for event in events(lab, limit=500)]
    assert events(lab, entityType="client", entityId=rival.has.client) == []


def test_no_secret_is_in_the_trail(lab: Laboratory) -> None:
    raw = lab.another_key()
    told = lab.get("/audit-events?limit=500").text
    (minted, first) = events(lab, entityType="api_key")
    assert minted["action"] == first["action"] == "api_key.minted"
    assert {change["field"] for change in minted["changes"]} <= {
        "name",
        "kind",
        "keyPrefix",
        "scopes",
        "createdBy",
        "expiresAt",
    }
    assert raw not in told
    assert lab.key not in told
    for word in ("digest", "passwordHash", "nobody signs in", "nameFolded", "canonical"):
        assert word not in told


def test_an_event_is_never_stale_and_never_written(lab: Laboratory) -> None:
    event = events(lab)[0]
    path = f"/audit-events/{event['id']}"
    tag = lab.get(path).headers["etag"]
    assert lab.get(path, headers={"If-None-Match": tag}).status_code == 304
    for method in ("PATCH", "POST", "DELETE", "PUT"):
        assert lab.request(method, path, json={}).status_code == 405
