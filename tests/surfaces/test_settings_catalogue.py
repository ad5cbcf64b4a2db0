"""Keeping the catalogue over `/api/settings`, on both databases."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from httpx2 import Response

from laboratory import Laboratory
from titer.domain.people.models import SignIn
from titer.domain.people.rules import PREFIX
from titer.kit import tokens
from titer.kit.tenancy import TenantSession

RESOURCES = ["/test-definitions", "/material-types", "/storage-locations"]
NEW: Mapping[str, dict[str, Any]] = {
    "/test-definitions": {"code": "ZN", "name": "Zinc"},
    "/material-types": {"code": "AIR", "name": "Air"},
    "/storage-locations": {"code": "F2", "name": "Fridge 2", "kind": "fridge"},
}


class Desk:
    """A person signed in at a laboratory, at the settings."""

    def __init__(self, lab: Laboratory, user_id: int | None = None) -> None:
        self.lab = lab
        raw = tokens.mint(PREFIX)

        async def sign_in(session: TenantSession) -> None:
            session.add(
                SignIn(
                    user_id=user_id or lab.user_id,
                    digest=tokens.digest(raw),
                    created_at=session.now,
                    expires_at=session.now + timedelta(hours=1),
                )
            )

        lab.do(sign_in)
        self.headers = {"Authorization": f"Bearer {raw}"}

    def request(self, method: str, path: str, **options: Any) -> Response:
        headers = self.headers | options.pop("headers", {})
        path = f"/api/settings{path}"
        return self.lab.world.http.request(method, path, headers=headers, **options)

    def get(self, path: str, **options: Any) -> Response:
        return self.request("GET", path, **options)

    def post(self, path: str, json: Any = None, **options: Any) -> Response:
        return self.request("POST", path, json=json, **options)

    def patch(self, path: str, json: Any = None, **options: Any) -> Response:
        return self.request("PATCH", path, json=json, **options)

    def make(self, path: str, **fields: Any) -> dict[str, Any]:
        made = self.post(path, NEW[path] | fields)
        assert made.status_code == 201, made.text
        shown: dict[str, Any] = made.json()
        return shown


@pytest.fixture
def desk(lab: Laboratory) -> Desk:
    return Desk(lab)


def one_of(lab: Laboratory, path: str) -> int:
    return {
        "/test-definitions": lab.has.ph,
        "/material-types": lab.has.water,
        "/storage-locations": lab.has.fridge,
    }[path]


@pytest.mark.parametrize("path", RESOURCES)
def test_a_record_is_created_shown_and_listed(desk: Desk, path: str) -> None:
    created = desk.post(path, NEW[path])
    record = created.json()
    assert created.status_code == 201
    assert {name: record[name] for name in NEW[path]} == NEW[path]
    assert (record["active"], record["version"]) == (True, 1)
    assert created.headers["location"] == f"/api/settings{path}/{record['id']}"
    assert created.headers["etag"] == f'"{record["id"]}.1"'
    assert desk.get(f"{path}/{record['id']}").json() == record
    assert desk.get(path).json()["data"][0] == record


def test_the_lab_api_shows_what_the_settings_keep(desk: Desk) -> None:
    lab = desk.lab
    for path in RESOURCES:
        record = desk.make(path)
        seen = lab.get(f"{path}/{record['id']}").json()
        assert seen == {name: record[name] for name in seen}
        assert list(record) == [*seen, "createdAt", "updatedAt", "version"]


@pytest.mark.parametrize(
    ("sent", "printed"),
    [
        ("0.005", "0.005"),
        ("1e-3", "0.001"),
        ("1E+3", "1000"),
        ("0.10", "0.1"),
        ("-0.0", "0"),
        ("123456789.012345", "123456789.012345"),
        ("999999999999999", "999999999999999"),
        ("0.000001", "1e-6"),
    ],
)
def test_a_limit_comes_back_digit_for_digit(desk: Desk, sent: str, printed: str) -> None:
    body = f'{{"code": "T", "name": "T", "specMax": {sent}}}'
    headers = {"Content-Type": "application/json"}
    created = desk.request("POST", "/test-definitions", content=body, headers=headers)
    assert created.status_code == 201, created.text
    for answer in (created, desk.get(f"/test-definitions/{created.json()['id']}")):
        assert f'"specMax":{printed},' in answer.text
    assert desk.lab.get("/test-definitions").text.count(f'"specMax":{printed},') == 1


@pytest.mark.parametrize(
    "sent",
    [
        "0.1234567890123456",
        "1234567890123456",
        "1.00000000000000000000000000000000001",
        "1e15",
        "1e-13",
        "1e999",
        "NaN",
        "Infinity",
        '"0.5"',
        "true",
        "[1]",
    ],
)
def test_a_limit_that_could_not_be_kept_exactly_is_refused(desk: Desk, sent: str) -> None:
    body = f'{{"code": "T", "name": "T", "specMax": {sent}}}'
    headers = {"Content-Type": "application/json"}
    answer = desk.request("POST", "/test-definitions", content=body, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body")
    assert len(desk.get("/test-definitions").json()["data"]) == 3


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/test-definitions", {"name": "A"}, "code"),
        ("/test-definitions", {"code": "A"}, "name"),
        ("/test-definitions", {"code": "a b", "name": "A"}, "code"),
        ("/test-definitions", {"code": "A", "name": "A", "decimals": 16}, "decimals"),
        ("/test-definitions", {"code": "A", "name": "A", "decimals": 1.0}, "decimals"),
        ("/test-definitions", {"code": "A", "name": "A", "decimals": "1"}, "decimals"),
        ("/test-definitions", {"code": "A", "name": "A", "loq": -1}, "loq"),
        ("/test-definitions", {"code": "A", "name": "A", "specMin": 2, "specMax": 1}, "specMin"),
        (
            "/test-definitions",
            {"code": "A", "name": "A", "materialTypeIds": None},
            "materialTypeIds",
        ),
        (
            "/test-definitions",
            {"code": "A", "name": "A", "materialTypeIds": [1, 1]},
            "materialTypeIds",
        ),
        (
            "/test-definitions",
            {"code": "A", "name": "A", "materialTypeIds": [1, "2"]},
            "materialTypeIds[1]",
        ),
        ("/test-definitions", {"code": "A", "name": "A", "spec_max": 1}, "spec_max"),
        ("/material-types", {"code": "A", "name": None}, "name"),
        ("/material-types", {"code": "A", "name": "A", "active": "true"}, "active"),
        ("/material-types", {"code": "A", "name": "A", "kind": "x"}, "kind"),
        ("/storage-locations", {"code": "A", "name": "A"}, "kind"),
        ("/storage-locations", {"code": "A/B", "name": "A", "kind": "box"}, "code"),
        ("/storage-locations", {"code": "A", "name": "A", "kind": "box", "path": "A"}, "path"),
        (
            "/storage-locations",
            {"code": "A", "name": "A", "kind": "box", "capacity": 0},
            "capacity",
        ),
        (
            "/storage-locations",
            {"code": "A", "name": "A", "kind": "box", "parentId": 0},
            "parentId",
        ),
    ],
)
def test_a_body_is_read_strictly(desk: Desk, path: str, body: dict[str, Any], field: str) -> None:
    before = desk.get(path).json()
    answer = desk.post(path, body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body"), answer.text
    assert [detail["field"] for detail in answer.json()["details"]] == [field]
    assert desk.get(path).json() == before


@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize("field", ["code", "name", "active"])
def test_what_is_required_cannot_be_cleared(desk: Desk, path: str, field: str) -> None:
    record = f"{path}/{one_of(desk.lab, path)}"
    answer = desk.patch(record, {field: None})
    assert answer.status_code == 400
    assert answer.json()["details"][0]["field"] == field
    assert desk.get(record).json()["version"] == 1


@pytest.mark.parametrize("path", RESOURCES)
def test_a_change_touches_what_it_names(desk: Desk, path: str) -> None:
    made = desk.make(path)
    answer = desk.patch(f"{path}/{made['id']}", {"name": "Renamed"})
    changed = answer.json()
    assert answer.status_code == 200
    assert answer.headers["etag"] == f'"{made["id"]}.2"'
    assert changed == made | {
        "name": "Renamed",
        "version": 2,
        "updatedAt": changed["updatedAt"],
    }
    assert desk.patch(f"{path}/{made['id']}", {}).json() == changed


@pytest.mark.parametrize("path", RESOURCES)
def test_a_code_is_taken_once(desk: Desk, rival: Laboratory, path: str) -> None:
    made = desk.make(path)
    other = one_of(desk.lab, path)
    for answer in (
        desk.post(path, NEW[path]),
        desk.patch(f"{path}/{other}", {"code": made["code"]}),
    ):
        refusal = answer.json()
        assert (answer.status_code, refusal["error"]) == (409, "duplicate")
        assert (refusal["field"], refusal["existingId"]) == ("code", made["id"])
    assert Desk(rival).make(path)["code"] == made["code"]


@pytest.mark.parametrize("path", RESOURCES)
def test_of_many_at_once_one_takes_the_code(desk: Desk, path: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: desk.post(path, NEW[path]), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {answer.json().get("error", "") for answer in answers} == {"", "duplicate"}


def test_a_parent_or_material_must_be_ones_own_and_in_use(desk: Desk, rival: Laboratory) -> None:
    lab = desk.lab
    retired = desk.make("/storage-locations", active=False)["id"]
    desk.patch(f"/material-types/{lab.has.soil}", {"active": False})
    attempts = [
        ("/storage-locations", "parentId", parent_id, parent_id)
        for parent_id in (rival.has.fridge, 2**62, retired)
    ] + [
        ("/test-definitions", "materialTypeIds", [lab.has.water, material_id], material_id)
        for material_id in (rival.has.water, 2**62, lab.has.soil)
    ]
    for path, field, value, fault in attempts:
        record = f"{path}/{one_of(lab, path)}"
        body = NEW[path] | {"code": "NEW", field: value}
        for answer in (desk.post(path, body), desk.patch(record, {field: value})):
            refusal = answer.json()
            assert (answer.status_code, refusal["error"]) == (400, "invalid_reference")
            assert (refusal["details"][0]["field"], refusal["ids"]) == (field, [fault])


def test_the_tree_keeps_its_paths(desk: Desk) -> None:
    path = "/storage-locations"
    rack = desk.make(path, code="R1", parentId=desk.lab.has.fridge)
    box = desk.make(path, code="B07", parentId=rack["id"])
    assert box["path"] == "F1/R1/B07"
    desk.patch(f"{path}/{desk.lab.has.fridge}", {"code": "COLD"})
    assert desk.get(f"{path}/{box['id']}").json()["path"] == "COLD/R1/B07"
    moved = desk.patch(f"{path}/{rack['id']}", {"parentId": None}).json()
    assert (moved["path"], moved["parentId"]) == ("R1", None)
    assert desk.lab.get(f"{path}/{box['id']}").json()["path"] == "R1/B07"
    circle = desk.patch(f"{path}/{rack['id']}", {"parentId": box["id"]})
    assert (circle.status_code, circle.json()["details"][0]["field"]) == (400, "parentId")


def test_two_moves_at_once_make_no_circle(desk: Desk) -> None:
    path = "/storage-locations"
    pairs = [
        (desk.make(path, code=f"A{number}")["id"], desk.make(path, code=f"B{number}")["id"])
        for number in range(4)
    ]
    moves = [move for one, other in pairs for move in ((one, other), (other, one))]
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda move: desk.patch(f"{path}/{move[0]}", {"parentId": move[1]}), moves)
        )
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [400] * 4
    rows = {row["id"]: row for row in desk.get(path).json()["data"]}
    for row in rows.values():
        parent = rows.get(row["parentId"])
        assert row["path"] == (f"{parent['path']}/{row['code']}" if parent else row["code"])


@pytest.mark.parametrize("path", RESOURCES)
def test_the_lists_are_narrowed_and_paged(desk: Desk, path: str) -> None:
    desk.make(path, code="X1", name="Extra one", active=False)
    desk.make(path, code="X2", name="Extra two")

    def codes(**wanted: Any) -> list[str]:
        return [row["code"] for row in desk.get(path, params=wanted).json()["data"]]

    assert codes(name="extra") == ["X2", "X1"]
    assert codes(active="false") == ["X1"]
    assert codes(code="X2") == ["X2"]
    assert codes(limit=1) == ["X2"]
    assert desk.get(f"{path}?activ=true").json()["error"] == "invalid_query"


@pytest.mark.parametrize("path", RESOURCES)
def test_copies_are_kept_and_stale_ones_not_written_over(desk: Desk, path: str) -> None:
    record = f"{path}/{one_of(desk.lab, path)}"
    tag = desk.get(record).headers["etag"]
    assert desk.get(record, headers={"If-None-Match": tag}).status_code == 304
    assert desk.patch(record, {"name": "A"}, headers={"If-Match": tag}).status_code == 200
    late = desk.patch(record, {"name": "B"}, headers={"If-Match": tag})
    assert (late.status_code, late.json()["error"]) == (412, "precondition_failed")
    assert late.json()["currentVersion"] == 2
    assert desk.get(record).json()["name"] == "A"


@pytest.mark.parametrize("path", RESOURCES)
def test_a_rivals_record_is_as_absent(desk: Desk, rival: Laboratory, path: str) -> None:
    for method, body in (("GET", None), ("PATCH", {"name": "Mine now"})):
        answers = [
            desk.request(method, f"{path}/{each}", json=body, headers={"X-Request-Id": "r"})
            for each in (one_of(rival, path), 2**62)
        ]
        assert [answer.status_code for answer in answers] == [404, 404]
        assert answers[0].content == answers[1].content


@pytest.mark.parametrize("path", RESOURCES)
@pytest.mark.parametrize("role", ["reviewer", "technician", "read_only"])
def test_only_administrators_keep_the_catalogue(lab: Laboratory, path: str, role: str) -> None:
    colleague = Desk(lab, lab.colleague(role.title(), role))
    record = f"{path}/{one_of(lab, path)}"
    for method, where in (("GET", path), ("GET", record), ("POST", path), ("PATCH", record)):
        body = None if method == "GET" else NEW[path]
        answer = colleague.request(method, where, json=body)
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


@pytest.mark.parametrize("path", RESOURCES)
def test_a_key_does_not_open_the_settings(lab: Laboratory, path: str) -> None:
    url = f"/api/settings{path}"
    for headers in ({}, lab.headers):
        answer = lab.world.http.get(url, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")


def test_the_trail_names_the_person(desk: Desk) -> None:
    made = desk.make("/material-types")
    desk.patch(f"/material-types/{made['id']}", {"active": False})
    wanted = {"entityType": "material_type", "entityId": made["id"]}
    retired, created = desk.lab.get("/audit-events", params=wanted).json()["data"]
    assert [created["action"], retired["action"]] == [
        "material_type.created",
        "material_type.retired",
    ]
    assert retired["actor"] == {
        "kind": "user",
        "label": "Ada Admin",
        "userId": desk.lab.user_id,
        "keyId": None,
    }


def test_new_limits_leave_verdicts_of_the_past(desk: Desk) -> None:
    lab = desk.lab
    sample = lab.sample("processing")
    entered = lab.enter(sample["tests"][0]["id"], "7.2")
    assert entered["specification"] == "pass"
    desk.patch(f"/test-definitions/{lab.has.ph}", {"specMin": 8, "specMax": 8.5})
    assert lab.get(f"/samples/{sample['id']}").json()["tests"][0]["specification"] == "pass"
    later = lab.sample("processing")
    assert lab.enter(later["tests"][0]["id"], "7.2")["specification"] == "fail"
