"""All queries about signatures and what they stand for."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import select

from titer.domain.release.repository import Approvals
from titer.domain.samples.models import SampleTest
from titer.domain.samples.repository import Samples, SampleTests
from titer.domain.signatures.models import Signature
from titer.domain.signatures.rules import Signable
from titer.kit.paging import Slice, Window
from titer.kit.records import Records
from titer.kit.tenancy import TenantSession

_RECORDS: Mapping[Signable, type[Records[Any]]] = {
    Signable.SAMPLE_TEST: SampleTests,
    Signable.SAMPLE: Samples,
    Signable.APPROVAL: Approvals,
}


class Signatures(Records[Signature]):
    model = Signature

    async def matching(
        self, window: Window, *, entity_type: str | None = None, entity_id: int | None = None
    ) -> Slice[Signature]:
        pairs = ((Signature.entity_type, entity_type), (Signature.entity_id, entity_id))
        return await self.page(
            window, *(field == value for field, value in pairs if value is not None)
        )


async def signed_records(
    session: TenantSession, kind: Signable, ids: Collection[int]
) -> Mapping[int, Any]:
    """The records of a kind by id, those that are there."""
    return await _RECORDS[kind](session).by_id(ids)


async def tests_of(
    session: TenantSession, sample_ids: Collection[int]
) -> Mapping[int, Sequence[SampleTest]]:
    return await SampleTests(session).of_each(sample_ids)


async def read_again(session: TenantSession, kind: Signable, record_id: int) -> Any:
    """The record as the database says it is: that, not what we wrote, is signed."""
    model = _RECORDS[kind].model
    statement = select(model).where(model.id == record_id)
    found = await session.scalars(statement.execution_options(populate_existing=True))
    return found.one()
