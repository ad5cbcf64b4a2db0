"""Rows read and written below the ORM, for hot routes: drawn, changed in memory, written at once.

A drawn row is an ordinary instance of its model that no session holds: rules and services cannot
tell the difference, and SQLAlchemy's own attributes remember what it was before. What has changed
is written in as few statements as the database allows: on PostgreSQL all of it in one, each change
a part of a WITH; on SQLite one after the other, where a statement costs no round trip.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache, lru_cache
from typing import Any

from sqlalchemy import (
    ARRAY,
    JSON,
    BigInteger,
    Dialect,
    Table,
    Text,
    TypeDecorator,
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
from sqlalchemy.dialects.postgresql import JSONB
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
            parts.append((INSERT, model, tuple(sorted({name for new in news for name in new}))))
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
        told: list[tuple[_Part, frozenset[str]]] = []
        for number, (part, of_part) in enumerate(zip(parts, rows, strict=True)):
            columns = {name: [row.get(name) for row in of_part] for name in _given(part)}
            alike = _alike(part, columns) if len(of_part) >= _MANY else frozenset()
            for name, each in columns.items():
                values[f"w{number}_{name}"] = each[0] if name in alike else each
            told.append((part, alike))
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


#: From so many new rows on, what all of them say alike is said once: an array costs something for
#: each of its items, and a further form of the statement costs once.
_MANY = 50
#: What is the same if it is equal; 1.0 and 1.00 are not, to a decimal.
_PLAIN = (str, int, datetime, type(None))


def _alike(part: _Part, columns: Mapping[str, Sequence[Any]]) -> frozenset[str]:
    """The columns of new rows in which all of them have the same value."""
    if part[0] != INSERT:
        return frozenset()
    found = [name for name, values in columns.items() if _is_one(values)]
    return frozenset(found if len(found) < len(columns) else found[1:])


def _is_one(values: Sequence[Any]) -> bool:
    first = values[0]
    plain = isinstance(first, _PLAIN) or first == {}
    return plain and values.count(first) == len(values)


@lru_cache(maxsize=512)
def _alone(part: _Part, dialect: Dialect) -> Spelled:
    """A change of one row, to be run for many."""
    kind, model, names = part
    table = table_of(model)
    bound = {name: bindparam(f"w_{name}", type_=table.c[name].type) for name in _given(part)}
    if kind == INSERT:
        statement: Any = insert(table).values({**bound, "organization_id": TENANT})
        return spell(statement, dialect)
    statement = (
        update(table)
        .where(
            table.c.organization_id == TENANT,
            table.c.id == bound["id"],
            table.c.version == bound["version"],
        )
        .values({name: bound[name] for name in names} | {"version": table.c.version + 1})
    )
    return spell(statement, dialect)


@lru_cache(maxsize=512)
def _together(parts: tuple[tuple[_Part, frozenset[str]], ...], dialect: Dialect) -> Spelled:
    """All parts as one statement, which tells how many rows each of them met.

    Each part comes with those of its columns that have one value for all rows.
    """
    counts = []
    for number, (part, alike) in enumerate(parts):
        kind, model, names = part
        table = table_of(model)
        types = {name: _array_type(table.c[name].type) for name in _given(part)}
        own = [name for name in types if name not in alike]
        arrays = [bindparam(f"w{number}_{name}", type_=ARRAY(types[name])) for name in own]
        told = [column(name, types[name]) for name in own]
        rows = func.unnest(*arrays).table_valued(*told, name=f"r{number}").render_derived()
        sources: dict[str, Any] = {name: rows.c[name] for name in own}
        for name in alike:
            sources[name] = bindparam(f"w{number}_{name}", type_=types[name])
        values = {name: _stored(sources[name], table.c[name].type) for name in names}
        if kind == UPDATE:
            change: Any = (
                update(table)
                .where(
                    table.c.organization_id == TENANT,
                    table.c.id == rows.c.id,
                    table.c.version == rows.c.version,
                )
                .values(values | {"version": table.c.version + 1})
            )
        else:
            source = select(cast(TENANT, BigInteger), *values.values())
            change = insert(table).from_select(["organization_id", *names], source)
        written = change.returning(table.c.organization_id).cte(f"w{number}")
        counts.append(select(func.count()).select_from(written).scalar_subquery())
    return spell(select(*counts), dialect)


class _JsonText(TypeDecorator[Any]):
    """JSON on its way into an array, which is cast when it is taken out again."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        return None if value is None else json.dumps(value)


def _array_type(kind: Any) -> Any:
    return _JsonText() if isinstance(kind, JSON) else kind


def _stored(value: Any, kind: Any) -> Any:
    return cast(value, JSONB) if isinstance(kind, JSON) else value


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
