"""`/api/v1/sample-tests`: entering, bulk entry, verifying, history, sentence by sentence."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from evidence import ABSENT, at_once, books, events_of, fields_at_fault, ids, refusal, statements
from laboratory import Laboratory, MovableClock, World
from titer.domain.keys.rules import Scope
from titer.domain.organizations.models import Organization
from titer.domain.reference.models import TestDefinition
from titer.kit.tenancy import TenantSession

FIELDS = {
    *("id", "sampleId", "trackingId", "testDefinitionId", "testCode", "testName", "unit"),
    *("status", "result", "resultOperator", "resultValue", "specification", "specMin", "specMax"),
    *("notes", "source", "enteredBy", "enteredAt", "verifiedBy", "verifiedAt", "version"),
    *("createdAt", "updatedAt", "customFields", "results"),
}


@pytest.fixture(scope="module")
def lab(world: World) -> Laboratory:
    """One laboratory for the whole module: no test here looks at what another left."""
    return world.found("Aqua Laboratory")


@pytest.fixture(scope="module")
def rival(world: World) -> Laboratory:
    return world.found("Rival Laboratory")


@pytest.fixture
def fresh(world: World) -> Laboratory:
    """A laboratory for one test alone."""
    return world.found("Fresh Laboratory")


def scheduled(lab: Laboratory, definition_id: int | None = None) -> dict[str, Any]:
    """A scheduled test of a sample that is being processed."""
    sample = lab.sample("processing", tests=[definition_id or lab.has.lead])
    shown: dict[str, Any] = sample["tests"][0]
    return shown


def shown(lab: Laboratory, test: dict[str, Any]) -> dict[str, Any]:
    answer: dict[str, Any] = lab.get(f"/sample-tests/{test['id']}").json()
    return answer


def history(lab: Laboratory, test: dict[str, Any]) -> list[dict[str, Any]]:
    entries: list[dict[str, Any]] = lab.get(f"/sample-tests/{test['id']}/history").json()["data"]
    return entries


def limit(lab: Laboratory, definition_id: int, low: str | None, high: str | None) -> None:
    """Change the catalogue's limits."""

    async def work(session: TenantSession) -> None:
        wanted = select(TestDefinition).where(TestDefinition.id == definition_id)
        definition = (await session.scalars(wanted)).one()
        definition.spec_min = None if low is None else Decimal(low)
        definition.spec_max = None if high is None else Decimal(high)

    lab.do(work)


# Listing


def test_each_filter_narrows_and_all_narrow_together(fresh: Laboratory, rival: Laboratory) -> None:
    one = fresh.sample("processing")
    two = fresh.sample(tests=[fresh.has.lead])
    rival.sample("processing")
    ph, lead = (test["id"] for test in one["tests"])
    (other,) = (test["id"] for test in two["tests"])
    fresh.enter(ph, "7.2")
    fresh.verify(ph)
    fresh.enter(lead, "0.002")
    found = {
        (): [other, lead, ph],
        (("sampleId", one["id"]),): [lead, ph],
        (("sampleId", ABSENT),): [],
        (("status", "pending"),): [other],
        (("status", "completed"),): [lead],
        (("status", "verified"),): [ph],
        (("testDefinitionId", fresh.has.lead),): [other, lead],
        (("testDefinitionId", rival.has.lead),): [],
        (("trackingId", two["trackingId"]),): [other],
        (("sampleId", one["id"]), ("status", "pending")): [],
        (("testDefinitionId", fresh.has.lead), ("status", "completed")): [lead],
    }
    for filters, wanted in found.items():
        assert ids(fresh.get("/sample-tests", params=dict(filters))) == wanted, filters
    listed = fresh.get("/sample-tests").json()["data"]
    assert {frozenset(test) for test in listed} == {frozenset(FIELDS)}
    assert all(test == shown(fresh, test) for test in listed)


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("sampleId", "0"),
        ("sampleId", "x"),
        ("status", "received"),
        ("testDefinitionId", "9223372036854775808"),
        ("trackingId", "a\x00"),
        ("trackingId", ""),
        ("limit", "0"),
        ("cursor", "-1"),
    ],
)
def test_a_wrong_query_parameter_is_named(lab: Laboratory, name: str, wrong: str) -> None:
    answer = lab.get("/sample-tests", params={name: wrong})
    assert refusal(answer) == (400, "invalid_query")
    assert fields_at_fault(answer) == [name]


