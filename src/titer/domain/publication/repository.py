"""All queries about what clients see. Each is narrowed to the client, where the key is a client's.

Lists are cut into numbered pages, newest first: a test that comes while somebody walks through them
would push every later one on, and a page would show again what the one before it showed. So each
page begins where the one before it ended, as it was shown to that key: a row that is there during
the whole walk is seen exactly once, whatever comes, goes, or is committed late meanwhile.

Where the pages begin is noted down for some pages ahead, and noted anew only where a page turns out
to end elsewhere: a list in which nothing has happened is read without a write.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, delete, func, literal, or_, select, tuple_

from titer.domain.commerce.models import Order, Product, Sku
from titer.domain.publication.models import Walk
from titer.domain.publication.rules import Stage, Start, Trail, look_ahead
from titer.domain.samples.models import Sample, SampleTest
from titer.domain.samples.rules import TestStatus
from titer.kit.errors import NotFound
from titer.kit.paging import Slice, cut
from titer.kit.records import Records
from titer.kit.tenancy import TenantSession

#: A walk that nobody has gone on with for so long is over.
_WALK_LASTS = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class TestFilter:
    """Which tests are wanted."""

    __test__ = False

    status: Stage | None = None
    updated_since: datetime | None = None
    order_id: int | None = None
    sku_code: str | None = None
    lot: str | None = None


@dataclass(frozen=True, slots=True)
class Numbered:
    """Which page of a list is wanted, and by whose walk."""

    page: int
    per_page: int
    key_id: int
    list: str


@dataclass(frozen=True, slots=True)
class Step:
    """Where the page after the one that was read begins, and some pages after that."""

    window: Numbered
    starts: Sequence[Start]


class Walks(Records[Walk]):
    model = Walk

    async def trail(self, window: Numbered) -> Trail:
        """Where the key's pages of the list begin, as far as that is known."""
        walk = await self.one(*self._of(window))
        return Trail() if walk is None else Trail.read(walk.first_page, walk.starts)

    async def note(self, step: Step) -> None:
        """Note where pages begin; with a walk's first page, forget walks that are long over."""
        window = step.window
        if window.page == 1:
            await self._forget(window.key_id)
        walk = await self._walk(window)
        known = Trail.read(walk.first_page, walk.starts)
        trail = known.continued(window.page + 1, step.starts)
        walk.first_page, walk.starts = trail.first, trail.spell()
        walk.noted_at = self.session.now
        await self.session.flush()

    async def _walk(self, window: Numbered) -> Walk:
        """The key's walk through the list, locked until the commit."""
        nowhere = Trail()
        await self.session.insert_unless_taken(
            Walk,
            key_id=window.key_id,
            list=window.list,
            first_page=nowhere.first,
            starts=nowhere.spell(),
            noted_at=self.session.now,
        )
        statement = select(Walk).where(*self._of(window)).with_for_update()
        return (await self.session.scalars(statement)).one()

    async def _forget(self, key_id: int) -> None:
        over = self.session.now - _WALK_LASTS
        await self.session.execute(
            delete(Walk)
            .where(Walk.key_id == key_id, Walk.noted_at < over)
            .execution_options(synchronize_session=False)
        )

    def _of(self, window: Numbered) -> tuple[ColumnElement[bool], ...]:
        return Walk.key_id == window.key_id, Walk.list == window.list


@dataclass(frozen=True, slots=True)
class _Order:
    """What a list is ordered by: columns that no two rows have in common."""

    columns: Sequence[Any]
    descending: bool = False

    def clauses(self) -> list[Any]:
        return [column.desc() if self.descending else column for column in self.columns]

    def from_on(self, start: Start) -> ColumnElement[bool]:
        """The rows that a page shows which begins at `start`, and all after them."""
        pairs = zip(self.columns, start, strict=True)
        here = tuple_(*self.columns)
        there = tuple_(*(literal(value, column.type) for column, value in pairs))
        return here <= there if self.descending else here >= there


