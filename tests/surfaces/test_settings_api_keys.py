"""`/api/settings/api-keys`, over HTTP on both databases."""

from typing import Any

import pytest

from laboratory import Laboratory, MovableClock
from titer.domain.keys.rules import Scope
from titer.domain.keys.service import mint_as
from titer.domain.people.rules import Role
from titer.kit.errors import Forbidden
from titer.kit.tenancy import TenantSession

SHOWN = {
    "id",
    "name",
    "keyPrefix",
    "createdBy",
    "createdAt",
    "lastUsedAt",
    "revokedAt",
    "scopes",
    "expiresAt",
}


def test_a_key_is_minted_and_shown_once(lab: Laboratory) -> None:
    administrator = lab.administrator()
    minted = administrator.post("/api-keys", {"name": "Integration server"})
    key = minted.json()
    assert minted.status_code == 201
    assert minted.headers["location"] == f"/api/settings/api-keys/{key['id']}"
    assert key.keys() == SHOWN | {"rawKey"}
    assert key["keyPrefix"] == key["rawKey"][:11] + "..."
    assert key["createdBy"] == lab.user_id
    assert key["scopes"] == ["read", "write", "verify"]
    assert key["lastUsedAt"] is key["revokedAt"] is key["expiresAt"] is None

    opens = {"Authorization": f"Bearer {key['rawKey']}"}
    assert lab.get("/whoami", headers=opens).json()["keyId"] == key["id"]
    listed = administrator.get("/api-keys")
    assert listed.json()["data"][0].keys() == SHOWN
    shown = administrator.get(f"/api-keys/{key['id']}")
    for answer in (listed, shown):
        assert key["rawKey"] not in answer.text


def test_a_key_has_the_scopes_it_was_given(lab: Laboratory) -> None:
    minted = lab.administrator().post("/api-keys", {"name": "Reader", "scopes": ["read"]}).json()
    opens = {"Authorization": f"Bearer {minted['rawKey']}"}
    assert minted["scopes"] == ["read"]
    assert lab.get("/samples", headers=opens).status_code == 200
    refused = lab.post("/samples/receive", {"sampleIds": [1]}, headers=opens)
    assert refused.json()["error"] == "insufficient_scope"


def test_a_key_expires_when_it_should(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:00:00Z")
    body = {"name": "Visitor", "expiresAt": "2026-06-18T12:00:00+02:00"}
    minted = lab.administrator().post("/api-keys", body).json()
    opens = {"Authorization": f"Bearer {minted['rawKey']}"}
    assert minted["expiresAt"] == "2026-06-18T10:00:00.000Z"
    assert lab.get("/whoami", headers=opens).status_code == 200
    clock.set("2026-06-18T10:00:00Z")
    assert lab.get("/whoami", headers=opens).status_code == 401


def test_revocation_is_immediate_and_for_good(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:00:00Z")
    assert lab.get("/whoami").status_code == 200
    administrator = lab.administrator()
    revoked = administrator.delete(f"/api-keys/{lab.key_id}")
    assert revoked.status_code == 200
    assert revoked.json()["revokedAt"] == "2026-06-18T09:00:00.000Z"
    assert lab.get("/whoami").status_code == 401
    clock.advance(hours=1)
    again = administrator.delete(f"/api-keys/{lab.key_id}")
    assert again.status_code == 200
    assert again.json() == revoked.json()


def test_the_last_use_is_shown(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:00:00Z")
    administrator = lab.administrator()
    assert administrator.get(f"/api-keys/{lab.key_id}").json()["lastUsedAt"] is None
    lab.get("/whoami")
    lab.world.run(lab.world.app.uses.write_down, lab.world.app.database)
    shown = administrator.get(f"/api-keys/{lab.key_id}").json()
    assert shown["lastUsedAt"] == "2026-06-18T09:00:00.000Z"


def test_keys_are_paged_and_found_by_their_maker(lab: Laboratory) -> None:
    first, second = lab.administrator(), lab.member("system_administrator")
    mine = [first.post("/api-keys", {"name": f"Key {n}"}).json()["id"] for n in range(3)]
    theirs = second.post("/api-keys", {"name": "Theirs"}).json()["id"]
    page = first.get("/api-keys?limit=2").json()
    assert [key["id"] for key in page["data"]] == [theirs, mine[2]]
    assert page["hasMore"]
    rest = first.get(f"/api-keys?cursor={page['nextCursor']}").json()
    assert [key["id"] for key in rest["data"]] == [mine[1], mine[0], lab.key_id]
    made = first.get(f"/api-keys?createdBy={second.user_id}").json()
    assert [key["id"] for key in made["data"]] == [theirs]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": 7}, "name"),
        ({"name": "LIMS", "scope": ["read"]}, "scope"),
        ({"name": "LIMS", "scopes": []}, "scopes"),
        ({"name": "LIMS", "scopes": ["admin"]}, "scopes[0]"),
        ({"name": "LIMS", "scopes": "read"}, "scopes"),
        ({"name": "LIMS", "scopes": [True]}, "scopes[0]"),
        ({"name": "LIMS", "scopes": ["read", "read"]}, "scopes"),
        ({"name": "LIMS", "expiresAt": "2020-01-01"}, "expiresAt"),
        ({"name": "LIMS", "expiresAt": "2030-01-01T00:00:00"}, "expiresAt"),
        ({"name": "LIMS", "expiresAt": 1_900_000_000}, "expiresAt"),
        ({"name": "LIMS", "createdBy": 1}, "createdBy"),
    ],
    ids=repr,
)
def test_a_key_that_cannot_be_is_refused(lab: Laboratory, body: dict[str, Any], field: str) -> None:
    administrator = lab.administrator()
    before = administrator.get("/api-keys").json()
    refused = administrator.post("/api-keys", body)
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_body"
    faults = refused.json().get("details", [{"field": ""}])
    assert faults[0]["field"] == field
    assert administrator.get("/api-keys").json() == before


def test_a_rivals_key_is_as_absent_as_one_that_never_was(
    lab: Laboratory, rival: Laboratory
) -> None:
    administrator = lab.administrator()
    for method in ("GET", "DELETE"):
        theirs = administrator.request(method, f"/api-keys/{rival.key_id}")
        nobodys = administrator.request(method, f"/api-keys/{2**62}")
        assert theirs.status_code == 404
        assert theirs.json() | {"requestId": ""} == nobodys.json() | {"requestId": ""}
        assert administrator.request(method, "/api-keys/x").json()["error"] == "invalid_id"
    assert rival.get("/whoami").status_code == 200
    listed = administrator.get("/api-keys").json()["data"]
    assert [key["id"] for key in listed] == [lab.key_id]


def test_nobody_mints_more_keys_in_a_minute_than_a_person_would(lab: Laboratory) -> None:
    administrator, other = lab.administrator(), lab.member("administrator")
    statuses = [administrator.post("/api-keys", {"name": "Loop"}).status_code for _ in range(31)]
    assert statuses == [201] * 30 + [429]
    refused = administrator.post("/api-keys", {"name": "Loop"})
    assert refused.json()["error"] == "rate_limited"
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert other.post("/api-keys", {"name": "Another person's"}).status_code == 201


def test_no_key_has_a_power_that_its_makers_role_lacks(lab: Laboratory) -> None:
    async def mint(session: TenantSession) -> None:
        await mint_as(
            session,
            Role.TECHNICIAN,
            name="Too much",
            created_by=lab.user_id,
            scopes=[Scope.READ, Scope.VERIFY],
            expires_at=None,
        )

    with pytest.raises(Forbidden, match="verify"):
        lab.do(mint)
