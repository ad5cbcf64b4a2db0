"""Panels: tests with analytes, each with limits and a result of its own."""

from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from laboratory import Laboratory, World
from titer.domain.keys.rules import Scope
from titer.kit.db.engine import Database

METALS = {
    "code": "HM",
    "name": "Heavy Metals",
    "analytes": [
        {"code": "PB", "name": "Lead", "unit": "mg/kg", "specMax": 0.1, "loq": 0.005},
        {"code": "HG", "name": "Mercury", "unit": "mg/kg", "specMax": 0.02},
    ],
}


def panel(lab: Laboratory, **fields: Any) -> dict[str, Any]:
    made = lab.administrator().post("/test-definitions", METALS | fields)
    assert made.status_code == 201, made.text
    shown: dict[str, Any] = made.json()
    return shown


def scheduled(lab: Laboratory) -> tuple[dict[str, Any], dict[str, Any]]:
    """A sample in process with the panel on it, and the panel's sample test."""
    sample = lab.sample("processing", tests=[panel(lab)["id"]])
    return sample, sample["tests"][0]


def enter(lab: Laboratory, test_id: int, **results: str | None) -> dict[str, Any]:
    rows = [{"analyteCode": code, "result": result} for code, result in results.items()]
    answer = lab.patch(f"/sample-tests/{test_id}", {"results": rows})
    assert answer.status_code == 200, answer.text
    shown: dict[str, Any] = answer.json()
    return shown


def test_a_definition_shows_its_analytes_in_their_order(lab: Laboratory) -> None:
    made = panel(lab)
    shown = lab.get(f"/test-definitions/{made['id']}").json()["analytes"]
    assert [(each["code"], each["specMax"], each["loq"]) for each in shown] == [
        ("PB", 0.1, 0.005),
        ("HG", 0.02, None),
    ]
    assert shown == made["analytes"]
    listed = lab.get("/test-definitions", params={"code": "HM"}).json()["data"]
    assert listed[0]["analytes"] == shown
    assert lab.get(f"/test-definitions/{lab.has.ph}").json()["analytes"] == []


def test_a_change_names_the_whole_list_and_retires_what_it_leaves_out(lab: Laboratory) -> None:
    made = panel(lab)
    changed = lab.administrator().patch(
        f"/test-definitions/{made['id']}",
        {"analytes": [{"code": "CD", "name": "Cadmium"}, METALS["analytes"][0]]},
    )
    assert changed.status_code == 200, changed.text
    assert [(each["code"], each["active"]) for each in changed.json()["analytes"]] == [
        ("CD", True),
        ("PB", True),
        ("HG", False),
    ]
    assert changed.json()["version"] == made["version"] + 1
    sample = lab.sample(tests=[made["id"]])
    codes = [each["analyteCode"] for each in sample["tests"][0]["results"]]
    assert codes == ["CD", "PB"]
    (event, *_) = lab.get(
        "/audit-events", params={"entityType": "test_definition", "entityId": made["id"]}
    ).json()["data"]
    (change,) = [each for each in event["changes"] if each["field"] == "analytes"]
    assert [each["code"] for each in change["before"]] == ["PB", "HG"]
    assert [each["active"] for each in change["after"]] == [True, True, False]


@pytest.mark.parametrize(
    ("analytes", "field"),
    [
        ([{"code": "PB", "name": "Lead"}, {"code": "PB", "name": "Lead"}], "analytes"),
        ([{"code": "PB", "name": "Lead", "specMin": 2, "specMax": 1}], "analytes[0].specMin"),
        ([{"code": "PB", "name": "Lead", "loq": -1}], "analytes[0].loq"),
        ([{"code": "p b", "name": "Lead"}], "analytes[0].code"),
        ([{"name": "Lead"}], "analytes[0].code"),
    ],
)
def test_analytes_that_cannot_be_are_refused(lab: Laboratory, analytes: Any, field: str) -> None:
    refused = lab.administrator().post("/test-definitions", METALS | {"analytes": analytes})
    assert refused.status_code == 400
    assert refused.json()["details"][0]["field"] == field


def test_a_panel_is_completed_when_each_analyte_has_a_result(lab: Laboratory) -> None:
    _, test = scheduled(lab)
    assert (test["result"], test["status"]) == (None, "pending")
    assert [each["result"] for each in test["results"]] == [None, None]
    half = enter(lab, test["id"], PB="0.05 mg/kg")
    assert (half["status"], half["specification"]) == ("pending", "pass")
    assert half["version"] == test["version"] + 1
    whole = enter(lab, test["id"], HG="<0.05")
    assert (whole["status"], whole["specification"]) == ("completed", "inconclusive")
    assert [each["specification"] for each in whole["results"]] == ["pass", "inconclusive"]
    assert whole["result"] is None
    lead = whole["results"][0]
    assert (lead["result"], lead["resultValue"], lead["unit"]) == ("0.05 mg/kg", 0.05, "mg/kg")
    assert (lead["specMax"], lead["loq"], lead["enteredBy"]) == (0.1, 0.005, lab.user_id)
    assert lab.get(f"/sample-tests/{test['id']}").json() == whole
    listed = lab.get("/sample-tests", params={"sampleId": test["sampleId"]}).json()["data"]
    assert listed == [whole]


