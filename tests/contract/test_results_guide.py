"""The Results API against its guide: field for field, page for page."""

import json
import re
from typing import Any

import pytest
from httpx2 import Response

from laboratory import Laboratory, World, open_world
from titer.domain.keys.rules import Scope

#: The guide's example of a test, its trailing commas and its doubled key mended.
EXAMPLE = json.loads(
    """
{"id": 678, "status": "not_started", "spec_status": "no_spec", "start_date": null,
 "complete_date": "2025-11-20T01:11:02.491Z", "published_at": "2025-11-20T01:11:02.360Z",
 "notes": "Some notes", "created_at": "2025-11-18T15:26:25.207Z",
 "updated_at": "2025-11-20T01:34:05.304Z", "specification": "no_spec",
 "custom_fields": [
   {"key": "metafield_batch_id", "name": "Batch ID", "value": "B-1234"},
   {"key": "metafield_priority", "name": "Priority", "value": "High"}],
 "assay": {"id": 1, "name": "Heavy Metals"},
 "results": [
   {"analyte": {"id": 1, "name": "Lead"}, "result": "-", "spec_result": "no_spec",
    "specification": "no_spec", "limit_value": "-", "limit": "-"},
   {"analyte": {"id": 2, "name": "Mercury"}, "result": "-", "spec_result": "no_spec",
    "specification": "no_spec", "limit_value": "-", "limit": "-"}],
 "sample": {"id": 677, "lot": null, "batch": null, "composite": false, "number_of_composites": 1,
   "sku": {"id": 14, "name": "Apple Strawberry", "code": "BB-AS",
           "product": {"id": 2, "name": "Baby Food"}},
   "order": {"id": 54, "status": "created", "ordered_at": "2025-11-18T15:26:00.000Z",
             "orderer": {"email": "no-reply@lightlabs.com", "name": "John Doe"}}}}
"""
)
#: What later versions of the guide have added to it.
NEWER = {"results[].loq", "sample.name", "sample.serving_size"}
INSTANT = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z")


class Customer:
    """A client of the laboratory, with a key of its own."""

    def __init__(self, lab: Laboratory, client_id: int | None = None) -> None:
        self.lab = lab
        self.client_id = client_id or lab.has.client
        body = {"name": "portal", "clientId": self.client_id}
        minted = lab.administrator().post("/results-keys", body)
        assert minted.status_code == 201, minted.text
        self.key = minted.json()

    def get(self, path: str, **query: Any) -> Response:
        headers = {"Authorization": f"Bearer {self.key['rawKey']}"}
        return self.lab.world.http.get(f"/api{path}", headers=headers, params=query)

    def order(self, **sample: Any) -> dict[str, Any]:
        lab = self.lab
        body = {
            "clientId": self.client_id,
            "ordererEmail": "no-reply@lightlabs.com",
            "ordererName": "John Doe",
            "orderedAt": "2025-11-18T15:26:00.000Z",
            "samples": [
                {"materialTypeId": lab.has.water, "testDefinitionIds": [lab.has.ph]} | sample
            ],
        }
        made = lab.post("/orders", body)
        assert made.status_code == 201, made.text
        shown: dict[str, Any] = made.json()
        return shown


@pytest.fixture
def customer(lab: Laboratory) -> Customer:
    return Customer(lab)


def metals(lab: Laboratory) -> int:
    analytes = [
        {"code": "PB", "name": "Lead", "unit": "mg/kg", "specMax": 0.1, "loq": 0.005},
        {"code": "HG", "name": "Mercury", "unit": "mg/kg", "specMin": 0.1, "specMax": 0.5},
    ]
    body = {"code": "HM", "name": "Heavy Metals", "analytes": analytes}
    made = lab.administrator().post("/test-definitions", body)
    assert made.status_code == 201, made.text
    return int(made.json()["id"])


def variant(lab: Laboratory, client_id: int | None = None) -> dict[str, Any]:
    client = client_id or lab.has.client
    product = lab.post("/products", {"clientId": client, "name": "Baby Food"}).json()
    body = {"productId": product["id"], "name": "Apple Strawberry", "code": "BB-AS"}
    made: dict[str, Any] = lab.post("/skus", body).json()
    return made


