"""Five fences, three of them here: no statement runs without its tenant.

1. A repository is built from a `TenantSession`, which is built from a `Tenant`, which only
   authentication and the command line mint.
2. The session adds the tenant to every ORM statement, stamps new rows and refuses foreign ones.
3. What it cannot scope, it refuses: plain SQL text, Core tables, ORM inserts, bulk mappings, raw
   connections. SQLAlchemy's own recipe lets all of these through.

The fourth (composite keys) and the fifth (row-level security) live in the migrations.

It also holds the books of the audit trail: a change to a table that owes the trail an event, and
has not written one by the time of the commit, is refused.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from sqlalchemy import Dialect, bindparam, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import (
    ORMExecuteState,
    Session,
    UOWTransaction,
    with_loader_criteria,
)
from sqlalchemy.orm.attributes import flag_modified
from sqlalchemy.orm.util import identity_key
from sqlalchemy.sql.dml import Insert, UpdateBase
from sqlalchemy.sql.selectable import Select

from titer.kit import strokes
from titer.kit.changes import Change, Keeper, Label
from titer.kit.db.driver import Driver, Row
from titer.kit.fence import (
    UnscopedStatement,
    refuse_insert_below,
    refuse_unbindable,
    tables_below,
)
from titer.kit.owned import Base, TenantKeyed, TenantOwned, TenantRoot, Versioned
from titer.kit.prepared import (
    CLIENT_NAME,
    KEY_NAME,
    TENANT,
    TENANT_NAME,
    Lookup,
    Prepared,
    Spelled,
    spell,
)

# ruff: noqa: TID251 - the one module that makes sessions


class ForeignRow(RuntimeError):
    """A row of another organization was about to be written. Always a mistake in our code."""


R = TypeVar("R", bound="TenantOwned")


class UnauditedChange(RuntimeError):
    """A change was about to be committed without its audit event. Always a mistake in our code."""


@dataclass(frozen=True, slots=True)
class Tenant:
    """An organization that somebody has proved to act for."""

    organization_id: int
    #: What whoever found the organization learned of it on the way.
    known: object = None
    #: For which of its clients alone, if for one.
    client_id: int | None = None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a key, a person signed in, or the command line. It signs the audit trail."""

    kind: str
    label: str
    user_id: int | None = None
    key_id: int | None = None
    request_id: str | None = None


class Opening(Protocol):
    """How a caller is found together with what they ask for."""

    @property
    def lookup(self) -> Lookup: ...

    @property
    def values(self) -> Mapping[str, Any]:
        """What the look-up is given."""
        ...

    def admit(self, found: Row | None) -> tuple[Tenant, Actor]:
        """Who it is that the look-up found. Raises `Unauthenticated`, `Denied`."""
        ...


class _FencedSession(Session):
    """The synchronous session below a `TenantSession`; it carries the tenant in `info`."""

    def get_bind(self, *_: Any, **__: Any) -> Any:
        fence = _fence_of(self)
        if fence.glances:
            raise UnscopedStatement("a glance is bound to no tenant between two statements")
        return fence.driver.connection().sync_connection

    def connection(self, *args: Any, **kwargs: Any) -> Any:
        raise UnscopedStatement("a raw connection knows no tenant")

    def bulk_insert_mappings(self, *args: Any, **kwargs: Any) -> None:
        raise UnscopedStatement("bulk mappings know no tenant")

    def bulk_update_mappings(self, *args: Any, **kwargs: Any) -> None:
        raise UnscopedStatement("bulk mappings know no tenant")

    def bulk_save_objects(self, *args: Any, **kwargs: Any) -> None:
        raise UnscopedStatement("bulk saves skip the fence before the flush")


