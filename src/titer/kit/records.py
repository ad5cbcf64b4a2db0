"""The queries that every table of a tenant needs, written once."""

from collections.abc import Collection, Sequence
from typing import Any, ClassVar, Generic, TypeVar

from sqlalchemy import ColumnElement, Select, select

from titer.kit.errors import NotFound, PreconditionFailed
from titer.kit.paging import Slice, Window, cut
from titer.kit.tenancy import TenantOwned, TenantSession

M = TypeVar("M", bound=TenantOwned)


class Records(Generic[M]):
    """The rows of one table, seen through one tenant's session."""

    model: ClassVar[type[Any]]

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

    async def add(self, record: M) -> M:
        """Write a new record, which then has its id."""
        self.session.add(record)
        await self.session.flush()
        return record

    def _select(self) -> Select[Any]:
        return select(self.model)


def _present(record: M | None) -> M:
    if record is None:
        raise NotFound
    return record


def require_version(record: Any, expected: int | None) -> None:
    """Raise `PreconditionFailed` unless the record is at the version expected, if any is."""
    if expected is not None and record.version != expected:
        raise PreconditionFailed(facts={"id": record.id, "current_version": record.version})
