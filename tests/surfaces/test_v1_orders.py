"""Orders, products and variants: what clients submit, make and sell."""

from typing import Any

import pytest

from evidence import at_once
from laboratory import Laboratory, World


def made(lab: Laboratory, path: str, **body: Any) -> dict[str, Any]:
    answer = lab.post(path, body)
    assert answer.status_code == 201, answer.text
    shown: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1{path}/{shown['id']}"
    return shown


def product(lab: Laboratory, **fields: Any) -> dict[str, Any]:
    return made(lab, "/products", **{"clientId": lab.has.client, "name": "Baby Food"} | fields)


def sku(lab: Laboratory, **fields: Any) -> dict[str, Any]:
    said = {"name": "Apple Strawberry", "code": "BB-AS"} | fields
    return made(lab, "/skus", **({"productId": product(lab)["id"]} | said))


def other_client(lab: Laboratory) -> int:
    return int(made(lab, "/clients", name="Somebody else")["id"])


def test_a_product_is_made_read_listed_and_changed(lab: Laboratory) -> None:
    one = product(lab, brand="BB", externalId="P-1", showLimitsOnPip=True)
    assert (one["productType"], one["active"], one["showLimitsOnPip"]) == (
        "finished_good",
        True,
        True,
    )
    assert lab.get(f"/products/{one['id']}").json() == one
    for query in ({"name": "baby"}, {"externalId": "P-1"}, {"clientId": lab.has.client}):
        assert lab.get("/products", params=query).json()["data"] == [one]
    changed = lab.patch(f"/products/{one['id']}", {"productType": "raw_material"}).json()
    assert (changed["productType"], changed["version"]) == ("raw_material", 2)


def test_an_external_id_is_given_once(lab: Laboratory) -> None:
    first = product(lab, externalId="P-1")
    again = lab.post(
        "/products", {"clientId": lab.has.client, "name": "Other", "externalId": "P-1"}
    )
    assert (again.status_code, again.json()["existingId"]) == (409, first["id"])
    second = product(lab)
    clash = lab.patch(f"/products/{second['id']}", {"externalId": "P-1"})
    assert (clash.status_code, clash.json()["existingId"]) == (409, first["id"])


def test_a_serving_size_is_a_value_with_its_unit(lab: Laboratory) -> None:
    one = sku(lab, servingSizeValue=2, servingSizeUnit="capsules", servingSizeGrams=0.5)
    assert (one["servingSizeValue"], one["servingSizeGrams"]) == (2, 0.5)
    for wrong in ({"servingSizeUnit": None}, {"servingSizeGrams": 0}):
        refused = lab.patch(f"/skus/{one['id']}", wrong)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_body")
    assert lab.patch(f"/skus/{one['id']}", {"code": ""}).json()["code"] == ""


def test_an_order_comes_with_its_samples_and_their_tests(lab: Laboratory) -> None:
    variant = sku(lab)
    order = made(
        lab,
        "/orders",
        clientId=lab.has.client,
        ordererName="John Doe",
        ordererEmail="john@example.org",
        externalId="PO-7",
        paymentStatus="paid",
        samples=[
            {
                "materialTypeId": lab.has.water,
                "skuId": variant["id"],
                "lot": "L-7",
                "batch": "B-1",
                "composite": True,
                "numberOfComposites": 5,
                "servingSize": "10 g",
                "name": "Jar",
                "testDefinitionIds": [lab.has.ph],
                "externalId": "S-1",
            },
            {"materialTypeId": lab.has.water},
        ],
    )
    assert order["number"].startswith("O-")
    assert (order["status"], order["paymentStatus"]) == ("created", "paid")
    assert order["paidAt"] is not None
    first, second = order["samples"]
    assert (first["orderId"], first["clientId"]) == (order["id"], lab.has.client)
    assert (first["lot"], first["batch"], first["numberOfComposites"]) == ("L-7", "B-1", 5)
    assert [test["testCode"] for test in first["tests"]] == ["PH"]
    assert (second["composite"], second["numberOfComposites"]) == (False, 1)
    listed = lab.get("/samples", params={"orderId": order["id"]}).json()["data"]
    assert [each["id"] for each in listed] == [second["id"], first["id"]]
    assert lab.get("/samples", params={"lot": "L-7"}).json()["data"] == listed[1:]
    assert lab.get(f"/orders/{order['id']}").json()["externalId"] == "PO-7"


