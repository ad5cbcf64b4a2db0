"""What a request shows for itself."""

from starlette.requests import Request

from titer.kit import tokens


def bearer(request: Request, *prefixes: str) -> str | None:
    """The well-formed token of `Authorization: Bearer ...` with one of the prefixes, if any."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not tokens.is_well_formed(token, *prefixes):
        return None
    return token
