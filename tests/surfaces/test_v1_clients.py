"""`/api/v1/clients`, over HTTP on both databases."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from laboratory import Laboratory
from titer.domain.keys.rules import Scope

FIELDS = [
    "id",
    "name",
    "code",
    "contactName",
    "email",
    "phone",
    "address",
    "notes",
    "active",
    "createdAt",
    "updatedAt",
    "version",
]
FULL = {
    "name": "Acme Water District",
    "code": "ACME",
    "contactName": "Wile E. Ortega",
    "email": "lab@acme.example",
    "phone": "+1 555 0100",
    "address": "1 Canyon Road\nFlagstaff",
    "notes": "Invoices by post.",
    "active": True,
}


def test_a_client_is_created_shown_and_listed(lab: Laboratory) -> None:
    created = lab.post("/clients", FULL)
    client = created.json()
    assert created.status_code == 201
    assert list(client) == FIELDS
    assert {name: client[name] for name in FULL} == FULL
    assert client["version"] == 1
    assert created.headers["location"] == f"/api/v1/clients/{client['id']}"
    assert created.headers["etag"] == f'"{client["id"]}.1"'
    assert lab.get(f"/clients/{client['id']}").json() == client
    listed = lab.get("/clients").json()
    assert [each["id"] for each in listed["data"]] == [client["id"], lab.has.client]
    assert listed["data"][0] == client


def test_a_client_needs_no_more_than_a_name(lab: Laboratory) -> None:
    client = lab.post("/clients", {"name": "  Acme  "}).json()
    assert (client["name"], client["code"], client["active"]) == ("Acme", None, True)


@pytest.mark.parametrize("name", ["Springfield Waterworks", "SPRINGFIELD waterworks"])
def test_a_name_is_taken_in_any_case(lab: Laboratory, name: str) -> None:
    answer = lab.post("/clients", {"name": name})
    refusal = answer.json()
    assert answer.status_code == 409
    assert (refusal["error"], refusal["field"], refusal["existingId"]) == (
        "duplicate",
        "name",
        lab.has.client,
    )


def test_letters_beyond_ascii_are_folded_too(lab: Laboratory) -> None:
    first = lab.post("/clients", {"name": "Stadtwerke Münchén Straße"}).json()
    answer = lab.post("/clients", {"name": "STADTWERKE MÜNCHÉN STRASSE"})
    assert (answer.status_code, answer.json()["existingId"]) == (409, first["id"])


def test_a_code_is_taken_once(lab: Laboratory, rival: Laboratory) -> None:
    answer = lab.post("/clients", {"name": "Another", "code": "SPR"})
    assert answer.status_code == 409
    assert (answer.json()["field"], answer.json()["existingId"]) == ("code", lab.has.client)
    assert lab.post("/clients", {"name": "Another", "code": "ELSE"}).status_code == 201
    assert rival.post("/clients", {"name": "Another", "code": "ELSE"}).status_code == 201


def test_of_many_at_once_one_takes_the_name(lab: Laboratory) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: lab.post("/clients", {"name": "Rush"}), range(12)))
    created = [answer.json()["id"] for answer in answers if answer.status_code == 201]
    assert len(created) == 1
    refusals = [answer.json() for answer in answers if answer.status_code != 201]
    assert {(each["error"], each["existingId"]) for each in refusals} == {("duplicate", created[0])}


def test_a_change_touches_what_it_names(lab: Laboratory) -> None:
    client = lab.post("/clients", FULL).json()
    answer = lab.patch(f"/clients/{client['id']}", {"phone": None, "contactName": "R. Runner"})
    changed = answer.json()
    assert answer.status_code == 200
    assert answer.headers["etag"] == f'"{client["id"]}.2"'
    assert changed == client | {
        "phone": None,
        "contactName": "R. Runner",
        "version": 2,
        "updatedAt": changed["updatedAt"],
    }
    assert lab.get(f"/clients/{client['id']}").json() == changed


def test_a_change_that_changes_nothing_is_no_new_version(lab: Laboratory) -> None:
    for body in ({}, {"name": "Springfield Waterworks", "active": True}):
        answer = lab.patch(f"/clients/{lab.has.client}", body)
        assert (answer.status_code, answer.json()["version"]) == (200, 1)


def test_a_client_may_be_renamed_in_another_case(lab: Laboratory) -> None:
    answer = lab.patch(f"/clients/{lab.has.client}", {"name": "SPRINGFIELD Waterworks"})
    assert (answer.status_code, answer.json()["name"]) == (200, "SPRINGFIELD Waterworks")


def test_a_client_cannot_take_anothers_name(lab: Laboratory) -> None:
    other = lab.post("/clients", {"name": "Other"}).json()
    answer = lab.patch(f"/clients/{other['id']}", {"name": "springfield WATERWORKS"})
    assert (answer.status_code, answer.json()["existingId"]) == (409, lab.has.client)
    assert lab.get(f"/clients/{other['id']}").json() == other


def test_a_known_name_links_a_sample_until_the_client_is_retired(lab: Laboratory) -> None:
    body = {"clientName": "springfield waterworks", "materialTypeId": lab.has.water}
    assert lab.post("/samples", body).json()["clientId"] == lab.has.client
    lab.patch(f"/clients/{lab.has.client}", {"active": False})
    assert lab.post("/samples", body).json()["clientId"] is None


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": None}, "name"),
        ({"name": ""}, "name"),
        ({"name": "   "}, "name"),
        ({"name": 7}, "name"),
        ({"name": "x" * 501}, "name"),
        ({"name": "A\x07"}, "name"),
        ({"name": "A", "active": 1}, "active"),
        ({"name": "A", "active": None}, "active"),
        ({"name": "A", "code": ""}, "code"),
        ({"name": "A", "code": "a b"}, "code"),
        ({"name": "A", "code": "ACME\n"}, "code"),
        ({"name": "A", "email": "nowhere"}, "email"),
        ({"name": "A", "email": "a@b c"}, "email"),
        ({"name": "A", "contact_name": "B"}, "contact_name"),
        ({"name": "A", "nmae": "B"}, "nmae"),
        ({"name": "A", "id": 3}, "id"),
        ({"name": "A", "version": 1}, "version"),
    ],
)
def test_a_body_is_read_strictly(lab: Laboratory, body: dict[str, Any], field: str) -> None:
    answer = lab.post("/clients", body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"] == "invalid_body"
    assert [detail["field"] for detail in answer.json()["details"]] == [field]
    assert len(lab.get("/clients").json()["data"]) == 1


@pytest.mark.parametrize("body", [{"name": None}, {"active": None}, {"name": ""}, {"createdAt": 1}])
def test_a_change_is_read_strictly(lab: Laboratory, body: dict[str, Any]) -> None:
    answer = lab.patch(f"/clients/{lab.has.client}", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body")
    assert lab.get(f"/clients/{lab.has.client}").json()["version"] == 1


def test_a_near_miss_is_named(lab: Laboratory) -> None:
    answer = lab.post("/clients", {"name": "A", "contactname": "B"})
    assert "did you mean contactName?" in answer.json()["message"]


def test_the_list_is_narrowed(lab: Laboratory) -> None:
    for number in range(3):
        body = {"name": f"River 100%_{number}", "code": f"R{number}", "active": number != 1}
        assert lab.post("/clients", body).status_code == 201

    def names(**wanted: str) -> list[str]:
        return [row["code"] for row in lab.get("/clients", params=wanted).json()["data"]]

    assert names(name="river") == ["R2", "R1", "R0"]
    assert names(name="100%_2") == ["R2"]
    assert names(name="1%0") == []
    assert names(active="false") == ["R1"]
    assert names(active="true") == ["R2", "R0", "SPR"]
    assert names(code="R0", name="RIVER") == ["R0"]
    assert names(code="r0") == []


def test_umlauts_are_found_in_any_case(lab: Laboratory) -> None:
    lab.post("/clients", {"name": "Ölmühle"})
    found = lab.get("/clients", params={"name": "öLMÜ"}).json()["data"]
    assert [each["name"] for each in found] == ["Ölmühle"]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("active=1", "active"),
        ("active=True", "active"),
        ("active=", "active"),
        ("name=", "name"),
        ("name=%00", "name"),
        ("code=%00", "code"),
        ("name=a&name=b", "name"),
        ("limit=0", "limit"),
        ("cursor=-1", "cursor"),
        ("status=active", "status"),
    ],
)
def test_a_query_is_read_strictly(lab: Laboratory, query: str, parameter: str) -> None:
    answer = lab.get(f"/clients?{query}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_query")
    assert [detail["field"] for detail in answer.json()["details"]] == [parameter]


def test_a_walk_sees_each_client_once_whatever_is_added(lab: Laboratory) -> None:
    ids = [lab.post("/clients", {"name": f"C{number}"}).json()["id"] for number in range(5)]
    seen: list[int] = []
    cursor = ""
    while True:
        page = lab.get(f"/clients?limit=2{cursor}").json()
        seen += [row["id"] for row in page["data"]]
        assert (page["nextCursor"] is None) is not page["hasMore"]
        if not page["hasMore"]:
            break
        lab.post("/clients", {"name": f"Late {len(seen)}"})
        cursor = f"&cursor={page['nextCursor']}"
    assert seen == [*reversed(ids), lab.has.client]


def test_a_copy_is_kept_while_it_is_current(lab: Laboratory) -> None:
    path = f"/clients/{lab.has.client}"
    tag = lab.get(path).headers["etag"]
    kept = lab.get(path, headers={"If-None-Match": tag})
    assert (kept.status_code, kept.content, kept.headers["etag"]) == (304, b"", tag)
    lab.patch(path, {"phone": "1"})
    assert lab.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_stale_copy_is_not_written_over(lab: Laboratory) -> None:
    path = f"/clients/{lab.has.client}"
    tag = lab.get(path).headers["etag"]
    assert lab.patch(path, {"phone": "1"}, headers={"If-Match": tag}).status_code == 200
    late = lab.patch(path, {"phone": "2"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["error"]) == (412, "precondition_failed")
    assert late.json()["currentVersion"] == 2
    assert late.headers["etag"] == f'"{lab.has.client}.2"'
    assert lab.patch(path, {"phone": "3"}, headers={"If-Match": "*"}).json()["phone"] == "3"
    other = lab.patch(path, {"phone": "4"}, headers={"If-Match": '"1.3"'})
    assert other.status_code == 412


def test_of_many_stale_writers_one_wins(lab: Laboratory) -> None:
    path = f"/clients/{lab.has.client}"
    headers = {"If-Match": lab.get(path).headers["etag"]}
    with ThreadPoolExecutor(6) as pool:
        answers = list(
            pool.map(lambda n: lab.patch(path, {"phone": str(n)}, headers=headers), range(8))
        )
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7
    assert lab.get(path).json()["version"] == 2


def test_a_rivals_client_is_as_absent(lab: Laboratory, rival: Laboratory) -> None:
    for method, body in (("GET", None), ("PATCH", {"name": "Mine now"})):
        answers = [
            lab.request(method, f"/clients/{client_id}", json=body, headers={"X-Request-Id": "r"})
            for client_id in (rival.has.client, 2**62)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content
    assert rival.get(f"/clients/{rival.has.client}").json()["name"] == "Springfield Waterworks"


@pytest.mark.parametrize("client_id", ["0", "-1", "01", "1.0", "abc", str(2**63), "1%20"])
def test_a_path_id_is_a_positive_integer(lab: Laboratory, client_id: str) -> None:
    answer = lab.get(f"/clients/{client_id}")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_id")


def test_reading_does_not_let_write(lab: Laboratory) -> None:
    headers = {"Authorization": f"Bearer {lab.another_key(Scope.READ)}"}
    assert lab.get("/clients", headers=headers).status_code == 200
    for method, path in (("POST", "/clients"), ("PATCH", f"/clients/{lab.has.client}")):
        answer = lab.request(method, path, json={"name": "A"}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "insufficient_scope")
