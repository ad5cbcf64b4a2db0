"""What a request shows for itself."""

from starlette.requests import Request

from titer.kit import tokens


def bearer(request: Request, prefix: str) -> str | None:
    """The well-formed token of `Authorization: Bearer ...` that begins with `prefix`, if any."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    token = token.strip()
    if scheme.lower() != "bearer" or not tokens.is_well_formed(token, prefix):
        return None
    return token
