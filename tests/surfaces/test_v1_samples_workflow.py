"""`/api/v1/samples`: the status machine, receipt, conditional requests, and the trail."""

from itertools import product
from typing import Any

import pytest

from evidence import (
    ABSENT,
    at_once,
    events_of,
    fields_at_fault,
    fill,
    new,
    refusal,
    statements,
)
from laboratory import Laboratory, MovableClock, World
from titer.domain.samples.rules import ALLOWED, Status


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


# The status machine


def standing(lab: Laboratory, status: str) -> dict[str, Any]:
    return lab.sample(status, tests=[lab.has.ph])


@pytest.mark.parametrize(("old", "new_status"), list(product(Status, Status)))
def test_every_step_that_the_table_allows_is_taken_and_every_other_refused(
    lab: Laboratory, old: Status, new_status: Status
) -> None:
    sample = standing(lab, old)
    path = f"/samples/{sample['id']}"
    if (old, new_status) == (Status.PROCESSING, Status.COMPLETED):
        lab.enter(sample["tests"][0]["id"], "7.2")
    if (old, new_status) == (Status.COMPLETED, Status.VERIFIED):
        lab.verify(sample["tests"][0]["id"])
    before = lab.get(path).json()
    answer = lab.patch(f"{path}/status", {"status": new_status})
    if new_status is old:
        assert (answer.status_code, answer.json()) == (200, before)
    elif new_status in ALLOWED[old]:
        assert (answer.status_code, answer.json()["status"]) == (200, new_status)
        assert answer.json()["version"] == before["version"] + 1
    else:
        assert refusal(answer) == (409, "invalid_transition")
        assert answer.json()["allowed"] == list(ALLOWED[old])
        assert "blockers" not in answer.json()
        assert lab.get(path).json() == before


def test_the_stamps_follow_the_steps(lab: Laboratory, clock: MovableClock) -> None:
    sample = lab.sample(tests=[lab.has.ph])
    (test,) = sample["tests"]

    def stamps(day: int, status: str) -> list[str | None]:
        clock.set(f"2026-06-{day:02}T00:00:00.000Z")
        moved = lab.patch(f"/samples/{sample['id']}/status", {"status": status}).json()
        found = [moved[f"{step}At"] for step in ("received", "completed", "verified", "reported")]
        return [moment and moment[8:10] for moment in found]

    assert stamps(1, "received") == ["01", None, None, None]
    assert stamps(2, "pending") == [None, None, None, None]
    assert stamps(3, "received") == ["03", None, None, None]
    assert stamps(4, "processing") == ["03", None, None, None]
    assert stamps(5, "received") == ["03", None, None, None]
    assert stamps(6, "processing") == ["03", None, None, None]
    lab.enter(test["id"], "7.2")
    assert stamps(7, "completed") == ["03", "07", None, None]
    assert stamps(8, "processing") == ["03", None, None, None]
    assert stamps(9, "completed") == ["03", "09", None, None]
    lab.verify(test["id"])
    assert stamps(10, "verified") == ["03", "09", "10", None]


def test_a_condition_that_fails_is_told_test_by_test(lab: Laboratory) -> None:
    sample = lab.sample("received", tests=[lab.has.ph, lab.has.lead])
    path, (ph, lead) = f"/samples/{sample['id']}/status", sample["tests"]
    lab.enter(ph["id"], "7.2")

    def blocked(status: str) -> list[tuple[str, int]]:
        answer = lab.patch(path, {"status": status})
        assert refusal(answer) == (409, "invalid_transition")
        assert set(answer.json()["blockers"][0]) == {"code", "sampleTestId", "message"}
        assert status in answer.json()["allowed"]
        return [(each["code"], each["sampleTestId"]) for each in answer.json()["blockers"]]

    assert blocked("pending") == [("has_result", ph["id"])]
    lab.patch(path, {"status": "processing"})
    assert blocked("completed") == [("no_result", lead["id"])]
    lab.enter(lead["id"], "0.001")
    lab.patch(path, {"status": "completed"})
    lab.verify(lead["id"])
    assert blocked("verified") == [("not_verified", ph["id"])]