class TenantSession(AsyncSession):
    """A session for one tenant, for life, inside one transaction that somebody else commits."""

    sync_session_class = _FencedSession

    def __init__(
        self,
        driver: Driver,
        tenant: Tenant | None,
        actor: Actor | None,
        now: datetime,
        keeper: "Keeper | None" = None,
    ) -> None:
        super().__init__(expire_on_commit=False, autoflush=False)
        #: The instant of this transaction: every stamp it writes is the same.
        self.now = now
        self.driver = driver
        self._tenant = tenant
        self._actor = actor
        self._opening: Opening | None = None
        #: Whether the opening stands for each statement, or for the first of a transaction.
        self._glances = False
        self._at_entry: list[Callable[[Tenant], None]] = []
        self._keeper = keeper
        self._changes: list[Change] = []
        self._labels: dict[int, Label] = {}
        self._owing: set[str] = set()
        self._drawn: dict[tuple[type[Any], int], Any] = {}
        self._strokes = strokes.Strokes()
        self.sync_session.info["fence"] = self

    @classmethod
    def opened_by(
        cls,
        opening: Opening,
        driver: Driver,
        now: datetime,
        keeper: "Keeper | None" = None,
        *,
        glances: bool = False,
    ) -> "TenantSession":
        """A session that finds its caller with the first statement it runs.

        One that glances has no transaction around it, and finds them with each.
        """
        session = cls(driver, None, None, now, keeper)
        session._opening = opening
        session._glances = glances
        return session

    async def leave(self) -> None:
        """Forget everything; what was not committed is rolled back by whoever began it."""
        if self.sync_session.in_transaction():
            await self.close()

    @property
    def tenant(self) -> Tenant:
        """Whose session this is, for life: rows of another would meet its identity map."""
        if self._tenant is None:
            raise UnscopedStatement("nobody has been found yet whose session this would be")
        return self._tenant

    @property
    def actor(self) -> Actor:
        if self._actor is None:
            raise UnscopedStatement("nobody has been found yet who would act here")
        return self._actor

    @actor.setter
    def actor(self, actor: Actor) -> None:
        self._actor = actor

    @property
    def on_postgresql(self) -> bool:
        return self.driver.on_postgresql

    @property
    def glances(self) -> bool:
        """Whether there is no transaction, and each statement finds the caller for itself."""
        return self._glances

    async def open(self) -> None:
        """Find the caller, if no statement has found them yet. Raises as their face does."""
        if self._opening is not None and self._tenant is None:
            lookup = self._opening.lookup
            rows = await self.driver.fetch(lookup.alone(self.driver.dialect), self._opening.values)
            self._admit(rows[0] if rows else None)

    def _admit(self, row: Row | None) -> None:
        assert self._opening is not None
        found = None if row is None else self._opening.lookup.read(row, self.driver.dialect)
        self._tenant, self._actor = self._opening.admit(found)
        if not self._glances:
            self._opening = None  # row-level security is bound until the commit
        checks, self._at_entry = self._at_entry, []
        for check in checks:
            check(self._tenant)

    def at_entry(self, check: Callable[[Tenant], None]) -> None:
        """Have something checked as soon as it is known whose session this is, or now."""
        if self._tenant is None:
            self._at_entry.append(check)
        else:
            check(self._tenant)

    async def fetch(self, prepared: Prepared, **values: Any) -> Sequence[Row]:
        """The rows of a prepared statement of this tenant's, as the driver gives them.

        What has been changed and not written yet is written first.
        """
        if self._strokes:
            await self._write_strokes()
        for table in prepared.changes:
            if _is_audited(table):
                self._owing.add(table)
        dialect = self.driver.dialect
        if self._opening is None or not self.on_postgresql:
            await self.open()
            values[TENANT_NAME] = self.tenant.organization_id
            values[CLIENT_NAME] = self.tenant.client_id
            values[KEY_NAME] = self.actor.key_id
            return await self.driver.fetch(prepared.on(dialect), values)
        lookup = self._opening.lookup
        rows = await self.driver.fetch(
            prepared.behind(lookup, dialect), {**values, **self._opening.values}
        )
        self._admit(rows[0] if rows else None)
        width = len(lookup.columns)
        sure = width + prepared.sure
        return [row[width:] for row in rows if row[sure] is not None]

    async def draw(
        self, prepared: Prepared, *models: type[Any], **values: Any
    ) -> list[tuple[Any, ...]]:
        """The rows of a prepared statement that begins with the columns of `models`: instances,
        each record once, and then what else the statement tells.

        Rows of a `Versioned` model may be changed: the next flush notes it, and the next statement
        or the commit writes it.
        """
        rows = await self.fetch(prepared, **values)
        told = strokes.drawn(rows, prepared, models, self.driver)
        for row in told:
            for instance in row[: len(models)]:
                if instance is not None:
                    self._drawn.setdefault((type(instance), instance.id), instance)
        return [
            (
                *(
                    None if each is None else self._drawn[type(each), each.id]
                    for each in row[: len(models)]
                ),
                *row[len(models) :],
            )
            for row in told
        ]

    async def take_ids(self, *wanted: tuple[type["TenantOwned"], int]) -> list[list[int]]:
        """Ids for so many new rows of each model, which nobody else will be given."""
        await self._be_ready()
        return await strokes.take_ids(self.driver, wanted)

    def make(self, model: type[R], verb: str = "created", **values: Any) -> R:
        """A new row, which has its id already, to be written below the ORM with the next
        statement; `verb` says in the laboratory's words what that will have done."""
        kind: type[Any] = model
        if issubclass(kind, Versioned):
            values |= {"created_at": self.now, "updated_at": self.now, "version": 1}
        values["organization_id"] = self.tenant.organization_id
        row, columns = strokes.made(model, values)
        if model.__audited__:
            self._changes.append(Change.of_made(row, verb, columns))
        del columns["organization_id"]
        self._strokes.insert(model, [columns])
        made: R = row
        return made

    def enter_rows(self, model: type["TenantKeyed"], rows: Sequence[Mapping[str, Any]]) -> None:
        """The same of plain rows, of a table that owes the audit trail nothing."""
        if model.__audited__:
            raise UnauditedChange(f"{model.__tablename__} owes the trail an event for each row")
        if issubclass(model, Versioned):
            stamps = {"created_at": self.now, "updated_at": self.now, "version": 1}
            rows = [{**row, **stamps} for row in rows]
        if rows:
            self._strokes.insert(model, rows)

    async def flush(self, objects: Sequence[Any] | None = None) -> None:
        """Note what has changed on drawn rows, and write what the ORM holds."""
        changed = [row for row in self._drawn.values() if strokes.is_changed(row)]
        if any(self._strokes.holds(row) for row in changed):
            await self._write_strokes()
        for row in changed:
            self._note_drawn(row)
        waiting = self.sync_session
        if waiting.new or waiting.dirty or waiting.deleted:
            await self._write_strokes()
            await super().flush(objects)

    def _note_drawn(self, row: Any) -> None:
        """Stamp a drawn row that has changed, and keep the change for the trail."""
        if not isinstance(row, Versioned):
            raise ForeignRow(f"{type(row).__name__} was drawn to be read")
        row.updated_at = self.now
        before = strokes.before_of(row)
        columns = strokes.changed_columns(row)
        row.version += 1
        self._strokes.update(row, columns)
        strokes.settle(row)
        assert isinstance(row, TenantOwned)
        if row.organization_id != self.tenant.organization_id:
            raise ForeignRow(f"{type(row).__name__} of another organization")
        if row.__audited__:
            label = self._labels.pop(id(row), None) or Label(row, "changed")
            self._changes.append(Change.of_drawn(label, before))

    async def _be_ready(self) -> None:
        """What comes before every statement that does not find the caller itself."""
        if self._tenant is None:
            await self.open()
        await self._write_strokes()

    async def _write_strokes(self) -> None:
        if not self._strokes:
            return
        organization_id = self.tenant.organization_id
        for row in self._strokes.updated():
            # Should the ORM have the same record, it is to look again.
            known = identity_key(type(row), (organization_id, row.id))
            twin = self.sync_session.identity_map.get(known)
            if twin is not None:
                self.sync_session.expire(twin)
        await self._strokes.write(self.driver, organization_id)

    def forget(self, row: "TenantOwned") -> None:
        """The ORM changes a record: what was drawn of it is no longer true."""
        self._drawn.pop((type(row), row.id), None)

    if not TYPE_CHECKING:  # their types are SQLAlchemy's

        async def execute(self, *arguments: Any, **words: Any) -> Any:
            await self._be_ready()
            return await super().execute(*arguments, **words)

        async def scalar(self, *arguments: Any, **words: Any) -> Any:
            await self._be_ready()
            return await super().scalar(*arguments, **words)

    def label(
        self,
        row: TenantOwned | TenantRoot,
        verb: str,
        reason: str | None = None,
        beside: Mapping[str, tuple[Any, Any]] | None = None,
    ) -> None:
        """Say in the laboratory's words what the next flush of `row` will have done, and why.

        `beside` names what is the record's but lies in another table: before and after, by field.
        """
        self._labels[id(row)] = Label(row, verb, reason, beside or {})

    def touch(self, row: "Versioned") -> None:
        """Count a change of what belongs to `row` as a change of it: its version moves on."""
        if row.updated_at == self.now:
            flag_modified(row, "updated_at")
        row.updated_at = self.now

    def collect(self, row: TenantOwned | TenantRoot, default_verb: str) -> None:
        """Keep a change, as it is about to be flushed, for the audit trail."""
        label = self._labels.pop(id(row), None) or Label(row, default_verb)
        self._changes.append(Change.of(label))

    def account(self, changes: Sequence["Change"], table: str) -> None:
        """Hand over the changes that a statement made to `table` past the unit of work."""
        self._changes.extend(changes)
        self._owing.discard(table)

    def note_changed(self, owner: type[Base]) -> None:
        """A statement has changed rows of `owner`: somebody must account for it."""
        if getattr(owner, "__audited__", False):
            self._owing.add(str(owner.__tablename__))

    async def settle(self) -> None:
        """Write what is left, and the audit trail; refuse a change that nobody accounts for."""
        await self.flush()
        if self._owing:
            raise UnauditedChange(f"nobody accounts for a change to {sorted(self._owing)}")
        changes, self._changes = self._changes, []
        if changes and self._keeper is None:
            raise UnauditedChange("nobody keeps the audit trail of this session")
        if changes and self._keeper is not None:
            self._keeper.tell(self, changes)
        await self._write_strokes()
        if changes and self._keeper is not None:
            await self._keeper.told(self)
            await self._write_strokes()

    async def below(
        self, statement: Select[Any] | Insert, rows: Sequence[Mapping[str, Any]] | None = None
    ) -> Any:
        """Run a Core statement below the ORM: the one way there, for hot reads and bulk inserts.

        The tenant is taken from this session: a predicate is added for each tenant table that a
        select reads, and each inserted row is stamped. Nothing else is let through.
        """
        await self._be_ready()
        organization_id = self.tenant.organization_id
        connection = self.driver.connection()
        if isinstance(statement, Insert):
            refuse_insert_below(statement)
            stamped = [{**row, "organization_id": organization_id} for row in rows or ()]
            return await connection.execute(statement, stamped)
        for table in tables_below(statement):
            statement = statement.where(table.c.organization_id == organization_id)
        return await connection.execute(statement)

    async def insert_unless_taken(self, owner: type[TenantKeyed], **row: Any) -> bool:
        """Insert a row of the tenant's unless its key is taken; whether it was inserted."""
        await self._be_ready()
        spelled = _unless_taken(owner, tuple(sorted(row)), self.driver.dialect)
        values = {f"w_{name}": value for name, value in row.items()}
        values[TENANT_NAME] = self.tenant.organization_id
        return bool(await self.driver.fetch(spelled, values))


