"""`Idempotency-Key`: one effect, one answer, byte for byte."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from httpx2 import Response

from laboratory import Laboratory, MovableClock


def create(lab: Laboratory, key: str, **fields: Any) -> Response:
    body = {"clientName": "Acme", "materialTypeId": lab.has.water} | fields
    return lab.post("/samples", body, headers={"Idempotency-Key": key})


def count(lab: Laboratory) -> int:
    return len(lab.get("/samples?limit=500").json()["data"])


def test_a_request_sent_again_gets_its_first_answer(lab: Laboratory) -> None:
    first = create(lab, "run-17")
    again = create(lab, "run-17")
    assert (again.status_code, again.content) == (201, first.content)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    for name in ("Location", "ETag", "Content-Type"):
        assert again.headers[name] == first.headers[name]
    assert count(lab) == 1


def test_a_quoted_key_is_the_same_key(lab: Laboratory) -> None:
    create(lab, "run-17")
    assert create(lab, '"run-17"').headers["Idempotent-Replayed"] == "true"


def test_the_same_key_for_another_request_is_refused(lab: Laboratory) -> None:
    create(lab, "run-17")
    other = create(lab, "run-17", notes="other")
    assert (other.status_code, other.json()["error"]) == (422, "idempotency_key_reused")
    assert count(lab) == 1


def test_only_successes_are_kept(lab: Laboratory) -> None:
    failed = create(lab, "run-17", projectId=NEVER)
    assert failed.status_code == 400
    assert create(lab, "run-17").status_code == 201


NEVER = 7_777_777_777_777


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\xe9", "a\tb"])
def test_a_key_that_is_no_key_is_refused(lab: Laboratory, key: str) -> None:
    answer = create(lab, key.encode("latin-1"))  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_idempotency_key")
    assert count(lab) == 0


def test_a_rivals_key_is_no_bodys_but_theirs(lab: Laboratory, rival: Laboratory) -> None:
    create(rival, "run-17")
    answer = create(lab, "run-17")
    assert answer.status_code == 201
    assert "Idempotent-Replayed" not in answer.headers


def test_a_key_expires_after_a_week(lab: Laboratory, clock: MovableClock) -> None:
    clock.set("2026-06-18T12:00:00Z")
    create(lab, "run-17")
    clock.advance(days=6)
    assert "Idempotent-Replayed" in create(lab, "run-17").headers
    clock.advance(days=2)
    assert "Idempotent-Replayed" not in create(lab, "run-17").headers
    assert count(lab) == 2


def test_fifty_at_once_have_one_effect(lab: Laboratory) -> None:
    with ThreadPoolExecutor(50) as crowd:
        answers = list(crowd.map(lambda _: create(lab, "run-17"), range(50)))
    assert {answer.status_code for answer in answers} <= {201, 409}
    done = [answer for answer in answers if answer.status_code == 201]
    assert len({answer.content for answer in done}) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in done) == 1
    assert count(lab) == 1


def test_bulk_results_and_patches_are_guarded_too(lab: Laboratory) -> None:
    test_id = lab.sample()["tests"][0]["id"]
    body = {"updates": [{"sampleTestId": test_id, "result": "7.2"}]}
    header = {"Idempotency-Key": "bulk-1"}
    first = lab.post("/sample-tests/bulk-results", body, headers=header)
    again = lab.post("/sample-tests/bulk-results", body, headers=header)
    assert first.content == again.content
    patch = {"Idempotency-Key": "patch-1"}
    lab.patch(f"/sample-tests/{test_id}", {"result": "7.3"}, headers=patch)
    lab.patch(f"/sample-tests/{test_id}", {"result": "7.3"}, headers=patch)
    history = lab.get(f"/sample-tests/{test_id}/history").json()["data"]
    assert [entry["result"] for entry in history] == ["7.3", "7.2"]