def test_a_result_that_was_cleared_lets_the_sample_go_back(lab: Laboratory) -> None:
    sample = lab.sample("received", tests=[lab.has.ph])
    path = f"/samples/{sample['id']}/status"
    lab.enter(sample["tests"][0]["id"], "7.2")
    assert lab.patch(path, {"status": "pending"}).status_code == 409
    lab.enter(sample["tests"][0]["id"], None)
    assert lab.patch(path, {"status": "pending"}).status_code == 200


@pytest.mark.parametrize("body", [{}, {"status": None}, {"status": "reported"}, {"status": 1}, []])
def test_a_status_that_does_not_exist_is_an_invalid_body(lab: Laboratory, body: Any) -> None:
    answer = lab.patch(f"/samples/{lab.sample()['id']}/status", body)
    assert refusal(answer) == (400, "invalid_body")


def test_of_opposite_steps_at_once_each_answer_is_one_that_the_machine_may_give(
    lab: Laboratory,
) -> None:
    sample = standing(lab, "received")
    path = f"/samples/{sample['id']}/status"
    calls = [("PATCH", path, {"status": to}) for to in ("pending", "processing") * 3]
    answers = at_once(lab, calls)
    assert {answer.status_code for answer in answers} <= {200, 409}
    final = lab.get(f"/samples/{sample['id']}").json()
    versions = [each.entity_version for each in events_of(lab, "sample", sample["id"])]
    assert versions == list(range(1, final["version"] + 1))


# Receiving


def test_a_batch_is_received_at_once_in_the_order_asked_for(
    lab: Laboratory, clock: MovableClock
) -> None:
    made = [lab.sample(tests=[lab.has.ph])["id"] for _ in range(3)]
    clock.set("2026-06-18T09:12:00.000Z")
    lab.post("/samples/receive", {"sampleIds": [made[1]]})
    clock.set("2026-06-19T09:12:00.000Z")
    answer = lab.post("/samples/receive", {"sampleIds": made[::-1]})
    body = answer.json()
    assert (answer.status_code, set(body)) == (200, {"received", "alreadyReceived", "data"})
    assert (body["received"], body["alreadyReceived"]) == ([made[2], made[0]], [made[1]])
    assert [sample["id"] for sample in body["data"]] == made[::-1]
    assert {sample["status"] for sample in body["data"]} == {"received"}
    assert [sample["receivedAt"][8:10] for sample in body["data"]] == ["19", "18", "19"]
    assert all(sample == lab.get(f"/samples/{sample['id']}").json() for sample in body["data"])


def test_a_sample_further_on_is_already_received_and_stays_as_it_is(lab: Laboratory) -> None:
    done = lab.sample("verified", tests=[lab.has.ph])
    body = lab.post("/samples/receive", {"sampleIds": [done["id"]]}).json()
    assert body == {"received": [], "alreadyReceived": [done["id"]], "data": [done]}


