"""Whatever a superuser does to the sealed trail, reading it against the last anchor shows it."""

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from laboratory import Laboratory, World
from titer.domain.audit import sealing
from titer.domain.audit.rules import Anchor
from titer.kit.db.driver import over
from titer.kit.db.engine import Database
from titer.kit.tenancy import Actor, Tenant, TenantSession

Figure = Callable[[str, str, object], None]
Effort = Callable[[int, int], int]
_TEXTS = ("actor_kind", "actor_label", "action", "entity_type", "reason", "request_id")
_NUMBERS = ("entity_id", "entity_version", "user_id", "key_id")


class Tamperer:
    """Thinks of something to do to an organization's chain of so many links."""

    def __init__(self, organization_id: int, length: int) -> None:
        self._org = organization_id
        self._length = length

    def think(self) -> tuple[str, list[str]]:
        """What it is called, and the statements."""
        ideas = (
            self.edit_column,
            self.edit_number,
            self.edit_text,
            self.edit_hash,
            self.edit_link,
            self.delete_event,
            self.delete_link,
            self.delete_both,
            self.truncate,
            self.swap_links,
            self.swap_texts,
            self.insert_event,
            self.insert_link,
            self.rewrite_whole_row,
        )
        idea = random.choice(ideas)
        return idea.__name__.replace("_", " "), idea()

    def _seq(self) -> int:
        return random.randint(1, self._length)

    def _two(self) -> tuple[int, int]:
        one, other = random.sample(range(1, self._length + 1), 2)
        return one, other

    def _link(self, seq: int) -> str:
        return f"organization_id = {self._org} AND seq = {seq}"

    def _event(self, seq: int) -> str:
        chosen = f"(SELECT event_id FROM audit_links WHERE {self._link(seq)})"
        return f"organization_id = {self._org} AND id = {chosen}"

    def edit_column(self) -> list[str]:
        column = random.choice(_TEXTS)
        return [f"UPDATE audit_events SET {column} = 'nobody' WHERE {self._event(self._seq())}"]

    def edit_number(self) -> list[str]:
        column = random.choice(_NUMBERS)
        where = self._event(self._seq())
        return [f"UPDATE audit_events SET {column} = coalesce({column}, 0) + 1 WHERE {where}"]

    def edit_text(self) -> list[str]:
        where = self._event(self._seq())
        return [f"UPDATE audit_events SET canonical = canonical || ' ' WHERE {where}"]

    def edit_hash(self) -> list[str]:
        column = random.choice(("hash", "previous"))
        source = f"(SELECT content_hash FROM audit_events WHERE {self._event(self._seq())})"
        return [f"UPDATE audit_links SET {column} = {source} WHERE {self._link(self._seq())}"]

    def edit_link(self) -> list[str]:
        return [
            f"UPDATE audit_links SET seq = seq + {self._length} WHERE {self._link(self._seq())}"
        ]

    def delete_event(self) -> list[str]:
        return [f"DELETE FROM audit_events WHERE {self._event(self._seq())}"]

    def delete_link(self) -> list[str]:
        return [f"DELETE FROM audit_links WHERE {self._link(self._seq())}"]

    def delete_both(self) -> list[str]:
        seq = self._seq()
        return [
            f"DELETE FROM audit_events WHERE {self._event(seq)}",
            f"DELETE FROM audit_links WHERE {self._link(seq)}",
        ]

    def truncate(self) -> list[str]:
        tail = f"organization_id = {self._org} AND seq >= {self._seq()}"
        events = f"id IN (SELECT event_id FROM audit_links WHERE {tail})"
        return [
            f"DELETE FROM audit_events WHERE organization_id = {self._org} AND {events}",
            f"DELETE FROM audit_links WHERE {tail}",
        ]

    def swap_links(self) -> list[str]:
        one, other = self._two()
        parked = self._length + 1_000
        moves = ((one, parked), (other, one), (parked, other))
        return [
            f"UPDATE audit_links SET seq = {to} WHERE {self._link(source)}" for source, to in moves
        ]

    def swap_texts(self) -> list[str]:
        """An event in another's place, with a content hash that fits it."""
        one, other = self._two()
        source = f"(SELECT canonical, content_hash FROM audit_events WHERE {self._event(other)})"
        change = f"UPDATE audit_events SET (canonical, content_hash) = {source}"
        return [f"{change} WHERE {self._event(one)}"]

    def insert_event(self) -> list[str]:
        """An event that nobody has linked."""
        columns = (
            "organization_id, occurred_at, actor_kind, actor_label, user_id, key_id, request_id,"
            " action, entity_type, entity_id, entity_version, reason, canonical, content_hash"
        )
        source = f"SELECT {columns} FROM audit_events WHERE {self._event(self._seq())}"
        return [f"INSERT INTO audit_events ({columns}) {source}"]

    def insert_link(self) -> list[str]:
        """One event more, linked in a later place."""
        columns = "organization_id, seq, event_id, previous, hash, sealed_at"
        source = (
            f"SELECT organization_id, {self._length + 7}, -event_id, previous, hash, sealed_at"
            f" FROM audit_links WHERE {self._link(self._seq())}"
        )
        at = self._seq()
        return [
            f"INSERT INTO audit_links ({columns}) {source}",
            f"DELETE FROM audit_links WHERE {self._link(at)}",
            f"UPDATE audit_links SET seq = {at} WHERE {self._link(self._length + 7)}",
        ]

    def rewrite_whole_row(self) -> list[str]:
        """Text, hash and columns together: only the links after it can tell."""
        chosen = f"SELECT event_id, previous FROM audit_links WHERE {self._link(self._seq())}"
        forged = """replace(canonical, '"action":', '"action":"sample.nothing","was":')"""
        change = f"action = 'sample.nothing', canonical = {forged}, content_hash = link.previous"
        where = f"organization_id = {self._org} AND id = link.event_id"
        return [f"UPDATE audit_events SET {change} FROM ({chosen}) AS link WHERE {where}"]