def test_a_walk_sees_every_test_once_while_others_are_scheduled(fresh: Laboratory) -> None:
    there = [test["id"] for _ in range(3) for test in fresh.sample()["tests"]][::-1]
    seen: list[int] = []
    cursor: dict[str, Any] = {}
    while True:
        page = fresh.get("/sample-tests", params={"limit": 2} | cursor).json()
        seen += [test["id"] for test in page["data"]]
        if not page["hasMore"]:
            break
        cursor = {"cursor": page["nextCursor"]}
        fresh.sample()
    assert seen == there


def test_a_list_costs_the_same_however_long_it_is(fresh: Laboratory) -> None:
    costs = []
    for _ in range(2):
        fresh.sample()
        fresh.get("/sample-tests?limit=500")
        with statements(fresh.world) as seen:
            fresh.get("/sample-tests?limit=500")
        costs.append(len(seen))
    assert costs[0] == costs[1] <= 3


# Entering


def test_a_result_is_kept_as_text_and_read_exactly(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    test = scheduled(lab)
    clock.set("2026-06-19T09:12:00.000Z")
    answer = lab.patch(f"/sample-tests/{test['id']}", {"result": "<0.0010 mg/L", "notes": "n"})
    entered = answer.json()
    assert answer.status_code == 200
    changed = {
        "status": "completed",
        "result": "<0.0010 mg/L",
        "resultOperator": "<",
        "resultValue": 0.001,
        "specification": "pass",
        "specMin": None,
        "specMax": 0.015,
        "notes": "n",
        "source": "manual",
        "enteredBy": lab.user_id,
        "enteredAt": "2026-06-19T09:12:00.000Z",
        "updatedAt": "2026-06-19T09:12:00.000Z",
        "version": 2,
    }
    assert entered == test | changed
    assert answer.headers["etag"] == f'"{test["id"]}.2"'
    assert shown(lab, test) == entered


@pytest.mark.parametrize(
    ("result", "value", "verdict"),
    [
        ("0.015", 0.015, "pass"),
        ("0.0150000000000000000001", 0.015, "fail"),
        ("<0.4", 0.4, "inconclusive"),
        ("~0.001", 0.001, "inconclusive"),
        ("ND", None, "inconclusive"),
        ("0,001", None, "inconclusive"),
        ("0.001 ug/L", None, "inconclusive"),
        ("1e-3", 0.001, "pass"),
        ("-0", 0, "pass"),
        ("1e40", 10**40, "fail"),
        ("9" * 1_000, None, "inconclusive"),
    ],
)
def test_a_result_is_judged_by_the_limits_of_its_test(
    lab: Laboratory, result: str, value: float | None, verdict: str
) -> None:
    entered = lab.enter(scheduled(lab)["id"], result)
    assert (entered["result"], entered["specification"]) == (result, verdict)
    assert entered["resultValue"] == value


def test_without_limits_there_is_no_verdict(lab: Laboratory) -> None:
    test = scheduled(lab, lab.has.colour)
    for result in ("5", "clear", "<1"):
        assert lab.enter(test["id"], result)["specification"] == "no_spec"


def test_a_new_result_inherits_nothing_of_the_old_one(lab: Laboratory) -> None:
    test = scheduled(lab)
    lab.enter(test["id"], "<0.5", notes="diluted")
    entered = lab.enter(test["id"], "0.010")
    assert (entered["resultOperator"], entered["resultValue"]) == (None, 0.01)
    assert (entered["specification"], entered["notes"]) == ("pass", "diluted")
    unread = lab.enter(test["id"], "spilled")
    assert (unread["resultOperator"], unread["resultValue"]) == (None, None)


def test_what_is_left_out_stays_and_null_clears(lab: Laboratory) -> None:
    test = scheduled(lab)
    path = f"/sample-tests/{test['id']}"
    entered = lab.enter(test["id"], "0.002", notes="n")
    noted = lab.patch(path, {"notes": "m"}).json()
    assert noted == entered | {
        "notes": "m",
        "version": entered["version"] + 1,
        "updatedAt": noted["updatedAt"],
    }
    assert lab.patch(path, {"notes": None}).json()["notes"] is None
    cleared = lab.patch(path, {"result": None}).json()
    untouched = FIELDS - {"version", "updatedAt"}
    assert {name: cleared[name] for name in untouched} == {name: test[name] for name in untouched}


def test_clearing_what_is_empty_changes_nothing(lab: Laboratory) -> None:
    test = scheduled(lab)
    assert lab.patch(f"/sample-tests/{test['id']}", {"result": None}).json() == test
    assert history(lab, test) == []


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, None),
        ({"reason": "because"}, None),
        ({"result": 7.2}, "result"),
        ({"result": 7}, "result"),
        ({"result": True}, "result"),
        ({"result": ""}, "result"),
        ({"result": "   "}, "result"),
        ({"result": ["7.2"]}, "result"),
        ({"result": "9" * 1_001}, "result"),
        ({"result": "7.2\x1b"}, "result"),
        ({"result": "7.2", "notes": 5}, "notes"),
        ({"result": "7.2", "status": "verified"}, "status"),
        ({"result": "7.2", "unit": "mg/L"}, "unit"),
        ({"result": "7.2", "specification": "pass"}, "specification"),
        ({"resullt": "7.2"}, "resullt"),
    ],
)
def test_a_wrong_field_is_named_and_nothing_is_written(
    lab: Laboratory, body: dict[str, Any], fault: str | None
) -> None:
    test = scheduled(lab)
    answer = lab.patch(f"/sample-tests/{test['id']}", body)
    assert refusal(answer) == (400, "invalid_body")
    assert fields_at_fault(answer) == ([fault] if fault else [])
    assert shown(lab, test) == test


