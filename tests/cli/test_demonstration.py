"""`titer demo`: a laboratory with a past, founded once."""

import json
import shlex
import stat
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from commands import Commands
from titer.app import create_app
from titer.settings import Settings

_FEW = ("demo", "--samples", "40")


@pytest.fixture
def kept(backend: str, tmp_path: Path) -> Path:
    return tmp_path / ("demo.json" if backend == "sqlite" else "var/demo.json")


def _every(http: TestClient, path: str, key: str) -> list[dict[str, Any]]:
    answer = http.get(f"/api/v1{path}", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    rows: list[dict[str, Any]] = answer.json()["data"]
    return rows


def test_the_laboratory_has_a_catalogue_people_and_samples_at_every_stage(
    empty: Commands,
) -> None:
    shown = empty.done(*_FEW)
    assert shown["created"]
    key = shown["rawKey"]
    with TestClient(create_app(Settings(_env_file=None)), base_url="http://titer.test") as http:
        samples = _every(http, "/samples?limit=500", key)
        stages = {"reported" if each["reportedAt"] else each["status"] for each in samples}
        tests = _every(http, "/sample-tests?limit=500", key)
        definitions = _every(http, "/test-definitions?limit=500", key)
        projects = _every(http, "/projects", key)
        materials = _every(http, "/material-types", key)
        signed_in = http.post(
            "/api/auth/login",
            json={"email": shown["adminEmail"], "password": shown["adminPassword"]},
        )
    assert len(samples) == shown["samples"] >= 38
    assert stages == {"pending", "received", "processing", "completed", "verified", "reported"}
    assert {each["specification"] for each in tests} >= {"pass", "fail", "no_spec"}
    assert "<" in {each["resultOperator"] for each in tests}
    lead = next(each for each in definitions if each["code"] == "PB")
    assert (lead["method"], lead["unit"], lead["specMax"]) == ("EPA 200.8", "mg/L", 0.015)
    assert len(definitions) >= 25
    assert len(materials) == 5
    assert "composite" in {each["sampleIdScheme"] for each in projects}
    assert signed_in.status_code == 200
    # Time went by: nothing was received before it was registered, nor reported in the future.
    for each in samples:
        moments = [each[name] for name in _MOMENTS if each[name]]
        assert moments == sorted(moments)


_MOMENTS = ("createdAt", "receivedAt", "completedAt", "verifiedAt", "reportedAt", "updatedAt")


def test_the_second_run_shows_the_same_and_its_commands_work(empty: Commands, kept: Path) -> None:
    first = empty.done("demo", "--samples", "20")
    second = empty("demo")
    assert first["rawKey"] in second.out
    assert all(line in second.out for line in first["curl"])
    assert empty.done("demo") == first | {"created": False}
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    assert len(empty.done("org", "list")["organizations"]) == 1
    with TestClient(create_app(Settings(_env_file=None)), base_url="http://titer.test") as http:
        answers = [_curled(http, line) for line in first["curl"]]
    assert [answer.status_code for answer in answers] == [200, 200, 201, 200]
    assert first["resultsKey"] in second.out
    test = answers[-1].json()["tests"][0]
    assert (test["status"], test["sample"]["order"]["status"]) == ("published", "completed")
    assert test["sample"]["sku"]["product"]["name"].startswith("Brookside")


def test_a_key_that_nobody_knows_any_more_is_replaced_and_that_is_said(
    empty: Commands, kept: Path
) -> None:
    kept.parent.mkdir(exist_ok=True)
    foreign = {"organizationId": 7, "adminPassword": "theirs", "rawKey": "lk_" + "x" * 40}
    kept.write_text(json.dumps(foreign))
    first = empty.done("demo", "--samples", "20")
    assert first["rawKey"] != foreign["rawKey"]
    assert first["adminPassword"] != foreign["adminPassword"]
    kept.unlink()
    second = empty("demo", "--json")
    assert "this one is new" in second.err
    assert second.json["rawKey"] != first["rawKey"]
    assert (second.json["adminPassword"], second.json["samples"]) == (None, first["samples"])
    kept.write_text("{ half of it")
    assert empty.done("demo")["rawKey"] not in {first["rawKey"], second.json["rawKey"]}


def _curled(http: TestClient, line: str) -> Any:
    words = shlex.split(line)[1:]
    options = dict(pairwise(words))
    url = next(word for word in words if word.startswith("http://"))
    headers = dict(words[at + 1].split(": ", 1) for at, word in enumerate(words) if word == "-H")
    return http.request(
        options.get("-X", "GET"),
        url.removeprefix("http://127.0.0.1:8000"),
        headers=headers,
        content=options.get("-d"),
    )
