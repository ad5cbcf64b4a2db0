"""Bringing laboratories into a migrated database as fast as it takes them."""

import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from benchmarks.laboratories import Organization, Population, Row, intake
from benchmarks.machine import ROOT, Postgres
from titer.kit.db import postgres

_CHUNK = 2_000
#: Their secondary indexes are built after the rows are in.
_LARGE = ("samples", "sample_tests")


@dataclass(frozen=True)
class Place:
    """A database of laboratories: who lives there, and how it is reached."""

    population: Population
    #: What Titer serves as.
    url: str
    owner_url: str
    #: A superuser's, past row-level security.
    bypass_url: str

    def environment(self) -> dict[str, str]:
        unlimited = str(10**9)
        return {
            "TITER_DATABASE_URL": self.url,
            "TITER_OWNER_DATABASE_URL": self.owner_url,
            "TITER_RATE_LIMIT": unlimited,
            "TITER_RESULTS_RATE_LIMIT": unlimited,
            "TITER_UPLOAD_RATE_LIMIT": unlimited,
            "TITER_FAILED_AUTH_LIMIT": unlimited,
            "TITER_LOG_LEVEL": "warning",
            # A slow answer is to be measured, not refused.
            "TITER_DB_TIMEOUT": "30",
        }


def on_postgresql(server: Postgres, name: str, sizes: Sequence[int], kept: Path) -> Place:
    """Laboratories of these sizes in the database `name`: loaded now, unless they are there."""
    made = asyncio.run(postgres.prepare(server.url(), name, "owner", "app"))
    note = kept / f"{name}.json"
    known = json.loads(note.read_text()) if note.exists() else None
    fits = known is not None and [each["samples"] for each in known["organizations"]] == [*sizes]
    if known is not None and not fits:
        raise SystemExit(f"{note} tells of other sizes: keep them in another folder.")
    population = Population.read(known) if known else Population.of(sizes)
    place = Place(population, made[1], made[0], server.url(name))
    migrate(place)
    if known is None:
        began = time.monotonic()
        print(f"loading {population.samples:,} samples into {name} ...", flush=True)
        asyncio.run(_load(place))
        note.write_text(json.dumps(population.told()))
        print(f"loaded in {time.monotonic() - began:.0f} s", flush=True)
    return place


def migrate(place: Place) -> None:
    """Run the migrations of this checkout, also on a database that was kept."""
    environment = place.environment() | {"PYTHONPATH": str(ROOT / "src")}
    subprocess.run([sys.executable, "-m", "titer", "migrate"], env=environment, check=True)


async def _load(place: Place) -> None:
    connection = await asyncpg.connect(place.bypass_url)
    try:
        # References need no check: the rows are made to fit.
        await connection.execute("SET session_replication_role = replica")
        again = await _drop_indexes(connection)
        for table, columns, rows in place.population.tables():
            await copy(connection, table, columns, rows)
        await _build(place.bypass_url, again)
        for table in await connection.fetch(_SEQUENCES):
            await connection.execute(
                f"SELECT setval('{table['sequence']}',"
                f" (SELECT greatest(max(id), 1) FROM {table['relname']}))"
            )
        await connection.execute("VACUUM ANALYZE")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.close()


_SEQUENCES = """
SELECT c.relname, pg_get_serial_sequence(c.relname, 'id') AS sequence
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'id'
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attidentity <> ''
"""
_INDEXES = """
SELECT i.indexrelid::regclass::text AS name, pg_get_indexdef(i.indexrelid) AS definition,
       k.conname, pg_get_constraintdef(k.oid) AS constrained, i.indrelid::regclass::text AS relname
FROM pg_index i
LEFT JOIN pg_constraint k ON k.conindid = i.indexrelid AND k.contype = 'u'
WHERE i.indrelid = ANY ($1::text[]::regclass[]) AND NOT i.indisprimary
"""


async def _drop_indexes(connection: Any) -> list[str]:
    """Take the secondary indexes of the large tables away; what builds them again."""
    again = []
    for each in await connection.fetch(_INDEXES, list(_LARGE)):
        if each["conname"] is None:
            await connection.execute(f"DROP INDEX {each['name']}")
            again.append(each["definition"])
        else:
            alter = f"ALTER TABLE {each['relname']}"
            await connection.execute(f"{alter} DROP CONSTRAINT {each['conname']}")
            again.append(f"{alter} ADD CONSTRAINT {each['conname']} {each['constrained']}")
    return again


async def _build(url: str, statements: Sequence[str]) -> None:
    """One after the other: an ALTER TABLE would wait for the others, and they for it."""
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def copy(connection: Any, table: str, columns: Sequence[str], rows: Iterator[Row]) -> int:
    """COPY rows into a table; how many there were."""
    told = await connection.copy_to_table(
        table, source=_spelled(rows), columns=list(columns), format="text"
    )
    return int(str(told).rpartition(" ")[2])


async def _spelled(rows: Iterator[Row]) -> AsyncIterator[bytes]:
    lines: list[str] = []
    for row in rows:
        lines.append("\t".join([_text(value) for value in row]))
        if len(lines) == _CHUNK:
            yield ("\n".join(lines) + "\n").encode()
            lines.clear()
    if lines:
        yield ("\n".join(lines) + "\n").encode()


