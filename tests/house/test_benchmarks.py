"""The floor that `make bench` measures against does the same work, or its ratios say nothing."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import make_url
from starlette.testclient import TestClient

from benchmarks import floor, floor_sqlite, loading, same
from benchmarks.same import Asked
from laboratory import Laboratory, World


@dataclass
class Asking:
    """A server in this process, asked as the benchmark asks."""

    http: TestClient

    def ask(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> tuple[int, bytes]:
        answer = self.http.request(method, path, headers=dict(headers), content=body)
        return answer.status_code, answer.content


@pytest.fixture
def bare(world: World, backend: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Asking]:
    """The floor on the world's own database."""
    url = make_url(world.bypass_url)
    if backend == "sqlite":
        assert url.database is not None
        monkeypatch.setenv("BENCH_DATABASE_URL", url.database)
        with TestClient(floor_sqlite.app) as http:
            yield Asking(http)
    else:
        asyncio.run(loading.for_floor(world.bypass_url))
        monkeypatch.setenv("BENCH_DATABASE_URL", world.bypass_url)
        with TestClient(floor.app) as http:
            yield Asking(http)
    asyncio.run(_clear(world, backend))


async def _clear(world: World, backend: str) -> None:
    """Leave nothing of the floor's in the database that the other tests share."""
    statement = "DROP TABLE floor_events" if backend == "sqlite" else "DROP SCHEMA floor CASCADE"
    await loading.execute(world.bypass_url, statement)


def test_the_floor_answers_as_titer_does(
    world: World, lab: Laboratory, bare: Asking, backend: str
) -> None:
    lab.sample("received")
    sample = lab.sample("verified")
    lab.post(f"/samples/{sample['id']}/report")
    open_sample = lab.sample("processing", notes="Taken at the second tap.", lot="L1")
    first, second = (each["id"] for each in open_sample["tests"])
    new = {
        "clientName": "Springfield Waterworks",
        "materialTypeId": lab.has.water,
        "testDefinitionIds": [lab.has.ph, lab.has.lead],
        "collectionDate": "2026-06-18",
        "notes": "Taken at the second tap.",
    }
    asked = [
        Asked("GET", "/api/v1/samples?limit=2"),
        Asked("POST", "/api/v1/samples", new),
        Asked("GET", "/api/v1/samples?limit=100"),
    ]
    if backend == "postgresql":
        rows = [{"sampleTestId": first, "result": "7.1"}, {"sampleTestId": second, "result": "9"}]
        asked += [
            Asked("GET", f"/api/v1/samples/{sample['id']}"),
            Asked("GET", "/api/tests?per_page=3"),
            Asked("PATCH", f"/api/v1/sample-tests/{first}", {"result": "7.3"}),
            Asked("POST", "/api/v1/sample-tests/bulk-results", {"updates": rows}),
        ]
    assert same.differences(Asking(world.http), bare, lab.key, asked) == []


def test_the_benchmark_tells_how_it_is_used() -> None:
    root = Path(__file__).parents[2]
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks", "--help"],
        cwd=root,
        env=os.environ | {"PYTHONPATH": os.pathsep.join((str(root / "src"), str(root)))},
        capture_output=True,
        check=True,
        text=True,
    )
    assert "--small" in told.stdout
