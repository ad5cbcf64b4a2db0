"""Which statements a tenant's session can bind to its tenant, and which it must refuse.

SQLAlchemy adds the tenant's criteria to the ORM entities that a statement names. Whatever reaches
a table by another way goes unbound: SQL text, bare tables and their aliases, plain joins, a
further table of an UPDATE, a window that is all a statement selects. Those are refused here, in
every SELECT of the statement, however deep it lies.
"""

from collections.abc import Iterator
from typing import Any, cast

from sqlalchemy import Column, FromClause, Join, Table, TextClause
from sqlalchemy.sql import visitors
from sqlalchemy.sql.dml import Delete, Insert, Update, UpdateBase
from sqlalchemy.sql.elements import ClauseElement, ColumnClause
from sqlalchemy.sql.selectable import CompoundSelect, FromClauseAlias, Select, TableClause

# ruff: noqa: SLF001 - the marks by which the ORM knows its own have no public name

Bindable = Select[Any] | CompoundSelect[Any] | Update | Delete

#: Structures of statements that were read and found fit. SQLAlchemy's cache key tells statements
#: apart by all but their values, so reading each structure once is enough, and reading is dear.
_found_fit: set[Any] = set()
_REMEMBERED = 5_000


class UnscopedStatement(RuntimeError):
    """A statement that the session cannot bind to its tenant. Always a mistake in our code."""


def refuse_unbindable(statement: object) -> None:
    """Raise `UnscopedStatement` unless every table is reached through an ORM entity."""
    if not isinstance(statement, Select | CompoundSelect | Update | Delete):
        raise UnscopedStatement(f"{type(statement).__name__} cannot be bound to a tenant")
    cache_key = statement._generate_cache_key()
    structure = cache_key.key if cache_key is not None else None
    if structure is not None and structure in _found_fit:
        return
    unread: list[ClauseElement] = [statement]
    while unread:
        unread += _read(unread.pop())
    if structure is not None:
        if len(_found_fit) >= _REMEMBERED:
            _found_fit.clear()
        _found_fit.add(structure)


def _read(statement: ClauseElement) -> list[ClauseElement]:
    """Check one statement; the statements within it, which are still to be checked."""
    within: list[ClauseElement] = []
    entities: set[str] = set()
    bare: set[str] = set()
    _refuse_fixed_text(statement)
    for part in _parts(statement):
        if isinstance(part, Select | CompoundSelect):
            within.append(part)
            continue
        if isinstance(part, UpdateBase):
            raise UnscopedStatement("a change within another statement escapes its tenant")
        refuse_text(part)
        source = _source_of(part)
        if source is not None:
            (entities if _is_entity(part) else bare).add(source.name)
    if bare - entities:
        raise UnscopedStatement(f"the bare table {min(bare - entities)} escapes its tenant")
    if isinstance(statement, Select) and (entities and not _is_orm(statement)):
        raise UnscopedStatement(f"{min(entities)} is read past the ORM and escapes its tenant")
    if isinstance(statement, Update | Delete):
        _refuse_further_tables(statement, entities)
    return within


def refuse_text(part: object) -> None:
    """Raise `UnscopedStatement` for SQL that was written as text: nobody knows what it reads."""
    worded = isinstance(part, ColumnClause) and part.is_literal and part.name != "*"
    if isinstance(part, TextClause) or worded:
        raise UnscopedStatement("SQL text escapes its tenant")
    if isinstance(part, TableClause) and not isinstance(part, Table):
        raise UnscopedStatement(f"the table {part.name}, by its bare name, escapes its tenant")


def _refuse_fixed_text(statement: ClauseElement) -> None:
    for place in ("_prefixes", "_suffixes", "_hints", "_statement_hints"):
        if getattr(statement, place, None):
            raise UnscopedStatement("SQL text before, after or beside a statement is not read")


def _source_of(part: ClauseElement) -> Table | FromClauseAlias | None:
    """The table, or alias of one, that a part reaches; refused where no entity can stand for it."""
    if isinstance(part, Join):
        raise UnscopedStatement("a plain join escapes its tenant: say select().join()")
    if isinstance(part, Column) and _is_table(part.table):
        if not _is_entity(part):
            raise UnscopedStatement(f"a bare column of {part.table.name} escapes its tenant")
        return part.table
    return cast("Table", part) if _is_table(part) else None


def _is_table(part: object) -> bool:
    return isinstance(part, Table) or (
        isinstance(part, FromClauseAlias) and isinstance(part.element, Table)
    )


def _refuse_further_tables(statement: Update | Delete, entities: set[str]) -> None:
    target = getattr(statement.table, "name", None)
    if entities - {target}:
        raise UnscopedStatement(
            f"{min(entities - {target})} in a change of {target} escapes its tenant: use a subquery"
        )
    values = getattr(statement, "_values", None) or {}
    if any(getattr(column, "key", column) == "organization_id" for column in values):
        raise UnscopedStatement("a row stays with its organization")


def _parts(statement: ClauseElement) -> Iterator[ClauseElement]:
    """All that a statement is made of, down to the statements within it and not into them."""
    unread = list(statement.get_children())
    while unread:
        part: Any = unread.pop()
        yield part
        nested = isinstance(part, Select | CompoundSelect | UpdateBase)
        if not nested and not _is_table(part):
            unread += part.get_children()


def _is_entity(part: ClauseElement) -> bool:
    return "parententity" in part._annotations


def _is_orm(statement: Select[Any]) -> bool:
    return statement._propagate_attrs.get("compile_state_plugin") == "orm"


def tables_below(statement: Select[Any]) -> list[Table]:
    """The tenant tables that a Core select reads, all of them in its FROM.

    Raises `UnscopedStatement` for text, for a table without a tenant, and for any query within.
    """
    if not isinstance(statement, Select):
        raise UnscopedStatement(f"{type(statement).__name__} cannot be bound to a tenant")
    _refuse_fixed_text(statement)
    tables: set[Table] = set()
    for part in visitors.iterate(statement):
        refuse_text(part)
        if part is not statement and isinstance(part, Select | CompoundSelect | UpdateBase):
            raise UnscopedStatement("a query within another cannot be read below the ORM")
        if isinstance(part, FromClause) and not isinstance(part, Table | Join):
            raise UnscopedStatement("only plain tables and joins can be read below the ORM")
    for source in statement.get_final_froms():
        tables |= {part for part in visitors.iterate(source) if isinstance(part, Table)}
    for table in tables:
        if "organization_id" not in table.columns:
            raise UnscopedStatement(f"{table} has no tenant")
    return sorted(tables, key=lambda table: table.name)


def refuse_insert_below(statement: Insert) -> None:
    """Raise `UnscopedStatement` for an INSERT of anything but plain rows of a tenant's table."""
    table: Any = statement.table
    if "organization_id" not in table.c or statement.select is not None:
        raise UnscopedStatement("only plain rows of a tenant table can be inserted below")
    for part in visitors.iterate(statement):
        refuse_text(part)
