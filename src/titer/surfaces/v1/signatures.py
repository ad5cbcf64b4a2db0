"""`/signatures`: who signed what, and whether it holds."""

from dataclasses import dataclass
from typing import Annotated, ClassVar

from fastapi import Query
from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.signatures import service
from titer.domain.signatures.repository import Signatures
from titer.domain.signatures.rules import Signable, Standing
from titer.domain.signatures.service import Examined
from titer.kit.paging import Slice
from titer.kit.web.answers import CAMEL, MomentOut, one_of
from titer.kit.web.fields import QueryId
from titer.surfaces.v1.access import READ, Lab, operations
from titer.surfaces.v1.wire import Page, Paged, page

signatures = operations("Signatures")


class SignatureQuery(Paged):
    """Which signatures are wanted."""

    entity_type: Signable | None = Field(default=None, examples=["sample_test"])
    entity_id: QueryId | None = None


@dataclass(slots=True)
class Signature:
    """A person's signature on a record as it stood. Signatures are never changed, never removed.

    `valid` is recomputed with every request: true while the record stands exactly as it was signed
    (for a sample: it and each of its tests). When it is false, `standing` says why: `superseded`,
    the record has gone on to a later version by a change that the audit trail tells of, and this
    signature is of the version before; `broken`, the record or the signature was tampered with.
    """

    __pydantic_config__: ClassVar = CAMEL

    id: int
    entity_type: Annotated[str, one_of(Signable)]
    entity_id: int
    entity_version: int
    record_hash: str
    user_id: int
    printed_name: str
    meaning: str
    method: str
    signed_at: MomentOut
    valid: bool
    standing: Annotated[str, one_of(Standing)]


@signatures.add("GET", "/signatures", needs=READ, answers=Page[Signature])
async def list_signatures(
    request: Request, lab: Lab, query: Annotated[SignatureQuery, Query()]
) -> Response:
    """List signatures, newest first, each with whether it holds."""
    wanted = query.model_dump(exclude={"limit", "cursor"})
    found = await Signatures(lab).matching(query.window(), **wanted)
    examined = Slice(await service.examine(lab, found.rows), found.has_more)
    return page(request, Signature, examined, _shown)


def _shown(examined: Examined) -> Signature:
    row = examined.signature
    return Signature(
        id=row.id,
        entity_type=row.entity_type,
        entity_id=row.entity_id,
        entity_version=row.entity_version,
        record_hash=row.record_hash,
        user_id=row.user_id,
        printed_name=row.printed_name,
        meaning=row.meaning,
        method=row.method,
        signed_at=row.signed_at,
        valid=examined.standing is Standing.INTACT,
        standing=examined.standing,
    )