def test_limits_are_frozen_when_the_result_is_entered(fresh: Laboratory) -> None:
    test = scheduled(fresh)
    passed = fresh.enter(test["id"], "0.012")
    limit(fresh, fresh.has.lead, "0.001", "0.010")
    assert shown(fresh, test) == passed
    noted = fresh.patch(f"/sample-tests/{test['id']}", {"notes": "looked again"}).json()
    assert (noted["specification"], noted["specMin"], noted["specMax"]) == ("pass", None, 0.015)
    fresh.verify(test["id"])
    limit(fresh, fresh.has.lead, None, "0.005")
    assert shown(fresh, test)["specification"] == "pass"
    again = scheduled(fresh)
    assert fresh.enter(again["id"], "0.012")["specification"] == "fail"
    entered = fresh.enter(again["id"], "0.005")
    assert (entered["specification"], entered["specMax"]) == ("pass", 0.005)
    assert [entry["specMax"] for entry in history(fresh, again)] == [0.005, 0.005]


def test_limits_are_shown_as_exact_json_numbers(fresh: Laboratory) -> None:
    limit(fresh, fresh.has.lead, "0.000000000001", "123456789012.345")
    test = scheduled(fresh)
    fresh.enter(test["id"], "5")
    text = fresh.get(f"/sample-tests/{test['id']}").text
    assert '"specMax":123456789012.345,' in text
    assert '"specMin":1e-12,' in text


def test_a_test_taken_out_of_use_still_takes_its_result(fresh: Laboratory) -> None:
    test = scheduled(fresh)

    async def retire(session: TenantSession) -> None:
        for definition in await session.scalars(select(TestDefinition)):
            definition.active = False

    fresh.do(retire)
    assert fresh.enter(test["id"], "0.002")["specification"] == "pass"


