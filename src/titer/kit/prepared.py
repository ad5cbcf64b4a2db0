"""Statements below the ORM: built once, bound to a tenant by construction, run on the driver.

A hot route pays more for building a statement, and for SQLAlchemy's way of running one, than the
database takes to answer it. So a few statements are written in SQLAlchemy Core at import, spelled
once for each database, and handed to the driver with nothing but their values.

The fence is in the building: each table that a statement reads or changes must be held against
`TENANT`, or the statement cannot be made. Its value comes from the session, never from a caller,
and so do `CLIENT` and `KEY`.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import repeat
from typing import Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    BindParameter,
    ColumnElement,
    Dialect,
    Select,
    String,
    Text,
    TypeDecorator,
    bindparam,
    column,
    func,
    literal_column,
    select,
    true,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import Delete, Update
from sqlalchemy.sql.expression import FunctionElement, TableValuedAlias

from titer.kit.db.types import ExactDecimal, Id, Instant
from titer.kit.fence import TENANT_NAME, refuse_unless_bound

__all__ = [
    "CLIENT",
    "CLIENT_NAME",
    "KEY",
    "KEY_NAME",
    "TENANT",
    "TENANT_NAME",
    "Lookup",
    "Prepared",
    "Spelled",
    "among",
    "at_most",
    "reader_of",
    "spell",
]

CLIENT_NAME, KEY_NAME = "asking_client", "asking_key"
TENANT: BindParameter[int] = bindparam(TENANT_NAME, type_=Id)
"""Whose rows a statement is about. Only the session says who that is."""
CLIENT: BindParameter[int] = bindparam(CLIENT_NAME, type_=Id)
"""Which of the tenant's clients asks; null, which nothing equals, where it is none of them."""
KEY: BindParameter[int] = bindparam(KEY_NAME, type_=Id)
"""By which key somebody asks."""
#: What a look-up of the caller calls them.
_OF_CALLER = {TENANT_NAME: "organization_id", CLIENT_NAME: "client_id", KEY_NAME: "key_id"}


