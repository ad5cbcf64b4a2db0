"""All queries about samples and their scheduled tests."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select, update

from titer.domain.samples.models import AnalyteResult, Counter, Sample, SampleTest
from titer.domain.samples.rules import SampleState, Status, TestState, TestStatus
from titer.kit.errors import Detail, InvalidQuery
from titer.kit.paging import Slice, Window, cut
from titer.kit.records import Records


@dataclass(frozen=True, slots=True)
class SampleFilter:
    """Which samples are wanted; `since` and `until` speak of receipt and are both inclusive."""

    status: str | None = None
    material_type_id: int | None = None
    project_id: int | None = None
    tracking_id: str | None = None
    external_id: str | None = None
    order_id: int | None = None
    sku_id: int | None = None
    lot: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    def conditions(self) -> list[ColumnElement[bool]]:
        pairs = (
            (Sample.status, self.status),
            (Sample.material_type_id, self.material_type_id),
            (Sample.project_id, self.project_id),
            (Sample.tracking_id, self.tracking_id),
            (Sample.external_id, self.external_id),
            (Sample.order_id, self.order_id),
            (Sample.sku_id, self.sku_id),
            (Sample.lot, self.lot),
        )
        found: list[ColumnElement[bool]] = [
            column == value for column, value in pairs if value is not None
        ]
        if self.since is not None:
            found.append(Sample.received_at >= self.since)
        if self.until is not None:
            found.append(Sample.received_at <= self.until)
        return found

    @property
    def by_receipt(self) -> bool:
        return self.since is not None or self.until is not None


class Samples(Records[Sample]):
    model = Sample

    async def matching(self, window: Window, wanted: SampleFilter) -> Slice[Sample]:
        """A page, newest first: by id, or by receipt when a span of receipt is asked for.

        Raises `InvalidQuery` when, by receipt, the cursor's sample has no receipt to go on from.
        """
        if not wanted.by_receipt:
            return await self.page(window, *wanted.conditions())
        statement = select(Sample).where(*wanted.conditions())
        if window.after is not None:
            statement = statement.where(await self._received_before(window.after))
        statement = statement.order_by(Sample.received_at.desc(), Sample.id.desc())
        rows = await self.session.scalars(statement.limit(window.limit + 1))
        return cut(rows.all(), window.limit)

    async def _received_before(self, cursor: int) -> ColumnElement[bool]:
        moment = await self.session.scalar(select(Sample.received_at).where(Sample.id == cursor))
        if moment is None:
            raise InvalidQuery(
                "The cursor's sample is not in this list any more. Start again without a cursor.",
                details=[Detail("cursor", "is not in this list")],
            )
        return and_(
            Sample.received_at <= moment,
            or_(Sample.received_at < moment, Sample.id < cursor),
        )

    async def count(self) -> int:
        return (await self.session.scalar(select(func.count()).select_from(Sample))) or 0

    async def with_external_id(self, external_id: str) -> int | None:
        statement = select(Sample.id).where(Sample.external_id == external_id)
        return await self.session.scalar(statement)

    async def locked(self, ids: Collection[int]) -> Mapping[int, Sample]:
        """Those of the samples that are there, locked in the order of their ids."""
        statement = select(Sample).where(Sample.id.in_(ids)).order_by(Sample.id).with_for_update()
        return {row.id: row for row in await self.session.scalars(statement)}

    async def states_by_order(self, order_ids: Collection[int]) -> dict[int, list[SampleState]]:
        """How far the samples of each order have come."""
        started = exists().where(
            SampleTest.organization_id == Sample.organization_id,
            SampleTest.sample_id == Sample.id,
            SampleTest.started_at.is_not(None),
        )
        rows = await self.session.execute(
            select(Sample.order_id, Sample.status, Sample.reported_at, started).where(
                Sample.order_id.in_(order_ids)
            )
        )
        found: dict[int, list[SampleState]] = {order_id: [] for order_id in order_ids}
        for order_id, status, reported_at, tested in rows:
            assert order_id is not None
            state = SampleState(Status(status), reported_at is not None, bool(tested))
            found[order_id].append(state)
        return found

    async def next_numbers(self, prefix: str, count: int = 1) -> range:
        """The next running numbers under a prefix, which nobody else will be given."""
        step = (
            update(Counter)
            .where(Counter.prefix == prefix)
            .values(last=Counter.last + count)
            .returning(Counter.last)
            .execution_options(synchronize_session=False)
        )
        last = await self.session.scalar(step)
        if last is None:
            await self.session.insert_unless_taken(Counter, prefix=prefix, last=0)
            last = (await self.session.scalars(step)).one()
        return range(last - count + 1, last + 1)


class SampleTests(Records[SampleTest]):
    model = SampleTest

    async def of(self, sample_id: int) -> Sequence[SampleTest]:
        """A sample's tests, in the order in which they were scheduled."""
        return await self.all(SampleTest.sample_id == sample_id)

    async def of_each(self, sample_ids: Collection[int]) -> dict[int, list[SampleTest]]:
        by_sample: dict[int, list[SampleTest]] = {sample_id: [] for sample_id in sample_ids}
        for test in await self.all(SampleTest.sample_id.in_(sample_ids)):
            by_sample[test.sample_id].append(test)
        return by_sample

    async def states(self, sample_id: int) -> list[TestState]:
        rows = await self.session.execute(
            select(SampleTest.id, SampleTest.test_code, SampleTest.status, SampleTest.entered_at)
            .where(SampleTest.sample_id == sample_id)
            .order_by(SampleTest.id)
        )
        return [
            TestState(test_id, code, TestStatus(status), entered_at is not None)
            for test_id, code, status, entered_at in rows
        ]

    async def matching(
        self,
        window: Window,
        *,
        sample_id: int | None = None,
        status: str | None = None,
        test_definition_id: int | None = None,
        tracking_id: str | None = None,
    ) -> Slice[SampleTest]:
        pairs = (
            (SampleTest.sample_id, sample_id),
            (SampleTest.status, status),
            (SampleTest.test_definition_id, test_definition_id),
            (SampleTest.tracking_id, tracking_id),
        )
        conditions = [column == value for column, value in pairs if value is not None]
        return await self.page(window, *conditions)

    async def sample_ids_of(self, test_ids: Collection[int]) -> set[int]:
        statement = select(SampleTest.sample_id).where(SampleTest.id.in_(test_ids)).distinct()
        return set(await self.session.scalars(statement))

    async def locked(self, ids: Collection[int]) -> dict[int, SampleTest]:
        """Those of the tests that are there, locked in the order of their ids."""
        statement = (
            select(SampleTest)
            .where(SampleTest.id.in_(ids))
            .order_by(SampleTest.id)
            .with_for_update()
        )
        return {row.id: row for row in await self.session.scalars(statement)}


class AnalyteResults(Records[AnalyteResult]):
    model = AnalyteResult

    async def of_each(self, tests: Iterable[SampleTest]) -> dict[int, list[AnalyteResult]]:
        """The results of each panel among the tests, in its analytes' order."""
        found: dict[int, list[AnalyteResult]] = {test.id: [] for test in tests if test.panel}
        if not found:
            return found
        rows = await self.session.scalars(
            select(AnalyteResult)
            .where(AnalyteResult.sample_test_id.in_(found))
            .order_by(AnalyteResult.position, AnalyteResult.id)
        )
        for row in rows:
            found[row.sample_test_id].append(row)
        return found
