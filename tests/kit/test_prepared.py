"""Statements below the ORM: none can be made that forgets its tenant, none escapes the trail."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import and_, bindparam, delete, or_, select, text, update
from sqlalchemy.orm.exc import StaleDataError

from laboratory import Laboratory
from titer.domain.clients.models import Client
from titer.domain.organizations.models import Organization, Plan
from titer.domain.samples.models import Counter, Sample, SampleTest
from titer.kit.db.types import Id
from titer.kit.fence import UnscopedStatement
from titer.kit.prepared import TENANT, Prepared, among
from titer.kit.strokes import columns_of, table_of
from titer.kit.tenancy import TenantSession, UnauditedChange

SAMPLES, TESTS = table_of(Sample), table_of(SampleTest)
CLIENTS, COUNTERS = table_of(Client), table_of(Counter)
OURS = SAMPLES.c.organization_id == TENANT
TOGETHER = and_(
    TESTS.c.organization_id == SAMPLES.c.organization_id, TESTS.c.sample_id == SAMPLES.c.id
)

BOUND: dict[str, Any] = {
    "a table": select(SAMPLES.c.id).where(OURS),
    "a table among other conditions": select(SAMPLES.c.id).where(SAMPLES.c.id > 5, OURS),
    "a join": select(TESTS.c.id).select_from(SAMPLES.join(TESTS, TOGETHER)).where(OURS),
    "an outer join": select(TESTS.c.id).select_from(SAMPLES.outerjoin(TESTS, TOGETHER)).where(OURS),
    "the organization itself": select(table_of(Organization).c.name).where(
        table_of(Organization).c.id == TENANT
    ),
    "what belongs to nobody": select(table_of(Plan).c.name),
    "a query within": select(SAMPLES.c.id).where(
        OURS, SAMPLES.c.id.in_(select(TESTS.c.sample_id).where(TESTS.c.organization_id == TENANT))
    ),
    "a change": update(COUNTERS)
    .where(COUNTERS.c.organization_id == TENANT)
    .values({"last": COUNTERS.c.last + 1}),
    "a deletion": delete(COUNTERS).where(COUNTERS.c.organization_id == TENANT),
}
UNBOUND: dict[str, Any] = {
    "nothing said": select(SAMPLES.c.id),
    "another's number": select(SAMPLES.c.id).where(SAMPLES.c.organization_id == 5),
    "another value": select(SAMPLES.c.id).where(SAMPLES.c.organization_id == bindparam("whose")),
    "an alternative": select(SAMPLES.c.id).where(or_(OURS, SAMPLES.c.id == 1)),
    "a denial": select(SAMPLES.c.id).where(~OURS),
    "another column": select(SAMPLES.c.id).where(SAMPLES.c.id == TENANT),
    "one of two tables": select(SAMPLES.c.id, CLIENTS.c.id).where(OURS),
    "a join by the id alone": select(TESTS.c.id)
    .select_from(SAMPLES.join(TESTS, TESTS.c.sample_id == SAMPLES.c.id))
    .where(OURS),
    "the left of an outer join in its ON": select(SAMPLES.c.id).select_from(
        SAMPLES.outerjoin(TESTS, and_(OURS, TOGETHER))
    ),
    "a full join": select(SAMPLES.c.id)
    .select_from(SAMPLES.join(TESTS, TOGETHER, full=True, isouter=True))
    .where(OURS),
    "a query within": select(SAMPLES.c.id).where(OURS, SAMPLES.c.id.in_(select(TESTS.c.sample_id))),
    "text": select(SAMPLES.c.id).where(OURS, text("1 = 1")),
    "a union": select(SAMPLES.c.id).where(OURS).union(select(SAMPLES.c.id)),
    "a change": update(COUNTERS).values({"last": 1}),
    "a change of owner": update(COUNTERS)
    .where(COUNTERS.c.organization_id == TENANT)
    .values({"organization_id": 5}),
    "a deletion": delete(COUNTERS).where(COUNTERS.c.prefix == "S-2026"),
}


@pytest.mark.parametrize("statement", BOUND.values(), ids=BOUND)
def test_a_statement_that_is_held_against_its_tenant_can_be_prepared(statement: Any) -> None:
    assert Prepared(statement).changes <= {"counters"}


@pytest.mark.parametrize("statement", UNBOUND.values(), ids=UNBOUND)
def test_a_statement_that_leaves_a_table_loose_cannot(statement: Any) -> None:
    with pytest.raises(UnscopedStatement):
        Prepared(statement)


_CLIENTS = Prepared(
    select(*columns_of(Client))
    .where(CLIENTS.c.organization_id == TENANT, among(CLIENTS.c.id, "ids"))
    .order_by(CLIENTS.c.id)
)
_RENAME = Prepared(
    update(CLIENTS)
    .where(CLIENTS.c.organization_id == TENANT, CLIENTS.c.id == bindparam("one", type_=Id))
    .values({"notes": "renamed"})
)


def notes_of(lab: Laboratory) -> tuple[str | None, int]:
    async def look(session: TenantSession) -> tuple[str | None, int]:
        row = (await session.execute(select(Client.notes, Client.version))).one()
        return row.notes, row.version

    return lab.do(look)


def test_only_the_sessions_own_rows_are_drawn(lab: Laboratory, rival: Laboratory) -> None:
    async def work(session: TenantSession) -> list[int]:
        rows = await session.draw(_CLIENTS, Client, ids=[lab.has.client, rival.has.client])
        return [client.organization_id for (client,) in rows]

    assert lab.do(work) == [lab.id]
    assert rival.do(work) == [rival.id]


def test_a_drawn_row_that_is_changed_is_written_with_its_event(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> None:
        ((client,),) = await session.draw(_CLIENTS, Client, ids=[lab.has.client])
        client.notes = "by the river"
        session.label(client, "annotated", "asked to")
        await session.flush()
        assert client.version == 2
        assert client.updated_at == session.now

    lab.do(work)
    assert notes_of(lab) == ("by the river", 2)
    event = lab.get(f"/audit-events?entityType=client&entityId={lab.has.client}").json()["data"][0]
    assert event["action"] == "client.annotated"
    assert event["reason"] == "asked to"


def test_what_is_changed_is_written_before_anything_else_is_read(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> str | None:
        ((client,),) = await session.draw(_CLIENTS, Client, ids=[lab.has.client])
        client.notes = "first"
        await session.flush()
        client.notes = "second"
        await session.flush()
        return await session.scalar(select(Client.notes).where(Client.id == client.id))

    assert lab.do(work) == "second"
    assert notes_of(lab) == ("second", 3)


def test_a_drawn_row_that_has_moved_on_is_not_overwritten(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> None:
        ((client,),) = await session.draw(_CLIENTS, Client, ids=[lab.has.client])
        client.version = 7
        client.notes = "stale"
        await session.flush()

    with pytest.raises(StaleDataError):
        lab.do(work)
    assert notes_of(lab) == (None, 1)


def test_a_prepared_change_that_nobody_accounts_for_is_refused(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> None:
        await session.fetch(_RENAME, one=lab.has.client)

    with pytest.raises(UnauditedChange, match="clients"):
        lab.do(work)
    assert notes_of(lab) == (None, 1)


def test_the_tenant_of_a_statement_is_never_the_callers_to_say(
    lab: Laboratory, rival: Laboratory
) -> None:
    async def work(session: TenantSession) -> int:
        return len(await session.fetch(_CLIENTS, ids=[rival.has.client], tenant=rival.id))

    assert lab.do(work) == 0


def test_ids_that_are_taken_are_given_to_nobody_else(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> list[list[int]]:
        return await session.take_ids((Sample, 2), (SampleTest, 3))

    samples, tests = lab.do(work)
    assert (len(set(samples)), len(set(tests))) == (2, 3)
    made = lab.sample()
    assert made["id"] >= samples[0]
    if lab.world.app.database.on_postgresql:
        assert made["id"] > max(samples)


def test_a_glance_lets_nobody_in_whom_the_door_would_not(lab: Laboratory) -> None:
    sample = lab.sample()["id"]
    strangers = {"Authorization": f"Bearer lk_{'x' * 40}"}
    for path in ("/samples", f"/samples/{sample}", "/samples?colour=red", "/samples/0"):
        refused = lab.get(path, headers=strangers)
        assert refused.status_code == 401, path
        assert refused.json()["error"] == "unauthorized"


def test_glances_at_once_see_each_organizations_own_rows(
    lab: Laboratory, rival: Laboratory
) -> None:
    lab.sample()
    rival.sample()
    rival.sample()

    async def crowd() -> list[int]:
        async def one(who: Laboratory) -> int:
            answer = await asyncio.to_thread(who.get, "/samples")
            return len(answer.json()["data"])

        return await asyncio.gather(*(one(who) for who in [lab, rival] * 10))

    assert asyncio.run(crowd()) == [1, 2] * 10
