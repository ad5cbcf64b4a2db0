"""Which statements a tenant's session can bind to its tenant, and which it must refuse.

SQLAlchemy adds the tenant's criteria to the ORM entities that a statement names. Whatever reaches
a table by another way goes unbound: SQL text, bare tables and their aliases, plain joins, a
further table of an UPDATE, a window that is all a statement selects. Those are refused here, in
every SELECT of the statement, however deep it lies.
"""

from collections.abc import Iterator
from typing import Any, cast

from sqlalchemy import BinaryExpression, BindParameter, Column, FromClause, Join, Table, TextClause
from sqlalchemy.sql import operators, visitors
from sqlalchemy.sql.dml import Delete, Insert, Update, UpdateBase
from sqlalchemy.sql.elements import BooleanClauseList, ClauseElement, ColumnClause, Grouping
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


TENANT_NAME = "tenant"
"""How a prepared statement calls the value that says whose rows it is about."""


def refuse_unless_bound(statement: Select[Any] | Update | Delete) -> frozenset[str]:
    """Raise `UnscopedStatement` unless each tenant table is held against the statement's tenant.

    A table counts as bound where the WHERE, or the ON of a join that can keep its rows out, says
    that its organization is the tenant, or that of a table which is bound. Returns the names of
    the tables that the statement changes.
    """
    if not isinstance(statement, Select | Update | Delete):
        raise UnscopedStatement(f"{type(statement).__name__} cannot be prepared")
    changed: set[str] = set()
    for part in visitors.iterate(statement):
        refuse_text(part)
        if isinstance(part, Insert):
            raise UnscopedStatement(f"{type(part).__name__} cannot be prepared")
        if isinstance(part, Select):
            _refuse_fixed_text(part)
            _Bindings.of_select(part).require()
        elif isinstance(part, Update | Delete):
            _refuse_fixed_text(part)
            _Bindings.of_change(part).require()
            changed.add(str(getattr(part.table, "name", part.table)))
            values: Any = getattr(part, "_values", None) or {}
            if any(getattr(each, "key", each) == "organization_id" for each in values):
                raise UnscopedStatement("a row stays with its organization")
    return frozenset(changed)


class _Bindings:
    """Which tables of one SELECT, UPDATE or DELETE are held against the tenant."""

    def __init__(self) -> None:
        self.tables: dict[Any, Any] = {}
        #: Two sides that are equal, and the tables that this can bind; None means any.
        self.equal: list[tuple[Any, Any, frozenset[Any] | None]] = []

    @classmethod
    def of_select(cls, statement: Select[Any]) -> "_Bindings":
        found = cls()
        for source in statement.get_final_froms():
            found.add(source)
        found.hold(statement.whereclause, None)
        return found

    @classmethod
    def of_change(cls, statement: Update | Delete) -> "_Bindings":
        found = cls()
        found.add(statement.table)
        found.hold(statement.whereclause, None)
        return found

    def add(self, source: Any) -> frozenset[Any]:
        """Take in a source of rows; the tables within it."""
        if isinstance(source, Join):
            left, right = self.add(source.left), self.add(source.right)
            # An outer join keeps the rows of its left side whatever the ON says.
            self.hold(source.onclause, right if source.isouter else None)
            if source.full:
                raise UnscopedStatement("a full join keeps rows of either side")
            return left | right
        if not _is_table(source):
            return frozenset()
        table = source if isinstance(source, Table) else source.element
        own = "id" if table.name == "organizations" else "organization_id"
        if own in source.c and (own == "organization_id" or table.name == "organizations"):
            self.tables[source] = source.c[own]
        return frozenset({source})

    def hold(self, condition: Any, only: frozenset[Any] | None) -> None:
        for part in _conjuncts(condition):
            if isinstance(part, BinaryExpression) and part.operator is operators.eq:
                self.equal.append((part.left, part.right, only))

    def require(self) -> None:
        bound: set[Any] = set()
        growing = True
        while growing:
            growing = False
            for left, right, only in self.equal:
                for one, other in ((left, right), (right, left)):
                    table = getattr(one, "table", None)
                    fit = table in self.tables and self.tables[table] is one
                    allowed = only is None or table in only
                    if fit and allowed and table not in bound and self._holds(other, bound):
                        bound.add(table)
                        growing = True
        loose = [str(getattr(table, "name", table)) for table in self.tables if table not in bound]
        if loose:
            raise UnscopedStatement(f"{min(loose)} is not held against the tenant")

    def _holds(self, side: Any, bound: set[Any]) -> bool:
        if isinstance(side, BindParameter):
            return side.key == TENANT_NAME
        table = getattr(side, "table", None)
        return table in bound and self.tables.get(table) is side


def _conjuncts(condition: Any) -> Iterator[Any]:
    if isinstance(condition, BooleanClauseList) and condition.operator is operators.and_:
        for clause in condition.clauses:
            yield from _conjuncts(clause)
    elif isinstance(condition, Grouping):
        yield from _conjuncts(condition.element)
    elif condition is not None:
        yield condition
