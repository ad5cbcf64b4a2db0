"""All queries about approvals."""

from collections.abc import Sequence

from sqlalchemy import bindparam, select

from titer.domain.release.models import Approval
from titer.domain.release.rules import ApprovalState, ApprovalStatus
from titer.kit.db.types import Id
from titer.kit.paging import Slice, Window
from titer.kit.prepared import TENANT, Prepared
from titer.kit.records import Records
from titer.kit.strokes import columns_of

_APPROVALS = Approval.__table__.c
_TO_SUPERSEDE = Prepared(
    select(*columns_of(Approval))
    .where(
        _APPROVALS.organization_id == TENANT,
        _APPROVALS.sample_test_id == bindparam("test_id", type_=Id),
        _APPROVALS.status == ApprovalStatus.REJECTED,
        _APPROVALS.superseded_at.is_(None),
    )
    .order_by(_APPROVALS.id)
)


class Approvals(Records[Approval]):
    model = Approval

    async def of_sample(self, sample_id: int, window: Window) -> Slice[Approval]:
        return await self.page(window, Approval.sample_id == sample_id)

    async def in_force(self, sample_id: int) -> list[ApprovalState]:
        """A sample's approvals that no verified retest has superseded."""
        rows = await self.session.execute(
            select(Approval.id, Approval.sample_test_id, Approval.status)
            .where(Approval.sample_id == sample_id, Approval.superseded_at.is_(None))
            .order_by(Approval.id)
        )
        return [
            ApprovalState(approval_id, test_id, ApprovalStatus(status))
            for approval_id, test_id, status in rows
        ]

    async def to_supersede(self, sample_test_id: int) -> Sequence[Approval]:
        """A test's rejected approvals that a verified retest supersedes."""
        rows = await self.session.draw(_TO_SUPERSEDE, Approval, test_id=sample_test_id)
        return [approval for (approval,) in rows]
