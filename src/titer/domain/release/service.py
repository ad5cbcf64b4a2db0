"""Use cases of release: verifying with approvals, deciding them, reporting a sample."""

from titer.domain.organizations.repository import Organizations
from titer.domain.release.errors import ApprovalDecided, QcFailed, SignatureRequired
from titer.domain.release.models import Approval
from titer.domain.release.repository import Approvals
from titer.domain.release.rules import (
    NEEDS_APPROVAL,
    OUT_OF_SPECIFICATION,
    ApprovalStatus,
    gate,
)
from titer.domain.results import service as results
from titer.domain.samples.models import Sample, SampleTest
from titer.domain.samples.repository import Samples, SampleTests
from titer.domain.samples.rules import Status
from titer.domain.samples.service import (
    move_orders,
    refuse_if_reported,
    set_status,
    spell_blockers,
)
from titer.domain.webhooks.rules import TEST_PUBLISHED
from titer.domain.webhooks.service import announce
from titer.kit.clock import spell
from titer.kit.errors import Detail, InvalidBody
from titer.kit.records import require_version
from titer.kit.tenancy import TenantSession


async def _require_signature(session: TenantSession) -> None:
    """Whatever face it comes through, a key does not do what the organization has people sign."""
    by_key = session.actor.kind == "key"
    if by_key and (await Organizations(session).requirements()).human_signature:
        raise SignatureRequired


async def verify(
    session: TenantSession, sample_test_id: int, expected: int | None = None
) -> SampleTest:
    """Verify a result; one out of specification, or not surely within it, opens an approval.

    A retest that is verified supersedes the rejection that asked for it. Raises
    `SignatureRequired`, and what `results.service.verify` raises.
    """
    await _require_signature(session)
    answered = await Approvals(session).to_supersede(sample_test_id)
    test = await results.verify(session, sample_test_id, expected)
    for rejected in answered:
        rejected.superseded_at = session.now
        session.label(rejected, "superseded")
    if test.specification in NEEDS_APPROVAL:
        approval = Approval(
            sample_id=test.sample_id,
            sample_test_id=test.id,
            kind=OUT_OF_SPECIFICATION,
            status=ApprovalStatus.PENDING,
        )
        session.label(approval, "opened")
        session.add(approval)
    await session.flush()
    return test


async def decide(
    session: TenantSession,
    approval_id: int,
    *,
    status: ApprovalStatus,
    comment: str | None,
    expected: int | None = None,
) -> Approval:
    """Approve or reject, once. A rejection reopens the test for a retest.

    Raises `SignatureRequired`, `NotFound`, `PreconditionFailed`, `ApprovalDecided`, and
    `InvalidBody` for a rejection without a comment.
    """
    await _require_signature(session)
    seen = await Approvals(session).get(approval_id)
    sample = (await Samples(session).locked([seen.sample_id]))[seen.sample_id]
    approval = await Approvals(session).get_for_change(approval_id)
    if approval.status != ApprovalStatus.PENDING:
        raise ApprovalDecided(
            f"This approval has already been {approval.status}.", facts={"status": approval.status}
        )
    require_version(approval, expected)
    refuse_if_reported(sample)
    if status is ApprovalStatus.REJECTED and not (comment or "").strip():
        fault = Detail("comment", "is required to reject")
        raise InvalidBody(f"{fault.field} {fault.message}.", details=[fault])
    approval.status = status
    approval.comment = comment
    approval.decided_by = session.actor.user_id
    approval.decided_at = session.now
    session.label(approval, status, comment)
    await session.flush()
    if status is ApprovalStatus.REJECTED:
        await _reopen(session, sample, approval.sample_test_id, str(comment))
    return approval


async def _reopen(session: TenantSession, sample: Sample, sample_test_id: int, reason: str) -> None:
    test = await SampleTests(session).get_for_change(sample_test_id)
    await results.reopen(session, test, reason)
    if sample.status in {Status.COMPLETED, Status.VERIFIED}:
        set_status(session, sample, Status.PROCESSING)
        await session.flush()


async def report(session: TenantSession, sample_id: int, expected: int | None = None) -> Sample:
    """Report a sample, which closes it to change. Again: nothing happens.

    Raises `SignatureRequired`, `NotFound`, `PreconditionFailed`, and `QcFailed` with every blocker.
    """
    await _require_signature(session)
    sample = await Samples(session).get_for_change(sample_id, expected)
    if sample.reported_at is not None:
        return sample
    obstacles = gate(
        Status(sample.status),
        await SampleTests(session).states(sample_id),
        await Approvals(session).in_force(sample_id),
    )
    if obstacles:
        raise QcFailed(facts={"blockers": spell_blockers(obstacles)})
    sample.reported_at = session.now
    session.label(sample, "reported")
    await session.flush()
    await move_orders(session, [sample])
    await _announce(session, sample)
    return sample


async def _announce(session: TenantSession, sample: Sample) -> None:
    """Tell of each test that is published with the sample, in the same transaction."""
    for test in await SampleTests(session).of(sample.id):
        told = {
            "id": test.id,
            "sample_id": sample.id,
            "order_id": sample.order_id,
            "lot": sample.lot,
            "assay": {"id": test.test_definition_id, "name": test.test_name},
            "specification": test.specification,
            "published_at": spell(session.now),
        }
        await announce(session, TEST_PUBLISHED, sample.client_id, told)
