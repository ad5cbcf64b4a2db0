"""What can go wrong, said once. A surface decides how it is spelled.

A concept declares its refusals as subclasses of one of the kinds below, one line each:

    class ResultLocked(Conflict):
        slug, message = "test_verified_locked", "The result is verified and locked."

Raising one rolls the request's transaction back; the surface that took the request renders it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Detail:
    """One field at fault: its name as the caller wrote it, and what is wrong with it."""

    field: str
    message: str


class Problem(Exception):
    """A refusal with a stable slug, a sentence for a person, and the facts behind it."""

    slug: ClassVar[str]
    message: ClassVar[str]
    #: Names of the further members that an answer may carry, for the published document.
    members: ClassVar[tuple[str, ...]] = ()

    def __init__(
        self,
        sentence: str | None = None,
        *,
        details: Sequence[Detail] = (),
        facts: Mapping[str, object] | None = None,
        retry_after: int | None = None,
    ) -> None:
        self.sentence = sentence or self.message
        self.details = tuple(details)
        self.facts: Mapping[str, object] = facts or {}
        self.retry_after = retry_after
        super().__init__(self.sentence)


class Invalid(Problem):
    """The request itself is at fault."""


class Unauthenticated(Problem):
    """Nobody we know is calling."""


class Denied(Problem):
    """We know who is calling, and they may not."""


class Missing(Problem):
    """There is no such thing in the caller's organization."""


class Conflict(Problem):
    """The record is not in a state that allows this."""


class Stale(Problem):
    """The caller's copy is not the current one."""


class Unconditional(Problem):
    """The request must say which copy it was made from."""


class Misused(Problem):
    """Well-formed, but contradicts an earlier request."""


class Excessive(Problem):
    """Too often; come back later."""


class Down(Problem):
    """Something we need is out of reach for now."""


class Refused(Problem):
    """HTTP's own refusals: a method, a size, a media type."""


class InvalidBody(Invalid):
    slug, message = "invalid_body", "The request body is not valid."


class InvalidQuery(Invalid):
    slug, message = "invalid_query", "A query parameter is not valid."


class InvalidId(Invalid):
    slug, message = "invalid_id", "An id in the path is not valid: it must be a positive integer."


class InvalidHeader(Invalid):
    slug, message = "invalid_header", "A request header is not valid."


class InvalidReference(Invalid):
    slug = "invalid_reference"
    message = "A referenced id does not belong to your organization."
    members = ("ids",)


class Unauthorized(Unauthenticated):
    slug, message = "unauthorized", "A valid API key is required: Authorization: Bearer lk_..."


class InsufficientScope(Denied):
    slug, message = "insufficient_scope", "This key may not do that."
    members = ("requiredScope",)


class Forbidden(Denied):
    slug, message = "forbidden", "Your role does not allow this."


class NotFound(Missing):
    slug, message = "not_found", "The resource does not exist in your organization."


class Duplicate(Conflict):
    slug, message = "duplicate", "A record with this value already exists."
    members = ("field", "existingId")


class PreconditionFailed(Stale):
    slug, message = "precondition_failed", "The record has changed since you read it."
    members = ("currentVersion",)


class PreconditionRequired(Unconditional):
    slug = "precondition_required"
    message = "Your organization wants If-Match here: send the ETag of your copy, or *."


class RateLimited(Excessive):
    slug, message = "rate_limited", "Too many requests."


class Unavailable(Down):
    slug, message = "unavailable", "The service is temporarily unavailable. Please retry."


class MethodNotAllowed(Refused):
    slug, message = "method_not_allowed", "This path does not answer that method."


class PayloadTooLarge(Refused):
    slug, message = "payload_too_large", "The request body is larger than this route accepts."


class UnsupportedMediaType(Refused):
    slug, message = "unsupported_media_type", "Send JSON with Content-Type: application/json."


class Internal(Problem):
    slug, message = "internal", "An unexpected error occurred. It has been logged."


def at_fault(faults: Sequence[Detail]) -> InvalidBody:
    """The refusal of fields that are wrong, each with its reason."""
    sentence = " ".join(f"{fault.field} {fault.message}." for fault in faults)
    return InvalidBody(sentence, details=faults)


def unknown(field: str, ids: Iterable[int]) -> InvalidReference:
    """The refusal of ids that are not this organization's, or not in use."""
    listed = sorted(set(ids))
    spelled = ", ".join(str(each) for each in listed)
    return InvalidReference(
        f"{field}: {spelled} does not exist in your organization, or is not active.",
        details=[Detail(field, f"{spelled} does not exist or is not active")],
        facts={"ids": listed},
    )


def taken(field: str, value: str, holder_id: int) -> Duplicate:
    """The refusal of a value that another record has already."""
    return Duplicate(
        f"A record with the {field} {value!r} already exists.",
        facts={"field": field, "existing_id": holder_id},
    )
