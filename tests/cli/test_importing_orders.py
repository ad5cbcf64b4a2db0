"""`titer import orders`, and what rows of samples say of orders and products."""

from pathlib import Path
from typing import Any

import pytest

from commands import Commands
from laboratory import Laboratory

CATALOGUE = """
products:
  - {externalId: P-1, client: SPR, name: Baby Food, lotLookupEnabled: yes}
skus:
  - {externalId: V-1, product: P-1, name: Apple Strawberry, code: BB-AS}
  - {externalId: V-2, product: P-1, name: Pear, code: BB}
  - {externalId: V-3, product: P-1, name: Plum, code: BB}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "orders.csv"


@pytest.fixture
def stocked(titer: Commands, lab: Laboratory, tmp_path: Path) -> Laboratory:
    """The laboratory with a client's product, and fields of its own."""
    path = tmp_path / "products.yaml"
    path.write_text(CATALOGUE)
    titer.done("import", "reference", "--org", lab.id, path)
    admin = lab.administrator()
    for resource, key in (("sample", "shade"), ("test", "metafield_batch_id")):
        body = {"resource": resource, "key": key, "name": key}
        assert admin.post("/custom-fields", body).status_code == 201
    return lab


def importing(lab: Laboratory, path: Path, *words: object) -> tuple[object, ...]:
    return ("import", "orders", "--org", lab.id, path, *words)