class _Many(TypeDecorator[Sequence[Any]]):
    """Ids or texts as one value: an array on PostgreSQL, JSON on SQLite."""

    impl = String
    cache_ok = True

    def __init__(self, of: type[BigInteger] | type[Text]) -> None:
        super().__init__()
        self.of = of

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        kind = ARRAY(self.of) if dialect.name == "postgresql" else String()
        return dialect.type_descriptor(kind)

    def process_bind_param(self, value: Sequence[Any] | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return json.dumps(list(value))


class _Among(FunctionElement[bool]):
    inherit_cache = True


@compiles(_Among, "postgresql")
def _among_an_array(element: Any, compiler: Any, **words: Any) -> str:
    whose, ids = (compiler.process(clause, **words) for clause in element.clauses)
    return f"{whose} = ANY ({ids})"


@compiles(_Among)
def _among_json(element: Any, compiler: Any, **words: Any) -> str:
    whose, ids = (compiler.process(clause, **words) for clause in element.clauses)
    return f"{whose} IN (SELECT value FROM json_each({ids}))"  # noqa: S608 - compiled clauses


def among(whose: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column's value is one of those that the statement is given as `name`."""
    kind = Text if isinstance(whose.type, String) else BigInteger
    return _Among(whose, bindparam(name, type_=_Many(kind)))


class _AtMost(FunctionElement[int]):
    inherit_cache = False

    def __init__(self, number: int) -> None:
        self.number = number
        super().__init__()


@compiles(_AtMost)
def _number(element: Any, _compiler: Any, **_words: Any) -> str:
    return str(element.number)


def at_most(number: int) -> ColumnElement[int]:
    """A limit that a database can count on: a value that it is given later it has to guess."""
    return _AtMost(number)


@dataclass(frozen=True, slots=True)
class Spelled:
    """A statement in one database's SQL, and how its values are put in their places."""

    sql: str
    #: The values in the order of their places, each with what the driver wants done to it.
    places: tuple[tuple[str, Any], ...]
    #: Values that are part of the statement.
    fixed: Mapping[str, Any]

    def arguments(self, values: Mapping[str, Any]) -> list[Any]:
        fixed = self.fixed
        return [
            (values[name] if process is None else process(values[name]))
            if name in values
            else fixed[name]
            for name, process in self.places
        ]

    def rows(self, columns: Mapping[str, Sequence[Any]]) -> Iterator[tuple[Any, ...]]:
        """The arguments of many runs, whose values are given column by column."""
        told: list[Iterable[Any]] = []
        for name, process in self.places:
            if name not in columns:
                told.append(repeat(self.fixed[name]))
            else:
                told.append(columns[name] if process is None else map(process, columns[name]))
        return zip(*told, strict=False)


def spell(statement: Any, dialect: Dialect) -> Spelled:
    """Compile a statement for a database."""
    compiled = statement.compile(dialect=dialect)
    binds = {compiled.bind_names[bind]: bind for bind in compiled.bind_names}
    processors = {name: _processor(bind.type, dialect) for name, bind in binds.items()}
    fixed = {
        name: bind.effective_value if processors[name] is None else processors[name](bind.value)
        for name, bind in binds.items()
        if not bind.required
    }
    order = compiled.positiontup or []
    return Spelled(compiled.string, tuple((name, processors[name]) for name in order), fixed)


def _processor(kind: Any, dialect: Dialect) -> Any:
    return kind.dialect_impl(dialect).bind_processor(dialect)


class Lookup:
    """A function of the database's that finds the caller, and binds row-level security to them.

    A statement that stands behind one is answered in the same round trip: the function runs
    first, because what follows is held against what it found. SQLite has no such functions, and
    nothing to bind: there `otherwise` finds the same columns. The first is the organization's id.
    """

    def __init__(
        self, function: str, columns: Sequence[Any], otherwise: Select[*tuple[Any, ...]]
    ) -> None:
        self.columns = tuple(columns)
        self._function = function
        self._otherwise = otherwise
        self._alone: dict[str, Spelled] = {}

    def alone(self, dialect: Dialect) -> Spelled:
        known = self._alone.get(dialect.name)
        if known is None:
            caller = self._table()
            on_postgresql = dialect.name == "postgresql"
            statement = select(*caller.c) if on_postgresql else self._otherwise
            known = self._alone[dialect.name] = spell(statement, dialect)
        return known

    def before(self, statement: Select[Any]) -> Select[Any]:
        """The caller's columns, then the statement's: a row of the caller's alone finds nothing."""
        caller = self._table()

        def replace(element: Any, **_words: Any) -> Any:
            told = _OF_CALLER.get(element.key) if isinstance(element, BindParameter) else None
            # By its name alone: a query within the statement must not take `caller` for its own.
            return None if told is None else literal_column(f"caller.{told}", element.type)

        bound: Any = visitors.replacement_traverse(statement, {}, replace)
        if bound._offset_clause is None:  # noqa: SLF001 - whether one was set has no public name
            # It stays a query of its own, so that nothing of it runs before the caller is found.
            bound = bound.offset(at_most(0))
        found = bound.lateral("found")
        return select(*caller.c, *found.c).select_from(caller.outerjoin(found, true()))

    def read(self, row: Sequence[Any], dialect: Dialect) -> tuple[Any, ...]:
        """The caller's columns of a row, as Python's values."""
        readers = [reader_of(each.type, dialect) for each in self.columns]
        return tuple(
            value if read is None or value is None else read(value)
            for read, value in zip(readers, row, strict=False)
        )

    def _table(self) -> TableValuedAlias:
        told = [column(each.name, each.type) for each in self.columns]
        call = getattr(func, self._function)(bindparam("digest"))
        caller: TableValuedAlias = call.table_valued(*told, name="caller")
        return caller


@cache
def reader_of(kind: Any, dialect: Dialect) -> Any:
    """What makes Python's value of the driver's; None where they are the same."""
    if dialect.name == "postgresql" and isinstance(kind, Instant | ExactDecimal):
        return None  # the driver gives moments in UTC, and exact decimals
    return kind.dialect_impl(dialect).result_processor(dialect, None)


class Prepared:
    """A statement that names its tenant wherever it must. Raises `UnscopedStatement` if not.

    `sure` is the place of a column that is never null: it tells what stands behind a lookup from
    a row of the caller's alone.
    """

    def __init__(self, statement: Select[Any] | Update | Delete, sure: int = 0) -> None:
        #: The tables that it changes.
        self.changes = refuse_unless_bound(statement)
        self.statement = statement
        self.sure = sure
        told = statement.selected_columns if isinstance(statement, Select) else ()
        #: The types of its columns.
        self.kinds = tuple(each.type for each in told)
        self._spelled: dict[tuple[str, Lookup | None], Spelled] = {}

    def on(self, dialect: Dialect) -> Spelled:
        return self._spelled_behind(None, dialect)

    def behind(self, lookup: Lookup, dialect: Dialect) -> Spelled:
        """The same after a lookup, in one statement."""
        return self._spelled_behind(lookup, dialect)

    def _spelled_behind(self, lookup: Lookup | None, dialect: Dialect) -> Spelled:
        known = self._spelled.get((dialect.name, lookup))
        if known is None:
            statement: Any = self.statement if lookup is None else lookup.before(self.statement)  # type: ignore[arg-type]
            known = self._spelled[dialect.name, lookup] = spell(statement, dialect)
        return known