async def disarm(connection: AsyncConnection, *, postgresql: bool) -> None:
    """Go past the triggers, as a superuser can, for the rest of a transaction."""
    if postgresql:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        return
    known = text("SELECT name FROM sqlite_master WHERE type = 'trigger'")
    for name in (await connection.scalars(known)).all():
        await connection.execute(text(f"DROP TRIGGER {name}"))


def test_every_tampering_is_found(
    lab: Laboratory, world: World, effort: Effort, figure: Figure
) -> None:
    attempts = effort(60, 1_000)
    lab.sample("verified")
    lab.sample("received")
    world.run(sealing.Sealer(world.app.database, None).seal_all)

    async def read(connection: AsyncConnection, *anchors: Anchor) -> sealing.Verification:
        now = world.app.database.clock.now()
        session = TenantSession(over(connection), Tenant(lab.id), Actor("test", "a test"), now)
        told = await sealing.verify(session, anchors)
        await session.close()
        return told

    async def tamper() -> tuple[Counter[str], list[tuple[str, list[str]]], int]:
        database = Database(world.bypass_url)
        tried: Counter[str] = Counter()
        missed = []
        async with database.connected() as connection:
            before = await read(connection)
            assert before.ok
            await connection.rollback()
            anchor = Anchor(lab.id, before.head_seq, bytes.fromhex(before.head_hash))
            tamperer = Tamperer(lab.id, before.head_seq)
            for _ in range(attempts):
                name, statements = tamperer.think()
                if not database.on_postgresql:
                    raw: Any = await connection.get_raw_connection()
                    raw.driver_connection.execute("PRAGMA foreign_keys = OFF")
                await disarm(connection, postgresql=database.on_postgresql)
                changed = 0
                for statement in statements:
                    changed += (await connection.execute(text(statement))).rowcount
                if changed:
                    tried[name] += 1
                    if not (await read(connection, anchor)).faults:
                        missed.append((name, statements))
                await connection.rollback()
            assert (await read(connection, anchor)).ok
        await database.close()
        return tried, missed, before.events

    tried, missed, length = world.run(tamper)
    assert missed == []
    assert tried.total() > attempts * 0.9
    assert len(tried) >= 12
    backend = "PostgreSQL" if world.app.database.on_postgresql else "SQLite"
    figure(
        "P8",
        f"{backend}, tampering of {len(tried)} kinds with a chain of {length}",
        f"{tried.total()} of {tried.total()} detected",
    )