def rows(lab: Laboratory, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = lab.get(f"{path}{'&' if '?' in path else '?'}limit=500").json()[
        "data"
    ]
    return found


ORDERS = (
    "order,client,paymentStatus,ordererName,ordererEmail,orderedAt,orderNotes,materialType,tests,"
    "sku,lot,batch,composite,numberOfComposites,servingSize,name,externalId,custom.shade,"
    "Tests metafield_batch_id\n"
    "PO-7,SPR,paid,John Doe,john@example.org,2026-06-18,Urgent,DW,PH LEAD,V-1,L-7,B-1,yes,5,10 g,"
    "Jar,S-1,blue,B-1234\n"
    "PO-8,springfield waterworks,,,,,,,,,,,,,,,,,\n"
    "PO-7,,,,,,,SOIL,,BB-AS,L-8,,,,,,S-2,,\n"
)


def test_orders_come_with_their_samples_and_tests(
    titer: Commands, stocked: Laboratory, file: Path
) -> None:
    lab = stocked
    file.write_text(ORDERS)
    done = titer.done(*importing(lab, file))
    assert (done["created"], done["samples"], done["dryRun"]) == (2, 2, False)
    assert [(each["line"], each["externalId"], each["samples"]) for each in done["orders"]] == [
        (2, "PO-7", 2),
        (3, "PO-8", 0),
    ]
    order = lab.get(f"/orders/{done['orders'][0]['id']}").json()
    assert order["number"] == done["orders"][0]["number"]
    assert (order["clientId"], order["externalId"], order["notes"]) == (
        lab.has.client,
        "PO-7",
        "Urgent",
    )
    assert (order["status"], order["paymentStatus"]) == ("created", "paid")
    assert (order["ordererName"], order["ordererEmail"]) == ("John Doe", "john@example.org")
    assert order["orderedAt"] == "2026-06-18T00:00:00.000Z"
    second, first = rows(lab, f"/samples?orderId={order['id']}")
    (sku,) = rows(lab, "/skus?externalId=V-1")
    assert {first["skuId"], second["skuId"]} == {sku["id"]}
    assert (first["lot"], first["batch"], first["name"], first["servingSize"]) == (
        *("L-7", "B-1", "Jar", "10 g"),
    )
    assert (first["composite"], first["numberOfComposites"], first["externalId"]) == (
        *(True, 5, "S-1"),
    )
    assert (first["customFields"], second["customFields"]) == ({"shade": "blue"}, {})
    tests = lab.get(f"/samples/{first['id']}").json()["tests"]
    assert [test["testCode"] for test in tests] == ["PH", "LEAD"]
    filled = [lab.get(f"/sample-tests/{test['id']}").json()["customFields"] for test in tests]
    assert filled == [{"metafield_batch_id": "B-1234"}] * 2
    assert rows(lab, "/products")[0]["lotLookupEnabled"] is True


def test_a_dry_run_places_nothing(titer: Commands, stocked: Laboratory, file: Path) -> None:
    file.write_text(ORDERS)
    tried = titer.done(*importing(stocked, file, "--dry-run"))
    assert tried == {"created": 2, "samples": 2, "dryRun": True}
    assert rows(stocked, "/orders") == rows(stocked, "/samples") == []
    titer.done(*importing(stocked, file))
    refusal = titer.refused(*importing(stocked, file))
    assert [fault["line"] for fault in refusal["details"]] == [2, 3]
    assert len(rows(stocked, "/orders")) == 2


def test_every_fault_is_told_with_its_line_and_nothing_is_placed(
    titer: Commands, stocked: Laboratory, file: Path
) -> None:
    lab = stocked
    lab.post("/orders", {"clientId": lab.has.client, "externalId": "PO-1"})
    before = rows(lab, "/orders")
    file.write_text(
        "order,client,status,ordererEmail,materialType,tests,sku,collectionDate,externalId,lot\n"
        "PO-1,SPR,,,,,,,,\n"
        "PO-2,NOBODY,,,,,,,,\n"
        "PO-3,,,,DW,,,,,\n"
        "PO-4,SPR,done,,,,,,,\n"
        "PO-5,SPR,,nobody,DW,,,,,\n"
        "PO-6,SPR,,,DW,GOLD,,,,\n"
        "PO-7,SPR,,,DW,,BB,,,\n"
        "PO-8,SPR,,,DW,,V-9,,,\n"
        "PO-9,SPR,received,,DW,,,2199-01-01,,\n"
        "PO-9,,created,,,,,,,L-7\n"
        "PO-10,SPR,,,DW,,,,S-1,\n"
        "PO-10,SPR,,,DW,,,,S-1,\n"
        ",SPR,,,DW,,,,,\n"
    )
    refusal = titer.refused(*importing(lab, file))
    assert [(fault["line"], fault["field"]) for fault in refusal["details"]] == [
        (2, None),
        (3, "client"),
        (4, "client"),
        (5, "status"),
        (6, "ordererEmail"),
        (7, "tests"),
        (8, "sku"),
        (9, "sku"),
        (10, "collectionDate"),
        (11, "status"),
        (11, "materialType"),
        (13, "externalId"),
        (14, "order"),
    ]
    assert rows(lab, "/orders") == before
    assert rows(lab, "/samples") == []


def test_the_plans_allowance_holds_for_orders_too(
    titer: Commands, lab: Laboratory, file: Path
) -> None:
    titer.done("plan", "set", f"few-{lab.id}", "--monthly-samples", "3")
    titer.done("org", "set-plan", lab.id, f"few-{lab.id}")
    file.write_text("order,client,materialType\n" + "PO-1,SPR,DW\n" * 2 + "PO-2,SPR,DW\n" * 2)
    (fault,) = titer.refused(*importing(lab, file))["details"]
    assert (fault["line"], rows(lab, "/orders")) == (4, [])


def test_a_sample_may_join_an_order_and_name_its_product(
    titer: Commands, stocked: Laboratory, file: Path
) -> None:
    lab = stocked
    placed = lab.post("/orders", {"clientId": lab.has.client, "externalId": "PO-7"}).json()
    file.write_text(
        "clientCode,materialType,order,sku,lot,composite,numberOfComposites,custom.shade\n"
        f"SPR,DW,PO-7,BB-AS,L-7,yes,3,blue\nSPR,DW,{placed['number']},,,,,\n"
    )
    done = titer.done("import", "samples", "--org", lab.id, file)
    first, second = (lab.get(f"/samples/{each['id']}").json() for each in done["samples"])
    assert {first["orderId"], second["orderId"]} == {placed["id"]}
    assert (first["lot"], first["composite"], first["numberOfComposites"]) == ("L-7", True, 3)
    assert (first["customFields"], second["skuId"]) == ({"shade": "blue"}, None)
    file.write_text("clientName,materialType,order,sku\nAcme,DW,PO-9,V-1\nAcme,DW,PO-7,\n")
    refusal = titer.refused("import", "samples", "--org", lab.id, file)
    assert [(fault["line"], fault["field"]) for fault in refusal["details"]] == [
        (2, "sku"),
        (2, "order"),
        (3, "orderId"),
    ]


def test_a_rivals_orders_and_products_are_not_there(
    titer: Commands, stocked: Laboratory, rival: Laboratory, file: Path
) -> None:
    stocked.post("/orders", {"clientId": stocked.has.client, "externalId": "PO-7"})
    file.write_text("order,client,materialType,sku\nPO-7,SPR,DW,V-1\n")
    (fault,) = titer.refused(*importing(rival, file))["details"]
    assert (fault["line"], fault["field"]) == (2, "sku")
    file.write_text("order,client,materialType\nPO-7,SPR,DW\n")
    assert titer.done(*importing(rival, file))["created"] == 1
