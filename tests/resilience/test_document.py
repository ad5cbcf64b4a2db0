"""Whatever the documents allow, and much that they do not: the answers are as documented."""

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

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


def credentials(server: Server, lab: Laboratory, document: str) -> str:
    if document == "/api/v1":
        return lab.key
    who = {"email": f"admin@lab{lab.id}.example", "password": PASSWORD}
    signed_in = httpx2.post(f"{server.url}/api/auth/login", json=who, timeout=30)
    return str(signed_in.json()["token"])


def explore(
    server: Server, document: str, token: str, folder: Path, *, examples: int, phases: str
) -> tuple[int, str]:
    """Run the explorer over a document: how many cases there were, and all that it says."""
    report = folder / "report.ndjson"
    words = [
        *("run", f"{server.url}{document}/openapi.json"),
        *("--checks", ",".join(CHECKS)),
        *("--header", f"Authorization: Bearer {token}"),
        *("--phases", phases, "--max-examples", str(examples), "--no-shrink", "--seed", "1"),
        *("--continue-on-failure", "--report", "ndjson", "--report-ndjson-path", str(report)),
        *("--suppress-health-check", "all", "--warnings", "off", "--no-color"),
        *("--exclude-operation-id", "signOut"),
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


@pytest.mark.parametrize("document", ["/api/v1", "/api/settings"])
def test_every_answer_is_one_that_the_document_tells_of(
    installation: Installation, document: str, effort: Effort, figure: Figure, tmp_path: Path
) -> None:
    (lab,) = installation.found("Aqua Laboratory")
    with installation.serving() as server:
        token = credentials(server, lab, document)
        phases = ("fuzzing", "coverage,fuzzing,stateful")[effort(0, 1)]
        cases, complaints = explore(
            server, document, token, tmp_path, examples=effort(6, 60), phases=phases
        )
    assert complaints == ""
    assert cases > effort(80, 1_500)
    figure(
        "P9",
        f"{installation.backend}, {document}",
        f"{cases} cases: 0 answers of 500 or above, 0 undocumented, 0 against their schema",
    )