def test_a_batch_with_a_foreign_or_absent_id_receives_nothing(
    lab: Laboratory, rival: Laboratory
) -> None:
    mine, theirs = lab.sample()["id"], rival.sample()["id"]
    answer = lab.post("/samples/receive", {"sampleIds": [mine, ABSENT, theirs]})
    assert refusal(answer) == (400, "invalid_reference")
    assert fields_at_fault(answer) == ["sampleIds"]
    assert answer.json()["ids"] == [theirs, ABSENT]
    assert lab.get(f"/samples/{mine}").json()["status"] == "pending"
    assert rival.get(f"/samples/{theirs}").json()["status"] == "pending"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "sampleIds"),
        ({"sampleIds": []}, "sampleIds"),
        ({"sampleIds": None}, "sampleIds"),
        ({"sampleIds": 5}, "sampleIds"),
        ({"sampleIds": [1, 1]}, "sampleIds"),
        ({"sampleIds": ["1"]}, "sampleIds[0]"),
        ({"sampleIds": [0]}, "sampleIds[0]"),
        ({"sampleIds": list(range(1, 502))}, "sampleIds"),
        ({"sampleIds": [1], "receivedAt": "2026-01-01"}, "receivedAt"),
    ],
)
def test_a_receipt_takes_one_to_500_ids_and_nothing_else(
    lab: Laboratory, body: dict[str, Any], field: str
) -> None:
    answer = lab.post("/samples/receive", body)
    assert refusal(answer) == (400, "invalid_body")
    assert fields_at_fault(answer) == [field]


def test_500_samples_are_received_in_a_constant_number_of_reads(lab: Laboratory) -> None:
    made = fill(lab, 500)
    with statements(lab.world) as seen:
        body = lab.post("/samples/receive", {"sampleIds": made}).json()
    assert len(body["received"]) == 500
    assert sum(statement.startswith("SELECT") for statement in seen) <= 8


def test_of_concurrent_receipts_each_sample_is_received_once(lab: Laboratory) -> None:
    made = [lab.sample(tests=[])["id"] for _ in range(4)]
    calls = [
        ("POST", "/samples/receive", {"sampleIds": order})
        for order in (made, made[::-1], made[2:] + made[:2])
    ]
    answers = at_once(lab, calls)
    assert [answer.status_code for answer in answers] == [200] * 3
    assert sorted(each for answer in answers for each in answer.json()["received"]) == made


# Conditional requests


def test_a_sample_has_an_etag_of_id_and_version(lab: Laboratory) -> None:
    sample = lab.sample()
    path = f"/samples/{sample['id']}"
    tag = f'"{sample["id"]}.{sample["version"]}"'
    assert lab.get(path).headers["etag"] == tag
    for current in (tag, f"W/{tag}", f'"1.1", {tag}', "*"):
        fresh = lab.get(path, headers={"If-None-Match": current})
        assert (fresh.status_code, fresh.content, fresh.headers["etag"]) == (304, b"", tag)
    for other in ('"1.99"', "nonsense", '""'):
        assert lab.get(path, headers={"If-None-Match": other}).status_code == 200
    lab.patch(path, {"notes": "x"})
    assert lab.get(path, headers={"If-None-Match": tag}).status_code == 200


def test_a_304_never_hides_that_a_test_of_the_sample_has_changed(lab: Laboratory) -> None:
    sample = lab.sample("processing", tests=[lab.has.ph])
    path, (test,) = f"/samples/{sample['id']}", sample["tests"]
    tags = [lab.get(path).headers["etag"]]
    for change in (
        lambda: lab.enter(test["id"], "7.2"),
        lambda: lab.enter(test["id"], "7.3", notes="again"),
        lambda: lab.patch(path, {"testDefinitionIds": [lab.has.lead]}),
        lambda: lab.verify(test["id"]),
        lambda: lab.patch(path, {"notes": "x"}),
    ):
        change()
        answer = lab.get(path, headers={"If-None-Match": tags[-1]})
        assert answer.status_code == 200
        tags.append(answer.headers["etag"])
        assert lab.get(path, headers={"If-None-Match": tags[-1]}).status_code == 304
    assert len(set(tags)) == len(tags)
    # The tag as it was sent is good for a change, whatever the tests did since.
    changed = lab.patch(path, {"notes": "y"}, headers={"If-Match": tags[-1]})
    assert changed.status_code == 200


