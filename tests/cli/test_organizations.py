"""`titer org`, `titer plan`."""

from uuid import uuid4

from commands import Commands
from laboratory import Laboratory


def test_an_organization_is_founded_on_the_plan_that_is_named(titer: Commands) -> None:
    founded = titer.done("org", "create", "  Acme Laboratory ", "--plan", "starter")
    assert founded == {
        "organizationId": founded["organizationId"],
        "name": "Acme Laboratory",
        "plan": "starter",
    }
    listed = titer.done("org", "list")["organizations"]
    (mine,) = [row for row in listed if row["organizationId"] == founded["organizationId"]]
    assert mine["plan"] == "starter"
    assert mine["createdAt"].endswith("Z")


def test_a_person_is_told_what_to_do_next(titer: Commands) -> None:
    outcome = titer("org", "create", "Acme Laboratory")
    assert outcome.code == 0
    assert "titer user create --org" in outcome.out
    assert outcome.err == ""


def test_a_plan_that_is_not_there_founds_nothing(titer: Commands) -> None:
    before = titer.done("org", "list")
    refusal = titer.refused("org", "create", "Acme", "--plan", "gold")
    assert refusal["error"] == "invalid_reference"
    assert "choose one of enterprise, " in refusal["message"]
    assert titer.done("org", "list") == before


def test_a_nameless_organization_is_refused(titer: Commands) -> None:
    assert titer("org", "create", "   ").code == 2


def test_an_organization_moves_to_another_plan_and_its_trail_tells(
    titer: Commands, lab: Laboratory
) -> None:
    moved = titer.done("org", "set-plan", lab.id, "free")
    assert (moved["organizationId"], moved["plan"]) == (lab.id, "free")
    assert lab.get("/whoami").status_code == 401
    titer.done("org", "set-plan", lab.id, "professional")
    events = lab.get("/audit-events?entityType=organization").json()["data"]
    assert [event["action"] for event in events[:2]] == ["organization.plan_changed"] * 2
    assert lab.get("/whoami").status_code == 200


def test_moving_to_no_plan_or_nobody_is_refused(titer: Commands, lab: Laboratory) -> None:
    assert titer.refused("org", "set-plan", lab.id, "gold")["error"] == "invalid_reference"
    assert titer.refused("org", "set-plan", 999_999_999, "free")["error"] == "not_found"
    assert lab.get("/whoami").status_code == 200


def test_lists_are_tables_for_a_person(titer: Commands, lab: Laboratory) -> None:
    outcome = titer("org", "list")
    assert outcome.code == 0
    assert f" {lab.id} " in outcome.out
    assert "Samples a month" in titer("plan", "list").out


def test_the_plans_are_listed_with_what_they_allow(titer: Commands) -> None:
    plans = {plan["name"]: plan for plan in titer.done("plan", "list")["plans"]}
    assert plans["free"] == {"name": "free", "monthlySamples": 50, "apiAccess": False}
    assert plans["enterprise"]["monthlySamples"] is None


def test_a_plan_is_made_and_changed_in_part(titer: Commands) -> None:
    name = f"trial-{uuid4().hex[:8]}"
    made = titer.done("plan", "set", name)
    assert made == {"name": name, "monthlySamples": None, "apiAccess": True}
    limited = titer.done("plan", "set", name, "--monthly-samples", "3")
    assert limited == {"name": name, "monthlySamples": 3, "apiAccess": True}
    closed = titer.done("plan", "set", name, "--no-api")
    assert closed == {"name": name, "monthlySamples": 3, "apiAccess": False}
    opened = titer.done("plan", "set", name, "--monthly-samples", "unlimited", "--api")
    assert opened == made
    assert made in titer.done("plan", "list")["plans"]
