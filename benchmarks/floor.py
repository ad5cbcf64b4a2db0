"""The floor: the same work on the same tables in as few statements as Python allows.

A bare Starlette application on asyncpg and orjson, without validation, without fences, past
row-level security. It answers the hot operations to the letter as Titer does, and leaves behind
what Titer leaves: history, an audit event with its canonical text and hash for each change, the
month's tally, the walk of a numbered list. Its events go to a copy of the audit table that nobody
seals. It refuses next to nothing: a product needs all that is missing here.
"""

import asyncio
import gc
import os
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from decimal import Decimal
from hashlib import sha256
from typing import Any

import asyncpg  # type: ignore[import-untyped]
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks import floor_shapes as shapes
from benchmarks.floor_shapes import spell

KEY = "SELECT organization_id, id, name, created_by FROM api_keys WHERE digest = $1"
LIST = f"""
SELECT {shapes.SAMPLE} FROM samples
WHERE organization_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3
"""
GET = f"""
SELECT {shapes.SAMPLE}, (
  SELECT array_agg(ROW({shapes.TEST}) ORDER BY id) FROM sample_tests
  WHERE organization_id = $1 AND sample_id = $2
) AS tests
FROM samples WHERE organization_id = $1 AND id = $2
"""
PREPARE = """
WITH counted AS (
  UPDATE counters SET last = last + 1 WHERE organization_id = $1 AND prefix = $2 RETURNING last
)
SELECT (SELECT last FROM counted) AS number, nextval('samples_id_seq') AS sample_id,
       (SELECT active FROM material_types WHERE organization_id = $1 AND id = $3) AS material,
       (SELECT id FROM clients WHERE organization_id = $1 AND name_folded = $5) AS client_id,
       ARRAY(SELECT ROW(nextval('sample_tests_id_seq'), id, code, name, unit)
             FROM test_definitions WHERE organization_id = $1 AND id = ANY ($4) AND active
             ORDER BY array_position($4, id)) AS tests
"""
EVENTS = """
INSERT INTO floor.audit_events (organization_id, occurred_at, actor_kind, actor_label, user_id,
  key_id, action, entity_type, entity_id, entity_version, canonical, content_hash)
SELECT $1, $2, 'key', $3, $4, $5, e.* FROM
  unnest($6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::text[], $11::bytea[]) e
"""
#: What an event has beside the columns that its table fills by itself.
EVENT = (
    *("organization_id", "occurred_at", "actor_kind", "actor_label", "user_id", "key_id", "action"),
    *("entity_type", "entity_id", "entity_version", "canonical", "content_hash"),
)
CREATE = f"""
WITH spent AS (
  INSERT INTO quota_uses (organization_id, month, used) VALUES ($1, $12, 1)
  ON CONFLICT (organization_id, month) DO UPDATE SET used = quota_uses.used + 1
), sample AS (
  INSERT INTO samples (organization_id, id, tracking_id, status, priority, client_id, client_name,
    material_type_id, collection_date, notes, created_by, created_at, updated_at, version)
  OVERRIDING SYSTEM VALUE
  VALUES ($1, $13, $14, 'pending', 'normal', $15, $16, $17, $18, $19, $4, $2, $2, 1)
), tests AS (
  INSERT INTO sample_tests (organization_id, id, sample_id, tracking_id, test_definition_id,
    test_code, test_name, unit, status, specification, created_at, updated_at, version, panel)
  OVERRIDING SYSTEM VALUE
  SELECT $1, t.id, $13, $14, t.definition, t.code, t.name, t.unit, 'pending', 'no_spec',
         $2, $2, 1, false
  FROM unnest($20::bigint[], $21::bigint[], $22::text[], $23::text[], $24::text[])
    t(id, definition, code, name, unit)
)
{EVENTS}
"""
FIND = f"""
SELECT {shapes.qualified("t")}, d.spec_min AS low, d.spec_max AS high, d.unit AS wanted_unit,
       d.loq AS wanted_loq, s.reported_at, t.started_at
FROM sample_tests t
JOIN samples s ON s.organization_id = t.organization_id AND s.id = t.sample_id
JOIN test_definitions d ON d.organization_id = t.organization_id AND d.id = t.test_definition_id
WHERE t.organization_id = $1 AND t.id = ANY ($2)
"""
#: Locked in the order of their ids, so that two calls never wait for each other.
ENTER = f"""
WITH given AS (
  SELECT * FROM unnest($12::bigint[], $13::bigint[], $14::text[], $15::text[], $16::numeric[],
    $17::text[], $18::numeric[], $19::numeric[], $20::text[], $21::numeric[])
    g(id, version, result, operator, value, verdict, low, high, unit, loq)
), locked AS (
  SELECT t.id FROM sample_tests t WHERE t.organization_id = $1 AND t.id = ANY ($12)
  ORDER BY t.id FOR UPDATE
), entered AS (
  UPDATE sample_tests t SET result = g.result, result_operator = g.operator,
    result_value = g.value, specification = g.verdict, spec_min = g.low, spec_max = g.high,
    unit = g.unit, loq = g.loq, status = 'completed', source = $22, entered_by = $4,
    entered_at = $2, started_at = coalesce(t.started_at, $2), updated_at = $2, version = g.version
  FROM given g JOIN locked USING (id)
  WHERE t.organization_id = $1 AND t.id = g.id AND t.version = g.version - 1
), remembered AS (
  INSERT INTO result_entries (organization_id, sample_test_id, version, action, result,
    result_operator, result_value, unit, specification, spec_min, spec_max, source, actor_id,
    occurred_at)
  SELECT $1, id, version, 'entered', result, operator, value, unit, verdict, low, high, $22, $4, $2
  FROM given ORDER BY id
)
{EVENTS}
"""
VERIFY = f"""
WITH locked AS (
  UPDATE sample_tests SET status = 'verified', verified_by = $4, verified_at = $2,
    updated_at = $2, version = version + 1
  WHERE organization_id = $1 AND id = $12 AND version = $13 RETURNING *
), remembered AS (
  INSERT INTO result_entries (organization_id, sample_test_id, version, action, result,
    result_operator, result_value, unit, specification, spec_min, spec_max, notes, source,
    actor_id, occurred_at)
  SELECT $1, id, version, 'verified', result, result_operator, result_value, unit, specification,
    spec_min, spec_max, notes, source, $4, $2 FROM locked
)
{EVENTS}
"""
PUBLISHED = f"""
WITH page AS (
  SELECT {shapes.PUBLISHED}
  FROM {shapes.PUBLISHED_FROM}
  WHERE t.organization_id = $1 ORDER BY t.id DESC LIMIT $2
), walk AS (
  SELECT max(starts) AS starts FROM walks
  WHERE organization_id = $1 AND key_id = $3 AND list = 'tests'
)
SELECT page.*, walk.starts FROM page, walk
"""
CONNECTIONS = 10
_OUT_OF_REACH = 1 << 62


