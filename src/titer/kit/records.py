"""The queries that every table of a tenant needs, written once."""

from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, select

from titer.kit.db.driver import Row
from titer.kit.db.types import Id
from titer.kit.errors import NotFound, PreconditionFailed
from titer.kit.owned import TenantOwned
from titer.kit.paging import Slice, Window, cut
from titer.kit.prepared import TENANT, Prepared
from titer.kit.tenancy import TenantSession

M = TypeVar("M", bound=TenantOwned)


class Records(Generic[M]):
    """The rows of one table, seen through one tenant's session."""

    model: ClassVar[Any]

    def __init__(self, session: TenantSession) -> None:
        self.session = session

    async def find(self, record_id: int) -> M | None:
        return await self.one(self.model.id == record_id)

    async def get(self, record_id: int) -> M:
        """The record. Raises `NotFound`."""
        return _present(await self.find(record_id))

    async def get_for_change(self, record_id: int, expected: int | None = None) -> M:
        """The record, locked until the commit.

        Raises `NotFound`, and `PreconditionFailed` when its version is not the one expected.
        """
        statement = self._select().where(self.model.id == record_id).with_for_update()
        record: M = _present((await self.session.scalars(statement)).one_or_none())
        require_version(record, expected)
        return record

    async def one(self, *conditions: ColumnElement[bool]) -> M | None:
        statement = self._select().where(*conditions)
        return (await self.session.scalars(statement)).one_or_none()

    async def all(self, *conditions: ColumnElement[bool]) -> Sequence[M]:
        statement = self._select().where(*conditions).order_by(self.model.id)
        return (await self.session.scalars(statement)).all()

    async def by_id(self, ids: Collection[int]) -> dict[int, M]:
        """Those of the ids that are there."""
        if not ids:
            return {}
        return {row.id: row for row in await self.all(self.model.id.in_(ids))}

    async def page(self, window: Window, *conditions: ColumnElement[bool]) -> Slice[M]:
        """A page, newest first by id, of the rows below the window's cursor."""
        statement = self._select().where(*conditions).order_by(self.model.id.desc())
        if window.after is not None:
            statement = statement.where(self.model.id < window.after)
        rows = await self.session.scalars(statement.limit(window.limit + 1))
        return cut(rows.all(), window.limit)

    async def listing(self, names: tuple[str, ...], window: Window, **equal: Any) -> Slice[Row]:
        """The same page as plain values of the columns named, of which the first is the id.

        Read below the ORM: for lists that are asked for all the time.
        """
        values = {name: value for name, value in equal.items() if value is not None}
        prepared = _listing(self.model, names, tuple(values), window.after is not None)
        if window.after is not None:
            values["after"] = window.after
        rows = await self.session.fetch(prepared, most=window.limit + 1, **values)
        return cut(rows, window.limit)

    async def values(self, names: tuple[str, ...], record_id: int) -> Row:
        """The record as plain values of the columns named. Raises `NotFound`."""
        rows = await self.session.fetch(_single(self.model, names), id=record_id)
        if not rows:
            raise NotFound
        return rows[0]

    async def add(self, record: M) -> M:
        """Write a new record, which then has its id."""
        self.session.add(record)
        await self.session.flush()
        return record

    def _select(self) -> Select[Any]:
        return select(self.model)


@lru_cache(maxsize=128)
def _single(model: Any, names: tuple[str, ...]) -> Prepared:
    columns = model.__table__.c
    return Prepared(
        select(*(columns[name] for name in names)).where(
            columns.organization_id == TENANT, columns.id == bindparam("id", type_=Id)
        )
    )


@lru_cache(maxsize=1024)
def _listing(
    model: Any,
    names: tuple[str, ...],
    equal: tuple[str, ...],
    goes_on: bool,  # noqa: FBT001 - positions are what is remembered
) -> Prepared:
    columns = model.__table__.c
    statement = (
        select(*(columns[name] for name in names))
        .where(columns.organization_id == TENANT, *equals(columns, equal))
        .order_by(columns.id.desc())
        .limit(bindparam("most", type_=Id))
    )
    if goes_on:
        statement = statement.where(columns.id < bindparam("after", type_=Id))
    return Prepared(statement)


def equals(columns: Any, names: Collection[str]) -> list[ColumnElement[bool]]:
    """That each of the columns has the value which a statement is given under its name."""
    return [columns[name] == bindparam(name, type_=columns[name].type) for name in names]


def _present(record: M | None) -> M:
    if record is None:
        raise NotFound
    return record


def require_version(record: Any, expected: int | None) -> None:
    """Raise `PreconditionFailed` unless the record is at the version expected, if any is."""
    if expected is not None and record.version != expected:
        raise PreconditionFailed(facts={"id": record.id, "current_version": record.version})