def test_an_order_with_one_bad_sample_is_no_order(lab: Laboratory) -> None:
    good = {"materialTypeId": lab.has.water}
    for bad, error, field in (
        ({"materialTypeId": 7_777_777}, "invalid_reference", "samples[1].materialTypeId"),
        (good | {"collectionDate": "2999-01-01"}, "invalid_body", "samples[1].collectionDate"),
        (good | {"clientName": "Mine"}, "invalid_body", "samples[1].clientName"),
    ):
        refused = lab.post("/orders", {"clientId": lab.has.client, "samples": [good, bad]})
        assert (refused.status_code, refused.json()["error"]) == (400, error), refused.text
        assert refused.json()["details"][0]["field"] == field
    assert lab.get("/orders").json()["data"] == []
    assert lab.get("/samples").json()["data"] == []


def test_an_orders_samples_count_against_the_allowance_all_or_none(world: World) -> None:
    lab = world.found("Small", plan="starter")
    samples = [{"materialTypeId": lab.has.water}] * 300
    assert lab.post("/orders", {"clientId": lab.has.client, "samples": samples}).status_code == 201
    refused = lab.post("/orders", {"clientId": lab.has.client, "samples": samples})
    assert (refused.status_code, refused.json()["used"]) == (403, 500)
    rest = lab.post("/orders", {"clientId": lab.has.client, "samples": samples[:200]})
    assert rest.status_code == 201


def test_an_order_moves_along_and_stamps_its_times(lab: Laboratory) -> None:
    order = made(lab, "/orders", clientId=lab.has.client)
    assert (order["receivedAt"], order["paidAt"]) == (None, None)
    moved = lab.patch(f"/orders/{order['id']}", {"status": "received"}).json()
    assert moved["receivedAt"] is not None
    said = lab.patch(f"/orders/{order['id']}", {"receivedAt": "2026-06-18"}).json()
    assert said["receivedAt"] == "2026-06-18T00:00:00.000Z"
    events = lab.get("/audit-events", params={"entityType": "order"}).json()["data"]
    assert [each["action"] for each in events] == [
        "order.changed",
        "order.received",
        "order.created",
    ]
    wrong = lab.patch(f"/orders/{order['id']}", {"ordererEmail": "nobody"})
    assert wrong.json()["details"][0]["field"] == "ordererEmail"


def status_of(lab: Laboratory, order: dict[str, Any]) -> str:
    shown: str = lab.get(f"/orders/{order['id']}").json()["status"]
    return shown


def two_samples(lab: Laboratory) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """An order of two samples with a test each."""
    sample = {"materialTypeId": lab.has.water, "testDefinitionIds": [lab.has.ph]}
    order = made(lab, "/orders", clientId=lab.has.client, samples=[sample, sample])
    first, second = order["samples"]
    return order, first, second


def step(lab: Laboratory, sample: dict[str, Any], *statuses: str) -> None:
    for status in statuses:
        moved = lab.patch(f"/samples/{sample['id']}/status", {"status": status})
        assert moved.status_code == 200, moved.text


def report(lab: Laboratory, sample: dict[str, Any]) -> None:
    """From being processed to the report."""
    test = sample["tests"][0]["id"]
    lab.enter(test, "7.2")
    step(lab, sample, "completed")
    lab.verify(test)
    step(lab, sample, "verified")
    assert lab.post(f"/samples/{sample['id']}/report").status_code == 200