def test_a_completed_samples_result_can_be_changed_but_not_cleared(lab: Laboratory) -> None:
    test = lab.sample("completed", tests=[lab.has.lead])["tests"][0]
    path = f"/sample-tests/{test['id']}"
    answer = lab.patch(path, {"result": None, "notes": "gone"})
    assert refusal(answer) == (409, "invalid_transition")
    assert answer.json()["allowed"] == ["processing", "verified"]
    assert shown(lab, test) == test
    assert lab.enter(test["id"], "0.003")["result"] == "0.003"


# Locks


def test_a_verified_result_is_locked_on_every_path(lab: Laboratory) -> None:
    test = scheduled(lab)
    path = f"/sample-tests/{test['id']}"
    lab.enter(test["id"], "0.002")
    locked = lab.verify(test["id"])
    for body in ({"result": "0.003"}, {"result": None}, {"notes": "x"}, {"result": "0.002"}):
        assert refusal(lab.patch(path, body)) == (409, "test_verified_locked")
    assert refusal(lab.post(f"{path}/verify")) == (409, "test_verified_locked")
    row = {"sampleTestId": test["id"], "result": "0.003"}
    (outcome,) = lab.post("/sample-tests/bulk-results", {"updates": [row]}).json()["results"]
    assert outcome["error"] == "test_verified_locked"
    lab.patch(f"/samples/{test['sampleId']}/status", {"status": "completed"})
    lab.patch(f"/samples/{test['sampleId']}/status", {"status": "processing"})
    assert refusal(lab.patch(path, {"result": "0.003"})) == (409, "test_verified_locked")
    assert shown(lab, test) == locked


def test_the_tests_of_a_reported_sample_are_closed_to_change(lab: Laboratory) -> None:
    test = lab.sample("verified", tests=[lab.has.ph])["tests"][0]
    lab.post(f"/samples/{test['sampleId']}/report")
    before = shown(lab, test)
    path = f"/sample-tests/{test['id']}"
    for answer in (
        lab.patch(path, {"result": "7.3"}),
        lab.patch(path, {"notes": "late"}),
        lab.post(f"{path}/verify"),
    ):
        assert refusal(answer) in {(409, "test_verified_locked"), (409, "invalid_transition")}
    assert shown(lab, test) == before


# Verifying


def test_verifying_says_who_and_when_and_needs_no_body(
    lab: Laboratory, clock: MovableClock
) -> None:
    test = scheduled(lab)
    entered = lab.enter(test["id"], "0.002")
    clock.set("2026-06-20T09:12:00.000Z")
    answer = lab.post(f"/sample-tests/{test['id']}/verify", {})
    assert answer.status_code == 200
    assert answer.json() == entered | {
        "status": "verified",
        "verifiedBy": lab.user_id,
        "verifiedAt": "2026-06-20T09:12:00.000Z",
        "updatedAt": "2026-06-20T09:12:00.000Z",
        "version": entered["version"] + 1,
    }


def test_without_a_result_there_is_nothing_to_verify(lab: Laboratory) -> None:
    test = scheduled(lab)
    answer = lab.post(f"/sample-tests/{test['id']}/verify")
    assert refusal(answer) == (409, "no_result")
    lab.enter(test["id"], "0.002")
    lab.enter(test["id"], None)
    assert refusal(lab.post(f"/sample-tests/{test['id']}/verify")) == (409, "no_result")


@pytest.mark.parametrize("body", [{"result": "7"}, [], "x", 5])
def test_verifying_takes_no_body(lab: Laboratory, body: Any) -> None:
    test = scheduled(lab)
    answer = lab.post(f"/sample-tests/{test['id']}/verify", body)
    assert refusal(answer) == (400, "invalid_body")