def publish(lab: Laboratory, sample: dict[str, Any], result: str = "7.2") -> None:
    """Take a sample with plain tests, or a panel of metals, all the way to its report."""
    path = f"/samples/{sample['id']}"
    for status in ("received", "processing"):
        assert lab.patch(f"{path}/status", {"status": status}).status_code == 200
    for test in sample["tests"]:
        rows = [
            {"analyteCode": "PB", "result": "0.05"},
            {"analyteCode": "HG", "result": "0.2 mg/kg"},
        ]
        body = {"results": rows} if test["results"] else {"result": result}
        entered = lab.patch(f"/sample-tests/{test['id']}", body | {"notes": "Some notes"})
        assert entered.status_code == 200, entered.text
        lab.verify(test["id"])
    for status in ("completed", "verified"):
        assert lab.patch(f"{path}/status", {"status": status}).status_code == 200
    assert lab.post(f"{path}/report").status_code == 200


def shape(value: Any, path: str = "") -> dict[str, type]:
    """Every leaf by its path, with its JSON kind."""
    if isinstance(value, dict):
        found: dict[str, type] = {}
        for name, part in value.items():
            found |= shape(part, f"{path}.{name}" if path else name)
        return found
    if isinstance(value, list):
        return {key: kind for part in value for key, kind in shape(part, f"{path}[]").items()}
    return {path: type(value)}


def whole_test(customer: Customer) -> tuple[dict[str, Any], dict[str, Any]]:
    """An order as the guide's example has it: the order, and its test as the client sees it."""
    lab, admin = customer.lab, customer.lab.administrator()
    for key, name in (("metafield_batch_id", "Batch ID"), ("metafield_priority", "Priority")):
        admin.post("/custom-fields", {"resource": "test", "key": key, "name": name})
    order = customer.order(testDefinitionIds=[metals(lab)], skuId=variant(lab)["id"])
    test = order["samples"][0]["tests"][0]
    filled = {"metafield_batch_id": "B-1234", "metafield_priority": "High"}
    assert lab.patch(f"/sample-tests/{test['id']}", {"customFields": filled}).status_code == 200
    shown = customer.get(f"/tests/{test['id']}")
    assert shown.status_code == 200, shown.text
    return order, shown.json()


def test_a_test_has_the_guides_fields_and_kinds(customer: Customer) -> None:
    order, test = whole_test(customer)
    ours, theirs = shape(test), shape(EXAMPLE)
    assert ours.keys() == theirs.keys() | NEWER
    nullable = {"start_date", "complete_date", "published_at"}
    assert {path for path in theirs if ours[path] is not theirs[path]} <= nullable
    assert test["custom_fields"] == EXAMPLE["custom_fields"]
    sku = test["sample"]["sku"]
    assert (sku["name"], sku["code"]) == ("Apple Strawberry", "BB-AS")
    assert sku["product"]["name"] == "Baby Food"
    assert test["sample"]["name"] == "Baby Food, Apple Strawberry"
    expected = EXAMPLE["sample"]["order"] | {"id": order["id"]}
    assert test["sample"]["order"] == expected
    assert [row["analyte"]["name"] for row in test["results"]] == ["Lead", "Mercury"]
    for row in test["results"]:
        del row["analyte"], row["loq"]
        assert row == {
            name: value for name, value in EXAMPLE["results"][0].items() if name != "analyte"
        }
    for name in ("created_at", "updated_at"):
        assert INSTANT.fullmatch(test[name])


def test_results_show_when_the_sample_is_reported_and_not_before(customer: Customer) -> None:
    order, test = whole_test(customer)
    assert (test["status"], test["notes"]) == ("not_started", "")
    publish(customer.lab, order["samples"][0])
    answer = customer.get(f"/tests/{test['id']}")
    published = answer.json()
    assert (published["status"], published["notes"]) == ("published", "Some notes")
    lead, mercury = published["results"]
    assert (lead["result"], lead["limit"], lead["loq"]) == (
        "0.05 mg/kg",
        "≤ 0.1 mg/kg",
        "0.005 mg/kg",
    )
    assert mercury["result"] == "0.2 mg/kg"
    assert mercury["limit"] == "0.1 – 0.5 mg/kg"  # noqa: RUF001 - as a range is written
    for row in (lead, mercury):
        assert row["spec_result"] == row["specification"] == "pass"
        assert row["limit_value"] == row["limit"]
    assert published["spec_status"] == published["specification"] == "pass"
    for name in ("start_date", "complete_date", "published_at"):
        assert INSTANT.fullmatch(published[name]), name
    assert re.fullmatch(r"@\d+", answer.headers["deprecation"])
    assert answer.headers["sunset"] == "Fri, 31 Dec 2027 23:59:59 GMT"
    listed = customer.get("/tests")
    assert listed.json()["tests"] == [published]
    assert listed.headers["deprecation"] == answer.headers["deprecation"]


