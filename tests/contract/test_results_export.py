"""The guide's own example of a client, against a real server: a CSV file of everything published.

It follows `next_page` from page 1 until there is none, asks for nothing but `page`, looks up every
test's order and product without asking whether there is one, and writes a column for each analyte.
"""

import csv
import io
import json
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from laboratory import PASSWORD, Laboratory
from servers import Installation, Server


@pytest.fixture
def installation(request: pytest.FixtureRequest, backend: str, tmp_path: Path) -> Installation:
    if backend == "sqlite":
        return Installation.on_sqlite(tmp_path / "titer")
    superuser = request.getfixturevalue("postgres_url")
    return Installation.on_postgresql(
        tmp_path / "titer", superuser, f"export_{tmp_path.name[-20:]}"
    )


def call(url: str, key: str, body: Any = None, method: str | None = None) -> Any:
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    told = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, told, headers, method=method)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


class ExampleClient:
    """As the guide has it, in our words."""

    def __init__(self, url: str, key: str) -> None:
        self.url, self.key = url, key

    def tests(self) -> Iterator[dict[str, Any]]:
        page = 1
        while True:
            answer = call(f"{self.url}/api/tests?page={page}", self.key)
            yield from answer.get("tests", [])
            page = answer.get("pagination", {}).get("next_page")
            if not page:
                return

    def export(self) -> list[dict[str, str]]:
        """The rows of the file."""
        tests = list(self.tests())
        analytes = {each["analyte"]["name"] for test in tests for each in test["results"]}
        fixed = [
            "Test ID",
            "Status",
            "Ordered At",
            "Orderer",
            "Product",
            "Variant",
            "Code",
            "Lot",
            "Assay",
        ]
        out = io.StringIO()
        writer = csv.DictWriter(out, fieldnames=[*fixed, *analytes])
        writer.writeheader()
        for test in tests:
            sample = test["sample"]
            row = {
                "Test ID": test["id"],
                "Status": test["status"],
                "Ordered At": sample["order"]["ordered_at"],
                "Orderer": sample["order"]["orderer"]["name"],
                "Product": sample["sku"]["product"]["name"],
                "Variant": sample["sku"]["name"],
                "Code": sample["sku"]["code"],
                "Lot": sample["lot"],
                "Assay": test["assay"]["name"],
            }
            writer.writerow(
                row | {each["analyte"]["name"]: each["result"] for each in test["results"]}
            )
        return list(csv.DictReader(io.StringIO(out.getvalue())))


def results_key(server: Server, lab: Laboratory) -> str:
    who = {"email": f"admin@lab{lab.id}.example", "password": PASSWORD}
    token = call(f"{server.url}/api/auth/login", "", who)["token"]
    body = {"name": "portal", "clientId": lab.has.client}
    minted = call(f"{server.url}/api/settings/results-keys", token, body)
    return str(minted["rawKey"])


def order(server: Server, lab: Laboratory, amount: int, **sample: Any) -> list[dict[str, Any]]:
    wanted = {"materialTypeId": lab.has.water, "testDefinitionIds": [lab.has.ph]} | sample
    body = {"clientId": lab.has.client, "samples": [wanted] * amount}
    placed: list[dict[str, Any]] = call(f"{server.url}/api/v1/orders", lab.key, body)["samples"]
    return placed


def publish(server: Server, lab: Laboratory, sample: dict[str, Any]) -> int:
    """From the order to the report; the id of the published test."""

    def do(method: str, path: str, body: Any = None) -> None:
        call(f"{server.url}/api/v1{path}", lab.key, body or {}, method)

    test, status = sample["tests"][0]["id"], f"/samples/{sample['id']}/status"
    for step in ("received", "processing"):
        do("PATCH", status, {"status": step})
    do("PATCH", f"/sample-tests/{test}", {"result": "7.2"})
    do("PATCH", status, {"status": "completed"})
    do("POST", f"/sample-tests/{test}/verify")
    do("PATCH", status, {"status": "verified"})
    do("POST", f"/samples/{sample['id']}/report")
    return int(test)


def meanwhile(work: Callable[[], None]) -> tuple[threading.Thread, threading.Event]:
    """Do `work` again and again beside the test, until the event is set."""
    over = threading.Event()

    def again() -> None:
        while not over.is_set():
            work()

    thread = threading.Thread(target=again)
    thread.start()
    return thread, over


def test_the_examples_file_has_every_published_test_once_while_others_are_published(
    installation: Installation,
) -> None:
    (lab,) = installation.found("Aqua Laboratory")
    with installation.serving(TITER_RESULTS_RATE_LIMIT="1000000") as server:
        client = ExampleClient(server.url, results_key(server, lab))
        product = {"clientId": lab.has.client, "name": "Baby Food"}
        product_id = call(f"{server.url}/api/v1/products", lab.key, product)["id"]
        variant = {"productId": product_id, "name": "Apple Strawberry", "code": "BB-AS"}
        sku = call(f"{server.url}/api/v1/skus", lab.key, variant)["id"]
        samples = [*order(server, lab, 25, skuId=sku, lot="L-7"), *order(server, lab, 20)]
        alone = {"materialTypeId": lab.has.water, "testDefinitionIds": [lab.has.ph]}
        body = alone | {"clientId": lab.has.client}
        samples.append(call(f"{server.url}/api/v1/samples", lab.key, body))
        published = [publish(server, lab, sample) for sample in samples[::5]]

        def go_on() -> None:
            publish(server, lab, order(server, lab, 1)[0])

        writer, over = meanwhile(go_on)
        files = [client.export() for _ in range(3)]
        over.set()
        writer.join()
        last = client.export()
    for rows in (*files, last):
        ids = [int(row["Test ID"]) for row in rows]
        assert len(set(ids)) == len(ids)
        told = {int(row["Test ID"]): row for row in rows}
        assert {test["id"] for sample in samples for test in sample["tests"]} <= told.keys()
        assert {told[each]["Status"] for each in published} == {"published"}
        assert {told[each]["pH"] for each in published} == {"7.2"}
    first, plain = told[published[0]], told[published[-1]]
    assert (first["Product"], first["Variant"], first["Code"], first["Lot"]) == (
        *("Baby Food", "Apple Strawberry", "BB-AS", "L-7"),
    )
    assert (plain["Product"], plain["Variant"], plain["Code"], plain["Lot"]) == ("-", "-", "", "")
    assert len(last) > len(samples)