def test_of_concurrent_verifies_exactly_one_succeeds_and_nothing_changes_after_it(
    lab: Laboratory,
) -> None:
    test = scheduled(lab)
    lab.enter(test["id"], "0.5")
    path = f"/sample-tests/{test['id']}"
    calls: list[tuple[str, str, Any]] = [("POST", f"{path}/verify", None)] * 6
    answers = at_once(lab, calls)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    assert {answer.json().get("error") for answer in answers} == {None, "test_verified_locked"}
    assert len(ids(lab.get(f"/samples/{test['sampleId']}/approvals"))) == 1
    verified = next(answer.json() for answer in answers if answer.status_code == 200)
    assert shown(lab, test) == verified


def test_a_verify_that_races_an_edit_verifies_what_somebody_can_still_see(
    lab: Laboratory,
) -> None:
    test = scheduled(lab)
    lab.enter(test["id"], "0.002")
    path = f"/sample-tests/{test['id']}"
    calls: list[tuple[str, str, Any]] = []
    for place in range(4):
        calls += [("PATCH", path, {"result": f"0.00{place}"}), ("POST", f"{path}/verify", None)]
    answers = at_once(lab, calls)
    assert {answer.status_code for answer in answers} <= {200, 409}
    (verified,) = (each.json() for each in answers if each.json().get("status") == "verified")
    assert shown(lab, test) == verified
    versions = [entry["version"] for entry in history(lab, test)]
    assert versions == list(range(verified["version"], 1, -1))
    assert history(lab, test)[0]["result"] == verified["result"]


