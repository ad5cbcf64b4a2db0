"""Rows read and written below the ORM, for hot routes: drawn, changed in memory, written at once.

A drawn row is an ordinary instance of its model that no session holds: rules and services cannot
tell the difference, and SQLAlchemy's own attributes remember what it was before. What has changed
is written in as few statements as the database allows: on PostgreSQL all of it in one, each change
a part of a WITH; on SQLite one after the other, where a statement costs no round trip.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any

import orjson
from sqlalchemy import (
    JSON,
    BigInteger,
    Dialect,
    Table,
    Text,
    bindparam,
    cast,
    column,
    func,
    insert,
    literal_column,
    select,
    union_all,
    update,
)
from sqlalchemy.orm import LoaderCallableStatus, class_mapper
from sqlalchemy.orm.attributes import instance_state
from sqlalchemy.orm.exc import StaleDataError

from titer.kit.db.driver import Driver, Row
from titer.kit.prepared import TENANT, TENANT_NAME, Prepared, Spelled, reader_of, spell

UPDATE, INSERT = "update", "insert"


def table_of(model: Any) -> Table:
    table: Table = model.__table__
    return table


@cache
def names_of(model: Any) -> tuple[str, ...]:
    """A model's columns, in the order in which a drawn row has them."""
    return tuple(each.key for each in table_of(model).columns)


def columns_of(model: Any) -> tuple[Any, ...]:
    return tuple(table_of(model).columns)


@cache
def _maker(model: Any, dialect: Dialect) -> Callable[[Row], Any]:
    """Makes an instance of a model from a row that begins with its columns."""
    names = names_of(model)
    # Asking for the mapper also finishes it, which nobody may have done before us.
    new_instance = class_mapper(model).class_manager.new_instance
    found = ((each.key, reader_of(each.type, dialect)) for each in table_of(model).columns)
    readers = [(name, read) for name, read in found if read is not None]

    def make(row: Row) -> Any:
        instance = new_instance()
        values = instance.__dict__
        values.update(zip(names, row, strict=False))
        for name, read in readers:
            if values[name] is not None:
                values[name] = read(values[name])
        return instance

    return make


def drawn(
    rows: Sequence[Row], prepared: Prepared, models: Sequence[Any], driver: Driver
) -> list[tuple[Any, ...]]:
    """Rows that begin with the columns of `models`, as instances followed by what is left.

    The same record is the same instance in every row; one that an outer join lacks is None.
    """
    seen: dict[tuple[Any, int], Any] = {}
    plan = []
    start = 0
    for model in models:
        names = names_of(model)
        plan.append((model, start, start + names.index("id"), _maker(model, driver.dialect)))
        start += len(names)
    left = [reader_of(kind, driver.dialect) for kind in prepared.kinds[start:]]
    told = []
    for row in rows:
        instances: list[Any] = []
        for model, begin, at, make in plan:
            key = model, row[at]
            if row[at] is None:
                instances.append(None)
                continue
            if key not in seen:
                seen[key] = make(row[begin:])
            instances.append(seen[key])
        rest = (
            value if read is None or value is None else read(value)
            for read, value in zip(left, row[start:], strict=True)
        )
        told.append((*instances, *rest))
    return told


@cache
def _maker_of_new(model: Any) -> tuple[Callable[[], Any], Mapping[str, None]]:
    return class_mapper(model).class_manager.new_instance, dict.fromkeys(names_of(model))


