"""`/api/settings/organization`, over HTTP on both databases."""

from typing import Any

import pytest

from laboratory import Laboratory, MovableClock, World


def test_the_organization_shows_its_plan_and_what_is_used(
    world: World, clock: MovableClock
) -> None:
    clock.set("2026-12-18T09:00:00Z")
    lab = world.found("Small Laboratory", plan="starter")
    lab.sample()
    shown = lab.administrator().get("/organization")
    assert shown.status_code == 200
    assert shown.headers["etag"] == f'"{lab.id}.1"'
    assert shown.json() == {
        "id": lab.id,
        "name": "Small Laboratory",
        "plan": "starter",
        "apiAccess": True,
        "monthlyLimit": 500,
        "usedThisMonth": 1,
        "resetsAt": "2027-01-01T00:00:00.000Z",
        "requireSecondPerson": False,
        "requireIfMatch": False,
        "requireHumanSignature": False,
        "allowLanguageModel": False,
        "createdAt": "2026-12-18T09:00:00.000Z",
        "updatedAt": "2026-12-18T09:00:00.000Z",
        "version": 1,
    }


def test_a_plan_without_the_api_still_opens_the_settings(world: World) -> None:
    lab = world.found("Free Laboratory", plan="free")
    assert lab.get("/whoami").status_code == 401
    shown = lab.administrator().get("/organization").json()
    assert (shown["apiAccess"], shown["monthlyLimit"]) == (False, 50)


def test_an_unlimited_plan_has_no_limit_to_show(lab: Laboratory) -> None:
    assert lab.administrator().get("/organization").json()["monthlyLimit"] is None


def test_an_administrator_renames_it_and_asks_for_a_second_person(lab: Laboratory) -> None:
    administrator = lab.administrator()
    before = administrator.get("/organization")
    changed = administrator.patch(
        "/organization",
        {"name": "Aqua II", "requireSecondPerson": True},
        headers={"If-Match": before.headers["etag"]},
    )
    assert changed.status_code == 200
    body = changed.json()
    assert (body["name"], body["requireSecondPerson"], body["version"]) == ("Aqua II", True, 2)
    stale = administrator.patch(
        "/organization", {"name": "Late"}, headers={"If-Match": before.headers["etag"]}
    )
    assert stale.status_code == 412
    assert administrator.get("/organization").json() == body


@pytest.mark.parametrize(
    "body",
    [
        {"plan": "enterprise"},
        {"monthlyLimit": 10**6},
        {"name": ""},
        {"name": None},
        {"requireSecondPerson": None},
        {"requireSecondPerson": 1},
        {"requireSecondPerson": "true"},
        {"publicId": "x"},
    ],
    ids=repr,
)
def test_nothing_else_of_it_can_be_changed(lab: Laboratory, body: dict[str, Any]) -> None:
    administrator = lab.administrator()
    before = administrator.get("/organization").json()
    refused = administrator.patch("/organization", body)
    assert refused.status_code == 400
    assert refused.json()["error"] == "invalid_body"
    assert administrator.get("/organization").json() == before


def test_one_organization_never_sees_or_changes_another(lab: Laboratory, rival: Laboratory) -> None:
    lab.administrator().patch("/organization", {"name": "Only ours"})
    assert rival.administrator().get("/organization").json()["name"] == "Rival Laboratory"
