"""All queries about what clients see.

Each is narrowed to the client, where the key is a client's.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, and_, select

from titer.domain.commerce.models import Order, Product, Sku
from titer.domain.publication import statements
from titer.domain.publication.lists import Numerable, read_page
from titer.domain.publication.rules import Stage
from titer.domain.publication.statements import PublishedAnalyte, PublishedTest
from titer.domain.publication.walks import Numbered, Step
from titer.domain.samples.models import Sample
from titer.domain.samples.repository import AnalyteResults
from titer.kit.db.driver import Row
from titer.kit.errors import NotFound
from titer.kit.paging import Slice
from titer.kit.tenancy import TenantSession

__all__ = ["Publications", "PublishedAnalyte", "PublishedTest", "TestFilter"]


@dataclass(frozen=True, slots=True)
class TestFilter:
    """Which tests are wanted."""

    __test__ = False

    status: Stage | None = None
    updated_since: datetime | None = None
    order_id: int | None = None
    sku_code: str | None = None
    lot: str | None = None

    def given(self) -> dict[str, Any]:
        """What they are narrowed by, beside the stage."""
        told = {
            "updated_since": self.updated_since,
            "order_id": self.order_id,
            "sku_code": self.sku_code,
            "lot": self.lot,
        }
        return {name: value for name, value in told.items() if value is not None}


class Publications:
    """What one client sees, or where nobody is narrowed to one the organization itself."""

    def __init__(self, session: TenantSession, *, narrowed: bool) -> None:
        self.session = session
        #: Whether only what is of the session's client is seen.
        self.narrowed = narrowed
        #: What must be noted, after a page was read, for the pages after it to fit.
        self.step: Step | None = None

    async def tests(self, window: Numbered, wanted: TestFilter) -> Slice[PublishedTest]:
        """A page of tests, newest first by id."""
        given = wanted.given()
        listed = statements.tests(
            narrowed=self.narrowed,
            stage=wanted.status,
            given=(*given,),
            lately=await self._lately(wanted.updated_since),
        )
        return (await self._page(listed, window, given)).map(PublishedTest._make)

    async def _lately(self, since: datetime | None) -> bool:
        """Whether not many tests and samples have changed since."""
        if since is None:
            return False
        ((changes,),) = await self.session.fetch(statements.CHANGES, updated_since=since)
        return int(changes) < statements.MANY_CHANGES

    async def test(self, test_id: int) -> PublishedTest:
        """Raises `NotFound`."""
        rows = await self.session.fetch(statements.test(narrowed=self.narrowed), id=test_id)
        if not rows:
            raise NotFound
        return PublishedTest._make(rows[0])

    async def analytes_of_each(
        self, test_ids: Collection[int]
    ) -> dict[int, list[PublishedAnalyte]]:
        """The results of panels, in their analytes' order."""
        found = await AnalyteResults(self.session).rows_of_each(PublishedAnalyte._fields, test_ids)
        return {test_id: [*map(PublishedAnalyte._make, rows)] for test_id, rows in found.items()}

    async def fields(self) -> list[tuple[str, str]]:
        """Keys and names of the custom fields of tests, in the order in which they were defined."""
        return [(key, name) for key, name in await self.session.fetch(statements.FIELDS)]

    async def orders(
        self, window: Numbered, *, status: str | None, updated_since: datetime | None
    ) -> Slice[Row]:
        """A page of orders, newest first by id: the values of `ORDER_COLUMNS`."""
        given = _given(status=status, updated_since=updated_since)
        return await self._page(
            statements.orders(narrowed=self.narrowed, given=(*given,)), window, given
        )

    async def order(self, order_id: int) -> Order:
        """Raises `NotFound`."""
        statement = select(Order).where(Order.id == order_id, *self._own(Order.client_id))
        return _present((await self.session.scalars(statement)).one_or_none())

    async def samples_of(self, order_id: int) -> Sequence[Sample]:
        statement = select(Sample).where(Sample.order_id == order_id).order_by(Sample.id)
        return (await self.session.scalars(statement)).all()

    async def products(self, window: Numbered, *, updated_since: datetime | None) -> Slice[Row]:
        """A page of products, by name: the values of `PRODUCT_COLUMNS`."""
        given = _given(updated_since=updated_since)
        return await self._page(
            statements.products(narrowed=self.narrowed, given=(*given,)), window, given
        )

    async def product(self, product_id: int) -> Product:
        """Raises `NotFound`."""
        statement = select(Product).where(Product.id == product_id, *self._own(Product.client_id))
        return _present((await self.session.scalars(statement)).one_or_none())

    async def skus(self, window: Numbered, *, updated_since: datetime | None) -> Slice[Row]:
        """A page of variants, by name: the values of `SKU_COLUMNS`."""
        given = _given(updated_since=updated_since)
        return await self._page(
            statements.skus(narrowed=self.narrowed, given=(*given,)), window, given
        )

    async def sku(self, sku_id: int) -> tuple[Sku, Product]:
        """Raises `NotFound`."""
        statement = _variants().where(Sku.id == sku_id, *self._own(Product.client_id))
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
        rows = await self.session.execute(_variants().where(Sku.id.in_(sku_ids)))
        return {sku.id: (sku, product) for sku, product in rows}

    def _own(self, client: Any) -> list[ColumnElement[bool]]:
        if not self.narrowed:
            return []
        client_id = self.session.tenant.client_id
        assert client_id is not None, "who is narrowed is so to a client"
        return [client == client_id]

    async def _page(
        self, numerable: Numerable, window: Numbered, given: Mapping[str, Any]
    ) -> Slice[Row]:
        """The page; what of it must be noted for the pages after it stands in `self.step`."""
        found, self.step = await read_page(self.session, numerable, window, given)
        return found


R = TypeVar("R")


def _present(row: R | None) -> R:
    if row is None:
        raise NotFound
    return row


def _variants() -> "Select[Sku, Product]":
    return select(Sku, Product).join(
        Product,
        and_(Product.organization_id == Sku.organization_id, Product.id == Sku.product_id),
    )


def _given(**wanted: Any) -> dict[str, Any]:
    return {name: value for name, value in wanted.items() if value is not None}
