"""`/api/settings/users`, over HTTP on both databases."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from laboratory import PASSWORD, Laboratory, MovableClock, World


def grace(lab: Laboratory, **changes: Any) -> dict[str, Any]:
    return {
        "email": f"grace@lab{lab.id}.example",
        "name": "Grace Hopper",
        "role": "reviewer",
        "password": "a password of hers",
    } | changes


def test_a_person_is_created_and_signs_in(lab: Laboratory) -> None:
    administrator = lab.administrator()
    created = administrator.post("/users", grace(lab))
    user = created.json()
    assert created.status_code == 201
    assert created.headers["location"] == f"/api/settings/users/{user['id']}"
    assert created.headers["etag"] == f'"{user["id"]}.1"'
    assert user.keys() == {
        "id",
        "email",
        "name",
        "role",
        "active",
        "createdAt",
        "updatedAt",
        "version",
    }
    assert (user["role"], user["active"], user["version"]) == ("reviewer", True, 1)
    assert administrator.get(f"/users/{user['id']}").json() == user
    signed_in = lab.sign_in(user["email"], "a password of hers")
    assert signed_in.json()["user"]["role"] == "reviewer"


def test_an_address_is_unique_within_an_organization_in_any_case(
    lab: Laboratory, rival: Laboratory
) -> None:
    administrator = lab.administrator()
    first = administrator.post("/users", grace(lab)).json()
    again = administrator.post("/users", grace(lab, email=f"GRACE@LAB{lab.id}.example"))
    assert again.status_code == 409
    assert again.json()["error"] == "duplicate"
    assert (again.json()["field"], again.json()["existingId"]) == ("email", first["id"])
    assert rival.administrator().post("/users", grace(lab)).status_code == 201


def test_of_two_who_create_the_same_person_at_once_one_is_told(lab: Laboratory) -> None:
    administrator = lab.administrator()
    with ThreadPoolExecutor(2) as threads:
        both = [threads.submit(administrator.post, "/users", grace(lab)) for _ in range(2)]
        statuses = sorted(each.result().status_code for each in both)
    assert statuses == [201, 409]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"email": "nobody"}, "email"),
        ({"email": "a@b@c"}, "email"),
        ({"email": "a b@c.example"}, "email"),
        ({"email": None}, "email"),
        ({"email": "a@" + "b" * 255}, "email"),
        ({"name": ""}, "name"),
        ({"name": {"first": "Grace"}}, "name"),
        ({"role": "owner"}, "role"),
        ({"role": 1}, "role"),
        ({"password": "too short"}, "password"),
        ({"password": "p" * 257}, "password"),
        ({"password": 1234567890}, "password"),
        ({"active": True}, "active"),
        ({"organizationId": 1}, "organizationId"),
    ],
    ids=repr,
)
def test_a_person_who_cannot_be_is_refused(
    lab: Laboratory, changes: dict[str, Any], field: str
) -> None:
    refused = lab.administrator().post("/users", grace(lab, **changes))
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_body"
    assert refused.json()["details"][0]["field"] == field
    assert "pppp" not in refused.text


def test_a_person_is_changed_field_by_field(lab: Laboratory) -> None:
    administrator = lab.administrator()
    user = administrator.post("/users", grace(lab)).json()
    changed = administrator.patch(f"/users/{user['id']}", {"role": "technician"}).json()
    assert changed == user | {
        "role": "technician",
        "version": 2,
        "updatedAt": changed["updatedAt"],
    }
    renamed = administrator.patch(f"/users/{user['id']}", {"name": " Rear Admiral Hopper "})
    assert renamed.json()["name"] == "Rear Admiral Hopper"
    assert renamed.headers["etag"] == f'"{user["id"]}.3"'


@pytest.mark.parametrize(
    "body",
    [
        {"email": "new@lab.example"},
        {"name": None},
        {"role": None},
        {"active": None},
        {"password": None},
        {"active": 1},
        {"active": "false"},
        {"role": "Administrator"},
        {"password": "short"},
        {"version": 3},
        [],
    ],
    ids=repr,
)
def test_a_change_that_cannot_be_is_refused(lab: Laboratory, body: Any) -> None:
    administrator = lab.administrator()
    user = administrator.post("/users", grace(lab)).json()
    refused = administrator.patch(f"/users/{user['id']}", body)
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_body"
    assert administrator.get(f"/users/{user['id']}").json() == user


def test_a_change_may_ask_for_the_version_that_was_read(lab: Laboratory) -> None:
    administrator = lab.administrator()
    created = administrator.post("/users", grace(lab))
    path, tag = f"/users/{created.json()['id']}", created.headers["etag"]
    assert administrator.get(path, headers={"If-None-Match": tag}).status_code == 304
    first = administrator.patch(path, {"name": "One"}, headers={"If-Match": tag})
    assert first.status_code == 200
    second = administrator.patch(path, {"name": "Two"}, headers={"If-Match": tag})
    assert second.status_code == 412
    assert second.json()["error"] == "precondition_failed"
    assert second.json()["currentVersion"] == 2
    assert administrator.get(path).json()["name"] == "One"


def test_a_new_password_ends_the_old_one_and_every_sign_in(
    lab: Laboratory, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:00:00Z")
    technician = lab.member("technician")
    path = f"/users/{technician.user_id}"
    lab.administrator().patch(path, {"password": "an entirely new one"})
    assert technician.get("/api/auth/me").status_code == 401
    assert lab.sign_in(technician.email).status_code == 401
    assert lab.sign_in(technician.email, "an entirely new one").status_code == 200


def test_deactivation_ends_the_sign_ins_but_not_the_keys(lab: Laboratory) -> None:
    leaving = lab.member("administrator")
    raw = leaving.post("/api-keys", {"name": "Balance"}).json()["rawKey"]
    administrator = lab.administrator()
    gone = administrator.patch(f"/users/{leaving.user_id}", {"active": False})
    assert gone.json()["active"] is False
    assert leaving.get("/api/auth/me").status_code == 401
    opens = {"Authorization": f"Bearer {raw}"}
    assert lab.get("/whoami", headers=opens).json()["userId"] == leaving.user_id
    administrator.patch(f"/users/{leaving.user_id}", {"active": True})
    assert leaving.get("/api/auth/me").status_code == 401
    assert lab.sign_in(leaving.email).status_code == 200


@pytest.mark.parametrize("change", [{"active": False}, {"role": "reviewer"}], ids=repr)
def test_the_last_active_administrator_stays(lab: Laboratory, change: dict[str, Any]) -> None:
    administrator = lab.administrator()
    path = f"/users/{lab.user_id}"
    other = lab.member("system_administrator")
    administrator.patch(f"/users/{other.user_id}", {"active": False})
    refused = administrator.patch(path, change)
    assert refused.status_code == 409
    assert refused.json()["error"] == "last_administrator"
    assert administrator.patch(path, {"role": "system_administrator"}).status_code == 200
    administrator.patch(f"/users/{other.user_id}", {"active": True})
    assert administrator.patch(path, change).status_code == 200


def test_two_administrators_who_demote_each_other_at_once_do_not_both_succeed(
    world: World,
) -> None:
    for _ in range(5):
        lab = world.found("Two Administrators")
        first, second = lab.administrator(), lab.member("administrator")
        step_down = {"role": "read_only"}
        with ThreadPoolExecutor(2) as threads:
            answers = [
                threads.submit(first.patch, f"/users/{second.user_id}", step_down),
                threads.submit(second.patch, f"/users/{first.user_id}", step_down),
            ]
            statuses = [each.result().status_code for each in answers]
        assert statuses.count(200) == 1
        assert set(statuses) <= {200, 403, 409}
        left = first if statuses[0] == 200 else second
        assert left.get("/users").status_code == 200


def test_people_are_listed_newest_first_and_by_role(lab: Laboratory) -> None:
    administrator = lab.administrator()
    reviewer, technician = lab.colleague("R", "reviewer"), lab.colleague("T", "technician")
    everybody = administrator.get("/users").json()["data"]
    assert [user["id"] for user in everybody] == [technician, reviewer, lab.user_id]
    reviewers = administrator.get("/users?role=reviewer").json()["data"]
    assert [user["id"] for user in reviewers] == [reviewer]
    administrator.patch(f"/users/{reviewer}", {"active": False})
    away = administrator.get("/users?active=false").json()["data"]
    assert [user["id"] for user in away] == [reviewer]
    assert administrator.get("/users?active=no").json()["error"] == "invalid_query"
    assert administrator.get("/users?role=boss").json()["error"] == "invalid_query"
    near = administrator.get("/users?rol=reviewer").json()
    assert "did you mean role?" in near["message"]


def test_a_rivals_person_is_as_absent_as_one_who_never_was(
    lab: Laboratory, rival: Laboratory
) -> None:
    administrator = lab.administrator()
    for method, body in (("GET", None), ("PATCH", {"name": "Ours now"})):
        theirs = administrator.request(method, f"/users/{rival.user_id}", json=body)
        nobodys = administrator.request(method, f"/users/{2**62}", json=body)
        assert theirs.status_code == 404
        assert theirs.json() | {"requestId": ""} == nobodys.json() | {"requestId": ""}
    assert rival.sign_in(f"admin@lab{rival.id}.example", PASSWORD).status_code == 200
