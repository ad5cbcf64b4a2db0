"""Approvals, the retest, and the QC gate: sentence by sentence, over HTTP on both databases."""

from typing import Any

import pytest

from evidence import ABSENT, at_once, events_of, fields_at_fault, ids, refusal, statements
from laboratory import Laboratory, MovableClock, World

FIELDS = {
    *("id", "sampleId", "sampleTestId", "kind", "status", "comment"),
    *("decidedBy", "decidedAt", "createdAt", "version"),
}


@pytest.fixture(scope="module")
def lab(world: World) -> Laboratory:
    """One laboratory for the whole module: no test here looks at what another left."""
    return world.found("Aqua Laboratory")


@pytest.fixture(scope="module")
def rival(world: World) -> Laboratory:
    return world.found("Rival Laboratory")


def verified(
    lab: Laboratory, result: str = "0.5", sample: str = "processing"
) -> tuple[dict[str, Any], int]:
    """A sample whose only test, for lead, says `result` and is verified; and the test's id."""
    made = lab.sample("processing", tests=[lab.has.lead])
    (test,) = made["tests"]
    lab.enter(test["id"], result)
    lab.verify(test["id"])
    for step in {"processing": (), "completed": ("completed",)}.get(
        sample, ("completed", "verified")
    ):
        advance(lab, made["id"], step)
    return made, test["id"]


def advance(lab: Laboratory, sample_id: int, status: str) -> None:
    assert lab.patch(f"/samples/{sample_id}/status", {"status": status}).status_code == 200


