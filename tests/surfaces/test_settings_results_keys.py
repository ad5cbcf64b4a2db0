"""Keys of the laboratory's clients: minted, listed and revoked by administrators."""

from typing import Any

import pytest

from laboratory import Laboratory


def minted(lab: Laboratory, **fields: Any) -> dict[str, Any]:
    body = {"name": "Acme's portal", "clientId": lab.has.client} | fields
    answer = lab.administrator().post("/results-keys", body)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def test_a_key_is_a_clients_and_shown_once(lab: Laboratory) -> None:
    key = minted(lab)
    assert key["rawKey"].startswith("lr_")
    assert key["keyPrefix"] == key["rawKey"][:11] + "..."
    assert (key["clientId"], key["createdBy"]) == (lab.has.client, lab.user_id)
    admin = lab.administrator()
    listed = admin.get("/results-keys").json()["data"]
    assert listed == [{name: value for name, value in key.items() if name != "rawKey"}]
    assert admin.get(f"/results-keys/{key['id']}").json() == listed[0]


def test_the_two_kinds_of_keys_do_not_show_among_each_other(lab: Laboratory) -> None:
    key, admin = minted(lab), lab.administrator()
    assert key["id"] not in [each["id"] for each in admin.get("/api-keys").json()["data"]]
    assert admin.get(f"/api-keys/{key['id']}").status_code == 404
    assert admin.delete(f"/api-keys/{key['id']}").status_code == 404
    assert admin.get(f"/results-keys/{lab.key_id}").status_code == 404
    assert admin.delete(f"/results-keys/{lab.key_id}").status_code == 404
    assert lab.get("/whoami").status_code == 200


def test_the_lab_api_refuses_a_clients_key(lab: Laboratory) -> None:
    headers = {"Authorization": f"Bearer {minted(lab)['rawKey']}"}
    for path in ("/whoami", "/samples", "/clients"):
        refused = lab.get(path, headers=headers)
        assert (refused.status_code, refused.json()["error"]) == (401, "unauthorized")


def test_revoking_twice_changes_nothing_the_second_time(lab: Laboratory) -> None:
    key, admin = minted(lab), lab.administrator()
    first = admin.delete(f"/results-keys/{key['id']}")
    assert first.status_code == 200
    assert first.json()["revokedAt"] is not None
    assert admin.delete(f"/results-keys/{key['id']}").json() == first.json()


def test_a_rivals_client_gets_no_key_and_neither_does_one_that_never_was(
    lab: Laboratory, rival: Laboratory
) -> None:
    admin, told = lab.administrator(), []
    for client in (rival.has.client, 7_777_777):
        refused = admin.post("/results-keys", {"name": "x", "clientId": client})
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_reference")
        told.append(refused.json()["message"].replace(str(client), "N"))
    assert told[0] == told[1]
    key = minted(rival)
    assert admin.get(f"/results-keys/{key['id']}").status_code == 404
    assert admin.delete(f"/results-keys/{key['id']}").status_code == 404


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"clientId": None}, {"expiresAt": "2001-01-01"}, {"scopes": ["read"]}]
)
def test_a_key_that_cannot_be_is_refused(lab: Laboratory, wrong: dict[str, Any]) -> None:
    body = {"name": "x", "clientId": lab.has.client} | wrong
    refused = lab.administrator().post("/results-keys", body)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_body")


def test_only_administrators_mint_list_and_revoke(lab: Laboratory) -> None:
    reviewer = lab.member("reviewer")
    body = {"name": "x", "clientId": lab.has.client}
    assert reviewer.post("/results-keys", body).status_code == 403
    assert reviewer.get("/results-keys").status_code == 403
    assert reviewer.delete("/results-keys/1").status_code == 403
