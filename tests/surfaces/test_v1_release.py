"""Verification, approvals, the QC gate and reporting, over HTTP on both databases."""

from typing import Any

from laboratory import Laboratory


def blockers_of(answer: Any) -> list[str]:
    return [blocker["code"] for blocker in answer.json()["blockers"]]


def test_a_sample_goes_from_registration_to_report(lab: Laboratory) -> None:
    sample = lab.sample("verified")
    reported = lab.post(f"/samples/{sample['id']}/report")
    assert reported.status_code == 200
    assert reported.json()["reportedAt"] is not None
    assert [test["specification"] for test in reported.json()["tests"]] == ["pass", "pass"]
    again = lab.post(f"/samples/{sample['id']}/report")
    assert (again.status_code, again.content) == (200, reported.content)


def test_an_out_of_limit_result_is_rejected_retested_and_reported(lab: Laboratory) -> None:
    sample = lab.sample("received", tests=[lab.has.lead])
    (test,) = sample["tests"]
    lab.patch(f"/samples/{sample['id']}/status", {"status": "processing"})
    assert lab.enter(test["id"], "0.020")["specification"] == "fail"
    lab.verify(test["id"])
    for status in ("completed", "verified"):
        moved = lab.patch(f"/samples/{sample['id']}/status", {"status": status})
        assert moved.status_code == 200
    held = lab.post(f"/samples/{sample['id']}/report")
    assert (held.status_code, held.json()["error"]) == (409, "qc_failed")
    assert blockers_of(held) == ["approval_pending"]

    (approval,) = lab.get(f"/samples/{sample['id']}/approvals").json()["data"]
    path = f"/approval-records/{approval['id']}"
    assert lab.patch(path, {"status": "rejected"}).json()["error"] == "invalid_body"
    decided = lab.patch(path, {"status": "rejected", "comment": "Blank contaminated"})
    assert decided.json()["status"] == "rejected"
    assert lab.patch(path, {"status": "approved"}).json()["error"] == "approval_decided"

    after = lab.get(f"/samples/{sample['id']}").json()
    assert (after["status"], after["verifiedAt"]) == ("processing", None)
    retest = after["tests"][0]
    assert (retest["status"], retest["result"], retest["resultOperator"]) == ("pending", None, None)
    lab.enter(test["id"], "<0.001")
    lab.verify(test["id"])
    for status in ("completed", "verified"):
        lab.patch(f"/samples/{sample['id']}/status", {"status": status})
    assert lab.post(f"/samples/{sample['id']}/report").status_code == 200
    history = lab.get(f"/sample-tests/{test['id']}/history").json()["data"]
    assert [entry["action"] for entry in history] == [
        "verified",
        "entered",
        "reopened",
        "verified",
        "entered",
    ]
    assert history[2]["result"] == "0.020"
