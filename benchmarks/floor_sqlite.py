"""The floor on SQLite: the driver called in the event loop, a statement for each thing to do."""

import gc
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks import floor_shapes as shapes
from benchmarks.floor import EVENT, digest_of, event, json, now, ready

KEY = "SELECT organization_id, id, name, created_by FROM api_keys WHERE digest = ?"
LIST = f"""
SELECT {shapes.SAMPLE} FROM samples
WHERE organization_id = ? AND id < ? ORDER BY id DESC LIMIT ?
"""
_OUT_OF_REACH = 1 << 62
_DEFINITIONS = "SELECT id, code, name, unit FROM test_definitions WHERE organization_id = ?"
_COUNT = """
UPDATE counters SET last = last + 1 WHERE organization_id = ? AND prefix = ? RETURNING last
"""
_SPEND = """
INSERT INTO quota_uses (organization_id, month, used) VALUES (?, ?, 1)
ON CONFLICT (organization_id, month) DO UPDATE SET used = used + 1
"""
_SAMPLE = """
INSERT INTO samples (organization_id, tracking_id, status, priority, client_id, client_name,
  material_type_id, collection_date, notes, created_by, created_at, updated_at, version)
VALUES (?, ?, 'pending', 'normal', ?, ?, ?, ?, ?, ?, ?, ?, 1)
"""
_TEST = """
INSERT INTO sample_tests (organization_id, sample_id, tracking_id, test_definition_id, test_code,
  test_name, unit, status, specification, created_at, updated_at, version, panel)
VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', 'no_spec', ?, ?, 1, 0)
"""
_EVENT = f"INSERT INTO floor_events ({', '.join(EVENT)}) VALUES ({', '.join('?' * len(EVENT))})"
_CREATE_EVENTS = "CREATE TABLE IF NOT EXISTS floor_events AS SELECT * FROM audit_events WHERE false"


@asynccontextmanager
async def opened(app: Starlette) -> AsyncIterator[None]:
    connection = sqlite3.connect(os.environ["BENCH_DATABASE_URL"], isolation_level=None)
    connection.row_factory = sqlite3.Row
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute(_CREATE_EVENTS)
    app.state.connection = connection
    gc.collect()
    gc.freeze()
    yield
    connection.close()


async def list_samples(request: Request) -> Response:
    run = request.app.state.connection.execute
    query = request.query_params
    limit = int(query.get("limit", 50))
    key = run(KEY, (digest_of(request),)).fetchone()
    after = int(query.get("cursor", _OUT_OF_REACH))
    rows = run(LIST, (key["organization_id"], after, limit + 1)).fetchall()
    return json(shapes.page(rows, limit, written=True))


async def create_sample(request: Request) -> Response:
    body, at = orjson.loads(await request.body()), now()
    run = request.app.state.connection.execute
    key = run(KEY, (digest_of(request),)).fetchone()
    organization = key["organization_id"]
    run("BEGIN IMMEDIATE")
    sample, tests = _register(run, key, body)
    events = [event(key, at, "sample.registered", sample, before={}, after=sample)]
    events += [
        event(key, at, "sample_test.scheduled", each, before={}, after=each) for each in tests
    ]
    known = (organization, shapes.spell(at), "key", key["name"], key["created_by"], key["id"])
    for each in events:
        run(_EVENT, (*known, *each))
    run(_SPEND, (organization, f"{at:%Y-%m}"))
    run("COMMIT")
    return json(
        orjson.dumps(sample | {"tests": tests}),
        201,
        location=f"/api/v1/samples/{sample['id']}",
        etag=f'"{sample["id"]}.1"',
    )


def _register(
    run: Any, key: Any, body: dict[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    at, name, material = now(), body["clientName"], body["materialTypeId"]
    organization, wanted = key["organization_id"], body["testDefinitionIds"]
    one = "WHERE organization_id = ? AND"
    assert run(
        f"SELECT active FROM material_types {one} id = ?", (organization, material)
    ).fetchone()
    client = run(
        f"SELECT id FROM clients {one} name_folded = ?", (organization, name.casefold())
    ).fetchone()
    marks = ", ".join("?" * len(wanted))
    definitions = run(f"{_DEFINITIONS} AND active AND id IN ({marks})", (organization, *wanted))
    by_id = {each["id"]: tuple(each) for each in definitions}
    prefix = f"S-{at.year}"
    number = run(_COUNT, (organization, prefix)).fetchone()[0]
    tracking_id, moment = f"{prefix}-{number:06}", shapes.spell(at)
    client_id = client["id"] if client else None
    told = (client_id, name, material, body.get("collectionDate"), body.get("notes"))
    values = (organization, tracking_id, *told, key["created_by"], moment, moment)
    found = {"sample_id": run(_SAMPLE, values).lastrowid, "client_id": client_id}
    sample = shapes.new_sample(found, body, tracking_id, key["created_by"], at)
    tests = []
    for each in wanted:
        values = (organization, sample["id"], tracking_id, *by_id[each], moment, moment)
        tests.append(shapes.new_test((run(_TEST, values).lastrowid, *by_id[each]), sample, at))
    return sample, tests


app = Starlette(
    routes=[
        Route("/api/v1/samples", list_samples),
        Route("/api/v1/samples", create_sample, methods=["POST"]),
        Route("/readyz", ready),
    ],
    lifespan=opened,
)