@pytest.mark.parametrize("tail", ["", "/status", "/report"])
def test_a_stale_if_match_is_refused_with_the_current_version(lab: Laboratory, tail: str) -> None:
    sample = lab.sample()
    path = f"/samples/{sample['id']}"
    lab.patch(path, {"notes": "somebody was faster"})
    body = {"": {"notes": "mine"}, "/status": {"status": "received"}, "/report": None}[tail]
    method = "POST" if tail == "/report" else "PATCH"
    before = lab.get(path).json()
    own = sample["id"]
    for stale in (f'"{own + 1}.2"', f'"{own}.1"', f'"{own}.{"9" * 19}"', f'"{own}.1-5"'):
        answer = lab.request(method, path + tail, json=body, headers={"If-Match": stale})
        assert refusal(answer) == (412, "precondition_failed")
        assert answer.json()["currentVersion"] == 2
        assert answer.headers["etag"] == f'"{sample["id"]}.2"'
    assert lab.get(path).json() == before


def test_a_current_if_match_or_a_star_lets_the_change_through(lab: Laboratory) -> None:
    sample = lab.sample()
    path = f"/samples/{sample['id']}"
    assert lab.patch(path, {"notes": "a"}, headers={"If-Match": "*"}).status_code == 200
    current = lab.get(path).headers["etag"]
    assert lab.patch(path, {"notes": "b"}, headers={"If-Match": current}).status_code == 200
    again = lab.patch(path, {"notes": "c"}, headers={"If-Match": current})
    assert refusal(again) == (412, "precondition_failed")


@pytest.mark.parametrize(
    "wrong", ["nonsense", '"1"', '"1.2", "1.3"', "1.2", '"1.' + "9" * 5_000 + '"', ""]
)
def test_an_if_match_that_is_no_etag_of_ours_is_refused(lab: Laboratory, wrong: str) -> None:
    path = f"/samples/{lab.sample()['id']}"
    answer = lab.patch(path, {"notes": "x"}, headers={"If-Match": wrong})
    assert refusal(answer) == (400, "invalid_header")


def test_of_concurrent_changes_at_one_version_exactly_one_succeeds(lab: Laboratory) -> None:
    sample = lab.sample()
    path = f"/samples/{sample['id']}"

    calls = [("PATCH", path, {"notes": f"writer {place}"}) for place in range(6)]
    answers = at_once(lab, calls, **{"If-Match": f'"{sample["id"]}.1"'})
    assert sorted(answer.status_code for answer in answers) == [200] + [412] * 5
    assert lab.get(path).json()["version"] == 2


# The trail


def test_every_change_of_a_sample_writes_its_event_in_the_same_transaction(
    lab: Laboratory, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    made = lab.post(
        "/samples",
        new(lab, testDefinitionIds=[lab.has.ph]),
        headers={"X-Request-Id": "the-first"},
    ).json()
    path = f"/samples/{made['id']}"
    lab.patch(path, {"notes": "changed"})
    lab.patch(path, {"notes": "changed"})
    lab.post("/samples/receive", {"sampleIds": [made["id"]]})
    lab.patch(f"{path}/status", {"status": "pending"})
    lab.patch(f"{path}/status", {"status": "verified"})
    lab.patch(path, {"testDefinitionIds": [lab.has.lead]})
    events = events_of(lab, "sample", made["id"])
    assert [event.action for event in events] == [
        "sample.registered",
        "sample.changed",
        "sample.received",
        "sample.sent_back",
        "sample.tests_added",
    ]
    assert [event.entity_version for event in events] == [1, 2, 3, 4, 5]
    first = events[0]
    assert (first.actor_kind, first.key_id, first.user_id) == ("key", lab.key_id, lab.user_id)
    assert (first.request_id, first.occurred_at) == ("the-first", clock.now())
    assert '"before":{"notes":null' in events[1].canonical
    assert '"after":{"notes":"changed"' in events[1].canonical
    tests = lab.get(path).json()["tests"]
    for test in tests:
        assert [each.action for each in events_of(lab, "sample_test", test["id"])] == [
            "sample_test.scheduled"
        ]
