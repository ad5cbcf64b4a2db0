"""`requireIfMatch`: no change through the Lab API without saying which copy it was made from."""

from typing import Any

import pytest

from laboratory import Laboratory, World


def require(lab: Laboratory, **requirements: bool) -> None:
    changed = lab.administrator().patch("/organization", requirements)
    assert changed.status_code == 200, changed.text


def conditional_routes(lab: Laboratory) -> list[tuple[str, str, Any]]:
    sample = lab.sample("processing")
    lead = next(test for test in sample["tests"] if test["testCode"] == "LEAD")
    lab.enter(lead["id"], "0.5")
    lab.verify(lead["id"])
    (approval,) = lab.get(f"/samples/{sample['id']}/approvals").json()["data"]
    other = next(test for test in sample["tests"] if test["testCode"] == "PH")
    return [
        ("PATCH", f"/sample-tests/{other['id']}", {"result": "7.0"}),
        ("POST", f"/sample-tests/{other['id']}/verify", None),
        ("PATCH", f"/approval-records/{approval['id']}", {"status": "approved"}),
        ("PATCH", f"/samples/{sample['id']}/status", {"status": "completed"}),
        ("PATCH", f"/samples/{sample['id']}", {"notes": "seen"}),
        ("PATCH", f"/samples/{sample['id']}/status", {"status": "verified"}),
        ("POST", f"/samples/{sample['id']}/report", None),
        ("PATCH", f"/projects/{lab.has.project}", {"description": "seen"}),
        ("PATCH", f"/clients/{lab.has.client}", {"notes": "seen"}),
    ]


def test_every_change_must_name_its_copy_once_that_is_required(lab: Laboratory) -> None:
    routes = conditional_routes(lab)
    require(lab, requireIfMatch=True)
    for method, path, body in routes:
        refused = lab.request(method, path, json=body)
        assert (refused.status_code, refused.json()["error"]) == (428, "precondition_required")
        done = lab.request(method, path, json=body, headers={"If-Match": "*"})
        assert done.status_code == 200, (method, path, done.text)


def test_the_copys_tag_counts_and_a_stale_one_is_told(lab: Laboratory) -> None:
    require(lab, requireIfMatch=True)
    sample = lab.sample()
    path = f"/samples/{sample['id']}"
    tag = lab.get(path).headers["etag"]
    assert lab.patch(path, {"notes": "a"}, headers={"If-Match": tag}).status_code == 200
    assert lab.patch(path, {"notes": "b"}, headers={"If-Match": tag}).status_code == 412


def test_what_is_no_change_of_a_record_needs_no_tag(lab: Laboratory) -> None:
    require(lab, requireIfMatch=True)
    sample = lab.sample()
    assert lab.post("/samples/receive", {"sampleIds": [sample["id"]]}).status_code == 200
    assert lab.get(f"/samples/{sample['id']}").status_code == 200


def test_a_foreign_id_is_asked_for_a_tag_just_as_an_absent_one(
    lab: Laboratory, rival: Laboratory
) -> None:
    require(lab, requireIfMatch=True)
    for sample_id in (rival.sample()["id"], 7_777_777):
        path = f"/samples/{sample_id}"
        assert lab.patch(path, {"notes": "x"}).status_code == 428
        tagged = lab.patch(path, {"notes": "x"}, headers={"If-Match": "*"})
        assert tagged.status_code == 404


def test_it_is_each_organizations_own_choice(lab: Laboratory, rival: Laboratory) -> None:
    require(lab, requireIfMatch=True)
    path = f"/samples/{rival.sample()['id']}"
    assert rival.patch(path, {"notes": "x"}).status_code == 200
    require(lab, requireIfMatch=False)
    path = f"/samples/{lab.sample()['id']}"
    assert lab.patch(path, {"notes": "x"}).status_code == 200


def test_a_refusal_is_not_kept_under_its_idempotency_key(lab: Laboratory) -> None:
    require(lab, requireIfMatch=True)
    path = f"/samples/{lab.sample()['id']}"
    once = {"Idempotency-Key": "one"}
    assert lab.patch(path, {"notes": "x"}, headers=once).status_code == 428
    assert lab.patch(path, {"notes": "x"}, headers=once | {"If-Match": "*"}).status_code == 200


@pytest.mark.parametrize("name", ["requireIfMatch", "requireHumanSignature"])
def test_a_requirement_is_yes_or_no(lab: Laboratory, name: str) -> None:
    administrator = lab.administrator()
    for value in (None, 1, "true"):
        assert administrator.patch("/organization", {name: value}).status_code == 400
    changed = administrator.patch("/organization", {name: True}).json()
    assert changed[name] is True
    assert administrator.get("/organization").json()[name] is True


def test_every_operation_that_may_be_stale_documents_both_refusals(world: World) -> None:
    document = world.app.lab.openapi()
    conditional = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            codes = operation["responses"].keys()
            assert ("412" in codes) == ("428" in codes), path
            assert method != "patch" or "428" in codes, path
            conditional += "428" in codes
    assert conditional == 11