def require_second_person(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> None:
        (await session.scalars(select(Organization))).one().require_second_person = True

    lab.do(work)


def test_with_a_second_person_required_whoever_entered_cannot_verify(fresh: Laboratory) -> None:
    require_second_person(fresh)
    test = scheduled(fresh)
    fresh.enter(test["id"], "0.002")
    colleague = fresh.as_colleague()
    answer = fresh.post(f"/sample-tests/{test['id']}/verify")
    assert refusal(answer) == (403, "second_person_required")
    assert shown(fresh, test)["status"] == "completed"
    assert colleague.verify(test["id"])["verifiedBy"] == colleague.user_id


def test_another_key_of_the_same_person_is_no_second_person(fresh: Laboratory) -> None:
    require_second_person(fresh)
    test = scheduled(fresh)
    fresh.enter(test["id"], "0.002")
    other_key = {"Authorization": f"Bearer {fresh.another_key(*Scope)}"}
    answer = fresh.post(f"/sample-tests/{test['id']}/verify", headers=other_key)
    assert refusal(answer) == (403, "second_person_required")


def test_whoever_entered_last_is_who_entered(fresh: Laboratory) -> None:
    require_second_person(fresh)
    test = scheduled(fresh)
    colleague = fresh.as_colleague()
    fresh.enter(test["id"], "0.002")
    colleague.enter(test["id"], "0.003")
    assert refusal(colleague.post(f"/sample-tests/{test['id']}/verify"))[0] == 403
    assert fresh.verify(test["id"])["enteredBy"] == colleague.user_id


# History


def test_every_earlier_value_stays_readable(lab: Laboratory) -> None:
    test = scheduled(lab)
    lab.enter(test["id"], "0.5", notes="first")
    lab.enter(test["id"], "<0.001", reason="typing error")
    lab.enter(test["id"], None, reason="wrong bottle")
    lab.enter(test["id"], "0.002")
    lab.verify(test["id"])
    entries = history(lab, test)
    assert [(entry["action"], entry["result"]) for entry in entries] == [
        ("verified", "0.002"),
        ("entered", "0.002"),
        ("cleared", None),
        ("entered", "<0.001"),
        ("entered", "0.5"),
    ]
    assert [entry["version"] for entry in entries] == [6, 5, 4, 3, 2]
    assert [entry["reason"] for entry in entries] == [
        *(None, None),
        *("wrong bottle", "typing error", None),
    ]
    first = entries[-1]
    assert (first["resultValue"], first["specification"], first["specMax"]) == (0.5, "fail", 0.015)
    assert (first["notes"], first["source"], first["unit"]) == ("first", "manual", "mg/L")
    assert {entry["actorId"] for entry in entries} == {lab.user_id}


def test_the_same_result_entered_again_is_an_entry_and_a_version_of_its_own(
    lab: Laboratory, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    test = scheduled(lab)
    versions = [lab.enter(test["id"], "0.002")["version"] for _ in range(3)]
    assert versions == [2, 3, 4]
    assert [entry["version"] for entry in history(lab, test)] == [4, 3, 2]
    events = events_of(lab, "sample_test", test["id"])
    assert [event.entity_version for event in events] == [1, 2, 3, 4]


def test_history_is_paged(lab: Laboratory) -> None:
    test = scheduled(lab)
    for place in range(3):
        lab.enter(test["id"], f"0.00{place}")
    path = f"/sample-tests/{test['id']}/history"
    first = lab.get(f"{path}?limit=2")
    assert first.json()["hasMore"] is True
    assert f"cursor={first.json()['nextCursor']}" in first.headers["link"]
    rest = lab.get(f"{path}?limit=2&cursor={first.json()['nextCursor']}").json()
    assert [entry["result"] for entry in first.json()["data"] + rest["data"]] == [
        "0.002",
        "0.001",
        "0.000",
    ]
    assert (rest["hasMore"], rest["nextCursor"]) == (False, None)
    assert refusal(lab.get(f"{path}?status=pending")) == (400, "invalid_query")


# Bulk


def rows_of(*pairs: tuple[int, Any]) -> dict[str, Any]:
    return {"updates": [{"sampleTestId": each, "result": result} for each, result in pairs]}


def test_many_results_are_entered_in_one_call_row_by_row(
    lab: Laboratory, rival: Laboratory
) -> None:
    good, locked, twice = scheduled(lab), scheduled(lab), scheduled(lab)
    lab.enter(locked["id"], "0.001")
    lab.verify(locked["id"])
    foreign = scheduled(rival)
    body = rows_of(
        (good["id"], "0.002"),
        (foreign["id"], "0.003"),
        (ABSENT, "0.003"),
        (locked["id"], "0.004"),
        (twice["id"], "0.005"),
        (twice["id"], "0.006"),
        (twice["id"], "0.007"),
    )
    answer = lab.post("/sample-tests/bulk-results", body)
    told = answer.json()
    assert (answer.status_code, set(told)) == (200, {"updated", "failed", "results"})
    assert (told["updated"], told["failed"]) == (2, 5)
    rows = told["results"]
    assert [row["index"] for row in rows] == list(range(7))
    assert [row["sampleTestId"] for row in rows] == [row["sampleTestId"] for row in body["updates"]]
    assert [row.get("error") for row in rows] == [
        None,
        "not_found",
        "not_found",
        "test_verified_locked",
        None,
        "duplicate_in_request",
        "duplicate_in_request",
    ]
    assert set(rows[0]) == {"index", "sampleTestId", "ok", "sampleTest"}
    assert set(rows[1]) == {"index", "sampleTestId", "ok", "error", "message"}
    assert rows[1]["message"] == rows[2]["message"]
    assert [row["ok"] for row in rows] == [True, False, False, False, True, False, False]
    assert rows[0]["sampleTest"] == shown(lab, good)
    assert (rows[0]["sampleTest"]["source"], rows[0]["sampleTest"]["result"]) == ("bulk", "0.002")
    assert shown(lab, twice)["result"] == "0.005"
    assert shown(rival, foreign)["result"] is None
    assert [entry["source"] for entry in history(lab, good)] == ["bulk"]


def test_a_row_that_is_refused_changes_nothing_of_its_test(lab: Laboratory) -> None:
    done = lab.sample("completed", tests=[lab.has.lead])["tests"][0]
    row = {"sampleTestId": done["id"], "result": None, "notes": "should not be written"}
    (outcome,) = lab.post("/sample-tests/bulk-results", {"updates": [row]}).json()["results"]
    assert outcome["error"] == "invalid_transition"
    assert shown(lab, done) == done


def test_a_refused_first_row_makes_a_second_for_its_test_a_duplicate_still(
    lab: Laboratory,
) -> None:
    body = rows_of((ABSENT, "1"), (ABSENT, "2"))
    rows = lab.post("/sample-tests/bulk-results", body).json()["results"]
    assert [row["error"] for row in rows] == ["not_found", "duplicate_in_request"]


def test_bulk_rows_keep_or_clear_what_they_say(lab: Laboratory) -> None:
    kept, cleared = scheduled(lab), scheduled(lab)
    for each in (kept, cleared):
        lab.enter(each["id"], "0.001", notes="n")
    updates = [
        {"sampleTestId": kept["id"], "result": "0.002"},
        {"sampleTestId": cleared["id"], "result": None, "notes": None},
    ]
    assert lab.post("/sample-tests/bulk-results", {"updates": updates}).json()["updated"] == 2
    assert shown(lab, kept)["notes"] == "n"
    assert (shown(lab, cleared)["result"], shown(lab, cleared)["notes"]) == (None, None)


def test_all_or_nothing_writes_nothing_and_tells_the_same_rows(
    lab: Laboratory, rival: Laboratory
) -> None:
    good, foreign = scheduled(lab), scheduled(rival)
    body = rows_of((good["id"], "0.002"), (foreign["id"], "0.002")) | {"atomic": True}
    before = books(lab)
    answer = lab.post("/sample-tests/bulk-results", body)
    assert refusal(answer) == (409, "bulk_failed")
    told = answer.json()
    assert (told["updated"], told["failed"]) == (0, 1)
    assert [(row["ok"], row.get("error")) for row in told["results"]] == [
        (True, None),
        (False, "not_found"),
    ]
    assert shown(lab, good) == good
    assert history(lab, good) == []
    assert books(lab) == before
    del body["updates"][1]
    assert lab.post("/sample-tests/bulk-results", body).json()["updated"] == 1


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, "updates"),
        ({"updates": []}, "updates"),
        ({"updates": {}}, "updates"),
        ({"updates": [{}]}, "updates[0].sampleTestId"),
        ({"updates": [{"sampleTestId": 1}]}, "updates[0].result"),
        ({"updates": [{"sampleTestId": "1", "result": "1"}]}, "updates[0].sampleTestId"),
        ({"updates": [{"sampleTestId": 1, "result": 7.2}]}, "updates[0].result"),
        ({"updates": [{"sampleTestId": 1, "result": ""}]}, "updates[0].result"),
        ({"updates": [{"sampleTestId": 1, "result": "1", "unit": "x"}]}, "updates[0].unit"),
        ({"updates": [5]}, "updates[0]"),
        ({"updates": [{"sampleTestId": 1, "result": "1"}], "atomic": "yes"}, "atomic"),
        ({"updates": [{"sampleTestId": 1, "result": "1"}], "atomic": 1}, "atomic"),
        ({"updates": [{"sampleTestId": 1, "result": "1"}], "dryRun": True}, "dryRun"),
        ({"updates": [{"sampleTestId": i, "result": "1"} for i in range(1, 1_002)]}, "updates"),
    ],
)
def test_an_envelope_that_is_wrong_is_refused_whole(
    lab: Laboratory, body: dict[str, Any], fault: str
) -> None:
    answer = lab.post("/sample-tests/bulk-results", body)
    assert refusal(answer) == (400, "invalid_body")
    assert fault in fields_at_fault(answer)