def made(model: Any, values: Mapping[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A new instance that no session holds; and its columns, None where nothing is said."""
    new_instance, blank = _maker_of_new(model)
    columns = {**blank, **values}
    if len(columns) != len(blank):
        raise TypeError(f"{model.__name__} has no {min(values.keys() - blank.keys())}")
    instance = new_instance()
    instance.__dict__.update(columns)
    return instance, columns


def assign(row: Any, **values: Any) -> None:
    """Set columns of a row: those of a drawn one past SQLAlchemy's way of setting each."""
    state, now = instance_state(row), row.__dict__
    if state.key is not None or state.session_id is not None or not now.keys() >= values.keys():
        for name, value in values.items():
            setattr(row, name, value)
        return
    for name in values:
        state.committed_state.setdefault(name, now[name])
    now.update(values)


def before_of(row: Any) -> dict[str, Any]:
    """What the columns of a drawn row that have another value now were before."""
    now = row.__dict__
    return {
        name: old
        for name, old in instance_state(row).committed_state.items()
        if not isinstance(old, LoaderCallableStatus) and old != now[name]
    }


def changed_columns(row: Any) -> frozenset[str]:
    """The columns of a drawn row that somebody has set, to whatever; its version counts itself."""
    return frozenset(instance_state(row).committed_state) - {"version"}


def is_changed(row: Any) -> bool:
    return bool(instance_state(row).committed_state)


def settle(row: Any) -> None:
    """From now on the row as it is counts as what it was."""
    state = instance_state(row)
    state.committed_state.clear()
    state.modified = False


@dataclass(slots=True)
class Strokes:
    """Changes that are still to be written."""

    updates: list[tuple[Any, frozenset[str]]] = field(default_factory=list)
    inserts: dict[Any, list[Mapping[str, Any]]] = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.updates or self.inserts)

    def updated(self) -> list[Any]:
        return [row for row, _ in self.updates]

    def holds(self, row: Any) -> bool:
        return any(each is row for each, _ in self.updates)

    def update(self, row: Any, columns: frozenset[str]) -> None:
        """Write these columns of a row, if it is still at the version before."""
        self.updates.append((row, columns))

    def insert(self, model: Any, rows: Sequence[Mapping[str, Any]]) -> None:
        self.inserts.setdefault(model, []).extend(rows)

    async def write(self, driver: Driver, organization_id: int) -> None:
        """Write everything. Raises `StaleDataError` where a row has moved on."""
        parts, rows = self._parts()
        self.updates, self.inserts = [], {}
        if driver.on_postgresql:
            counts = await self._at_once(driver, parts, rows, organization_id)
        else:
            counts = await self._one_by_one(driver, parts, rows, organization_id)
        for (_, model, _), met, wanted in zip(parts, counts, rows, strict=True):
            if met != len(wanted):
                raise StaleDataError(f"{len(wanted) - met} rows of {model.__tablename__} moved on")

    def _parts(self) -> tuple[tuple["_Part", ...], list[list[Mapping[str, Any]]]]:
        parts: list[_Part] = []
        rows: list[list[Mapping[str, Any]]] = []
        changed: dict[Any, tuple[list[Any], set[str]]] = {}
        for row, columns in self.updates:
            of_model = changed.setdefault(type(row), ([], set()))
            of_model[0].append(row)
            of_model[1].update(columns)
        for model, (instances, all_columns) in changed.items():
            names = tuple(sorted(all_columns))
            parts.append((UPDATE, model, names))
            # The version in memory is the one that the change leaves behind.
            rows.append([each.__dict__ | {"version": each.version - 1} for each in instances])
        for model, news in self.inserts.items():
            said = set(news[0])
            for new in news:
                if new.keys() != said:
                    said.update(new)
            parts.append((INSERT, model, tuple(sorted(said))))
            rows.append(list(news))
        return tuple(parts), rows

    async def _at_once(
        self,
        driver: Driver,
        parts: tuple["_Part", ...],
        rows: list[list[Mapping[str, Any]]],
        organization_id: int,
    ) -> Sequence[int]:
        values: dict[str, Any] = {TENANT_NAME: organization_id}
        told: list[tuple[_Part, frozenset[str] | None]] = []
        for number, (part, of_part) in enumerate(zip(parts, rows, strict=True)):
            first, each_own = of_part[0], _own(part, of_part)
            for name in _given(part):
                if each_own is None or name not in each_own:
                    values[f"w{number}_{name}"] = first.get(name)
            if each_own is not None:
                own = [{name: row.get(name) for name in each_own} for row in of_part]
                values[f"r{number}"] = orjson.dumps(own, _in_json, _OURS).decode()
            told.append((part, each_own))
        (counts,) = await driver.fetch(_together(tuple(told), driver.dialect), values)
        return counts

    async def _one_by_one(
        self,
        driver: Driver,
        parts: tuple["_Part", ...],
        rows: list[list[Mapping[str, Any]]],
        organization_id: int,
    ) -> Sequence[int]:
        counts = []
        for part, of_part in zip(parts, rows, strict=True):
            columns: dict[str, Sequence[Any]] = {
                f"w_{name}": [row.get(name) for row in of_part] for name in _given(part)
            }
            columns[TENANT_NAME] = [organization_id] * len(of_part)
            counts.append(await driver.change_many(_alone(part, driver.dialect), columns))
        return counts


_Part = tuple[str, Any, tuple[str, ...]]
"""What is done, to the rows of which model, in which columns."""


def _given(part: _Part) -> tuple[str, ...]:
    """The columns whose values a part is given: an update also says which rows it means."""
    kind, _, names = part
    return ("id", "version", *names) if kind == UPDATE else names


#: From so many new rows on, what all of them say alike is said once: a further form of the
#: statement costs once, and JSON something for each of its values.
_MANY = 50
#: What is the same if it is equal; 1.0 and 1.00 are not, to a decimal.
_PLAIN = (str, int, datetime, type(None))


def _own(part: _Part, rows: Sequence[Mapping[str, Any]]) -> frozenset[str] | None:
    """The columns in which rows may differ; None of a single one, which is said without JSON."""
    if len(rows) == 1:
        return None
    given = _given(part)
    if part[0] != INSERT or len(rows) < _MANY:
        return frozenset(given)
    return frozenset(name for name in given if not _is_alike(name, rows)) or frozenset(given[:1])


def _is_alike(name: str, rows: Sequence[Mapping[str, Any]]) -> bool:
    first = rows[0].get(name)
    if rows[-1].get(name) != first or not (isinstance(first, _PLAIN) or first == {}):
        return False
    return [row.get(name) for row in rows].count(first) == len(rows)


#: What orjson would spell in its own way is left to `_in_json`.
_OURS = orjson.OPT_PASSTHROUGH_DATETIME


def _in_json(value: object) -> str:
    """A value that JSON lacks, as PostgreSQL reads it out of a JSON text, digit for digit."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, bytes):
        return f"\\x{value.hex()}"
    raise TypeError(f"no column takes a {type(value).__name__}")


@lru_cache(maxsize=512)
def _alone(part: _Part, dialect: Dialect) -> Spelled:
    """A change of one row, to be run for many."""
    table = table_of(part[1])
    bound = {name: bindparam(f"w_{name}", type_=table.c[name].type) for name in _given(part)}
    if part[0] == INSERT:
        statement: Any = insert(table).values({**bound, "organization_id": TENANT})
        return spell(statement, dialect)
    return spell(_change(part, bound), dialect)


@lru_cache(maxsize=512)
def _together(parts: tuple[tuple[_Part, frozenset[str] | None], ...], dialect: Dialect) -> Spelled:
    """All parts as one statement, which tells how many rows each of them met.

    Each part comes with the columns that its rows have values of their own in. Those come as one
    JSON text: an array for each column costs several times as much to put together.
    """
    counts = []
    for number, (part, each_own) in enumerate(parts):
        columns = table_of(part[1]).c
        sources: dict[str, Any] = {
            name: bindparam(f"w{number}_{name}", type_=columns[name].type) for name in _given(part)
        }
        if each_own is not None:
            own = [name for name in _given(part) if name in each_own]
            told = [column(name, columns[name].type) for name in own]
            text = cast(bindparam(f"r{number}", type_=Text), JSON)
            rows = func.json_to_recordset(text).table_valued(*told, name=f"r{number}")
            derived = rows.render_derived(with_types=True)
            sources |= {name: derived.c[name] for name in own}
        change = _change(part, sources).returning(columns.organization_id).cte(f"w{number}")
        counts.append(select(func.count()).select_from(change).scalar_subquery())
    return spell(select(*counts), dialect)


def _change(part: _Part, sources: Mapping[str, Any]) -> Any:
    kind, model, names = part
    table = table_of(model)
    if kind == INSERT:
        source = select(cast(TENANT, BigInteger), *(sources[name] for name in names))
        return insert(table).from_select(["organization_id", *names], source)
    return (
        update(table)
        .where(
            table.c.organization_id == TENANT,
            table.c.id == sources["id"],
            table.c.version == sources["version"],
        )
        .values({name: sources[name] for name in names} | {"version": table.c.version + 1})
    )


async def take_ids(driver: Driver, wanted: Sequence[tuple[Any, int]]) -> list[list[int]]:
    """Ids for so many new rows of each model, in rising order."""
    counts = {table_of(model).name: count for model, count in wanted if count}
    taken: dict[str, list[int]] = {table_of(model).name: [] for model, _ in wanted}
    if counts and driver.on_postgresql:
        tables = tuple(counts)
        values = {f"n{at}": counts[table] for at, table in enumerate(tables)}
        for at, value in await driver.fetch(_from_sequences(tables, driver.dialect), values):
            taken[tables[at]].append(value)
    elif counts:
        # Whoever writes to SQLite is alone: the numbers that follow are theirs.
        last: dict[str, int] = {row[0]: row[1] for row in await driver.fetch(_LAST_IDS, {})}
        for table, count in counts.items():
            first = last.get(table, 0) + 1
            taken[table] += range(first, first + count)
    return [sorted(ids) for ids in taken.values()]


def next_ids(model: Any, count: str) -> Any:
    """Ids of a model's sequence on PostgreSQL as one value, as many as the value `count` says."""
    taken = select(func.nextval(f"{table_of(model).name}_id_seq")).select_from(
        func.generate_series(1, bindparam(count, type_=BigInteger))
    )
    return func.array(taken.scalar_subquery())


_LAST_IDS = Spelled("SELECT name, seq FROM sqlite_sequence", (), {})


@cache
def _from_sequences(tables: tuple[str, ...], dialect: Dialect) -> Spelled:
    parts = [
        select(literal_column(str(at)), func.nextval(f"{table}_id_seq")).select_from(
            func.generate_series(1, bindparam(f"n{at}", type_=BigInteger))
        )
        for at, table in enumerate(tables)
    ]
    return spell(union_all(*parts), dialect)
