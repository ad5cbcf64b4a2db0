"""Signing: an act of release and the signature on what it leaves, in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from titer.domain.audit.repository import AuditEvents
from titer.domain.audit.rules import plain
from titer.domain.people.repository import Users
from titer.domain.release import service as release
from titer.domain.release.rules import ApprovalStatus
from titer.domain.samples.repository import Samples
from titer.domain.signatures import repository
from titer.domain.signatures.errors import AlreadyReported
from titer.domain.signatures.models import Signature
from titer.domain.signatures.repository import Signatures
from titer.domain.signatures.rules import (
    BY_PASSWORD,
    FORMAT,
    Evidence,
    Signable,
    Standing,
    record_hash,
    standing,
)
from titer.kit.tenancy import TenantSession


async def verify(
    session: TenantSession, sample_test_id: int, meaning: str, expected: int | None = None
) -> Signature:
    """Verify a result and sign it. Raises what `release.service.verify` raises."""
    test = await release.verify(session, sample_test_id, expected)
    return await _sign(session, Signable.SAMPLE_TEST, test.id, meaning)


async def report(
    session: TenantSession, sample_id: int, meaning: str, expected: int | None = None
) -> Signature:
    """Report a sample and sign it with its results.

    Raises `AlreadyReported`, for there is no act to sign, and what `release.service.report` raises.
    """
    sample = await Samples(session).get_for_change(sample_id, expected)
    if sample.reported_at is not None:
        raise AlreadyReported
    await release.report(session, sample_id)
    return await _sign(session, Signable.SAMPLE, sample.id, meaning)


async def decide(
    session: TenantSession,
    approval_id: int,
    meaning: str,
    *,
    status: ApprovalStatus,
    comment: str | None,
    expected: int | None = None,
) -> Signature:
    """Decide an approval and sign the decision. Raises what `release.service.decide` raises."""
    approval = await release.decide(
        session, approval_id, status=status, comment=comment, expected=expected
    )
    return await _sign(session, Signable.APPROVAL, approval.id, meaning)


async def _sign(session: TenantSession, kind: Signable, record_id: int, meaning: str) -> Signature:
    """The signature of the person who acts, who has just proved to be that person."""
    user_id = session.actor.user_id
    assert session.actor.kind == "user"
    assert user_id is not None
    signer = await Users(session).get(user_id)
    record = await repository.read_again(session, kind, record_id)
    tests = await _tests(session, kind, [record.id])
    signature = Signature(
        entity_type=kind,
        entity_id=record.id,
        entity_version=record.version,
        record_format=FORMAT,
        record_hash=record_hash(kind, record, tests.get(record.id, ())),
        user_id=user_id,
        printed_name=signer.name,
        meaning=meaning,
        method=BY_PASSWORD,
        signed_at=session.now,
    )
    session.label(signature, "signed", meaning)
    return await Signatures(session).add(signature)


async def _tests(session: TenantSession, kind: Signable, ids: Sequence[int]) -> Any:
    return await repository.tests_of(session, ids) if kind is Signable.SAMPLE else {}


@dataclass(frozen=True, slots=True)
class Examined:
    """A signature, and what has become of it."""

    signature: Signature
    standing: Standing

    @property
    def id(self) -> int:
        return self.signature.id


async def examine(session: TenantSession, signatures: Sequence[Signature]) -> list[Examined]:
    """Whether each of the signatures holds now.

    The records are read after the signatures and the trail after the records, so that what another
    request does meanwhile is never taken for tampering.
    """
    evidence: dict[int, Evidence] = {}
    for kind in Signable:
        of_kind = [each for each in signatures if each.entity_type == kind]
        if of_kind:
            evidence |= await _gather(session, kind, of_kind)
    return [
        Examined(
            each,
            standing(each.entity_version, each.record_hash, evidence[each.id])
            if each.id in evidence and each.record_format == FORMAT
            else Standing.BROKEN,
        )
        for each in signatures
    ]


async def _gather(
    session: TenantSession, kind: Signable, signatures: Sequence[Signature]
) -> dict[int, Evidence]:
    ids = sorted({each.entity_id for each in signatures})
    records = await repository.signed_records(session, kind, ids)
    tests = await _tests(session, kind, ids)
    trail = AuditEvents(session)
    versions = await trail.versions_told(kind, ids)
    witnesses = await trail.written("signature", [each.id for each in signatures])
    found: dict[int, Evidence] = {}
    for each in signatures:
        record = records.get(each.entity_id)
        witnessed = _says(witnesses.get(each.id, {}), each)
        if record is None:
            found[each.id] = Evidence(None, None, told=False, witnessed=witnessed)
            continue
        found[each.id] = Evidence(
            record.version,
            record_hash(kind, record, tests.get(record.id, ())),
            told=(record.id, record.version) in versions,
            witnessed=witnessed,
        )
    return found


_WITNESSED = (
    "entity_type",
    "entity_id",
    "entity_version",
    "record_format",
    "record_hash",
    "user_id",
    "printed_name",
    "meaning",
    "method",
    "signed_at",
)


def _says(told: Any, signature: Signature) -> bool:
    """Whether the event of the signing says of the signature what its row says."""
    return all(
        name in told and told[name] == plain(getattr(signature, name)) for name in _WITNESSED
    )
