"""All queries about result history, and what is looked at when results are written."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import and_, select

from titer.domain.reference.models import TestDefinition
from titer.domain.results.models import ResultEntry
from titer.domain.results.rules import Limits
from titer.domain.samples.models import Sample, SampleTest
from titer.kit.paging import Slice, Window
from titer.kit.prepared import TENANT, Prepared, among
from titer.kit.records import Records
from titer.kit.strokes import columns_of
from titer.kit.tenancy import TenantSession

_SAMPLES, _TESTS = Sample.__table__.c, SampleTest.__table__.c
_DEFINITIONS = TestDefinition.__table__.c
# A test is never locked before its sample, nor a sample before one with a smaller id: that is the
# order of every use case, so that no two of them wait for each other.
_UNDER_LOCK = Prepared(
    select(
        *columns_of(SampleTest),
        _SAMPLES.status,
        _SAMPLES.reported_at,
        _SAMPLES.order_id,
        _DEFINITIONS.unit,
        _DEFINITIONS.spec_min,
        _DEFINITIONS.spec_max,
        _DEFINITIONS.loq,
    )
    .select_from(
        Sample.__table__.join(
            SampleTest.__table__,
            and_(
                _TESTS.organization_id == _SAMPLES.organization_id,
                _TESTS.sample_id == _SAMPLES.id,
            ),
        ).join(
            TestDefinition.__table__,
            and_(
                _DEFINITIONS.organization_id == _TESTS.organization_id,
                _DEFINITIONS.id == _TESTS.test_definition_id,
            ),
        )
    )
    .where(_SAMPLES.organization_id == TENANT, among(_TESTS.id, "ids"))
    .order_by(_SAMPLES.id, _TESTS.id)
    .with_for_update(of=[Sample.__table__, SampleTest.__table__])
)


@dataclass(frozen=True, slots=True)
class Ground:
    """What a result is written on: the test, its sample's state, and the catalogue's terms."""

    test: SampleTest
    status: str
    reported_at: datetime | None
    order_id: int | None
    unit: str | None
    limits: Limits
    loq: Decimal | None


async def under_lock(session: TenantSession, test_ids: Collection[int]) -> dict[int, Ground]:
    """Those of the tests that are there, locked with their samples until the commit."""
    rows = await session.draw(_UNDER_LOCK, SampleTest, ids=list(test_ids))
    return {
        test.id: Ground(test, status, reported_at, order_id, unit, Limits(low, high), loq)
        for test, status, reported_at, order_id, unit, low, high, loq in rows
    }


class ResultEntries(Records[ResultEntry]):
    model = ResultEntry

    async def of(self, sample_test_id: int, window: Window) -> Slice[ResultEntry]:
        """A page of what happened to a test's result, newest first."""
        return await self.page(window, ResultEntry.sample_test_id == sample_test_id)
