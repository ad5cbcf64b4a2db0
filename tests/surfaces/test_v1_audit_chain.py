"""`/changes` and `/audit/verify`: following the trail, and verifying it from outside."""

from collections.abc import Iterator
from typing import Any

import pytest

from domain.test_audit_chain import seal, tamper
from laboratory import Laboratory, World
from titer.surfaces.v1 import audit


def follow(lab: Laboratory, after: int = 0, limit: int = 7) -> Iterator[dict[str, Any]]:
    while True:
        answer = lab.get("/changes", params={"after": after, "limit": limit})
        assert answer.status_code == 200, answer.text
        body = answer.json()
        yield from body["data"]
        after = body["nextAfter"]
        if not body["hasMore"]:
            return


def test_changes_are_followed_without_a_gap(lab: Laboratory, rival: Laboratory) -> None:
    lab.sample("received")
    rival.sample()
    seal(lab)
    changes = list(follow(lab))
    assert [change["seq"] for change in changes] == list(range(1, len(changes) + 1))
    events = lab.get("/audit-events", params={"limit": 500}).json()["data"]
    by_id = {event["id"]: event for event in events}
    assert len(by_id) == len(changes) > 10
    for change in changes:
        seq = change.pop("seq")
        assert seq > 0
        assert by_id[change["id"]] == change


def test_who_has_read_all_goes_on_from_there(lab: Laboratory) -> None:
    lab.sample()
    seal(lab)
    last = list(follow(lab))[-1]["seq"]
    idle = lab.get("/changes", params={"after": last}).json()
    assert idle == {"data": [], "nextAfter": last, "hasMore": False}
    lab.sample()
    seal(lab)
    fresh = list(follow(lab, last))
    assert [change["seq"] for change in fresh] == list(range(last + 1, last + 1 + len(fresh)))
    assert fresh


@pytest.mark.parametrize("query", ["after=-1", "after=x", "after=01", "limit=0", "cursor=1"])
def test_a_query_at_fault_is_refused(lab: Laboratory, query: str) -> None:
    assert lab.get(f"/changes?{query}").json()["error"] == "invalid_query"


@pytest.mark.parametrize(
    "query",
    ["after=1", f"hash={'0' * 64}", "after=1&hash=x", f"after=-1&hash={'0' * 64}", "limit=1"],
)
def test_a_head_is_whole_or_absent(lab: Laboratory, query: str) -> None:
    assert lab.get(f"/audit/verify?{query}").json()["error"] == "invalid_query"


def test_a_chain_that_nobody_touched_verifies(lab: Laboratory) -> None:
    lab.sample("received")
    seal(lab)
    told = lab.get("/audit/verify").json()
    assert told["ok"]
    assert told["faults"] == []
    assert not told["hasMore"]
    assert told["events"] == told["headSeq"] > 10


def test_a_long_chain_is_verified_in_stretches(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.sample("received")
    seal(lab)
    whole = lab.get("/audit/verify").json()
    monkeypatch.setattr(audit, "MOST_VERIFIED", 5)
    head: dict[str, Any] = {}
    read = 0
    while True:
        told = lab.get("/audit/verify", params=head).json()
        assert told["ok"]
        read += told["events"]
        head = {"after": told["headSeq"], "hash": told["headHash"]}
        if not told["hasMore"]:
            break
    assert read == whole["events"]
    assert (told["headSeq"], told["headHash"]) == (whole["headSeq"], whole["headHash"])


def test_tampering_is_told_with_its_place(lab: Laboratory, world: World) -> None:
    lab.sample("received")
    seal(lab)
    tamper(
        world,
        "UPDATE audit_events SET canonical = replace(canonical, 'a', 'b')"
        f" WHERE organization_id = {lab.id} AND id = (SELECT event_id FROM audit_links"
        f" WHERE organization_id = {lab.id} AND seq = 5)",
    )
    told = lab.get("/audit/verify").json()
    assert not told["ok"]
    assert told["faults"][0]["seq"] == 5
    assert told["faults"][0]["what"] == "the event's text is not what was hashed"


def test_a_head_kept_elsewhere_shows_what_a_chain_alone_does_not(
    lab: Laboratory, world: World
) -> None:
    lab.sample("received")
    seal(lab)
    told = lab.get("/audit/verify").json()
    head = {"after": told["headSeq"], "hash": told["headHash"]}
    forged = lab.get("/audit/verify", params=head | {"hash": "0" * 64}).json()
    assert [fault["what"] for fault in forged["faults"]] == [
        "the link is not the one that was anchored"
    ]
    assert lab.get("/audit/verify", params=head).json()["ok"]
    last = f"organization_id = {lab.id} AND seq > {told['headSeq'] - 2}"
    tamper(
        world,
        f"DELETE FROM audit_events WHERE organization_id = {lab.id}"
        f" AND id IN (SELECT event_id FROM audit_links WHERE {last})",
        f"DELETE FROM audit_links WHERE {last}",
    )
    assert lab.get("/audit/verify").json()["ok"]
    truncated = lab.get("/audit/verify", params=head).json()
    assert truncated["faults"][0]["what"] == "an anchored link is missing"
