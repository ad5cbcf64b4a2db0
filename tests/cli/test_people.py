"""`titer user`, `titer key`."""

from typing import Any

import pytest

from commands import Commands
from laboratory import Laboratory


def _person(lab: Laboratory, role: str = "administrator", **changes: str) -> list[object]:
    options = {"email": f"ada@lab{lab.id}.example", "name": "Ada Chen", "role": role} | changes
    words: list[object] = ["user", "create", "--org", lab.id]
    for option, value in options.items():
        words += [f"--{option}", value]
    return words


def test_a_person_with_a_generated_password_can_sign_in(titer: Commands, lab: Laboratory) -> None:
    created = titer.done(*_person(lab), "--generate-password")
    assert created.keys() == {"userId", "email", "role", "password"}
    assert lab.sign_in(created["email"], created["password"]).status_code == 200


def test_a_given_password_is_not_repeated(
    titer: Commands, lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ADAS_PASSWORD", "a long enough password")
    created = titer.done(*_person(lab, "reviewer"), "--password-env", "ADAS_PASSWORD")
    assert created == {
        "userId": created["userId"],
        "email": f"ada@lab{lab.id}.example",
        "role": "reviewer",
    }
    assert lab.sign_in(created["email"], "a long enough password").status_code == 200


def test_the_password_must_come_from_one_place(titer: Commands, lab: Laboratory) -> None:
    assert titer(*_person(lab)).code == 2
    assert titer(*_person(lab), "--generate-password", "--password-env", "HOME").code == 2
    refusal = titer.refused(*_person(lab), "--password-env", "NOT_SET_AT_ALL")
    assert refusal["error"] == "no_password"


def test_what_is_wrong_with_a_person_is_said(
    titer: Commands, lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHORT", "short")
    refusal = titer.refused(*_person(lab), "--password-env", "SHORT")
    assert (refusal["error"], refusal["details"][0]["field"]) == ("invalid_body", "password")
    refusal = titer.refused(*_person(lab, email="nowhere"), "--generate-password")
    assert refusal["details"][0]["field"] == "email"
    assert titer(*_person(lab, name="  "), "--generate-password").code == 2


def test_an_address_is_taken_once(titer: Commands, lab: Laboratory) -> None:
    titer.done(*_person(lab), "--generate-password")
    shouted = f"ADA@LAB{lab.id}.EXAMPLE"
    again = titer.refused(*_person(lab, email=shouted), "--generate-password")
    assert again["error"] == "duplicate"


def test_an_organization_that_is_not_there_is_refused(titer: Commands, lab: Laboratory) -> None:
    words = _person(lab)
    words[words.index(lab.id)] = 999_999_999
    assert titer.refused(*words, "--generate-password")["error"] == "not_found"


def _key(lab: Laboratory, *words: object, user: str = "admin") -> list[object]:
    address = f"{user}@lab{lab.id}.example"
    return ["key", "create", "--org", lab.id, "--user", address, "--name", "Server", *words]


def _who(lab: Laboratory, key: dict[str, Any]) -> Any:
    return lab.world.http.get(
        "/api/v1/whoami", headers={"Authorization": f"Bearer {key['rawKey']}"}
    )


def test_a_key_is_the_contracts_object_and_opens_the_api(titer: Commands, lab: Laboratory) -> None:
    key = titer.done(*_key(lab))
    assert list(key) == [
        "id",
        "name",
        "keyPrefix",
        "createdBy",
        "createdAt",
        "lastUsedAt",
        "revokedAt",
        "scopes",
        "expiresAt",
        "rawKey",
    ]
    assert key["keyPrefix"] == key["rawKey"][:11] + "..."
    assert (key["createdBy"], key["lastUsedAt"], key["expiresAt"]) == (lab.user_id, None, None)
    assert _who(lab, key).json()["scopes"] == ["read", "write", "verify"]


def test_a_key_has_the_scopes_and_the_end_that_are_asked_for(
    titer: Commands, lab: Laboratory
) -> None:
    key = titer.done(
        *_key(lab, "--scope", "write", "--scope", "read", "--expires-at", "2199-01-01")
    )
    assert key["scopes"] == ["read", "write"]
    assert key["expiresAt"] == "2199-01-01T00:00:00.000Z"
    assert _who(lab, key).json()["scopes"] == ["read", "write"]


def test_a_key_never_has_more_power_than_its_person(titer: Commands, lab: Laboratory) -> None:
    lab.colleague("Tom", "technician")
    assert titer.done(*_key(lab, user="tom"))["scopes"] == ["read", "write"]
    refusal = titer.refused(*_key(lab, "--scope", "verify", user="tom"))
    assert refusal["error"] == "forbidden"


def test_a_key_that_has_ended_already_is_not_made(titer: Commands, lab: Laboratory) -> None:
    refusal = titer.refused(*_key(lab, "--expires-at", "2001-01-01"))
    assert refusal["details"][0]["field"] == "expiresAt"
    assert titer(*_key(lab, "--expires-at", "soon")).code == 2


def test_a_key_is_made_for_somebody_of_the_organization(
    titer: Commands, lab: Laboratory, rival: Laboratory
) -> None:
    words = _key(lab)
    words[words.index(f"admin@lab{lab.id}.example")] = f"admin@lab{rival.id}.example"
    assert titer.refused(*words)["error"] == "not_found"


def test_a_person_sees_the_key_on_a_line_of_its_own(titer: Commands, lab: Laboratory) -> None:
    outcome = titer(*_key(lab))
    assert _who(lab, {"rawKey": outcome.out.splitlines()[-1]}).status_code == 200
