"""The fences of a tenant's session, each tried from inside, with two tenants' rows on the table."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import (
    Select,
    column,
    delete,
    exists,
    func,
    insert,
    intersect,
    join,
    literal,
    literal_column,
    or_,
    select,
    table,
    tablesample,
    text,
    true,
    union,
    update,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import aliased
from sqlalchemy.orm import join as orm_join
from sqlalchemy.orm.exc import StaleDataError

from laboratory import Laboratory, World
from titer.domain.audit.models import AuditEvent
from titer.domain.clients.models import Client
from titer.domain.organizations.models import Organization, Plan
from titer.domain.projects.models import Project
from titer.domain.reference.models import MaterialType, StorageLocation, TestMaterial
from titer.domain.samples.models import Counter, Sample, SampleTest
from titer.kit.changes import Change
from titer.kit.fence import UnscopedStatement
from titer.kit.tenancy import Actor, ForeignRow, Tenant, TenantSession, UnauditedChange

UNSYNCED = {"synchronize_session": False}
SAMPLES: Any = Sample.__table__
CLIENTS: Any = Client.__table__


@dataclass(frozen=True)
class Pair:
    """Two laboratories and the ids of their samples: what queries only look at."""

    lab: Laboratory
    rival: Laboratory
    ours: set[int]
    theirs: set[int]


@pytest.fixture(scope="module")
def pair(world: World) -> Pair:
    lab, rival = world.found("Aqua Laboratory"), world.found("Rival Laboratory")
    ours = {lab.sample()["id"] for _ in range(3)}
    return Pair(lab, rival, ours, {rival.sample()["id"] for _ in range(2)})


def run(lab: Laboratory, statement: Any) -> list[Any]:
    async def work(session: TenantSession) -> list[Any]:
        return list((await session.execute(statement)).all())

    return lab.do(work)


def an_alias() -> Any:
    return aliased(Sample)


def counted(entity: Any) -> Select[Any]:
    return select(func.count()).where(entity.id > 0)


IDS: dict[str, Callable[[], Any]] = {
    "entity": lambda: select(Sample.id),
    "alias": lambda: select(an_alias().id),
    "subquery": lambda: select(select(Sample.id).subquery().c.id),
    "common table expression": lambda: select(select(Sample.id).cte().c.id),
    "union": lambda: union(select(Sample.id), select(an_alias().id)),
    "intersection": lambda: intersect(select(Sample.id), select(SampleTest.sample_id)),
    "nested union": lambda: select(
        union(select(Sample.id), select(SampleTest.sample_id)).subquery().c.id
    ),
    "in": lambda: select(Sample.id).where(Sample.id.in_(select(SampleTest.sample_id))),
    "join": lambda: (
        select(Sample.id).join(SampleTest, SampleTest.sample_id == Sample.id).distinct()
    ),
    "join to the organization": lambda: select(Sample.id).join(
        Organization, Organization.id == Sample.organization_id
    ),
    "outer join": lambda: (
        select(Sample.id).select_from(MaterialType).outerjoin(Sample, true()).distinct()
    ),
    "a where that is always true": lambda: select(Sample.id).where(or_(Sample.id == -1, true())),
    "an alias of a subquery": lambda: select(aliased(Sample, select(Sample).subquery()).id),
    "window beside an entity": lambda: select(Sample.id).add_columns(
        func.row_number().over(order_by=Sample.id)
    ),
    "entities in a function": lambda: select(func.coalesce(Sample.id, 0)),
}
COUNTS: dict[str, Callable[[], Any]] = {
    "count": lambda: select(func.count()).select_from(Sample),
    "count of a column": lambda: select(func.count(Sample.id)),
    "count of an alias": lambda: counted(an_alias()),
    "count where": lambda: counted(Sample),
    "count of a subquery": lambda: select(func.count()).select_from(select(Sample).subquery()),
    "scalar subquery": lambda: select(select(func.count(Sample.id)).scalar_subquery()),
    "count of the bare table through its entity": lambda: select(func.count(Sample.id)).select_from(
        SAMPLES
    ),
    "a literal per row": lambda: select(func.sum(literal(1))).where(Sample.id > 0),
}


@pytest.mark.parametrize("shape", IDS)
def test_a_query_by_way_of_entities_sees_the_tenants_own_rows(pair: Pair, shape: str) -> None:
    assert {row[0] for row in run(pair.lab, IDS[shape]())} - {None} == pair.ours


@pytest.mark.parametrize("shape", COUNTS)
def test_a_count_counts_the_tenants_own_rows(pair: Pair, shape: str) -> None:
    assert run(pair.lab, COUNTS[shape]()) == [(len(pair.ours),)]


def test_exists_does_not_see_a_rivals_row(pair: Pair) -> None:
    for wanted, found in ((pair.ours, True), (pair.theirs, False)):
        assert run(pair.lab, select(exists().where(Sample.id.in_(wanted)))) == [(found,)]
        within = select(func.count(MaterialType.id)).where(exists().where(Sample.id.in_(wanted)))
        assert (run(pair.lab, within)[0][0] > 0) is found


def test_the_organization_itself_is_found_only_by_its_own(pair: Pair) -> None:
    assert run(pair.lab, select(Organization.id)) == [(pair.lab.id,)]
    assert run(pair.rival, select(Organization.id)) == [(pair.rival.id,)]


def test_sessions_of_two_tenants_in_turn_never_share_a_compiled_tenant(pair: Pair) -> None:
    for _ in range(3):
        assert {row.id for row in run(pair.lab, select(Sample.id))} == pair.ours
        assert {row.id for row in run(pair.rival, select(Sample.id))} == pair.theirs


def test_a_bulk_update_changes_the_tenants_own_rows(lab: Laboratory, rival: Laboratory) -> None:
    async def work(session: TenantSession) -> int:
        statement = update(Counter).values(last=Counter.last + 1000).execution_options(**UNSYNCED)
        changed: int = (await session.execute(statement)).rowcount  # type: ignore[attr-defined]
        return changed

    lab.sample()
    rival.sample()
    assert lab.do(work) == 1
    assert lab.sample()["trackingId"].endswith("001002")
    assert rival.sample()["trackingId"].endswith("000002")


def test_a_bulk_delete_deletes_the_tenants_own_rows(lab: Laboratory, rival: Laboratory) -> None:
    async def fill(session: TenantSession) -> None:
        own = (await session.scalars(select(MaterialType.id))).all()
        tests = (await session.scalars(select(SampleTest.test_definition_id))).all()
        session.add_all(
            TestMaterial(test_definition_id=tests[0], material_type_id=each) for each in own
        )
        await session.flush()

    async def empty(session: TenantSession) -> None:
        await session.execute(delete(TestMaterial).execution_options(**UNSYNCED))

    for each in (lab, rival):
        each.sample()
        each.do(fill)
    lab.do(empty)
    assert run(lab, select(func.count(TestMaterial.id))) == [(0,)]
    assert run(rival, select(func.count(TestMaterial.id))) == [(2,)]


REFUSED: dict[str, Callable[[Laboratory], Any]] = {
    "text": lambda _: text("SELECT id FROM samples"),
    "text in a where": lambda _: select(Sample.id).where(text("1 = 1 OR 1 = 1")),
    "text as a column": lambda _: select(text("id")).select_from(Sample),
    "a literal column": lambda _: select(literal_column("(SELECT count(*) FROM samples)")),
    "a literal column beside an entity": lambda _: select(
        Sample.id, literal_column("(SELECT count(*) FROM samples)")
    ),
    "text before": lambda _: select(Sample.id).prefix_with("ALL"),
    "text after": lambda _: select(Sample.id).suffix_with("UNION SELECT id FROM samples"),
    "a statement's hint": lambda _: select(Sample.id).with_statement_hint("UNION SELECT 1"),
    "a statement from text": lambda _: select(Sample).from_statement(text("SELECT * FROM samples")),
    "a statement from a table": lambda _: select(Sample).from_statement(select(SAMPLES)),
    "the table": lambda _: select(SAMPLES),
    "a column of the table": lambda _: select(SAMPLES.c.id),
    "a column of the table beside an entity": lambda _: select(Sample.id, SAMPLES.c.id),
    "an alias of the table": lambda _: select(SAMPLES.alias().c.id),
    "an alias of the table beside an entity": lambda _: select(Sample.id, SAMPLES.alias().c.id),
    "a count of the table": lambda _: select(func.count()).select_from(SAMPLES),
    "a count of an alias of the table": lambda _: select(func.count()).select_from(SAMPLES.alias()),
    "the table within": lambda _: select(Sample.id).where(
        Sample.id.in_(select(SAMPLES.alias("within").c.id))
    ),
    "the table beside an exists": lambda _: (
        select(func.count()).select_from(SAMPLES).where(exists(select(Sample.id)))
    ),
    "an entity over a bare subquery": lambda _: select(
        aliased(Sample, select(SAMPLES).subquery()).id
    ),
    "a sample of the table": lambda _: select(tablesample(SAMPLES, 50).c.id),
    "a table by its bare name": lambda _: select(column("id")).select_from(table("samples")),
    "a column of a bare name": lambda _: select(table("samples", column("id")).c.id),
    "a plain join": lambda _: select(MaterialType.id).select_from(
        join(MaterialType, Sample, true())
    ),
    "an ORM join": lambda _: select(MaterialType.id).select_from(
        orm_join(MaterialType, Sample, true())
    ),
    "a window alone": lambda _: select(func.row_number().over(order_by=Sample.id)),
    "a window alone, within": lambda _: select(func.count()).select_from(
        select(func.row_number().over(order_by=Sample.id).label("place")).subquery()
    ),
    "a bare function": lambda _: func.now(),
    "an insert of rows": lambda _: insert(Client),
    "an insert naming another": lambda rival: insert(Client).values(
        organization_id=rival.id, name="x", name_folded="x", active=True
    ),
    "an update of the table": lambda _: update(CLIENTS).values(notes="x"),
    "a delete of the table": lambda _: delete(CLIENTS),
    "an update that moves rows": lambda rival: update(Client).values(organization_id=rival.id),
    "an update from another table": lambda _: (
        update(SampleTest).where(SampleTest.sample_id == Sample.id).values(notes="x")
    ),
    "an update with text": lambda _: update(Client).values(notes=literal_column("name")),
    "an update within a query": lambda _: select(
        update(Client).values(notes="x").returning(Client.id).cte().c.id
    ),
    "a change of what is nobody's": lambda _: update(Plan).values(monthly_samples=None),
}


@pytest.mark.parametrize("shape", REFUSED)
def test_a_statement_that_cannot_be_bound_is_refused(pair: Pair, shape: str) -> None:
    async def work(session: TenantSession) -> None:
        with pytest.raises(UnscopedStatement):
            await session.execute(REFUSED[shape](pair.rival))

    pair.lab.do(work)


def test_rows_by_primary_key_cannot_be_updated_or_inserted_in_bulk(
    lab: Laboratory, rival: Laboratory
) -> None:
    row = {"organization_id": rival.id, "id": rival.has.client, "name": "Taken over"}

    async def work(session: TenantSession) -> None:
        with pytest.raises(UnscopedStatement):
            await session.execute(update(Client), [row])
        with pytest.raises(UnscopedStatement):
            await session.execute(insert(Client), [row])

    lab.do(work)


BELOW: dict[str, Callable[[Any], Any]] = {
    "bulk_insert_mappings": lambda below: below.bulk_insert_mappings(Client, []),
    "bulk_update_mappings": lambda below: below.bulk_update_mappings(Client, []),
    "bulk_save_objects": lambda below: below.bulk_save_objects([]),
    "connection": lambda below: below.connection(),
    "text": lambda below: below.execute(text("SELECT 1")),
}


@pytest.mark.parametrize("way", BELOW)
def test_the_synchronous_session_below_gives_no_other_way_out(pair: Pair, way: str) -> None:
    async def work(session: TenantSession) -> None:
        with pytest.raises(UnscopedStatement):
            await session.run_sync(BELOW[way])

    pair.lab.do(work)


def test_there_is_no_raw_connection_to_be_had(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> None:
        with pytest.raises(UnscopedStatement):
            await session.connection()

    lab.do(work)


def a_client(**fields: Any) -> Client:
    return Client(name="New", name_folded="new", **fields)


def test_a_new_row_is_stamped_with_its_tenant_and_its_time(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> tuple[Client, datetime]:
        client = a_client()
        session.add(client)
        await session.flush()
        return client, session.now

    client, now = lab.do(work)
    assert (client.organization_id, client.version) == (lab.id, 1)
    assert client.created_at == client.updated_at == now


def test_a_foreign_row_is_refused_before_it_is_written(lab: Laboratory, rival: Laboratory) -> None:
    async def add(session: TenantSession) -> None:
        session.add(a_client(organization_id=rival.id))
        await session.flush()

    async def move(session: TenantSession) -> None:
        client = (await session.scalars(select(Client))).one()
        client.organization_id = rival.id
        await session.flush()

    async def merge(session: TenantSession) -> None:
        session.add(a_client(organization_id=rival.id, id=rival.has.client))
        await session.flush()

    for work in (add, move, merge):
        with pytest.raises(ForeignRow):
            lab.do(work)
    assert run(rival, select(func.count(Client.id))) == [(1,)]
    assert run(lab, select(func.count(Client.id))) == [(1,)]


def test_a_row_loaded_for_one_tenant_cannot_be_written_or_deleted_by_another(
    lab: Laboratory, rival: Laboratory
) -> None:
    async def load(session: TenantSession) -> Client:
        client = (await session.scalars(select(Client))).one()
        session.expunge(client)
        return client

    async def change(session: TenantSession) -> None:
        session.add(theirs)
        theirs.notes = "Taken over"
        await session.flush()

    async def remove(session: TenantSession) -> None:
        session.add(theirs)
        await session.delete(theirs)
        await session.flush()

    for work in (change, remove):
        theirs = rival.do(load)
        with pytest.raises(ForeignRow):
            lab.do(work)
    assert run(rival, select(Client.notes)) == [(None,)]


def test_another_organization_cannot_be_changed_as_a_row(
    lab: Laboratory, rival: Laboratory
) -> None:
    async def load(session: TenantSession) -> Organization:
        organization = (await session.scalars(select(Organization))).one()
        session.expunge(organization)
        return organization

    theirs = rival.do(load)

    async def change(session: TenantSession) -> None:
        session.add(theirs)
        theirs.name = "Taken over"
        await session.flush()

    with pytest.raises(ForeignRow):
        lab.do(change)


def test_a_session_keeps_its_tenant_for_life(lab: Laboratory, rival: Laboratory) -> None:
    async def rebind(session: TenantSession) -> None:
        with pytest.raises(AttributeError):
            session.tenant = Tenant(rival.id)  # type: ignore[misc]
        assert session.tenant == Tenant(lab.id)

    lab.do(rebind)


def test_a_transaction_is_entered_by_one_tenant(world: World, lab: Laboratory) -> None:
    async def enter_twice() -> None:
        async with world.app.database.work(writes=False) as work:
            await work.enter(Tenant(lab.id), Actor("test", "a test"))
            with pytest.raises(RuntimeError, match="one tenant"):
                await work.enter(Tenant(lab.id), Actor("test", "a test"))
            with pytest.raises(RuntimeError, match="ask its session"):
                await work.look_up(select(Plan.__table__))

    world.run(enter_twice)


# Below the ORM


def test_below_the_orm_each_table_of_a_select_is_bound(pair: Pair) -> None:
    tests: Any = SampleTest.__table__
    plain = select(SAMPLES.c.id)
    joined = select(SAMPLES.c.id).select_from(
        SAMPLES.join(tests, tests.c.sample_id == SAMPLES.c.id)
    )

    async def work(session: TenantSession) -> list[set[int]]:
        return [{row.id for row in await session.below(query)} for query in (plain, joined)]

    assert pair.lab.do(work) == [pair.ours, pair.ours]


REFUSED_BELOW: dict[str, Callable[[], Any]] = {
    "text": lambda: select(SAMPLES.c.id).where(text("1 = 1")),
    "a literal column": lambda: select(SAMPLES.c.id, literal_column("1")),
    "a subquery": lambda: select(select(SAMPLES.c.id).subquery().c.id),
    "an in": lambda: select(SAMPLES.c.id).where(SAMPLES.c.id.in_(select(CLIENTS.c.id))),
    "a scalar subquery": lambda: select(select(func.count(SAMPLES.c.id)).scalar_subquery()),
    "an exists": lambda: select(SAMPLES.c.id).where(exists(select(CLIENTS.c.id))),
    "an alias": lambda: select(SAMPLES.alias().c.id),
    "a union": lambda: union(select(SAMPLES.c.id), select(SAMPLES.c.id)),
    "a table without a tenant": lambda: select(Plan.__table__),
    "a table by its bare name": lambda: select(table("samples", column("id")).c.id),
    "an update": lambda: update(CLIENTS).values(notes="x"),
    "an insert from a select": lambda: insert(CLIENTS).from_select(
        ["name"], select(CLIENTS.c.name)
    ),
    "an insert of nobody's rows": lambda: insert(Plan),
    "an insert with text": lambda: insert(CLIENTS).values(name=literal_column("'x'")),
}


@pytest.mark.parametrize("shape", REFUSED_BELOW)
def test_below_the_orm_nothing_else_is_let_through(pair: Pair, shape: str) -> None:
    async def work(session: TenantSession) -> None:
        with pytest.raises(UnscopedStatement):
            await session.below(REFUSED_BELOW[shape](), [{}])

    pair.lab.do(work)


def test_below_the_orm_an_inserted_row_is_stamped_whatever_it_says(
    lab: Laboratory, rival: Laboratory
) -> None:
    async def work(session: TenantSession) -> bool:
        row = {"organization_id": rival.id, "prefix": "STAMP", "last": 7}
        await session.below(insert(Counter), [row])
        return await session.insert_unless_taken(Counter, prefix="STAMP", last=8)

    wanted = select(Counter.last).where(Counter.prefix == "STAMP")
    assert lab.do(work) is False
    assert run(lab, wanted) == [(7,)]
    assert run(rival, wanted) == []


def test_a_key_to_a_rivals_row_is_refused_by_the_database(
    lab: Laboratory, rival: Laboratory
) -> None:
    async def work(session: TenantSession) -> None:
        project = (await session.scalars(select(Project).where(Project.code == "WTP"))).one()
        project.client_id = rival.has.client
        await session.flush()

    with pytest.raises(DBAPIError):
        lab.do(work)


# The books of the audit trail


def events_of(lab: Laboratory) -> list[tuple[str, int]]:
    rows = run(lab, select(AuditEvent.action, AuditEvent.entity_id).order_by(AuditEvent.id))
    return [(row.action, row.entity_id) for row in rows]


def test_a_change_that_nobody_accounts_for_is_refused_at_the_commit(lab: Laboratory) -> None:
    rename = update(Client).values(notes="by the way").execution_options(**UNSYNCED)

    async def silently(session: TenantSession) -> None:
        await session.execute(rename)

    async def accounting(session: TenantSession) -> None:
        client = (await session.scalars(select(Client))).one()
        await session.execute(rename)
        change = Change(client, "annotated", "a test", {"notes": None}, {"notes": "by the way"})
        session.account([change], "clients")

    with pytest.raises(UnauditedChange, match="clients"):
        lab.do(silently)
    assert run(lab, select(Client.notes)) == [(None,)]
    lab.do(accounting)
    assert run(lab, select(Client.notes)) == [("by the way",)]
    assert events_of(lab)[-1] == ("client.annotated", lab.has.client)


def test_a_session_whose_trail_nobody_keeps_cannot_commit_a_change(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> None:
        unkept = TenantSession(session.driver, Tenant(lab.id), session.actor, session.now)
        unkept.add(a_client())
        try:
            await unkept.settle()
        finally:
            await unkept.leave()

    with pytest.raises(UnauditedChange, match="nobody keeps"):
        lab.do(work)


def test_a_flushed_row_is_in_the_trail_with_its_words_and_its_values(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> int:
        client = a_client(email="a@lab.example")
        session.label(client, "signed", "a new contract")
        session.add(client)
        await session.flush()
        client.email = "b@lab.example"
        await session.flush()
        place = (await session.scalars(select(StorageLocation))).one()
        place.capacity = place.capacity  # set to what it was: no change, no event
        return client.id

    client_id = lab.do(work)
    rows = run(
        lab, select(AuditEvent).where(AuditEvent.entity_id == client_id).order_by(AuditEvent.id)
    )
    signed, changed = [row[0] for row in rows if row[0].entity_type == "client"]
    assert (signed.action, signed.reason, signed.entity_version) == (
        "client.signed",
        "a new contract",
        1,
    )
    assert changed.entity_version == 2
    assert '"before":{"email":"a@lab.example"' in changed.canonical
    assert '"after":{"email":"b@lab.example"' in changed.canonical


def test_secret_columns_never_reach_the_trail(lab: Laboratory) -> None:
    canonicals = [row.canonical for row in run(lab, select(AuditEvent.canonical))]
    assert any('"entity_type":"user"' in each for each in canonicals)
    assert any('"entity_type":"api_key"' in each for each in canonicals)
    assert not any("password_hash" in each or "digest" in each for each in canonicals)
    assert not any(lab.key in each for each in canonicals)


def test_a_touched_row_moves_its_version_on_even_within_the_same_millisecond(
    lab: Laboratory,
) -> None:
    async def work(session: TenantSession) -> list[int]:
        client = a_client()
        session.add(client)
        await session.flush()
        session.touch(client)
        await session.flush()
        return [client.version]

    assert lab.do(work) == [2]


def test_a_lost_update_is_noticed(lab: Laboratory) -> None:
    """Two sessions that read the same version: the later writer is told, nothing is lost."""

    async def load(session: TenantSession) -> Client:
        client = (await session.scalars(select(Client))).one()
        session.expunge(client)
        return client

    stale = lab.do(load)

    async def first(session: TenantSession) -> None:
        client = (await session.scalars(select(Client))).one()
        client.notes = "first"

    async def second(session: TenantSession) -> None:
        session.add(stale)
        stale.notes = "second"
        await session.flush()

    lab.do(first)
    with pytest.raises(StaleDataError):
        lab.do(second)
    assert run(lab, select(Client.notes)) == [("first",)]


LONG_AGO = datetime(2001, 1, 1, tzinfo=UTC)


def test_no_use_case_can_forge_the_stamps_of_a_row(lab: Laboratory) -> None:
    async def work(session: TenantSession) -> Client:
        client = a_client(created_at=LONG_AGO, updated_at=LONG_AGO)
        session.add(client)
        await session.flush()
        client.notes, client.updated_at = "x", LONG_AGO
        await session.flush()
        return client

    client = lab.do(work)
    assert client.created_at > LONG_AGO
    assert client.updated_at > LONG_AGO
