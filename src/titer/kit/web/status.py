"""Which status a kind of refusal has. The one table."""

from titer.kit import errors

STATUS: dict[type[errors.Problem], int] = {
    errors.Invalid: 400,
    errors.Unauthenticated: 401,
    errors.Denied: 403,
    errors.Missing: 404,
    errors.MethodNotAllowed: 405,
    errors.Conflict: 409,
    errors.Stale: 412,
    errors.PayloadTooLarge: 413,
    errors.UnsupportedMediaType: 415,
    errors.Misused: 422,
    errors.Unconditional: 428,
    errors.Excessive: 429,
    errors.Internal: 500,
    errors.Down: 503,
}


def status_of(kind: type[errors.Problem]) -> int:
    """The status of a refusal, by the nearest of its kinds in the table."""
    for ancestor in kind.__mro__:
        if ancestor in STATUS:
            return STATUS[ancestor]
    raise LookupError(f"{kind.__name__} is of no kind that has a status")