def test_a_plain_test_is_its_own_analyte_and_moves_through_the_stages(customer: Customer) -> None:
    lab = customer.lab
    order = customer.order(testDefinitionIds=[lab.has.lead])
    sample, test = order["samples"][0], order["samples"][0]["tests"][0]
    for status in ("received", "processing"):
        lab.patch(f"/samples/{sample['id']}/status", {"status": status})
    assert [each["id"] for each in stage(customer, "not_started")] == [test["id"]]
    lab.enter(test["id"], "0.5")
    (shown,) = stage(customer, "completed")
    assert shown["results"] == [
        {
            "analyte": {"id": lab.has.lead, "name": "Lead"},
            "result": "-",
            "loq": None,
            "spec_result": "no_spec",
            "specification": "no_spec",
            "limit_value": "-",
            "limit": "-",
        }
    ]
    assert shown["specification"] == "no_spec"
    assert shown["sample"]["name"] == sample["trackingId"]
    assert stage(customer, "published") == stage(customer, "in_progress") == []


def stage(customer: Customer, status: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = customer.get("/tests", status=status).json()["tests"]
    return found


def test_an_order_shows_its_samples_and_their_tests(customer: Customer) -> None:
    order, test = whole_test(customer)
    shown = customer.get(f"/orders/{order['id']}").json()
    assert list(shown) == [
        *("id", "status", "payment_status", "ordered_at", "paid_at", "date_received"),
        *("created_at", "updated_at", "orderer", "samples"),
    ]
    assert shown["orderer"] == {"email": "no-reply@lightlabs.com", "name": "John Doe"}
    (sample,) = shown["samples"]
    assert list(sample) == [
        *("id", "lot", "sku", "batch", "composite", "number_of_composites", "tests"),
    ]
    assert list(sample["sku"]) == ["id", "name", "code", "serving_size_grams", "product"]
    (brief,) = sample["tests"]
    assert brief == {name: test[name] for name in ("id", "status", "created_at", "updated_at")} | {
        "assay": test["assay"]
    }
    listed = customer.get("/orders").json()["orders"]
    assert listed == [{name: value for name, value in shown.items() if name != "samples"}]


def test_products_and_variants_are_shown_by_name(customer: Customer) -> None:
    lab = customer.lab
    sku = variant(lab)
    said = {"servingSizeGrams": 250, "servingSizeValue": 2, "servingSizeUnit": "capsules"}
    assert lab.patch(f"/skus/{sku['id']}", said).status_code == 200
    lab.post("/products", {"clientId": lab.has.client, "name": "apple sauce", "brand": "A"})
    names = [each["name"] for each in customer.get("/products").json()["products"]]
    assert names == ["apple sauce", "Baby Food"]
    product = customer.get(f"/products/{sku['productId']}").json()
    assert product["skus"] == [
        {
            "id": sku["id"],
            "name": "Apple Strawberry",
            "code": "BB-AS",
            "serving_size_grams": "250.0",
        }
    ]
    shown = customer.get(f"/skus/{sku['id']}").json()
    assert shown["serving_size"] == {"value": 2, "unit": "capsules"}
    assert shown["product"] == {name: value for name, value in product.items() if name != "skus"}
    (listed,) = customer.get("/skus").json()["skus"]
    assert listed == shown | {"product": {"id": product["id"], "name": "Baby Food"}}


def exported(customer: Customer, meanwhile: Any = lambda: None) -> list[int]:
    """What the guide's own example of a client collects: page after page until there is none."""
    tests: list[Any] = []
    page = 1
    while True:
        response = customer.get("/tests", page=page).json()
        tests.extend(response.get("tests", []))
        next_page = response.get("pagination", {}).get("next_page")
        if not next_page:
            break
        page = next_page
        meanwhile()
    return [test["id"] for test in tests]


def test_a_walk_sees_every_test_once_while_new_ones_come(customer: Customer) -> None:
    lab = customer.lab
    samples = [{"materialTypeId": lab.has.water, "testDefinitionIds": [lab.has.ph]}] * 45
    made = lab.post("/orders", {"clientId": lab.has.client, "samples": samples}).json()
    known = [sample["tests"][0]["id"] for sample in made["samples"]]
    publish(lab, made["samples"][3])
    seen = exported(customer, meanwhile=customer.order)
    assert seen == sorted(known, reverse=True)
    assert len(exported(customer)) == 47


def test_a_walk_through_what_is_published_is_not_moved_by_what_is_published(
    customer: Customer,
) -> None:
    orders = [customer.order() for _ in range(6)]
    samples = [order["samples"][0] for order in orders]
    for sample in samples[1:]:
        publish(customer.lab, sample)
    first = customer.get("/tests", status="published", per_page=2).json()
    publish(customer.lab, samples[0])
    customer.order()
    pages = [first]
    while (page := pages[-1]["pagination"]["next_page"]) is not None:
        pages.append(customer.get("/tests", status="published", per_page=2, page=page).json())
    seen = [test["id"] for page in pages for test in page["tests"]]
    assert seen == [sample["tests"][0]["id"] for sample in reversed(samples)]


def test_a_sample_of_no_product_and_no_order_has_the_guides_fields_all_the_same(
    customer: Customer,
) -> None:
    lab = customer.lab
    sample = lab.sample(tests=[lab.has.ph], clientId=lab.has.client, clientName=None)
    shown = customer.get(f"/tests/{sample['tests'][0]['id']}").json()["sample"]
    assert shown["sku"] == {
        "id": None,
        "name": "-",
        "code": "",
        "product": {"id": None, "name": "-"},
    }
    assert shown["order"] == {
        "id": None,
        "status": "created",
        "ordered_at": sample["createdAt"],
        "orderer": {"email": None, "name": "Springfield Waterworks"},
    }
    order = customer.order()
    (ordered,) = customer.get(f"/orders/{order['id']}").json()["samples"]
    assert ordered["sku"] == shown["sku"] | {"serving_size_grams": None}


def test_pages_are_counted_from_one_and_end_with_null(customer: Customer) -> None:
    for _ in range(3):
        customer.order()
    told = [
        customer.get("/tests", page=page, per_page=2).json()["pagination"] for page in (1, 2, 3)
    ]
    assert told == [
        {"per_page": 2, "current_page": 1, "prev_page": None, "next_page": 2},
        {"per_page": 2, "current_page": 2, "prev_page": 1, "next_page": None},
        {"per_page": 2, "current_page": 3, "prev_page": 2, "next_page": None},
    ]
    assert customer.get("/orders").json()["pagination"]["per_page"] == 20


@pytest.mark.parametrize(
    "query",
    [
        {"page": 0},
        {"page": "x"},
        {"page": -1},
        {"per_page": 0},
        {"per_page": 101},
        {"status": "done"},
        {"updated_since": "yesterday"},
        {"order_id": "x"},
        {"perPage": 5},
    ],
)
def test_a_bad_value_is_refused_with_a_sentence(customer: Customer, query: Any) -> None:
    refused = customer.get("/tests", **query)
    assert refused.status_code == 400
    assert list(refused.json()) == ["error"]


def test_lists_are_narrowed(customer: Customer) -> None:
    lab = customer.lab
    plain = customer.order()
    special = customer.order(lot="L-7", skuId=variant(lab)["id"])
    (wanted,) = (each["id"] for each in special["samples"][0]["tests"])
    for query in ({"lot": "L-7"}, {"sku_code": "BB-AS"}, {"order_id": special["id"]}):
        assert [each["id"] for each in customer.get("/tests", **query).json()["tests"]] == [wanted]
    assert customer.get("/tests", lot="L-8").json()["tests"] == []
    since = customer.get(f"/tests/{wanted}").json()["updated_at"]
    publish(lab, plain["samples"][0])
    fresh = customer.get("/tests", updated_since=since).json()["tests"]
    assert plain["samples"][0]["tests"][0]["id"] in [each["id"] for each in fresh]
    lab.patch(f"/orders/{plain['id']}", {"status": "completed"})
    done = customer.get("/orders", status="completed").json()["orders"]
    assert [each["id"] for each in done] == [plain["id"]]


RESOURCES = ("tests", "orders", "products", "skus")


def test_nobody_without_a_key_and_nobody_with_a_broken_one(world: World, lab: Laboratory) -> None:
    reads = {"Authorization": f"Bearer {lab.another_key(Scope.READ)}"}
    writes = {"Authorization": f"Bearer {lab.another_key(Scope.WRITE)}"}
    for resource in RESOURCES:
        for headers in ({}, {"Authorization": "Bearer lr_x"}, {"Authorization": "Basic x"}):
            refused = world.http.get(f"/api/{resource}", headers=headers)
            assert refused.status_code == 401
            assert refused.headers["www-authenticate"] == "Bearer"
            assert refused.json() == {"error": "A valid API key is required."}
        assert world.http.get(f"/api/{resource}", headers=reads).status_code == 200
        assert world.http.get(f"/api/{resource}", headers=writes).status_code == 403


def test_a_revoked_key_opens_nothing(customer: Customer) -> None:
    assert customer.get("/tests").status_code == 200
    customer.lab.administrator().delete(f"/results-keys/{customer.key['id']}")
    assert customer.get("/tests").status_code == 401


def test_the_laboratorys_own_key_sees_every_client(customer: Customer) -> None:
    lab = customer.lab
    other = lab.post("/clients", {"name": "Somebody else"}).json()["id"]
    order = Customer(lab, other).order()
    headers = {"Authorization": f"Bearer {lab.key}"}
    seen = lab.world.http.get(f"/api/orders/{order['id']}", headers=headers)
    assert seen.status_code == 200


def test_a_client_sees_nothing_of_another_client_or_laboratory(
    customer: Customer, rival: Laboratory
) -> None:
    lab = customer.lab
    other = Customer(lab, lab.post("/clients", {"name": "Somebody else"}).json()["id"])
    elsewhere = Customer(rival)
    for stranger in (other, elsewhere):
        sku = variant(stranger.lab, stranger.client_id)
        order = stranger.order(skuId=sku["id"], lot="SECRET")
        ids = {
            "tests": order["samples"][0]["tests"][0]["id"],
            "orders": order["id"],
            "products": sku["productId"],
            "skus": sku["id"],
        }
        for resource, record_id in ids.items():
            assert stranger.get(f"/{resource}/{record_id}").status_code == 200
            foreign = customer.get(f"/{resource}/{record_id}")
            never = customer.get(f"/{resource}/7777777777")
            assert (foreign.status_code, foreign.content) == (404, b'{"error":"Not found."}')
            assert (never.status_code, never.content) == (404, foreign.content)
        for query in ({"lot": "SECRET"}, {"sku_code": "BB-AS"}, {"order_id": order["id"]}):
            assert customer.get("/tests", **query).json()["tests"] == []
    for resource in RESOURCES:
        assert customer.get(f"/{resource}").json()[resource] == []


def test_too_many_requests_are_refused_in_the_guides_words(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = tmp_path_factory.mktemp("limit") / "titer.db"
    with open_world(sqlite=path, results_rate_limit=3) as world:
        customer = Customer(world.found("Busy"))
        answers = [customer.get("/tests") for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        refused = answers[-1]
        assert refused.headers["retry-after"] == "60"
        assert refused.json() == {"error": "Rate limit exceeded. Retry after 60 seconds."}
        assert customer.lab.get("/whoami").status_code == 200


def test_an_unknown_path_and_method_are_refused_in_the_same_voice(customer: Customer) -> None:
    assert customer.get("/tests/1/results").json() == {"error": "Not found."}
    assert customer.get("/tests/abc").status_code == 400
    headers = {"Authorization": f"Bearer {customer.key['rawKey']}"}
    refused = customer.lab.world.http.post("/api/tests", headers=headers, json={})
    assert (refused.status_code, list(refused.json())) == (405, ["error"])


def test_the_document_tells_of_this_face_alone(world: World) -> None:
    document = world.http.get("/api/results/openapi.json").json()
    assert sorted(document["paths"]) == [
        *("/api/orders", "/api/orders/{orderId}", "/api/products", "/api/products/{productId}"),
        *("/api/skus", "/api/skus/{skuId}", "/api/tests", "/api/tests/{testId}"),
    ]