def _text(value: Any) -> str:
    if value is None:
        return "\\N"
    if isinstance(value, bytes):
        return "\\\\x" + value.hex()
    return str(value)


def on_sqlite(folder: Path, sizes: Sequence[int]) -> Place:
    """Laboratories of these sizes in a file of their own, loaded now unless they are there."""
    file = folder / "titer.db"
    note = folder / "sqlite.json"
    known = json.loads(note.read_text()) if note.exists() else None
    population = Population.read(known) if known else Population.of(sizes)
    url = f"sqlite:///{file}"
    place = Place(population, url, url, str(file))
    migrate(place)
    if known is None:
        _load_sqlite(file, population)
        note.write_text(json.dumps(population.told()))
    return place


def _load_sqlite(file: Path, population: Population) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        for table, columns, rows in population.tables():
            marks = ", ".join("?" * len(columns))
            listed = ", ".join(columns)
            with connection:
                connection.executemany(
                    f"INSERT INTO {table} ({listed}) VALUES ({marks})",
                    (_plain(row) for row in rows),
                )
        connection.execute("ANALYZE")


def _plain(row: Row) -> Row:
    """SQLite keeps a UUID without its dashes."""
    return [
        value.replace("-", "") if isinstance(value, str) and _is_uuid(value) else value
        for value in row
    ]


def _is_uuid(value: str) -> bool:
    return len(value) == 36 and value[8] == value[13] == "-"


async def execute(url: str, statement: str) -> None:
    """Run a statement on PostgreSQL, or on the file of a SQLite URL."""
    if url.startswith("sqlite"):
        with closing(sqlite3.connect(url.removeprefix("sqlite:///"))) as connection:
            connection.execute(statement)
        return
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def for_floor(url: str) -> None:
    """The audit table of the floor: Titer's, without the triggers that have it sealed."""
    await execute(
        url,
        "DROP SCHEMA IF EXISTS floor CASCADE; CREATE SCHEMA floor;"
        "CREATE TABLE floor.audit_events (LIKE public.audit_events INCLUDING ALL)",
    )


async def copy_intake(url: str, owner: Organization, count: int) -> float:
    """COPY samples with two tests and their events, checks and all; the seconds that it took.

    Nothing of it is kept.
    """
    connection = await asyncpg.connect(url)
    transaction = connection.transaction()
    await transaction.start()
    try:
        first = {
            table: await connection.fetchval(f"SELECT max(id) FROM {table}") or 0
            for table in (*_LARGE, "audit_events")
        }
        began = time.monotonic()
        for table, columns, rows in intake(owner, count, first):
            await copy(connection, table, columns, rows)
        return time.monotonic() - began
    finally:
        await transaction.rollback()
        await connection.close()


_DJANGO = ("api_keys", "test_definitions", "samples", "sample_tests", "counters", "quota_uses")


async def for_django(url: str) -> None:
    """The same rows in tables of Django's, in a schema of its own; made once."""
    connection = await asyncpg.connect(url)
    try:
        if await connection.fetchval("SELECT to_regclass('django.audit_events') IS NOT NULL"):
            return
        await connection.execute("CREATE SCHEMA django")
        for table in (*_DJANGO, "audit_events"):
            await connection.execute(
                f"CREATE TABLE django.{table}"
                f" (LIKE public.{table} INCLUDING DEFAULTS INCLUDING IDENTITY)"
            )
            if table != "audit_events":
                await connection.execute(f"INSERT INTO django.{table} SELECT * FROM public.{table}")
        await connection.execute(_DJANGO_KEYS)
    finally:
        await connection.close()


#: Without foreign keys: Titer serves no database that has some without the organization in them.
_DJANGO_KEYS = """
ALTER TABLE django.api_keys ADD PRIMARY KEY (id), ADD UNIQUE (digest);
ALTER TABLE django.test_definitions ADD PRIMARY KEY (id);
ALTER TABLE django.samples ADD PRIMARY KEY (id);
ALTER TABLE django.sample_tests ADD PRIMARY KEY (id);
ALTER TABLE django.audit_events ADD PRIMARY KEY (id);
ALTER TABLE django.counters ADD PRIMARY KEY (organization_id, prefix);
ALTER TABLE django.quota_uses ADD PRIMARY KEY (organization_id, month);
CREATE INDEX ON django.samples (organization_id, id);
CREATE INDEX ON django.samples (client_id);
CREATE INDEX ON django.samples (material_type_id);
CREATE INDEX ON django.samples (project_id);
CREATE UNIQUE INDEX ON django.samples (organization_id, tracking_id);
CREATE INDEX ON django.sample_tests (sample_id);
CREATE INDEX ON django.sample_tests (test_definition_id);
CREATE INDEX ON django.audit_events (organization_id, entity_type, entity_id);
SELECT setval('django.samples_id_seq', (SELECT max(id) FROM django.samples));
SELECT setval('django.sample_tests_id_seq', (SELECT max(id) FROM django.sample_tests));
ANALYZE django.samples, django.sample_tests, django.test_definitions, django.api_keys;
"""