def approvals(lab: Laboratory, sample: dict[str, Any]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lab.get(f"/samples/{sample['id']}/approvals").json()["data"]
    return found


def decide(lab: Laboratory, approval: dict[str, Any], status: str, comment: str | None) -> Any:
    body = {"status": status} | ({} if comment is None else {"comment": comment})
    return lab.patch(f"/approval-records/{approval['id']}", body)


def blockers(lab: Laboratory, sample: dict[str, Any]) -> list[str]:
    answer = lab.post(f"/samples/{sample['id']}/report")
    assert refusal(answer) == (409, "qc_failed")
    return [blocker["code"] for blocker in answer.json()["blockers"]]


@pytest.mark.parametrize(
    ("result", "opens"),
    [
        ("0.5", True),
        ("<0.5", True),
        ("ND", True),
        ("0.015", False),
        ("<0.001", False),
    ],
)
def test_verifying_a_result_that_is_not_surely_within_opens_an_approval(
    lab: Laboratory,
    result: str,
    opens: bool,  # noqa: FBT001 - the table's column
) -> None:
    sample, _ = verified(lab, result)
    assert len(approvals(lab, sample)) == opens


def test_without_limits_nothing_needs_approval(lab: Laboratory) -> None:
    sample = lab.sample("verified", tests=[lab.has.colour])
    assert approvals(lab, sample) == []
    assert lab.post(f"/samples/{sample['id']}/report").status_code == 200


def test_an_approval_shows_every_field(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    sample, test_id = verified(lab)
    (approval,) = approvals(lab, sample)
    assert set(approval) == FIELDS
    assert approval == {
        "id": approval["id"],
        "sampleId": sample["id"],
        "sampleTestId": test_id,
        "kind": "out_of_specification",
        "status": "pending",
        "comment": None,
        "decidedBy": None,
        "decidedAt": None,
        "createdAt": "2026-06-18T09:12:00.000Z",
        "version": 1,
    }
    single = lab.get(f"/approval-records/{approval['id']}")
    assert single.json() == approval
    tag = single.headers["etag"]
    assert tag == f'"{approval["id"]}.1"'
    unchanged = lab.get(f"/approval-records/{approval['id']}", headers={"If-None-Match": tag})
    assert unchanged.status_code == 304


def test_an_approval_is_in_the_same_transaction_as_its_verification(lab: Laboratory) -> None:
    sample, test_id = verified(lab)
    (approval,) = approvals(lab, sample)
    (opened,) = events_of(lab, "approval", approval["id"])
    done = events_of(lab, "sample_test", test_id)[-1]
    assert (opened.action, done.action) == ("approval.opened", "sample_test.verified")
    assert opened.request_id == done.request_id
    assert opened.occurred_at == done.occurred_at


def test_approvals_of_a_sample_are_paged_newest_first(lab: Laboratory) -> None:
    sample = lab.sample("processing", tests=[lab.has.lead, lab.has.ph])
    for test in sample["tests"]:
        lab.enter(test["id"], "99")
        lab.verify(test["id"])
    path = f"/samples/{sample['id']}/approvals"
    every = ids(lab.get(path))
    assert every == sorted(every, reverse=True)
    first = lab.get(f"{path}?limit=1").json()
    assert (first["hasMore"], first["nextCursor"]) == (True, every[0])
    rest = lab.get(f"{path}?limit=1&cursor={every[0]}").json()
    assert ([each["id"] for each in rest["data"]], rest["hasMore"]) == ([every[1]], False)
    assert refusal(lab.get(f"{path}?status=pending")) == (400, "invalid_query")
    with statements(lab.world) as seen:
        lab.get(path)
    assert len(seen) <= 4


# Deciding


def test_an_approved_result_lets_the_sample_be_reported(
    lab: Laboratory, clock: MovableClock
) -> None:
    sample, _ = verified(lab, sample="verified")
    (approval,) = approvals(lab, sample)
    assert blockers(lab, sample) == ["approval_pending"]
    clock.set("2030-01-01T00:00:00.000Z")
    decided = decide(lab, approval, "approved", None)
    assert (decided.status_code, decided.headers["etag"]) == (200, f'"{approval["id"]}.2"')
    assert decided.json() == approval | {
        "status": "approved",
        "decidedBy": lab.user_id,
        "decidedAt": "2030-01-01T00:00:00.000Z",
        "version": 2,
    }
    assert lab.post(f"/samples/{sample['id']}/report").status_code == 200


@pytest.mark.parametrize("comment", [None, "", "   ", "\n"])
def test_a_rejection_without_a_comment_is_refused(lab: Laboratory, comment: str | None) -> None:
    sample, _ = verified(lab)
    (approval,) = approvals(lab, sample)
    answer = decide(lab, approval, "rejected", comment)
    assert refusal(answer) == (400, "invalid_body")
    assert fields_at_fault(answer) == ["comment"]
    assert approvals(lab, sample) == [approval]


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({}, "status"),
        ({"status": "pending"}, "status"),
        ({"status": None}, "status"),
        ({"status": "Approved"}, "status"),
        ({"status": "approved", "comment": 5}, "comment"),
        ({"status": "approved", "decidedBy": 1}, "decidedBy"),
    ],
)
def test_a_wrong_decision_is_named(lab: Laboratory, body: dict[str, Any], fault: str) -> None:
    sample, _ = verified(lab)
    (approval,) = approvals(lab, sample)
    answer = lab.patch(f"/approval-records/{approval['id']}", body)
    assert refusal(answer) == (400, "invalid_body")
    assert fields_at_fault(answer) == [fault]


@pytest.mark.parametrize("first", ["approved", "rejected"])
def test_an_approval_is_decided_once(lab: Laboratory, first: str) -> None:
    sample, _ = verified(lab)
    (approval,) = approvals(lab, sample)
    decided = decide(lab, approval, first, "because").json()
    for again in ("approved", "rejected"):
        answer = decide(lab, approval, again, "on second thoughts")
        assert refusal(answer) == (409, "approval_decided")
        assert answer.json()["status"] == first
    assert approvals(lab, sample) == [decided]


def test_of_concurrent_decisions_exactly_one_holds(lab: Laboratory) -> None:
    sample, test_id = verified(lab)
    (approval,) = approvals(lab, sample)
    path = f"/approval-records/{approval['id']}"
    calls = [
        ("PATCH", path, {"status": status, "comment": "race"})
        for status in ("approved", "rejected") * 3
    ]
    answers = at_once(lab, calls)
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    (held,) = (answer.json() for answer in answers if answer.status_code == 200)
    assert approvals(lab, sample) == [held]
    test = lab.get(f"/sample-tests/{test_id}").json()
    assert test["status"] == ("verified" if held["status"] == "approved" else "pending")