@lru_cache(maxsize=64)
def _unless_taken(owner: Any, names: tuple[str, ...], dialect: Dialect) -> Spelled:
    table = strokes.table_of(owner)
    insert = postgresql.insert if dialect.name == "postgresql" else sqlite.insert
    values = {name: bindparam(f"w_{name}", type_=table.c[name].type) for name in names}
    statement = insert(table).values({**values, "organization_id": TENANT})
    return spell(statement.on_conflict_do_nothing().returning(table.c.organization_id), dialect)


@cache
def _is_audited(table: str) -> bool:
    """Whether changes of the table owe the trail an event."""
    owners = [each.class_ for each in Base.registry.mappers]
    return any(
        each.__tablename__ == table and getattr(each, "__audited__", False) for each in owners
    )


def _fence_of(session: Session) -> TenantSession:
    fence = session.info.get("fence")
    if not isinstance(fence, TenantSession):
        raise UnscopedStatement("a session without a tenant")
    return fence


@event.listens_for(_FencedSession, "do_orm_execute")
def _scope(state: ORMExecuteState) -> None:
    fence = _fence_of(state.session)
    statement = state.statement
    refuse_unbindable(statement)
    if isinstance(statement, UpdateBase):
        fence.note_changed(_owner_changed_by(state))
    organization_id = fence.tenant.organization_id
    state.statement = statement.options(
        with_loader_criteria(
            TenantKeyed,
            lambda owner: owner.organization_id == organization_id,
            include_aliases=True,
        ),
        with_loader_criteria(
            TenantRoot, lambda owner: owner.id == organization_id, include_aliases=True
        ),
    )


