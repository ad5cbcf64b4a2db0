"""All queries about approvals."""

from collections.abc import Sequence

from sqlalchemy import select

from titer.domain.release.models import Approval
from titer.domain.release.rules import ApprovalState, ApprovalStatus
from titer.kit.paging import Slice, Window
from titer.kit.records import Records


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
        return await self.all(
            Approval.sample_test_id == sample_test_id,
            Approval.status == ApprovalStatus.REJECTED,
            Approval.superseded_at.is_(None),
        )