def test_an_order_follows_its_samples(lab: Laboratory) -> None:
    order, first, second = two_samples(lab)
    assert status_of(lab, order) == "created"
    lab.post("/samples/receive", {"sampleIds": [first["id"]]})
    received = lab.get(f"/orders/{order['id']}").json()
    assert (received["status"], received["version"]) == ("received", 2)
    assert received["receivedAt"] == received["updatedAt"]
    lab.post("/samples/receive", {"sampleIds": [second["id"]]})
    assert lab.get(f"/orders/{order['id']}").json() == received
    step(lab, first, "processing")
    assert status_of(lab, order) == "in_progress"
    report(lab, first)
    assert status_of(lab, order) == "in_progress"
    step(lab, second, "processing")
    report(lab, second)
    assert status_of(lab, order) == "completed"
    events = lab.get(
        "/audit-events", params={"entityType": "order", "entityId": order["id"]}
    ).json()["data"]
    assert [each["action"] for each in reversed(events)] == [
        *("order.created", "order.received", "order.in_progress", "order.completed"),
    ]


def test_a_result_shows_that_an_order_is_in_progress(lab: Laboratory) -> None:
    order, first, second = two_samples(lab)
    lab.enter(first["tests"][0]["id"], "7.2")
    assert status_of(lab, order) == "in_progress"
    other, one, _ = two_samples(lab)
    entry = {"sampleTestId": one["tests"][0]["id"], "result": "7.2"}
    lab.post("/sample-tests/bulk-results", {"updates": [entry]})
    assert status_of(lab, other) == "in_progress"
    assert lab.get(f"/samples/{second['id']}").json()["status"] == "pending"


def test_a_further_sample_opens_a_completed_order_again(lab: Laboratory) -> None:
    order, first, second = two_samples(lab)
    for sample in (first, second):
        step(lab, sample, "received", "processing")
        report(lab, sample)
    body = {"materialTypeId": lab.has.water, "clientId": lab.has.client}
    late = made(lab, "/samples", **body, orderId=order["id"])
    assert status_of(lab, order) == "in_progress"
    # It leaves again: all that remain are reported.
    assert lab.patch(f"/samples/{late['id']}", {"orderId": None}).status_code == 200
    assert status_of(lab, order) == "completed"
    lab.patch(f"/samples/{late['id']}", {"orderId": order["id"]})
    assert status_of(lab, order) == "in_progress"


def test_what_a_person_says_of_an_order_holds(lab: Laboratory) -> None:
    order, first, second = two_samples(lab)
    lab.patch(f"/orders/{order['id']}", {"status": "in_progress"})
    step(lab, first, "received")
    assert status_of(lab, order) == "in_progress"
    step(lab, first, "pending")
    assert status_of(lab, order) == "in_progress"
    lab.patch(f"/orders/{order['id']}", {"status": "cancelled"})
    for sample in (first, second):
        step(lab, sample, "received", "processing")
        report(lab, sample)
    assert status_of(lab, order) == "cancelled"
    reopened = made(
        lab,
        "/orders",
        clientId=lab.has.client,
        status="completed",
        samples=[{"materialTypeId": lab.has.water}],
    )
    assert reopened["status"] == "completed"
    step(lab, reopened["samples"][0], "received")
    assert status_of(lab, reopened) == "received"


def test_samples_that_move_at_once_leave_their_order_where_it_belongs(lab: Laboratory) -> None:
    sample = {"materialTypeId": lab.has.water, "testDefinitionIds": [lab.has.ph]}
    order = made(lab, "/orders", clientId=lab.has.client, samples=[sample] * 6)
    for each in order["samples"]:
        step(lab, each, "received", "processing")
        lab.enter(each["tests"][0]["id"], "7.2")
        step(lab, each, "completed")
        lab.verify(each["tests"][0]["id"])
        step(lab, each, "verified")
    answers = at_once(
        lab, [("POST", f"/samples/{each['id']}/report", None) for each in order["samples"]]
    )
    assert {answer.status_code for answer in answers} == {200}
    assert status_of(lab, order) == "completed"