class Publications:
    """What one client sees, or with no client named the organization itself."""

    def __init__(self, session: TenantSession, client_id: int | None) -> None:
        self.session = session
        self.client_id = client_id
        #: What must be noted, after a page was read, for the pages after it to fit.
        self.step: Step | None = None

    async def tests(self, window: Numbered, wanted: TestFilter) -> Slice[tuple[SampleTest, Sample]]:
        """A page of tests with their samples, newest first by id."""
        conditions = [*self._own(Sample.client_id), *_conditions(wanted)]
        return await self._page(_tests().where(*conditions), _NEWEST_TEST, window)

    async def test(self, test_id: int) -> tuple[SampleTest, Sample]:
        """Raises `NotFound`."""
        statement = _tests().where(SampleTest.id == test_id, *self._own(Sample.client_id))
        row = (await self.session.execute(statement)).one_or_none()
        if row is None:
            raise NotFound
        return row[0], row[1]

    async def orders(
        self, window: Numbered, *, status: str | None, updated_since: datetime | None
    ) -> Slice[Order]:
        conditions = self._own(Order.client_id)
        if status is not None:
            conditions.append(Order.status == status)
        if updated_since is not None:
            conditions.append(Order.updated_at >= updated_since)
        found = await self._page(select(Order).where(*conditions), _NEWEST_ORDER, window)
        return found.map(lambda row: row[0])

    async def order(self, order_id: int) -> Order:
        """Raises `NotFound`."""
        statement = select(Order).where(Order.id == order_id, *self._own(Order.client_id))
        return _present((await self.session.scalars(statement)).one_or_none())

    async def samples_of(self, order_id: int) -> Sequence[Sample]:
        statement = select(Sample).where(Sample.order_id == order_id).order_by(Sample.id)
        return (await self.session.scalars(statement)).all()

    async def products(self, window: Numbered, *, updated_since: datetime | None) -> Slice[Product]:
        """A page of products, by name."""
        conditions = self._own(Product.client_id)
        if updated_since is not None:
            conditions.append(Product.updated_at >= updated_since)
        found = await self._page(select(Product).where(*conditions), _PRODUCT_BY_NAME, window)
        return found.map(lambda row: row[0])

    async def product(self, product_id: int) -> Product:
        """Raises `NotFound`."""
        statement = select(Product).where(Product.id == product_id, *self._own(Product.client_id))
        return _present((await self.session.scalars(statement)).one_or_none())

    async def skus(
        self, window: Numbered, *, updated_since: datetime | None
    ) -> Slice[tuple[Sku, Product]]:
        """A page of variants with their products, by name."""
        conditions = self._own(Product.client_id)
        if updated_since is not None:
            conditions.append(Sku.updated_at >= updated_since)
        return await self._page(_skus().where(*conditions), _SKU_BY_NAME, window)

    async def sku(self, sku_id: int) -> tuple[Sku, Product]:
        """Raises `NotFound`."""
        statement = _skus().where(Sku.id == sku_id, *self._own(Product.client_id))
        row = (await self.session.execute(statement)).one_or_none()
        if row is None:
            raise NotFound
        return row[0], row[1]

    async def skus_of(self, product_id: int) -> Sequence[Sku]:
        statement = select(Sku).where(Sku.product_id == product_id).order_by(Sku.id)
        return (await self.session.scalars(statement)).all()

    async def variants(self, sku_ids: Collection[int]) -> dict[int, tuple[Sku, Product]]:
        """Variants with their products, by id."""
        if not sku_ids:
            return {}
        rows = await self.session.execute(_skus().where(Sku.id.in_(sku_ids)))
        return {sku.id: (sku, product) for sku, product in rows}

    def _own(self, client: Any) -> list[ColumnElement[bool]]:
        return [] if self.client_id is None else [client == self.client_id]

    async def _page(self, statement: Any, order: _Order, window: Numbered) -> Slice[Any]:
        """The page; what of it must be noted for the pages after it stands in `self.step`."""
        trail = await Walks(self.session).trail(window)
        nearest, start = trail.nearest(window.page)
        ordered = statement.order_by(*order.clauses())
        # Somebody who leaps to a page that no walk has come to is counted there.
        skipped = (window.page - nearest) * window.per_page
        wanted = ordered if start is None else ordered.where(order.from_on(start))
        wanted = wanted.add_columns(*order.columns).offset(skipped).limit(window.per_page + 1)
        rows = (await self.session.execute(wanted)).all()
        width = len(order.columns)
        if len(rows) > window.per_page:
            following = list(rows[-1][-width:])
            if trail.start_of(window.page + 1) != following:
                self.step = Step(window, await self._starts(ordered, order, window, following))
        return cut(rows, window.per_page).map(lambda row: row[:-width])

    async def _starts(
        self, ordered: Any, order: _Order, window: Numbered, following: Start
    ) -> list[Start]:
        """Where the pages after the window's begin, the first of them at `following`."""
        ahead = look_ahead(window.page)
        statement = ordered.with_only_columns(*order.columns).where(order.from_on(following))
        statement = statement.limit((ahead - 1) * window.per_page + 1)
        rows = (await self.session.execute(statement)).all()
        return [list(row) for row in rows[:: window.per_page]]


_NEWEST_TEST = _Order((SampleTest.id,), descending=True)
_NEWEST_ORDER = _Order((Order.id,), descending=True)
_PRODUCT_BY_NAME = _Order((func.lower(Product.name), Product.id))
_SKU_BY_NAME = _Order((func.lower(Sku.name), Sku.id))

R = TypeVar("R")


def _present(row: R | None) -> R:
    if row is None:
        raise NotFound
    return row


def _tests() -> "Select[SampleTest, Sample]":
    return select(SampleTest, Sample).join(
        Sample,
        and_(
            Sample.organization_id == SampleTest.organization_id,
            Sample.id == SampleTest.sample_id,
        ),
    )


def _skus() -> "Select[Sku, Product]":
    return select(Sku, Product).join(
        Product,
        and_(Product.organization_id == Sku.organization_id, Product.id == Sku.product_id),
    )


def _conditions(wanted: TestFilter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = []
    if wanted.status is not None:
        found += _at_stage(wanted.status)
    if wanted.updated_since is not None:
        since = wanted.updated_since
        found.append(or_(SampleTest.updated_at >= since, Sample.updated_at >= since))
    if wanted.order_id is not None:
        found.append(Sample.order_id == wanted.order_id)
    if wanted.sku_code is not None:
        coded = select(Sku.id).where(
            Sku.organization_id == Sample.organization_id, Sku.code == wanted.sku_code
        )
        found.append(Sample.sku_id.in_(coded))
    if wanted.lot is not None:
        found.append(Sample.lot == wanted.lot)
    return found


def _at_stage(stage: Stage) -> list[ColumnElement[bool]]:
    if stage is Stage.PUBLISHED:
        return [Sample.reported_at.is_not(None)]
    held: list[ColumnElement[bool]] = [Sample.reported_at.is_(None)]
    if stage is Stage.COMPLETED:
        return [*held, SampleTest.status != TestStatus.PENDING]
    started = SampleTest.entered_at
    shown = started.is_not(None) if stage is Stage.IN_PROGRESS else started.is_(None)
    return [*held, SampleTest.status == TestStatus.PENDING, shown]
