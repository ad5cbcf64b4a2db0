"""Electronic signatures: signed on the settings face, listed and examined on the Lab API."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from httpx2 import Response

from domain.test_audit_chain import tamper
from laboratory import PASSWORD, Laboratory, Member, MovableClock, World

ACT = {"password": PASSWORD, "meaning": "I have reviewed this result."}


def require_signature(lab: Laboratory) -> None:
    changed = lab.administrator().patch("/organization", {"requireHumanSignature": True})
    assert changed.status_code == 200


def signatures(lab: Laboratory, **wanted: Any) -> list[dict[str, Any]]:
    listed = lab.get("/signatures", params=wanted)
    assert listed.status_code == 200, listed.text
    data: list[dict[str, Any]] = listed.json()["data"]
    return data


def completed(lab: Laboratory, result: str = "0.002") -> tuple[dict[str, Any], dict[str, Any]]:
    """A sample with one lead result, ready to be verified."""
    sample = lab.sample("processing", tests=[lab.has.lead])
    test = lab.enter(sample["tests"][0]["id"], result)
    return sample, test


def verify(member: Member, test: dict[str, Any], **changes: Any) -> Response:
    return member.post(f"/sample-tests/{test['id']}/verify", ACT | changes)


def refusal(answer: Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def test_a_person_verifies_and_signs(lab: Laboratory) -> None:
    _, test = completed(lab)
    reviewer = lab.member("reviewer")
    signed = verify(reviewer, test)
    assert signed.status_code == 200, signed.text
    body = signed.json()
    assert (body["entityType"], body["entityId"]) == ("sample_test", test["id"])
    assert (body["userId"], body["method"]) == (reviewer.user_id, "password")
    assert body["meaning"] == ACT["meaning"]
    assert len(body["recordHash"]) == 64
    shown = lab.get(f"/sample-tests/{test['id']}").json()
    assert (shown["status"], shown["verifiedBy"]) == ("verified", reviewer.user_id)
    assert body["entityVersion"] == shown["version"]
    assert signatures(lab, entityType="sample_test", entityId=test["id"]) == [
        body | {"valid": True, "standing": "intact"}
    ]


def test_signing_is_in_the_audit_trail_without_the_password(lab: Laboratory) -> None:
    _, test = completed(lab)
    verify(lab.member("reviewer"), test)
    events = lab.get("/audit-events", params={"entityType": "signature"})
    (event,) = events.json()["data"]
    assert event["action"] == "signature.signed"
    assert event["reason"] == ACT["meaning"]
    assert PASSWORD not in lab.get("/audit-events").text


def test_where_it_is_required_a_key_signs_nothing(lab: Laboratory) -> None:
    sample, test = completed(lab, "0.5")
    require_signature(lab)
    refused = lab.post(f"/sample-tests/{test['id']}/verify")
    assert refusal(refused) == (403, "signature_required")
    reviewer = lab.member("reviewer")
    assert verify(reviewer, test).status_code == 200
    (approval,) = lab.get(f"/samples/{sample['id']}/approvals").json()["data"]
    path = f"/approval-records/{approval['id']}"
    assert refusal(lab.patch(path, {"status": "approved"})) == (403, "signature_required")
    decided = reviewer.patch(path, ACT | {"status": "approved", "comment": "Known source."})
    assert decided.json()["entityType"] == "approval"
    for status in ("completed", "verified"):
        assert lab.patch(f"/samples/{sample['id']}/status", {"status": status}).status_code == 200
    path = f"/samples/{sample['id']}/report"
    assert refusal(lab.post(path)) == (403, "signature_required")
    assert reviewer.post(path, ACT).status_code == 200
    assert lab.get(f"/samples/{sample['id']}").json()["reportedAt"]
    kinds = [(each["entityType"], each["valid"]) for each in signatures(lab)]
    assert kinds == [("sample", True), ("approval", True), ("sample_test", True)]


def test_nothing_is_reported_twice_with_a_signature(lab: Laboratory) -> None:
    sample = lab.sample("verified")
    reviewer = lab.member("reviewer")
    path = f"/samples/{sample['id']}/report"
    assert reviewer.post(path, ACT).status_code == 200
    assert refusal(reviewer.post(path, ACT)) == (409, "already_reported")
    assert len(signatures(lab)) == 1


@pytest.mark.parametrize("role", ["technician", "read_only"])
def test_only_those_who_may_sign_do(lab: Laboratory, role: str) -> None:
    _, test = completed(lab)
    assert refusal(verify(lab.member(role), test)) == (403, "forbidden")
    assert signatures(lab) == []


@pytest.mark.parametrize(
    "changes",
    [
        {"password": None},
        {"password": ""},
        {"password": 1},
        {"password": "x" * 257},
        {"meaning": None},
        {"meaning": "  "},
        {"meaning": "x" * 501},
        {"other": 1},
    ],
)
def test_a_body_at_fault_is_refused_and_signs_nothing(
    lab: Laboratory, changes: dict[str, Any]
) -> None:
    _, test = completed(lab)
    assert refusal(verify(lab.administrator(), test, **changes)) == (400, "invalid_body")
    assert signatures(lab) == []
    assert lab.get(f"/sample-tests/{test['id']}").json()["status"] == "completed"


def test_no_body_and_no_json_sign_nothing(lab: Laboratory) -> None:
    _, test = completed(lab)
    administrator = lab.administrator()
    path = f"/sample-tests/{test['id']}/verify"
    assert administrator.post(path).status_code == 400
    assert administrator.post(path, [ACT]).status_code == 400
    assert administrator.request("POST", path, content=b"{").status_code in {400, 415}
    assert signatures(lab) == []


def test_wrong_passwords_sign_nothing_and_are_slowed_down(
    lab: Laboratory, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:00:00Z")
    _, test = completed(lab)
    reviewer = lab.member("reviewer")
    for _ in range(5):
        assert refusal(verify(reviewer, test, password="wrong")) == (403, "wrong_password")
    slowed = verify(reviewer, test)
    assert refusal(slowed) == (429, "rate_limited")
    assert slowed.headers["retry-after"] == "1"
    assert lab.sign_in(reviewer.email, organizationId=lab.id).status_code == 429
    clock.advance(seconds=1)
    assert refusal(verify(reviewer, test, password="wrong")) == (403, "wrong_password")
    assert verify(reviewer, test).headers["retry-after"] == "2"
    clock.advance(seconds=2)
    assert verify(reviewer, test).status_code == 200
    _, another = completed(lab)
    assert refusal(verify(reviewer, another, password="wrong")) == (403, "wrong_password")
    assert verify(reviewer, another).status_code == 200, "success has taken the failures back"


def test_another_persons_password_is_wrong(lab: Laboratory) -> None:
    _, test = completed(lab)
    administrator = lab.administrator()
    changed = administrator.patch(f"/users/{lab.user_id}", {"password": "a password of my own"})
    assert changed.status_code == 200
    again = lab.sign_in(administrator.email, "a password of my own").json()["token"]
    administrator = Member(lab.world, lab.user_id, administrator.email, again)
    assert refusal(verify(administrator, test)) == (403, "wrong_password")
    assert verify(administrator, test, password="a password of my own").status_code == 200


def test_a_rivals_records_are_not_there_to_sign(lab: Laboratory, rival: Laboratory) -> None:
    sample, test = completed(rival, "0.5")
    rival.verify(test["id"])
    (approval,) = rival.get(f"/samples/{sample['id']}/approvals").json()["data"]
    reviewer = lab.member("reviewer")
    for foreign, absent in ((test["id"], 7_777_777), (test["id"], 7_777_778)):
        assert (
            verify(reviewer, {"id": foreign}).json()["error"]
            == verify(reviewer, {"id": absent}).json()["error"]
            == "not_found"
        )
    assert reviewer.post(f"/samples/{sample['id']}/report", ACT).status_code == 404
    decision = ACT | {"status": "approved"}
    assert reviewer.patch(f"/approval-records/{approval['id']}", decision).status_code == 404
    assert signatures(rival) == []


def test_what_stops_a_key_stops_a_signer(lab: Laboratory) -> None:
    sample = lab.sample("processing", tests=[lab.has.lead])
    test = sample["tests"][0]
    reviewer = lab.member("reviewer")
    assert refusal(verify(reviewer, test)) == (409, "no_result")
    lab.enter(test["id"], "0.5")
    stale = reviewer.post(
        f"/sample-tests/{test['id']}/verify", ACT, headers={"If-Match": f'"{test["id"]}.1"'}
    )
    assert refusal(stale) == (412, "precondition_failed")
    assert reviewer.post(f"/samples/{sample['id']}/report", ACT).json()["error"] == "qc_failed"
    assert verify(reviewer, test).status_code == 200
    assert refusal(verify(reviewer, test)) == (409, "test_verified_locked")
    (approval,) = lab.get(f"/samples/{sample['id']}/approvals").json()["data"]
    path = f"/approval-records/{approval['id']}"
    assert reviewer.patch(path, ACT | {"status": "rejected"}).status_code == 400
    assert len(signatures(lab)) == 1


def test_a_second_person_is_required_of_signers_too(lab: Laboratory) -> None:
    _, test = completed(lab)
    administrator = lab.administrator()
    administrator.patch("/organization", {"requireSecondPerson": True})
    assert refusal(verify(administrator, test)) == (403, "second_person_required")
    assert verify(lab.member("reviewer"), test).status_code == 200


def test_a_retest_supersedes_a_signature_and_breaks_none(lab: Laboratory) -> None:
    sample, test = completed(lab, "0.5")
    reviewer = lab.member("reviewer")
    verify(reviewer, test)
    (approval,) = lab.get(f"/samples/{sample['id']}/approvals").json()["data"]
    rejected = ACT | {"status": "rejected", "comment": "Digest again."}
    assert reviewer.patch(f"/approval-records/{approval['id']}", rejected).status_code == 200
    decision, verification = signatures(lab)
    assert (decision["valid"], decision["standing"]) == (True, "intact")
    assert (verification["valid"], verification["standing"]) == (False, "superseded")
    lab.enter(test["id"], "0.002")
    verify(reviewer, test)
    standings = [each["standing"] for each in signatures(lab)]
    assert standings == ["intact", "superseded", "superseded"]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE sample_tests SET result = '0.001' WHERE organization_id = {org} AND id = {test}",
        "UPDATE sample_tests SET verified_by = NULL WHERE organization_id = {org} AND id = {test}",
        "UPDATE sample_tests SET version = version + 1 WHERE organization_id = {org}",
        "UPDATE sample_tests SET version = version - 1 WHERE organization_id = {org}",
        "UPDATE signatures SET printed_name = 'Somebody' WHERE organization_id = {org}",
        "UPDATE signatures SET record_hash = 'x' WHERE organization_id = {org}",
        "UPDATE signatures SET record_format = 2 WHERE organization_id = {org}",
        "UPDATE signatures SET meaning = 'nothing' WHERE organization_id = {org}",
    ],
)
def test_tampering_with_what_was_signed_is_seen(
    lab: Laboratory, world: World, statement: str
) -> None:
    _, test = completed(lab)
    verify(lab.member("reviewer"), test)
    tamper(world, statement.format(org=lab.id, test=test["id"]))
    (seen,) = signatures(lab)
    assert (seen["valid"], seen["standing"]) == (False, "broken")


def test_a_reports_signature_covers_each_result(lab: Laboratory, world: World) -> None:
    sample = lab.sample("verified")
    lab.member("reviewer").post(f"/samples/{sample['id']}/report", ACT)
    assert signatures(lab)[0]["valid"]
    test = sample["tests"][0]["id"]
    tamper(
        world,
        f"UPDATE sample_tests SET result = '1' WHERE organization_id = {lab.id} AND id = {test}",
    )
    assert signatures(lab)[0]["standing"] == "broken"


@pytest.mark.parametrize("verb", ["UPDATE signatures SET meaning = 'x'", "DELETE FROM signatures"])
def test_the_database_keeps_signatures_as_they_are(
    lab: Laboratory, world: World, verb: str
) -> None:
    _, test = completed(lab)
    verify(lab.member("reviewer"), test)

    async def work() -> None:
        async with world.app.database.connected() as connection, connection.begin():
            await connection.exec_driver_sql(f"{verb} WHERE organization_id = {lab.id}")

    with pytest.raises(Exception, match=r"append-only|permission denied"):
        world.run(work)


def test_of_many_who_verify_at_once_one_signs(lab: Laboratory) -> None:
    people = [lab.member("reviewer") for _ in range(6)]
    _, test = completed(lab)

    def attempt(at: int) -> Response:
        if at % 2:
            return lab.post(f"/sample-tests/{test['id']}/verify")
        return verify(people[at // 2], test)

    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(attempt, range(12)))
    codes = sorted(answer.status_code for answer in answers)
    assert codes == [200] + [409] * 11
    by_hand = any("recordHash" in answer.json() for answer in answers)
    assert len(signatures(lab)) == int(by_hand)
    assert all(each["valid"] for each in signatures(lab))


def test_signatures_are_paged_and_narrowed(lab: Laboratory, rival: Laboratory) -> None:
    reviewer = lab.member("reviewer")
    for _ in range(3):
        _, test = completed(lab)
        assert verify(reviewer, test).status_code == 200
    first = lab.get("/signatures", params={"limit": 2}).json()
    assert (len(first["data"]), first["hasMore"]) == (2, True)
    rest = lab.get("/signatures", params={"cursor": first["nextCursor"]}).json()
    assert (len(rest["data"]), rest["hasMore"]) == (1, False)
    assert signatures(lab, entityType="sample") == []
    assert lab.get("/signatures", params={"entityType": "client"}).status_code == 400
    assert signatures(rival) == []
