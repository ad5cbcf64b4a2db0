"""How the settings spell things: errors, pages, paths. It is the spelling that our faces share."""

from titer.kit import errors
from titer.kit.errors import Problem
from titer.kit.web.wire import (
    Body,
    Error,
    Filters,
    Page,
    Paged,
    document_refusals,
    page,
    refuse,
    shown,
)

__all__ = [
    "EVERYWHERE",
    "Body",
    "Error",
    "Filters",
    "Page",
    "Paged",
    "document_refusals",
    "page",
    "refuse",
    "shown",
]

#: What any operation of this face may answer beside its own refusals.
EVERYWHERE: tuple[type[Problem], ...] = (
    errors.InvalidQuery,
    errors.Unauthorized,
    errors.Forbidden,
    errors.Internal,
    errors.Unavailable,
)