def test_a_thousand_rows_are_read_in_a_constant_number_of_queries(lab: Laboratory) -> None:
    body = rows_of(*((ABSENT + place, "1") for place in range(1_000)))
    with statements(lab.world) as seen:
        told = lab.post("/sample-tests/bulk-results", body).json()
    assert (told["updated"], told["failed"], len(told["results"])) == (0, 1_000, 1_000)
    assert sum(statement.lstrip().startswith("SELECT") for statement in seen) <= 6


def test_bulk_entries_in_opposite_orders_never_wait_for_each_other(lab: Laboratory) -> None:
    tests = [scheduled(lab)["id"] for _ in range(5)]
    calls: list[tuple[str, str, Any]] = []
    for place in range(3):
        rows = [(each, f"0.00{place}") for each in tests]
        calls.append(("POST", "/sample-tests/bulk-results", rows_of(*rows)))
        calls.append(("POST", "/sample-tests/bulk-results", rows_of(*rows[::-1])))
    answers = at_once(lab, calls)
    assert [(answer.status_code, answer.json()["updated"]) for answer in answers] == [(200, 5)] * 6


# Foreign ids, conditional requests, the trail


@pytest.mark.parametrize(
    ("method", "tail", "body"),
    [
        ("GET", "", None),
        ("GET", "/history", None),
        ("PATCH", "", {"result": "1"}),
        ("POST", "/verify", None),
    ],
)
def test_a_foreign_test_is_answered_exactly_like_one_that_never_was(
    lab: Laboratory, rival: Laboratory, method: str, tail: str, body: Any
) -> None:
    theirs = scheduled(rival)["id"]
    answers = [
        lab.request(
            method, f"/sample-tests/{each}{tail}", json=body, headers={"X-Request-Id": "same"}
        )
        for each in (theirs, ABSENT)
    ]
    assert refusal(answers[0]) == (404, "not_found")
    assert answers[0].content == answers[1].content


