"""Which index a database reads a list by: told by its plan, because a time proves nothing."""

import re
from typing import Any

import pytest
from sqlalchemy import text

from evidence import statements
from laboratory import Laboratory
from titer.kit.db.engine import Database

#: One sample in three is of each kind, so that no index is better than another by chance.
_MANY = text(
    """INSERT INTO samples (organization_id, tracking_id, status, priority, client_name,
           material_type_id, project_id, received_at, created_at, updated_at, version)
       SELECT :lab, 'PLAN-' || n, (ARRAY['received', 'completed', 'verified'])[1 + n % 3], 'normal',
           'Acme', CASE n % 3 WHEN 0 THEN CAST(:water AS bigint) ELSE :soil END,
           CASE n % 3 WHEN 0 THEN CAST(:project AS bigint) END,
           now() - n * interval '1 hour', now(), now(), 1
       FROM generate_series(1, 3000) n"""
)


def plan_of(lab: Laboratory, query: str) -> str:
    """How the database means to answer the page; on PostgreSQL with 3,000 samples there."""
    with statements(lab.world) as seen:
        assert lab.get(f"/samples?{query}").status_code == 200
    sql = seen[-1]

    async def explain() -> list[str]:
        database = Database(lab.world.bypass_url)
        try:
            async with database.connected() as connection:
                if not database.on_postgresql:
                    nothing = (None,) * sql.count("?")
                    words = f"EXPLAIN QUERY PLAN {sql}"
                    told = await connection.exec_driver_sql(words, nothing)
                    return list(told.scalars("detail"))
                await connection.execute(_MANY, _numbers_of(lab))
                await connection.exec_driver_sql("ANALYZE samples")
                await connection.exec_driver_sql("SET LOCAL plan_cache_mode = force_generic_plan")
                # Not through a cursor, which would take the statement's values for its own.
                below = (await connection.get_raw_connection()).driver_connection
                assert below is not None
                await below.execute(f"PREPARE page AS {sql}")
                nulls = ", ".join(["NULL"] * len(set(re.findall(r"\$\d+", sql))))
                words = f"EXPLAIN EXECUTE page ({nulls})"
                return [row[0] for row in await connection.exec_driver_sql(words)]
        finally:
            await database.close()

    return "\n".join(lab.world.run(explain))


def _numbers_of(lab: Laboratory) -> dict[str, Any]:
    has = lab.has
    return {"lab": lab.id, "water": has.water, "soil": has.soil, "project": has.project}


@pytest.mark.parametrize("column", ["status", "project_id", "material_type_id"])
def test_a_span_of_receipt_under_a_filter_is_read_in_its_own_order(
    lab: Laboratory, column: str
) -> None:
    asked = {
        "status": "status=completed",
        "project_id": f"projectId={lab.has.project}",
        "material_type_id": f"materialTypeId={lab.has.water}",
    }
    plan = plan_of(lab, f"{asked[column]}&since=2026-01-01&until=2026-06-01")
    assert f"samples_{column}_received_at_idx" in plan, plan
    assert "Sort" not in plan, plan
    assert "TEMP B-TREE" not in plan, plan