class Pool:
    """Open connections, handed out as they come back: nothing is reset in between."""

    def __init__(self, connections: Iterable[Any]) -> None:
        self._free: asyncio.LifoQueue[Any] = asyncio.LifoQueue()
        for each in connections:
            self._free.put_nowait(each)

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator[Any]:
        connection = await self._free.get()
        try:
            yield connection
        finally:
            self._free.put_nowait(connection)


@asynccontextmanager
async def opened(app: Starlette) -> AsyncIterator[None]:
    url = os.environ["BENCH_DATABASE_URL"]
    connections = [await asyncpg.connect(url) for _ in range(CONNECTIONS)]
    app.state.pool = Pool(connections)
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        for each in connections:
            await each.close()


def digest_of(request: Request) -> bytes:
    return sha256(request.headers["authorization"][7:].encode()).digest()


def now() -> datetime:
    moment = datetime.now(UTC)  # noqa: TID251 - the floor asks nobody
    return moment.replace(microsecond=moment.microsecond // 1_000 * 1_000)


def json(body: bytes, status: int = 200, **headers: str) -> Response:
    return Response(body, status, headers, "application/json")


async def ready(_request: Request) -> Response:
    return json(b"{}")


async def list_samples(request: Request) -> Response:
    query = request.query_params
    limit = int(query.get("limit", 50))
    async with request.app.state.pool.acquire() as connection:
        key = await connection.fetchrow(KEY, digest_of(request))
        after = int(query.get("cursor", _OUT_OF_REACH))
        rows = await connection.fetch(LIST, key["organization_id"], after, limit + 1)
    return json(shapes.page(rows, limit))


async def get_sample(request: Request) -> Response:
    async with request.app.state.pool.acquire() as connection:
        key = await connection.fetchrow(KEY, digest_of(request))
        found = await connection.fetchrow(
            GET, key["organization_id"], request.path_params["sample_id"]
        )
    return json(orjson.dumps(shapes.sample_with_tests(found)), etag=f'"{found["id"]}"')


async def create_sample(request: Request) -> Response:
    body, at = orjson.loads(await request.body()), now()
    wanted = body["testDefinitionIds"]
    name = body["clientName"]
    async with request.app.state.pool.acquire() as connection:
        key = await connection.fetchrow(KEY, digest_of(request))
        organization, prefix = key["organization_id"], f"S-{at.year}"
        found = await connection.fetchrow(
            PREPARE, organization, prefix, body["materialTypeId"], wanted, name.casefold()
        )
        assert found["material"]
        assert len(found["tests"]) == len(wanted)
        tracking_id = f"{prefix}-{found['number']:06}"
        sample = shapes.new_sample(found, body, tracking_id, key["created_by"], at)
        tests = [shapes.new_test(each, sample, at) for each in found["tests"]]
        events = [event(key, at, "sample.registered", sample, before={}, after=sample)]
        events += [
            event(key, at, "sample_test.scheduled", each, before={}, after=each) for each in tests
        ]
        await connection.execute(
            CREATE,
            *(*_told(key, at, events), f"{at:%Y-%m}", sample["id"], tracking_id),
            *(sample["clientId"], name, body["materialTypeId"], body.get("collectionDate")),
            *(body.get("notes"), [each["id"] for each in tests]),
            *([each[name] for each in tests] for name in shapes.SCHEDULED),
        )
    return json(
        orjson.dumps(sample | {"tests": tests}),
        201,
        location=f"/api/v1/samples/{sample['id']}",
        etag=f'"{sample["id"]}.1"',
    )


async def enter_result(request: Request) -> Response:
    test_id = request.path_params["test_id"]
    result = orjson.loads(await request.body())["result"]
    return json(orjson.dumps((await _enter(request, {test_id: result}, "manual"))[0]))


async def enter_bulk_results(request: Request) -> Response:
    rows = orjson.loads(await request.body())["updates"]
    given = {row["sampleTestId"]: row["result"] for row in rows}
    written = {each["id"]: each for each in await _enter(request, given, "bulk")}
    results = [
        {"index": index, "sampleTestId": test_id, "ok": True, "sampleTest": written[test_id]}
        for index, test_id in enumerate(given)
    ]
    return json(orjson.dumps({"updated": len(results), "failed": 0, "results": results}))


async def _enter(request: Request, given: dict[int, str], source: str) -> list[dict[str, Any]]:
    at = now()
    async with request.app.state.pool.acquire() as connection:
        key = await connection.fetchrow(KEY, digest_of(request))
        found = await connection.fetch(FIND, key["organization_id"], list(given))
        columns: list[tuple[Any, ...]] = []
        events, shown = [], []
        for row in found:
            text = given[row["id"]]
            value = Decimal(text)
            verdict = shapes.verdict(value, row["low"], row["high"])
            was = shapes.test(row)
            test = shapes.entered(
                was,
                row,
                text,
                value,
                judged=verdict,
                source=source,
                user_id=key["created_by"],
                at=at,
            )
            before, after = shapes.difference(was, test)
            events.append(
                event(key, at, "sample_test.result_entered", test, before=before, after=after)
            )
            told = (row["id"], row["version"] + 1, text, None, value, verdict, row["low"])
            columns.append((*told, row["high"], row["wanted_unit"], row["wanted_loq"]))
            shown.append(test)
        values = [list(column) for column in zip(*columns, strict=True)]
        await connection.execute(ENTER, *_told(key, at, events), *values, source)
    return shown


async def verify_result(request: Request) -> Response:
    test_id, at = request.path_params["test_id"], now()
    async with request.app.state.pool.acquire() as connection:
        key = await connection.fetchrow(KEY, digest_of(request))
        row = (await connection.fetch(FIND, key["organization_id"], [test_id]))[0]
        assert row["status"] == "completed"
        assert row["reported_at"] is None
        was = shapes.test(row)
        test = shapes.verified(was, key["created_by"], at)
        before, after = shapes.difference(was, test)
        events = [event(key, at, "sample_test.verified", test, before=before, after=after)]
        await connection.execute(VERIFY, *_told(key, at, events), test_id, row["version"])
    return json(orjson.dumps(test))


async def list_tests(request: Request) -> Response:
    limit = int(request.query_params.get("per_page", 20))
    async with request.app.state.pool.acquire() as connection:
        key = await connection.fetchrow(KEY, digest_of(request))
        rows = await connection.fetch(PUBLISHED, key["organization_id"], limit + 1, key["id"])
    return json(shapes.published_page(rows, limit))


def event(
    key: Any,
    at: datetime,
    action: str,
    row: dict[str, Any],
    *,
    before: dict[str, Any],
    after: dict[str, Any],
) -> tuple[Any, ...]:
    """An event as the trail keeps it: its canonical text says all of it, and is hashed."""
    entity = action.partition(".")[0]
    told = {
        "occurred_at": spell(at),
        "actor_kind": "key",
        "actor_label": key["name"],
        "user_id": key["created_by"],
        "key_id": key["id"],
        "request_id": None,
        "action": action,
        "entity_type": entity,
        "entity_id": row["id"],
        "entity_version": row["version"],
        "reason": None,
        "organization_id": key["organization_id"],
        "before": before,
        "after": after,
    }
    text = orjson.dumps(told, option=orjson.OPT_SORT_KEYS)
    shown = (action, entity, row["id"], row["version"])
    return *shown, text.decode(), sha256(text).digest()


def _told(key: Any, at: datetime, events: list[tuple[Any, ...]]) -> tuple[Any, ...]:
    """The first eleven values of every statement that writes."""
    columns = [list(column) for column in zip(*events, strict=True)]
    known = (key["organization_id"], at, key["name"], key["created_by"], key["id"])
    return *known, *columns


app = Starlette(
    routes=[
        Route("/api/v1/samples", list_samples),
        Route("/api/v1/samples", create_sample, methods=["POST"]),
        Route("/api/v1/samples/{sample_id:int}", get_sample),
        Route("/api/v1/sample-tests/bulk-results", enter_bulk_results, methods=["POST"]),
        Route("/api/v1/sample-tests/{test_id:int}", enter_result, methods=["PATCH"]),
        Route("/api/v1/sample-tests/{test_id:int}/verify", verify_result, methods=["POST"]),
        Route("/api/tests", list_tests),
        Route("/readyz", ready),
    ],
    lifespan=opened,
)
