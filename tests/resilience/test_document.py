"""Whatever the documents allow, and much that they do not: the answers are as documented."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from laboratory import PASSWORD, Laboratory
from servers import Installation, Server

Figure = Callable[[str, str, object], None]
Effort = Callable[[int, int], int]
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
)


#: For each document: the cases that the long form makes at least.
LEAST = {"/api/v1": 3_000, "/api/settings": 1_800, "/api/results": 400}
#: It would end the session that everything else is asked with.
LEFT_OUT = {"/api/settings": "signOut"}


def credentials(server: Server, lab: Laboratory, document: str) -> str:
    if document != "/api/settings":
        return lab.key
    who = {"email": f"admin@lab{lab.id}.example", "password": PASSWORD}
    signed_in = httpx2.post(f"{server.url}/api/auth/login", json=who, timeout=30)
    return str(signed_in.json()["token"])


def furnish(server: Server, lab: Laboratory) -> None:
    """One of everything: low ids, which generated cases hit, and a published test."""
    with httpx2.Client(base_url=f"{server.url}/api/v1", headers=lab.headers, timeout=30) as http:

        def told(method: str, path: str, body: Any = None) -> dict[str, Any]:
            answer = http.request(method, path, json=body)
            assert answer.is_success, answer.text
            found: dict[str, Any] = answer.json()
            return found

        client = told("POST", "/clients", {"name": "Acme", "code": "ACME"})["id"]
        product = told("POST", "/products", {"clientId": client, "name": "Water"})["id"]
        sku = told("POST", "/skus", {"productId": product, "name": "Still", "code": "STILL"})["id"]
        order = told("POST", "/orders", {"clientId": client, "externalId": "EXT-1"})["id"]
        wanted = {
            "clientId": client,
            "materialTypeId": lab.has.water,
            "testDefinitionIds": [lab.has.ph],
            "orderId": order,
            "skuId": sku,
        }
        sample = told("POST", "/samples", wanted)
        (test,) = sample["tests"]
        path = f"/samples/{sample['id']}"
        for status in ("received", "processing"):
            told("PATCH", f"{path}/status", {"status": status})
        told("PATCH", f"/sample-tests/{test['id']}", {"result": "7.0"})
        told("PATCH", f"{path}/status", {"status": "completed"})
        told("POST", f"/sample-tests/{test['id']}/verify")
        told("PATCH", f"{path}/status", {"status": "verified"})
        told("POST", f"{path}/report")
        told("POST", "/samples", wanted)


def explore(
    server: Server, document: str, token: str, folder: Path, *, examples: int, phases: str
) -> tuple[int, str]:
    """Run the explorer over a document: how many cases there were, and all that it says."""
    report = folder / "report.ndjson"
    left_out = LEFT_OUT.get(document)
    if left_out is not None:
        published = httpx2.get(f"{server.url}{document}/openapi.json", timeout=30).json()
        assert left_out in operation_ids(published), "the operation has another name by now"
    words = [
        *("run", f"{server.url}{document}/openapi.json"),
        *("--checks", ",".join(CHECKS)),
        *("--header", f"Authorization: Bearer {token}"),
        *("--phases", phases, "--max-examples", str(examples), "--no-shrink", "--seed", "1"),
        *("--continue-on-failure", "--report", "ndjson", "--report-ndjson-path", str(report)),
        *("--suppress-health-check", "all", "--warnings", "off", "--no-color"),
        *(("--exclude-operation-id", left_out) if left_out else ()),
    ]
    run = subprocess.run(
        [str(Path(sys.executable).with_name("schemathesis")), *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        timeout=1_500,
    )
    told = run.stdout + run.stderr
    counted = [int(each.replace(",", "")) for each in re.findall(r"([\d,]+) generated", told)]
    return sum(counted), told if run.returncode else ""


def operation_ids(published: dict[str, Any]) -> set[str]:
    items = published["paths"].values()
    return {each["operationId"] for item in items for each in item.values()}


@pytest.fixture(scope="module")
def exposed(
    request: pytest.FixtureRequest, backend: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Installation, Server, dict[str, Laboratory]]]:
    """A server, and for each document a furnished laboratory of its own."""
    folder: Path = tmp_path_factory.mktemp("document")
    if backend == "sqlite":
        made = Installation.on_sqlite(folder / "titer")
    else:
        superuser = request.getfixturevalue("own_postgres").url
        made = Installation.on_postgresql(folder / "titer", superuser, f"titer_{uuid4().hex[:12]}")
    labs = dict(zip(LEAST, made.found(*LEAST), strict=True))
    with made.serving() as server:
        for lab in labs.values():
            furnish(server, lab)
        yield made, server, labs


@pytest.mark.parametrize("document", list(LEAST))
def test_every_answer_is_one_that_the_document_tells_of(
    exposed: tuple[Installation, Server, dict[str, Laboratory]],
    document: str,
    effort: Effort,
    figure: Figure,
    tmp_path: Path,
) -> None:
    installation, server, labs = exposed
    token = credentials(server, labs[document], document)
    phases = ("fuzzing", "coverage,fuzzing,stateful")[effort(0, 1)]
    cases, complaints = explore(
        server, document, token, tmp_path, examples=effort(3, 60), phases=phases
    )
    assert complaints == ""
    assert cases >= effort(15, LEAST[document])
    figure(
        "P9",
        f"{installation.backend}, {document}",
        f"{cases} cases: 0 answers of 500 or above, 0 undocumented, 0 against their schema",
    )