@pytest.mark.parametrize(
    ("lead", "mercury", "verdict"),
    [
        ("0.5", "text", "fail"),
        ("0.05", "text", "inconclusive"),
        ("0.05", "0.01", "pass"),
    ],
)
def test_a_panel_is_as_good_as_its_worst_analyte(
    lab: Laboratory, lead: str, mercury: str, verdict: str
) -> None:
    _, test = scheduled(lab)
    assert enter(lab, test["id"], PB=lead, HG=mercury)["specification"] == verdict


def test_a_panel_and_a_plain_test_refuse_each_others_results(lab: Laboratory) -> None:
    _, test = scheduled(lab)
    plain = lab.sample("processing", tests=[lab.has.ph])["tests"][0]
    lead = {"analyteCode": "PB", "result": "1"}
    for test_id, body, field in (
        (test["id"], {"result": "7"}, "result"),
        (test["id"], {"result": None}, "result"),
        (plain["id"], {"results": [lead]}, "results"),
        (test["id"], {"results": [lead, lead]}, "results"),
        (test["id"], {"results": [{"analyteCode": "XX", "result": "1"}]}, "results.analyteCode"),
        (test["id"], {"results": []}, "results"),
        (test["id"], {"results": [{"result": "1"}]}, "results[0]"),
    ):
        refused = lab.patch(f"/sample-tests/{test_id}", body)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_body"), body
        assert refused.json()["details"][0]["field"] == field
    unknown = {"results": [{"analyteId": 7_777_777, "result": "1"}]}
    refused = lab.patch(f"/sample-tests/{test['id']}", unknown)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_reference")
    assert lab.get(f"/sample-tests/{test['id']}").json() == test


def test_bulk_entry_takes_panels_and_plain_tests_side_by_side(lab: Laboratory) -> None:
    _, test = scheduled(lab)
    plain = lab.sample("processing", tests=[lab.has.ph])["tests"][0]
    lead = next(each["analyteId"] for each in test["results"] if each["analyteCode"] == "PB")
    answer = lab.post(
        "/sample-tests/bulk-results",
        {
            "updates": [
                {"sampleTestId": plain["id"], "result": "7.2"},
                {
                    "sampleTestId": test["id"],
                    "results": [
                        {"analyteId": lead, "result": "0.01"},
                        {"analyteCode": "HG", "result": "0.01"},
                    ],
                },
            ]
        },
    ).json()
    assert (answer["updated"], answer["failed"]) == (2, 0)
    assert answer["results"][0]["sampleTest"]["results"] == []
    assert answer["results"][1]["sampleTest"]["status"] == "completed"
    wrong = lab.post(
        "/sample-tests/bulk-results", {"updates": [{"sampleTestId": test["id"], "result": "1"}]}
    ).json()
    assert wrong["results"][0]["error"] == "invalid_body"


def test_the_gate_waits_for_the_last_analyte(lab: Laboratory) -> None:
    sample, test = scheduled(lab)
    enter(lab, test["id"], PB="0.01")
    unfinished = lab.post(f"/sample-tests/{test['id']}/verify")
    assert (unfinished.status_code, unfinished.json()["error"]) == (409, "no_result")
    early = lab.patch(f"/samples/{sample['id']}/status", {"status": "completed"})
    assert early.json()["blockers"][0]["code"] == "no_result"
    lab.patch(f"/samples/{sample['id']}/status", {"status": "received"})
    back = lab.patch(f"/samples/{sample['id']}/status", {"status": "pending"})
    assert back.json()["blockers"][0]["code"] == "has_result"


def test_verifying_locks_every_analyte_and_a_rejection_reopens_them(lab: Laboratory) -> None:
    sample, test = scheduled(lab)
    enter(lab, test["id"], PB="0.5", HG="0.01")
    assert lab.verify(test["id"])["specification"] == "fail"
    locked = lab.patch(
        f"/sample-tests/{test['id']}", {"results": [{"analyteCode": "PB", "result": "0.01"}]}
    )
    assert (locked.status_code, locked.json()["error"]) == (409, "test_verified_locked")
    (approval,) = lab.get(f"/samples/{sample['id']}/approvals").json()["data"]
    decided = lab.patch(
        f"/approval-records/{approval['id']}", {"status": "rejected", "comment": "Digest again."}
    )
    assert decided.status_code == 200
    reopened = lab.get(f"/sample-tests/{test['id']}").json()
    assert (reopened["status"], reopened["specification"]) == ("pending", "no_spec")
    assert [each["result"] for each in reopened["results"]] == [None, None]
    assert [each["specMax"] for each in reopened["results"]] == [None, None]
    history = lab.get(f"/sample-tests/{test['id']}/history").json()["data"]
    told = [(each["action"], each["analyteCode"], each["result"]) for each in reversed(history)]
    assert told == [
        ("entered", "PB", "0.5"),
        ("entered", "HG", "0.01"),
        ("verified", None, None),
        ("reopened", "PB", "0.5"),
        ("reopened", "HG", "0.01"),
        ("reopened", None, None),
    ]
    enter(lab, test["id"], PB="0.05", HG="0.01")
    assert lab.verify(test["id"])["specification"] == "pass"


