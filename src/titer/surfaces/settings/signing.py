"""Signing: a person verifies, reports or decides, and says their password again for it."""

from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field, StringConstraints
from starlette.requests import Request
from starlette.responses import Response

from titer.domain.people.errors import WrongPassword
from titer.domain.people.service import SignInDesk
from titer.domain.release.errors import ApprovalDecided, QcFailed
from titer.domain.release.rules import ApprovalStatus
from titer.domain.results.errors import NoResult, ResultLocked, SecondPersonRequired
from titer.domain.samples.errors import InvalidTransition
from titer.domain.signatures import models, service
from titer.domain.signatures.errors import AlreadyReported
from titer.domain.signatures.rules import Signable
from titer.kit.errors import (
    InvalidBody,
    InvalidId,
    NotFound,
    PreconditionFailed,
    Problem,
    RateLimited,
)
from titer.kit.passwords import MAX_LENGTH
from titer.kit.tenancy import TenantSession
from titer.kit.web import bodies
from titer.kit.web.answers import CAMEL, MomentOut, answer, expected_version, one_of, view
from titer.kit.web.door import Operations
from titer.kit.web.fields import PathId, Prose, Text
from titer.kit.web.visits import Face, Preparation
from titer.surfaces.settings.access import SIGNER, Caller, operations
from titer.surfaces.settings.wire import Body, shown

_PASSWORD = "correct horse battery"  # noqa: S105 - an example
_MEANING = "I have reviewed this result and take responsibility for it."


class Act(Body):
    """A signature: the signer's password once more, and what the signature means."""

    model_config = shown({"password": _PASSWORD, "meaning": _MEANING})

    password: Annotated[
        str, StringConstraints(strict=True, min_length=1, max_length=MAX_LENGTH)
    ] = Field(json_schema_extra={"format": "password"})
    meaning: Text


class SignedDecision(Act):
    """Approve, or reject with a comment; signed."""

    model_config = shown({"password": _PASSWORD, "meaning": _MEANING, "status": "approved"})

    status: Literal[ApprovalStatus.APPROVED, ApprovalStatus.REJECTED]
    comment: Prose | None = None


@dataclass(slots=True)
class Signature:
    """A signature, and the record that it is bound to: `recordHash` is of that version."""

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


def confirming(desk: SignInDesk) -> Preparation:
    """Looks at the signer's password before the act begins, in transactions of its own."""

    async def confirm(face: Face, request: Request, credential: str, body: bytes) -> None:
        async with face.database.work(writes=False) as work:
            caller = await face.admit(request, work, credential, SIGNER)
        assert isinstance(caller, Caller)
        password = _password_in(request, body)
        if password is None:
            return  # the body is at fault, which the operation says before it does anything
        await desk.confirm(caller.person, password)
        request.state.confirmed = caller.person.user_id

    return confirm


def _password_in(request: Request, body: bytes) -> str | None:
    if not body:
        return None
    bodies.require_json(request)
    document: Any = bodies.parse(body)
    password = document.get("password") if isinstance(document, dict) else None
    fits = isinstance(password, str) and 1 <= len(password) <= MAX_LENGTH
    return password if fits else None


def _hand_of(request: Request) -> TenantSession:
    """The session of the person who signs, whose password was right for this very request."""
    caller: Caller = request.state.caller
    if getattr(request.state, "confirmed", None) != caller.person.user_id:
        raise WrongPassword
    return caller.session


_ANY_ACT: tuple[type[Problem], ...] = (
    InvalidId,
    InvalidBody,
    NotFound,
    WrongPassword,
    RateLimited,
    PreconditionFailed,
)
_SLOWED = """After five wrong passwords in a row the account waits, as it does at sign-in: `429`."""


def signing(desk: SignInDesk) -> Operations:
    """The operations that a person signs."""
    acts = operations("Signatures")
    confirm = confirming(desk)

    @acts.add(
        "POST",
        "/sample-tests/{sample_test_id}/verify",
        needs=SIGNER,
        answers=Signature,
        refuses=(*_ANY_ACT, NoResult, ResultLocked, SecondPersonRequired, InvalidTransition),
        before=confirm,
    )
    async def sign_verification(request: Request, sample_test_id: PathId, body: Act) -> Response:
        """Verify a result, and sign it."""
        expected = expected_version(request, sample_test_id)
        return _shown(
            await service.verify(_hand_of(request), sample_test_id, body.meaning, expected)
        )

    @acts.add(
        "POST",
        "/samples/{sample_id}/report",
        needs=SIGNER,
        answers=Signature,
        refuses=(*_ANY_ACT, QcFailed, AlreadyReported),
        before=confirm,
    )
    async def sign_report(request: Request, sample_id: PathId, body: Act) -> Response:
        """Report a sample, and sign it with each of its results."""
        expected = expected_version(request, sample_id)
        return _shown(await service.report(_hand_of(request), sample_id, body.meaning, expected))

    @acts.add(
        "PATCH",
        "/approval-records/{approval_id}",
        needs=SIGNER,
        answers=Signature,
        refuses=(*_ANY_ACT, ApprovalDecided, InvalidTransition),
        before=confirm,
    )
    async def sign_decision(
        request: Request, approval_id: PathId, body: SignedDecision
    ) -> Response:
        """Approve or reject a result out of specification, and sign the decision."""
        expected = expected_version(request, approval_id)
        signature = await service.decide(
            _hand_of(request),
            approval_id,
            body.meaning,
            status=body.status,
            comment=body.comment,
            expected=expected,
        )
        return _shown(signature)

    return acts


def _shown(signature: models.Signature) -> Response:
    return answer(Signature, view(Signature, signature))
