"""How the Lab API spells things: errors, pages, paths. It is the spelling that our faces share."""

from titer.kit import errors
from titer.kit.errors import Problem
from titer.kit.idempotency import (
    IdempotencyInProgress,
    IdempotencyKeyReused,
    InvalidIdempotencyKey,
)
from titer.kit.web.wire import (
    Body,
    Error,
    ErrorDetail,
    Filters,
    Limit,
    Page,
    Paged,
    document_refusals,
    page,
    refuse,
    shown,
    spelled_page,
)

__all__ = [
    "EVERYWHERE",
    "OF_CHANGES",
    "Body",
    "Error",
    "ErrorDetail",
    "Filters",
    "Limit",
    "Page",
    "Paged",
    "document_refusals",
    "page",
    "refuse",
    "shown",
    "spelled_page",
]

#: What any operation of this face may answer beside its own refusals.
EVERYWHERE: tuple[type[Problem], ...] = (
    errors.InvalidQuery,
    errors.Unauthorized,
    errors.InsufficientScope,
    errors.RateLimited,
    errors.Internal,
    errors.Unavailable,
)
#: What any operation that changes something may answer, beside these.
OF_CHANGES: tuple[type[Problem], ...] = (
    InvalidIdempotencyKey,
    IdempotencyKeyReused,
    IdempotencyInProgress,
)
