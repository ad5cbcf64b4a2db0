"""`/api/v1/projects`, over HTTP on both databases."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest

from laboratory import Laboratory
from titer.domain.keys.rules import Scope

FULL: dict[str, Any] = {
    "code": "RIVER-26",
    "name": "River survey",
    "description": "Twelve stations, monthly.",
    "status": "active",
    "sampleIdScheme": "composite",
    "startDate": "2026-01-01",
    "endDate": "2026-12-31",
}


def test_a_project_is_created_shown_and_listed(lab: Laboratory) -> None:
    body = FULL | {"clientId": lab.has.client}
    created = lab.post("/projects", body)
    project = created.json()
    assert created.status_code == 201
    assert list(project) == [
        "id",
        "publicId",
        "code",
        "name",
        "description",
        "clientId",
        "status",
        "sampleIdScheme",
        "startDate",
        "endDate",
        "createdAt",
        "updatedAt",
        "version",
    ]
    assert {name: project[name] for name in body} == body
    assert UUID(project["publicId"]).version == 4
    assert created.headers["location"] == f"/api/v1/projects/{project['id']}"
    assert created.headers["etag"] == f'"{project["id"]}.1"'
    assert lab.get(f"/projects/{project['id']}").json() == project
    assert lab.get("/projects").json()["data"][0] == project


def test_a_project_needs_no_more_than_a_code_and_a_name(lab: Laboratory) -> None:
    project = lab.post("/projects", {"code": "P1", "name": "One"}).json()
    assert (project["status"], project["sampleIdScheme"]) == ("active", "standard")
    assert project["clientId"] is project["startDate"] is project["description"] is None


def test_a_code_is_taken_once(lab: Laboratory, rival: Laboratory) -> None:
    for answer in (
        lab.post("/projects", {"code": "WTP", "name": "Again"}),
        lab.patch(f"/projects/{lab.has.project}", {"code": "WTP"}),
    ):
        assert (answer.status_code, answer.json()["error"]) == (409, "duplicate")
        assert answer.json()["field"] == "code"
        assert answer.json()["existingId"] == lab.has.composite_project
    assert lab.post("/projects", {"code": "NEW", "name": "New"}).status_code == 201
    assert rival.post("/projects", {"code": "NEW", "name": "New"}).status_code == 201


def test_of_many_at_once_one_takes_the_code(lab: Laboratory) -> None:
    body = {"code": "RUSH", "name": "Rush"}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: lab.post("/projects", body), range(12)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 11
    assert {answer.json().get("error", "") for answer in answers} == {"", "duplicate"}


def test_a_client_must_be_ones_own_and_in_use(lab: Laboratory, rival: Laboratory) -> None:
    lab.patch(f"/clients/{lab.has.client}", {"active": False})
    for client_id in (rival.has.client, 2**62, lab.has.client):
        for answer in (
            lab.post("/projects", {"code": "P1", "name": "One", "clientId": client_id}),
            lab.patch(f"/projects/{lab.has.project}", {"clientId": client_id}),
        ):
            refusal = answer.json()
            assert (answer.status_code, refusal["error"]) == (400, "invalid_reference")
            assert refusal["ids"] == [client_id]
            assert refusal["details"][0]["field"] == "clientId"


def test_a_foreign_client_is_refused_as_an_absent_one(lab: Laboratory, rival: Laboratory) -> None:
    words = [
        lab.post("/projects", {"code": "P1", "name": "One", "clientId": client_id})
        .text.replace(str(client_id), "N")
        .split('"requestId"')[0]
        for client_id in (rival.has.client, 2**62)
    ]
    assert words[0] == words[1]


def test_a_project_keeps_a_client_that_was_retired_since(lab: Laboratory) -> None:
    body = {"code": "P1", "name": "One", "clientId": lab.has.client}
    project = lab.post("/projects", body).json()
    lab.patch(f"/clients/{lab.has.client}", {"active": False})
    body = {"name": "Two", "clientId": lab.has.client}
    answer = lab.patch(f"/projects/{project['id']}", body)
    assert (answer.status_code, answer.json()["name"]) == (200, "Two")
    assert lab.patch(f"/projects/{project['id']}", {"clientId": None}).json()["clientId"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"code": "P1"}, "name"),
        ({"name": "One"}, "code"),
        ({"code": "P 1", "name": "One"}, "code"),
        ({"code": "P_1", "name": "One"}, "code"),
        ({"code": "", "name": "One"}, "code"),
        ({"code": "P" * 17, "name": "One"}, "code"),
        ({"code": "P1\n", "name": "One"}, "code"),
        ({"code": "Pé", "name": "One"}, "code"),
        ({"code": "P1", "name": "One", "status": "open"}, "status"),
        ({"code": "P1", "name": "One", "status": None}, "status"),
        ({"code": "P1", "name": "One", "sampleIdScheme": "own"}, "sampleIdScheme"),
        ({"code": "P1", "name": "One", "clientId": "4"}, "clientId"),
        ({"code": "P1", "name": "One", "clientId": 0}, "clientId"),
        ({"code": "P1", "name": "One", "startDate": "2026-02-30"}, "startDate"),
        ({"code": "P1", "name": "One", "startDate": "2026-02-03T00:00:00Z"}, "startDate"),
        ({"code": "P1", "name": "One", "startDate": 20260203}, "startDate"),
        ({"code": "P1", "name": "One", "publicId": "x"}, "publicId"),
        (FULL | {"startDate": "2027-01-01"}, "endDate"),
    ],
)
def test_a_body_is_read_strictly(lab: Laboratory, body: dict[str, Any], field: str) -> None:
    answer = lab.post("/projects", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_body"
    assert [detail["field"] for detail in answer.json()["details"]] == [field]
    assert len(lab.get("/projects").json()["data"]) == 2


@pytest.mark.parametrize("code", ["P", "-", "a-B-0", "P" * 16])
def test_a_code_has_letters_digits_and_hyphens(lab: Laboratory, code: str) -> None:
    assert lab.post("/projects", {"code": code, "name": "One"}).json()["code"] == code


def test_a_project_may_begin_and_end_on_one_day(lab: Laboratory) -> None:
    days = {"startDate": "2026-06-18", "endDate": "2026-06-18"}
    assert lab.post("/projects", {"code": "P1", "name": "One"} | days).status_code == 201


def test_an_end_is_held_against_the_start_that_is_there(lab: Laboratory) -> None:
    project = lab.post("/projects", FULL).json()
    answer = lab.patch(f"/projects/{project['id']}", {"endDate": "2025-12-31"})
    assert (answer.status_code, answer.json()["details"][0]["field"]) == (400, "endDate")
    both = {"startDate": "2025-01-01", "endDate": "2025-12-31"}
    assert lab.patch(f"/projects/{project['id']}", both).json()["endDate"] == "2025-12-31"
    assert lab.patch(f"/projects/{project['id']}", {"endDate": None}).json()["endDate"] is None


@pytest.mark.parametrize(
    "body",
    [{"code": None}, {"name": None}, {"status": None}, {"sampleIdScheme": None}, {"publicId": "x"}],
)
def test_a_change_is_read_strictly(lab: Laboratory, body: dict[str, Any]) -> None:
    answer = lab.patch(f"/projects/{lab.has.project}", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body")
    assert lab.get(f"/projects/{lab.has.project}").json()["version"] == 1


def test_only_an_active_project_takes_samples(lab: Laboratory) -> None:
    body = {"clientName": "A", "materialTypeId": lab.has.water, "projectId": lab.has.project}
    for status, expected in (("completed", 400), ("archived", 400), ("active", 201)):
        changed = lab.patch(f"/projects/{lab.has.project}", {"status": status})
        assert changed.json()["status"] == status
        assert lab.post("/samples", body).status_code == expected


def test_another_scheme_is_for_samples_to_come(lab: Laboratory) -> None:
    before = lab.sample(projectId=lab.has.project)
    path = f"/projects/{lab.has.project}"
    assert lab.patch(path, {"sampleIdScheme": "composite"}).status_code == 200

    # The sample that was there goes on without a plant location, and keeps its tracking id.
    changed = lab.patch(f"/samples/{before['id']}", {"notes": "Still here"})
    assert (changed.status_code, changed.json()["trackingId"]) == (200, before["trackingId"])
    body = {"clientName": "A", "materialTypeId": lab.has.water, "projectId": lab.has.project}
    refused = lab.post("/samples", body)
    assert refused.json()["details"][0]["field"] == "plantLocation"
    after = lab.post("/samples", body | {"plantLocation": "intake"}).json()
    assert after["trackingId"].startswith("ROUTINE-INTAKE-")
    cleared = lab.patch(f"/samples/{after['id']}", {"plantLocation": None})
    assert (cleared.status_code, cleared.json()["error"]) == (400, "invalid_body")


def test_another_code_leaves_tracking_ids_as_they_are(lab: Laboratory) -> None:
    more: dict[str, Any] = {"projectId": lab.has.composite_project, "plantLocation": "P1"}
    before = lab.sample(**more)
    lab.patch(f"/projects/{lab.has.composite_project}", {"code": "PLANT"})
    assert lab.get(f"/samples/{before['id']}").json()["trackingId"] == before["trackingId"]
    assert lab.sample(**more)["trackingId"].startswith("PLANT-P1-")


def test_the_list_is_narrowed(lab: Laboratory) -> None:
    lab.post("/projects", FULL | {"status": "archived", "clientId": lab.has.client})

    def codes(**wanted: Any) -> list[str]:
        return [row["code"] for row in lab.get("/projects", params=wanted).json()["data"]]

    assert codes() == ["RIVER-26", "WTP", "ROUTINE"]
    assert codes(active="true") == ["WTP", "ROUTINE"]
    assert codes(active="false") == ["RIVER-26"]
    assert codes(status="archived") == ["RIVER-26"]
    assert codes(name="PLANT") == ["WTP"]
    assert codes(code="ROUTINE") == ["ROUTINE"]
    assert codes(clientId=lab.has.client) == ["RIVER-26"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("active=yes", "active"),
        ("status=open", "status"),
        ("clientId=x", "clientId"),
        ("clientId=0", "clientId"),
        ("code=", "code"),
        ("clientid=1", "clientid"),
    ],
)
def test_a_query_is_read_strictly(lab: Laboratory, query: str, parameter: str) -> None:
    answer = lab.get(f"/projects?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_query")
    assert [detail["field"] for detail in answer.json()["details"]] == [parameter]


def test_a_rivals_id_narrows_to_nothing(lab: Laboratory, rival: Laboratory) -> None:
    assert lab.get(f"/projects?clientId={rival.has.client}").json()["data"] == []


def test_a_rivals_project_is_as_absent(lab: Laboratory, rival: Laboratory) -> None:
    for method, body in (("GET", None), ("PATCH", {"name": "Mine now"})):
        answers = [
            lab.request(method, f"/projects/{each}", json=body, headers={"X-Request-Id": "r"})
            for each in (rival.has.project, 2**62)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content
    assert rival.get(f"/projects/{rival.has.project}").json()["name"] == "Routine monitoring"


def test_copies_are_kept_and_stale_ones_not_written_over(lab: Laboratory) -> None:
    path = f"/projects/{lab.has.project}"
    tag = lab.get(path).headers["etag"]
    assert lab.get(path, headers={"If-None-Match": f'"7.7", W/{tag}'}).status_code == 304
    assert lab.patch(path, {"name": "A"}, headers={"If-Match": tag}).status_code == 200
    late = lab.patch(path, {"name": "B"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["currentVersion"]) == (412, 2)
    odd = lab.patch(path, {"name": "B"}, headers={"If-Match": "7"})
    assert (odd.status_code, odd.json()["error"]) == (400, "invalid_header")


def test_reading_does_not_let_write(lab: Laboratory) -> None:
    headers = {"Authorization": f"Bearer {lab.another_key(Scope.READ)}"}
    assert lab.get(f"/projects/{lab.has.project}", headers=headers).status_code == 200
    for method, path in (("POST", "/projects"), ("PATCH", f"/projects/{lab.has.project}")):
        answer = lab.request(method, path, json={"code": "A", "name": "A"}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