def test_new_limits_do_not_reach_back(lab: Laboratory) -> None:
    _, test = scheduled(lab)
    enter(lab, test["id"], PB="0.05", HG="0.01")
    definition = f"/test-definitions/{test['testDefinitionId']}"
    stricter = [{"code": "PB", "name": "Lead", "unit": "mg/kg", "specMax": 0.01}]
    lab.administrator().patch(definition, {"analytes": stricter})
    kept = lab.get(f"/sample-tests/{test['id']}").json()
    assert (kept["specification"], kept["results"][0]["specMax"]) == ("pass", 0.1)
    assert [each["analyteCode"] for each in kept["results"]] == ["PB", "HG"]
    anew = enter(lab, test["id"], PB="0.05")
    assert (anew["specification"], anew["results"][0]["specMax"]) == ("fail", 0.01)


def test_every_value_of_an_analyte_stays_in_the_history_and_in_the_trail(lab: Laboratory) -> None:
    _, test = scheduled(lab)
    enter(lab, test["id"], PB="0.05", HG="0.01")
    enter(lab, test["id"], PB="0.06")
    cleared = enter(lab, test["id"], HG=None)
    assert cleared["status"] == "pending"
    history = lab.get(f"/sample-tests/{test['id']}/history").json()["data"]
    assert [(each["action"], each["analyteCode"], each["result"]) for each in history] == [
        ("cleared", "HG", None),
        ("entered", "PB", "0.06"),
        ("entered", "HG", "0.01"),
        ("entered", "PB", "0.05"),
    ]
    events = lab.get(
        "/audit-events", params={"entityType": "sample_test", "entityId": test["id"]}
    ).json()["data"]
    assert [event["action"] for event in events] == [
        "sample_test.result_cleared",
        "sample_test.result_entered",
        "sample_test.result_entered",
        "sample_test.scheduled",
    ]
    (change,) = [each for each in events[1]["changes"] if each["field"] == "results"]
    assert (change["before"], change["after"]) == ({"PB": "0.05"}, {"PB": "0.06"})


def test_a_completed_samples_analyte_can_be_changed_but_not_cleared(lab: Laboratory) -> None:
    sample, test = scheduled(lab)
    enter(lab, test["id"], PB="0.05", HG="0.01")
    lab.patch(f"/samples/{sample['id']}/status", {"status": "completed"})
    refused = lab.patch(
        f"/sample-tests/{test['id']}", {"results": [{"analyteCode": "HG", "result": None}]}
    )
    assert (refused.status_code, refused.json()["error"]) == (409, "invalid_transition")
    assert enter(lab, test["id"], HG="0.015")["status"] == "completed"


def test_whoever_entered_one_analyte_may_not_verify_the_panel(lab: Laboratory) -> None:
    lab.administrator().patch("/organization", {"requireSecondPerson": True})
    _, test = scheduled(lab)
    colleague = lab.as_colleague()
    enter(lab, test["id"], PB="0.05")
    enter(colleague, test["id"], HG="0.01")
    third = lab.as_third()
    for one in (lab, colleague):
        refused = one.post(f"/sample-tests/{test['id']}/verify")
        assert (refused.status_code, refused.json()["error"]) == (403, "second_person_required")
    assert third.post(f"/sample-tests/{test['id']}/verify").status_code == 200


def test_reading_alone_enters_nothing(lab: Laboratory) -> None:
    _, test = scheduled(lab)
    reader = {"Authorization": f"Bearer {lab.another_key(Scope.READ)}"}
    body = {"results": [{"analyteCode": "PB", "result": "1"}]}
    assert lab.patch(f"/sample-tests/{test['id']}", body, headers=reader).status_code == 403


def test_another_panels_analyte_is_no_analyte_of_this_one(lab: Laboratory) -> None:
    _, test = scheduled(lab)
    other = panel(lab, code="HM2")["analytes"][0]["id"]
    refused = lab.patch(
        f"/sample-tests/{test['id']}", {"results": [{"analyteId": other, "result": "1"}]}
    )
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_reference")


@pytest.mark.parametrize("change", ["result = '9'", "specification = 'pass'", "loq = NULL"])
def test_the_database_itself_keeps_a_verified_analyte(
    lab: Laboratory, world: World, change: str
) -> None:
    _, test = scheduled(lab)
    enter(lab, test["id"], PB="0.5", HG="0.01")
    lab.verify(test["id"])

    async def tamper() -> None:
        database = Database(world.bypass_url)
        try:
            async with database.connected() as connection, connection.begin():
                await connection.execute(
                    text(f"UPDATE analyte_results SET {change} WHERE sample_test_id = {test['id']}")
                )
        finally:
            await database.close()

    with pytest.raises(DBAPIError, match="the result is verified"):
        world.run(tamper)
