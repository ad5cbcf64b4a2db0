"""The README's tour, run as it is printed, against a real server."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "README.md"
_TOUR = re.compile(r"<!-- tour:.*?```sh\n(.*?)```\n<!-- end of tour -->", re.DOTALL)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """The address and the keys of a demonstration laboratory that is served."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "PYTHONPATH": str(README.parent / "src"),
        "TITER_DATABASE_URL": f"sqlite:///{tmp_path}/titer.db",
        "TITER_AUDIT_ANCHOR_FILE": str(tmp_path / "anchors.ndjson"),
        "TITER_LOG_LEVEL": "error",
    }
    titer = [sys.executable, "-m", "titer"]
    made = subprocess.run(
        [*titer, "demo", "--samples", "20", "--json"],
        env=environment,
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    printed = json.loads(made.stdout)
    keys = {"KEY": printed["rawKey"], "RESULTS": printed["resultsKey"]}
    server = subprocess.Popen([*titer, "serve", "--port", str(port)], env=environment, cwd=tmp_path)
    try:
        host = f"http://127.0.0.1:{port}"
        wait_for(f"{host}/readyz")
        yield host, keys
    finally:
        server.terminate()
        server.wait(30)


def wait_for(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(address, timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError(f"{address} does not answer")


def test_the_tour_works_as_it_is_printed(
    served: tuple[str, dict[str, str]], tmp_path: Path
) -> None:
    host, keys = served
    match = _TOUR.search(README.read_text())
    assert match is not None
    script = match[1].replace("http://127.0.0.1:8000", host)
    # Each answer on a line of its own, so that they can be told apart.
    script = script.replace("curl -s", "curl -s -w '\\n'")
    ran = subprocess.run(
        ["/bin/bash", "-euo", "pipefail", "-c", script],
        env=os.environ | keys,
        cwd=tmp_path,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    answers = [json.loads(line) for line in ran.stdout.splitlines() if line.startswith("{")]
    refused = [answer["error"] for answer in answers if "error" in answer]
    assert refused == ["test_verified_locked", "qc_failed"]
    assert answers[0]["ok"] is True
    *_, reported, trail, tests, orders = answers
    assert reported["reportedAt"] is not None
    assert trail["data"][0]["action"] == "sample.reported"
    assert {test["status"] for test in tests["tests"]} == {"published"}
    assert {order["status"] for order in orders["orders"]} == {"completed"}
