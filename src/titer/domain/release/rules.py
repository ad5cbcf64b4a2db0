"""What stands between a sample and its report. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from titer.domain.results.rules import Specification
from titer.domain.samples.rules import Blocker, Status, TestState, not_verified


class ApprovalStatus(StrEnum):
    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"


#: The one kind of approval there is so far.
OUT_OF_SPECIFICATION = "out_of_specification"
NEEDS_APPROVAL = frozenset({Specification.FAIL, Specification.INCONCLUSIVE})


@dataclass(frozen=True, slots=True)
class ApprovalState:
    """As much of an approval as the gate looks at."""

    approval_id: int
    sample_test_id: int
    status: ApprovalStatus


def gate(
    status: Status, tests: Sequence[TestState], approvals: Sequence[ApprovalState]
) -> list[Blocker]:
    """The QC gate: what keeps a sample from being reported. One without tests never passes."""
    obstacles: list[Blocker] = []
    if status is not Status.VERIFIED:
        obstacles.append(Blocker("sample_not_verified", None, f"The sample is {status}."))
    if not tests:
        obstacles.append(Blocker("no_tests", None, "The sample has no tests."))
    obstacles += not_verified(tests)
    obstacles += [
        Blocker(
            f"approval_{approval.status}",
            approval.sample_test_id,
            f"Approval {approval.approval_id} is {approval.status}.",
        )
        for approval in approvals
        if approval.status is not ApprovalStatus.APPROVED
    ]
    return obstacles