def test_a_stale_if_match_is_refused(lab: Laboratory) -> None:
    sample, _ = verified(lab)
    (approval,) = approvals(lab, sample)
    stale = {"If-Match": f'"{approval["id"]}.9"'}
    answer = lab.patch(f"/approval-records/{approval['id']}", {"status": "approved"}, headers=stale)
    assert refusal(answer) == (412, "precondition_failed")
    assert answer.json()["currentVersion"] == 1
    assert approvals(lab, sample) == [approval]


# The retest


@pytest.mark.parametrize("status", ["processing", "completed", "verified"])
def test_a_rejection_reopens_its_test_and_takes_a_finished_sample_back(
    lab: Laboratory, status: str
) -> None:
    sample, test_id = verified(lab, sample=status)
    (approval,) = approvals(lab, sample)
    assert decide(lab, approval, "rejected", "Blank contaminated").status_code == 200
    after = lab.get(f"/samples/{sample['id']}").json()
    assert (after["status"], after["completedAt"], after["verifiedAt"]) == (
        "processing",
        None,
        None,
    )
    (test,) = after["tests"]
    assert test["status"] == "pending"
    cleared = {
        *("result", "resultOperator", "resultValue", "specMin", "specMax", "notes", "source"),
        *("enteredBy", "enteredAt", "verifiedBy", "verifiedAt"),
    }
    assert {test[name] for name in cleared} == {None}
    assert test["specification"] == "no_spec"
    newest = lab.get(f"/sample-tests/{test_id}/history").json()["data"][0]
    assert (newest["action"], newest["result"]) == ("reopened", "0.5")
    assert newest["reason"] == "Blank contaminated"


def test_a_rejected_result_blocks_until_a_verified_retest_supersedes_it(lab: Laboratory) -> None:
    sample, test_id = verified(lab, sample="verified")
    decide(lab, approvals(lab, sample)[0], "rejected", "again, please")
    assert blockers(lab, sample) == [
        "sample_not_verified",
        "not_verified",
        "approval_rejected",
    ]
    lab.enter(test_id, "0.010")
    assert "approval_rejected" in blockers(lab, sample)
    lab.verify(test_id)
    assert blockers(lab, sample) == ["sample_not_verified"]
    for step in ("completed", "verified"):
        advance(lab, sample["id"], step)
    assert lab.post(f"/samples/{sample['id']}/report").status_code == 200
    assert [each["status"] for each in approvals(lab, sample)] == ["rejected"]


def test_a_retest_that_fails_again_opens_an_approval_of_its_own(lab: Laboratory) -> None:
    sample, test_id = verified(lab, sample="verified")
    decide(lab, approvals(lab, sample)[0], "rejected", "again, please")
    lab.enter(test_id, "0.6")
    lab.verify(test_id)
    for step in ("completed", "verified"):
        advance(lab, sample["id"], step)
    assert blockers(lab, sample) == ["approval_pending"]
    newest, oldest = approvals(lab, sample)
    assert (newest["status"], oldest["status"]) == ("pending", "rejected")
    assert decide(lab, newest, "approved", None).status_code == 200
    assert lab.post(f"/samples/{sample['id']}/report").status_code == 200


def test_a_rejection_of_one_test_leaves_the_others_verified(lab: Laboratory) -> None:
    sample = lab.sample("processing", tests=[lab.has.ph, lab.has.lead])
    ph, lead = sample["tests"]
    lab.enter(ph["id"], "7.2")
    lab.enter(lead["id"], "0.5")
    untouched = lab.verify(ph["id"])
    lab.verify(lead["id"])
    decide(lab, approvals(lab, sample)[0], "rejected", "again, please")
    assert lab.get(f"/sample-tests/{ph['id']}").json() == untouched


# The gate