def test_a_test_has_an_etag_and_a_stale_if_match_is_refused(lab: Laboratory) -> None:
    test = scheduled(lab)
    path = f"/sample-tests/{test['id']}"
    tag = lab.get(path).headers["etag"]
    assert tag == f'"{test["id"]}.1"'
    assert lab.get(path, headers={"If-None-Match": tag}).status_code == 304
    entered = lab.patch(path, {"result": "0.002"}, headers={"If-Match": tag})
    assert entered.status_code == 200
    assert lab.get(path, headers={"If-None-Match": tag}).status_code == 200
    stale = {"If-Match": tag}
    answers = [
        lab.patch(path, {"result": "0.003"}, headers=stale),
        lab.post(f"{path}/verify", headers=stale),
    ]
    for answer in answers:
        assert refusal(answer) == (412, "precondition_failed")
        assert answer.json()["currentVersion"] == 2
    assert shown(lab, test) == entered.json()


STEPS: list[tuple[str, Callable[[Laboratory, int], Any]]] = [
    ("result_entered", lambda lab, each: lab.enter(each, "0.002", reason="first run")),
    ("annotated", lambda lab, each: lab.patch(f"/sample-tests/{each}", {"notes": "n"})),
    ("result_cleared", lambda lab, each: lab.enter(each, None)),
    (
        "result_entered",
        lambda lab, each: lab.post("/sample-tests/bulk-results", rows_of((each, "0.003"))),
    ),
    ("verified", lambda lab, each: lab.verify(each)),
]


def test_every_change_of_a_test_writes_its_event_in_the_same_transaction(lab: Laboratory) -> None:
    test = scheduled(lab)
    for _, step in STEPS:
        step(lab, test["id"])
    lab.patch(f"/sample-tests/{test['id']}", {"result": "too late"})
    events = events_of(lab, "sample_test", test["id"])
    assert [event.action for event in events] == [
        "sample_test.scheduled",
        *(f"sample_test.{verb}" for verb, _ in STEPS),
    ]
    assert [event.entity_version for event in events] == [1, 2, 3, 4, 5, 6]
    assert events[1].reason == "first run"
    assert '"result":"0.002"' in events[1].canonical
    assert '"result_value":"0.002"' in events[1].canonical
