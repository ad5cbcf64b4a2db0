"""The chained trail: sealed, verified, and tampering found, on both databases."""

from collections.abc import Sequence
from typing import Any

import pytest
from sqlalchemy import text

from laboratory import Laboratory, World
from titer.domain.audit import sealing
from titer.domain.audit.rules import Anchor
from titer.kit.db.engine import Database
from titer.kit.tenancy import TenantSession


def seal(lab: Laboratory) -> None:
    """What the server does every second on PostgreSQL; on SQLite the request has done it."""
    lab.world.run(sealing.Sealer(lab.world.app.database, None).seal_all)


def verify(lab: Laboratory, *anchors: Anchor) -> sealing.Verification:
    async def work(session: TenantSession) -> sealing.Verification:
        return await sealing.verify(session, anchors)

    return lab.do(work)


def head(lab: Laboratory) -> Anchor:
    told = verify(lab)
    return Anchor(lab.id, told.head_seq, bytes.fromhex(told.head_hash))


_TRIGGERS = text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")


def tamper(world: World, *statements: str) -> None:
    """Do what only a superuser can: the chain is there for a tamperer of that rank."""

    async def work() -> None:
        database = Database(world.bypass_url)
        async with database.connected() as connection:
            triggers: Sequence[Any] = ()
            if database.on_postgresql:
                await connection.execute(text("SET LOCAL session_replication_role = replica"))
            else:
                # The pragma says nothing within a transaction: it wants to be said before one.
                raw: Any = await connection.get_raw_connection()
                raw.driver_connection.execute("PRAGMA foreign_keys = OFF")
                triggers = (await connection.execute(_TRIGGERS)).all()
            for trigger in triggers:
                await connection.execute(text(f"DROP TRIGGER {trigger.name}"))
            for statement in statements:
                await connection.execute(text(statement))
            for trigger in triggers:
                await connection.exec_driver_sql(trigger.sql)
            await connection.commit()
        await database.close()

    world.run(work)


def test_every_change_is_linked_and_the_chain_verifies(lab: Laboratory) -> None:
    lab.sample("verified")
    seal(lab)
    told = verify(lab)
    assert told.ok
    assert told.events == told.head_seq > 10
    assert len(told.head_hash) == 64


EVENT = "organization_id = {org} AND id = (SELECT event_id FROM audit_links WHERE {link})"
LINK = "organization_id = {org} AND seq = 5"


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET canonical = replace(canonical, 'a', 'b') WHERE " + EVENT,
        "UPDATE audit_events SET action = 'sample.nothing' WHERE " + EVENT,
        "UPDATE audit_events SET reason = 'because' WHERE " + EVENT,
        "UPDATE audit_events SET occurred_at = '2020-01-01T00:00:00.000Z' WHERE " + EVENT,
        "DELETE FROM audit_links WHERE " + LINK,
        "DELETE FROM audit_events WHERE " + EVENT,
        "UPDATE audit_links SET event_id = event_id + 100000 WHERE " + LINK,
    ],
)
def test_what_a_superuser_tampers_with_is_found(
    lab: Laboratory, world: World, statement: str
) -> None:
    lab.sample("received")
    seal(lab)
    told = statement.format(org=lab.id, link=LINK.format(org=lab.id))
    tamper(world, told)
    assert verify(lab).faults


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "change",
    [
        "audit_events SET canonical = '[]' WHERE " + EVENT,
        "audit_events SET canonical = x'00' WHERE " + EVENT,
        "audit_events SET content_hash = 'a text' WHERE " + EVENT,
        "audit_events SET occurred_at = 'yesterday' WHERE " + EVENT,
        "audit_links SET previous = 'a text' WHERE " + LINK,
        "audit_links SET seq = 4.5 WHERE " + LINK,
        "audit_links SET seq = 'five' WHERE " + LINK,
    ],
)
def test_a_value_of_another_kind_is_a_fault_and_no_failure(
    lab: Laboratory, world: World, change: str
) -> None:
    """SQLite lets a tamperer leave anything in any column."""
    lab.sample("received")
    tamper(world, "UPDATE " + change.format(org=lab.id, link=LINK.format(org=lab.id)))
    assert verify(lab).faults


def test_a_truncated_tail_is_found_by_its_anchor(lab: Laboratory, world: World) -> None:
    lab.sample("received")
    seal(lab)
    anchor = head(lab)
    last = f"organization_id = {lab.id} AND seq > {anchor.seq - 3}"
    events = f"id IN (SELECT event_id FROM audit_links WHERE {last})"
    tamper(
        world,
        f"DELETE FROM audit_events WHERE organization_id = {lab.id} AND {events}",
        f"DELETE FROM audit_links WHERE {last}",
    )
    assert verify(lab).ok, "a chain alone does not show its missing end"
    faults = verify(lab, anchor).faults
    assert [fault.what for fault in faults] == ["an anchored link is missing"]


def test_an_anchor_of_another_chain_shows_a_rewritten_one(lab: Laboratory) -> None:
    lab.sample()
    seal(lab)
    anchor = head(lab)
    forged = Anchor(lab.id, anchor.seq, bytes(32))
    assert [fault.what for fault in verify(lab, forged).faults] == [
        "the link is not the one that was anchored"
    ]


def test_heads_are_anchored_once_and_read_back(lab: Laboratory, tmp_path: Any) -> None:
    lab.sample()
    seal(lab)
    path = tmp_path / "anchors" / "titer.ndjson"
    sealer = sealing.Sealer(lab.world.app.database, path)
    assert lab.id in {anchor.organization_id for anchor in lab.world.run(sealer.anchor)}
    assert lab.world.run(sealer.anchor) == []
    assert verify(lab, *sealing.read_anchors(path)).anchors_checked == 1
    path.write_text(path.read_text() + "no anchor\n")
    with pytest.raises(ValueError, match="is no anchor"):
        sealing.read_anchors(path)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_events SET action = 'x' WHERE organization_id = {org}",
        "DELETE FROM audit_events WHERE organization_id = {org}",
        "UPDATE audit_links SET seq = seq + 1 WHERE organization_id = {org}",
        "DELETE FROM result_entries WHERE organization_id = {org}",
        "UPDATE sample_tests SET result = '1' WHERE organization_id = {org}",
    ],
)
def test_the_database_itself_refuses_to_rewrite(
    lab: Laboratory, world: World, statement: str
) -> None:
    lab.sample("verified")
    seal(lab)

    async def work() -> None:
        database = Database(world.bypass_url)
        try:
            async with database.connected() as connection, connection.begin():
                await connection.execute(text(statement.format(org=lab.id)))
        finally:
            await database.close()

    with pytest.raises(Exception, match=r"append-only|verified"):
        world.run(work)
