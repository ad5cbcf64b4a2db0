"""Approval records: results out of specification that somebody must decide about."""

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from fastapi import Query
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.release import models, service
from titer.domain.release.errors import ApprovalDecided, SignatureRequired
from titer.domain.release.repository import Approvals
from titer.domain.release.rules import ApprovalStatus
from titer.domain.samples.errors import InvalidTransition
from titer.domain.samples.repository import Samples
from titer.kit.errors import InvalidBody, InvalidId, NotFound
from titer.kit.web.answers import (
    CAMEL,
    MomentOut,
    answer,
    etag,
    one_of,
    unchanged,
    view,
)
from titer.kit.web.fields import PathId, Prose
from titer.surfaces.v1.access import CONDITIONS, READ, VERIFY, Lab, expected_version, operations
from titer.surfaces.v1.wire import Body, Page, Paged, page, shown

approvals = operations("Approvals")


@dataclass(slots=True)
class ApprovalRecord:
    """A verified result out of specification, and what was decided about it."""

    __pydantic_config__: ClassVar = CAMEL

    id: int
    sample_id: int
    sample_test_id: int
    kind: str
    status: Annotated[str, one_of(ApprovalStatus)]
    comment: str | None
    decided_by: int | None
    decided_at: MomentOut | None
    created_at: MomentOut
    version: int


class Decision(Body):
    """Approve, or reject with a comment."""

    model_config = shown({"status": "rejected", "comment": "Digest again: recovery out of range."})

    status: Literal[ApprovalStatus.APPROVED, ApprovalStatus.REJECTED]
    comment: Prose | None = None


@approvals.add(
    "GET",
    "/samples/{sample_id}/approvals",
    needs=READ,
    answers=Page[ApprovalRecord],
    refuses=(InvalidId, NotFound),
)
async def list_sample_approvals(
    request: Request, lab: Lab, sample_id: PathId, query: Annotated[Paged, Query()]
) -> Response:
    """List the approval records of a sample, newest first."""
    await Samples(lab).get(sample_id)
    found = await Approvals(lab).of_sample(sample_id, query.window())
    return page(request, ApprovalRecord, found, lambda row: view(ApprovalRecord, row))


@approvals.add(
    "GET",
    "/approval-records/{approval_id}",
    needs=READ,
    answers=ApprovalRecord,
    refuses=(InvalidId, NotFound),
)
async def get_approval_record(request: Request, lab: Lab, approval_id: PathId) -> Response:
    """Retrieve one approval record."""
    approval = await Approvals(lab).get(approval_id)
    if unchanged(request, etag(approval)):
        return Response(status_code=304, headers={"ETag": etag(approval)})
    return _shown(approval)


@approvals.add(
    "PATCH",
    "/approval-records/{approval_id}",
    needs=VERIFY,
    answers=ApprovalRecord,
    refuses=(
        InvalidId,
        InvalidBody,
        NotFound,
        ApprovalDecided,
        SignatureRequired,
        InvalidTransition,
        *CONDITIONS,
    ),
)
async def decide_approval_record(
    request: Request, lab: Lab, approval_id: PathId, body: Decision
) -> Response:
    """Approve or reject a result out of specification, once.

    A rejection wants a comment, and reopens the test for a retest.
    """
    expected = expected_version(request, lab, approval_id)
    return _shown(
        await service.decide(
            lab, approval_id, status=body.status, comment=body.comment, expected=expected
        )
    )


def _shown(approval: models.Approval) -> Response:
    shown = view(ApprovalRecord, approval)
    return answer(ApprovalRecord, shown, headers={"ETag": etag(approval)})
