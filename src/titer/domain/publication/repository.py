"""All queries about what clients see. Each is narrowed to the client, where the key is a client's.

Lists are cut into numbered pages, newest first: a test that is registered while somebody walks
through them would push every later test on, and a page would show again what the one before it
showed. So a walk has a fixed beginning. Page 1 is always the newest; when there are further pages
it notes, for its key and the list as it is narrowed, the newest id that was there; further pages
count from that id on, until the key asks for page 1 again.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, delete, func, or_, select

from titer.domain.commerce.models import Order, Product, Sku
from titer.domain.publication.models import Walk
from titer.domain.publication.rules import Stage
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


class Walks(Records[Walk]):
    model = Walk

    async def beginning(self, window: Numbered) -> Walk | None:
        """Where the walk began that the page belongs to; None on page 1."""
        if window.page == 1:
            return None
        return await self.one(*self._of(window))

    async def begin(self, window: Numbered, newest_id: int) -> None:
        """Note where a walk begins, and forget those that are long over."""
        over = self.session.now - _WALK_LASTS
        await self.session.execute(
            delete(Walk)
            .where(Walk.key_id == window.key_id, Walk.began_at < over)
            .execution_options(synchronize_session=False)
        )
        walk = await self.one(*self._of(window))
        if walk is None:
            walk = Walk(key_id=window.key_id, list=window.list)
            self.session.add(walk)
        walk.newest_id, walk.began_at = newest_id, self.session.now
        await self.session.flush()

    def _of(self, window: Numbered) -> tuple[ColumnElement[bool], ...]:
        return Walk.key_id == window.key_id, Walk.list == window.list


class Publications:
    """What one client sees, or with no client named the organization itself."""

    def __init__(self, session: TenantSession, client_id: int | None) -> None:
        self.session = session
        self.client_id = client_id

    async def tests(self, window: Numbered, wanted: TestFilter) -> Slice[tuple[SampleTest, Sample]]:
        """A page of tests with their samples, newest first by id."""
        conditions = [*self._own(Sample.client_id), *_conditions(wanted)]
        walk = await Walks(self.session).beginning(window)
        if walk is not None and wanted.status is Stage.PUBLISHED:
            # Of older tests too some are published while the walk goes on.
            conditions.append(Sample.reported_at <= walk.began_at)
        statement = _tests().where(*conditions).order_by(SampleTest.id.desc())
        return await self._page(statement, SampleTest.id, window, walk)

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
        statement = select(Order).where(*conditions).order_by(Order.id.desc())
        return (await self._walked(statement, Order.id, window)).map(lambda row: row[0])

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
        statement = select(Product).where(*conditions)
        statement = statement.order_by(func.lower(Product.name), Product.id)
        return (await self._walked(statement, Product.id, window)).map(lambda row: row[0])

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
        statement = _skus().where(*conditions).order_by(func.lower(Sku.name), Sku.id)
        return await self._walked(statement, Sku.id, window)

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

    async def _walked(self, statement: Any, key: Any, window: Numbered) -> Slice[Any]:
        walk = await Walks(self.session).beginning(window)
        return await self._page(statement, key, window, walk)

    async def _page(
        self, statement: Any, key: Any, window: Numbered, walk: Walk | None
    ) -> Slice[Any]:
        """The page, and on page 1 of several the beginning of a walk."""
        counted = statement if walk is None else statement.where(key <= walk.newest_id)
        counted = counted.offset((window.page - 1) * window.per_page).limit(window.per_page + 1)
        found = cut((await self.session.execute(counted)).all(), window.per_page)
        if window.page == 1 and found.has_more:
            columns = statement.with_only_columns(func.max(key)).order_by(None)
            newest_id = (await self.session.execute(columns)).scalar_one()
            await Walks(self.session).begin(window, newest_id)
        return found


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