def test_a_sample_takes_only_its_own_clients_order_and_product(lab: Laboratory) -> None:
    other = other_client(lab)
    order = made(lab, "/orders", clientId=other)
    theirs = made(
        lab, "/skus", productId=product(lab, clientId=other)["id"], name="Theirs", code="T"
    )
    body = {"materialTypeId": lab.has.water, "clientId": lab.has.client}
    for name, value in (("orderId", order["id"]), ("skuId", theirs["id"])):
        refused = lab.post("/samples", body | {name: value})
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_body")
        assert refused.json()["details"][0]["field"] == name
    right = lab.post("/samples", body | {"clientId": other, "orderId": order["id"]})
    assert right.status_code == 201
    moved = lab.patch(f"/samples/{right.json()['id']}", {"clientId": lab.has.client})
    assert moved.status_code == 400
    lab.patch(f"/orders/{order['id']}", {"status": "cancelled"})
    late = lab.post("/samples", body | {"clientId": other, "orderId": order["id"]})
    assert late.status_code == 400


@pytest.mark.parametrize(
    ("path", "name"), [("/products", "clientId"), ("/orders", "clientId"), ("/skus", "productId")]
)
def test_a_foreign_owner_is_refused_like_one_that_never_was(
    lab: Laboratory, rival: Laboratory, path: str, name: str
) -> None:
    theirs = rival.has.client if name == "clientId" else product(rival)["id"]
    told = []
    for owner in (theirs, 7_777_777):
        body = {name: owner} | ({} if path == "/orders" else {"name": "x"})
        refused = lab.post(path, body)
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_reference")
        told.append(refused.json()["message"].replace(str(owner), "N"))
    assert told[0] == told[1]


def define(lab: Laboratory, resource: str, key: str, name: str) -> dict[str, Any]:
    defined = lab.administrator().post(
        "/custom-fields", {"resource": resource, "key": key, "name": name}
    )
    assert defined.status_code == 201, defined.text
    shown: dict[str, Any] = defined.json()
    return shown


def test_custom_fields_are_defined_filled_and_cleared(lab: Laboratory) -> None:
    define(lab, "sample", "shade", "Shade")
    batch = define(lab, "test", "metafield_batch_id", "Batch ID")
    sample = lab.sample(tests=[lab.has.ph], customFields={"shade": "blue"})
    assert sample["customFields"] == {"shade": "blue"}
    test = sample["tests"][0]
    filled = lab.patch(
        f"/sample-tests/{test['id']}", {"customFields": {"metafield_batch_id": "B-1234"}}
    ).json()
    assert (filled["customFields"], filled["status"]) == (
        {"metafield_batch_id": "B-1234"},
        "pending",
    )
    for path, wrong in (
        (f"/samples/{sample['id']}", {"metafield_batch_id": "x"}),
        (f"/sample-tests/{test['id']}", {"shade": "x"}),
    ):
        refused = lab.patch(path, {"customFields": wrong})
        assert (refused.status_code, refused.json()["error"]) == (400, "invalid_body")
    cleared = lab.patch(f"/samples/{sample['id']}", {"customFields": {"shade": None}}).json()
    assert cleared["customFields"] == {}
    admin = lab.administrator()
    retired = admin.patch(f"/custom-fields/{batch['id']}", {"active": False})
    assert retired.json()["active"] is False
    kept = lab.get(f"/sample-tests/{test['id']}").json()
    assert kept["customFields"] == {"metafield_batch_id": "B-1234"}
    again = admin.post("/custom-fields", {"resource": "sample", "key": "shade", "name": "Shade"})
    assert (again.status_code, again.json()["error"]) == (409, "duplicate")
    listed = admin.get("/custom-fields", params={"resource": "test"}).json()["data"]
    assert [each["key"] for each in listed] == ["metafield_batch_id"]


def test_custom_fields_are_the_administrators(lab: Laboratory) -> None:
    body = {"resource": "test", "key": "x", "name": "X"}
    assert lab.member("technician").post("/custom-fields", body).status_code == 403