def test_a_sample_without_tests_never_passes_the_gate(lab: Laboratory) -> None:
    """A QC gate that passes when no QC was run at all is none."""
    sample = lab.sample("verified", tests=[])
    assert sample["status"] == "verified"
    assert blockers(lab, sample) == ["no_tests"]


@pytest.mark.parametrize("status", ["pending", "received", "processing", "completed"])
def test_every_blocker_is_told_at_once(lab: Laboratory, status: str) -> None:
    sample = lab.sample(status, tests=[lab.has.ph, lab.has.lead])
    answer = lab.post(f"/samples/{sample['id']}/report")
    assert refusal(answer) == (409, "qc_failed")
    told = [(each["code"], each["sampleTestId"]) for each in answer.json()["blockers"]]
    assert told == [
        ("sample_not_verified", None),
        *(("not_verified", test["id"]) for test in sample["tests"]),
    ]
    assert all(each["message"] for each in answer.json()["blockers"])
    assert lab.get(f"/samples/{sample['id']}").json() == sample


def test_reporting_again_changes_nothing(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    sample = lab.sample("verified", tests=[lab.has.ph])
    first = lab.post(f"/samples/{sample['id']}/report")
    assert first.json()["reportedAt"] == "2026-06-18T09:12:00.000Z"
    clock.set("2026-06-19T09:12:00.000Z")
    again = lab.post(f"/samples/{sample['id']}/report")
    assert (again.status_code, again.content) == (200, first.content)
    assert again.headers["etag"] == first.headers["etag"]
    actions = [event.action for event in events_of(lab, "sample", sample["id"])]
    assert actions.count("sample.reported") == 1


def test_of_a_report_and_a_change_at_once_nothing_changes_after_the_report(
    lab: Laboratory,
) -> None:
    sample = lab.sample("verified", tests=[lab.has.ph])
    path = f"/samples/{sample['id']}"
    calls: list[tuple[str, str, Any]] = []
    for place in range(3):
        calls += [("POST", f"{path}/report", None), ("PATCH", path, {"notes": f"n{place}"})]
    answers = at_once(lab, calls)
    assert {answer.status_code for answer in answers[::2]} == {200}
    assert {answer.status_code for answer in answers[1::2]} <= {200, 409}
    actions = [event.action for event in events_of(lab, "sample", sample["id"])]
    assert actions[-1] == "sample.reported"


def test_a_foreign_approval_is_answered_exactly_like_one_that_never_was(
    lab: Laboratory, rival: Laboratory
) -> None:
    sample, _ = verified(rival)
    (theirs,) = approvals(rival, sample)
    for method, body in (("GET", None), ("PATCH", {"status": "approved"})):
        answers = [
            lab.request(
                method, f"/approval-records/{each}", json=body, headers={"X-Request-Id": "same"}
            )
            for each in (theirs["id"], ABSENT)
        ]
        assert refusal(answers[0]) == (404, "not_found")
        assert answers[0].content == answers[1].content
    assert approvals(rival, sample) == [theirs]


def test_a_decision_and_its_consequences_are_in_the_trail(lab: Laboratory) -> None:
    sample, test_id = verified(lab, sample="verified")
    (approval,) = approvals(lab, sample)
    decide(lab, approval, "rejected", "Blank contaminated")
    lab.enter(test_id, "0.010")
    lab.verify(test_id)
    trail = events_of(lab, "approval", approval["id"])
    assert [(event.action, event.entity_version) for event in trail] == [
        ("approval.opened", 1),
        ("approval.rejected", 2),
        ("approval.superseded", 3),
    ]
    assert trail[1].reason == "Blank contaminated"
    reopened = next(
        event
        for event in events_of(lab, "sample_test", test_id)
        if event.action == "sample_test.reopened"
    )
    assert reopened.reason == "Blank contaminated"
    assert reopened.request_id == trail[1].request_id
    moved = events_of(lab, "sample", sample["id"])[-1]
    assert (moved.action, moved.request_id) == ("sample.processing", trail[1].request_id)