def _owner_changed_by(state: ORMExecuteState) -> type[Any]:
    """Whose rows a bulk UPDATE or DELETE changes. Refused where they are no tenant's."""
    mapper = state.bind_mapper if state.is_orm_statement else None
    if mapper is None or not isinstance(state.parameters, dict | None):
        raise UnscopedStatement("an UPDATE by primary key, or of a bare table, escapes its tenant")
    owner: type[Any] = mapper.class_
    if not issubclass(owner, TenantKeyed | TenantRoot):
        raise UnscopedStatement(f"{owner.__name__} belongs to no tenant: a tenant cannot change it")
    return owner


@event.listens_for(_FencedSession, "before_flush")
def _stamp(session: Session, _context: UOWTransaction, _instances: object) -> None:
    fence = _fence_of(session)
    for row in session.new:
        if isinstance(row, TenantKeyed) and getattr(row, "organization_id", None) is None:
            row.organization_id = fence.tenant.organization_id
        if isinstance(row, Versioned):
            row.created_at = row.updated_at = fence.now
        _admit(fence, row, "created")
    for row in session.dirty:
        if session.is_modified(row):
            if isinstance(row, Versioned):
                row.updated_at = fence.now
            if isinstance(row, TenantOwned):
                fence.forget(row)
            _admit(fence, row, "changed")
    for row in session.deleted:
        _admit(fence, row, "deleted")


def _admit(fence: TenantSession, row: object, verb: str) -> None:
    owner = row.id if isinstance(row, TenantRoot) else getattr(row, "organization_id", None)
    if owner != fence.tenant.organization_id:
        raise ForeignRow(f"{type(row).__name__} of another organization")
    if isinstance(row, TenantOwned | TenantRoot) and row.__audited__:
        fence.collect(row, verb)
