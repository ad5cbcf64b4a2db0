"""How often one address may try to sign in, and one person may mint keys.

These two are slowapi's decorators: they run inside the operation, after its body was validated.
Their counts live in this process; the slow-down of an account, which is what stops guessing, is
in the database and the same for every worker.
"""

import math
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_address, ip_network

from slowapi import Limiter
from slowapi.errors import RateLimitExceeded
from starlette.requests import Request
from starlette.responses import Response

from titer.kit.errors import RateLimited
from titer.surfaces.settings.access import Caller, SettingsFace

MINTED_PER_MINUTE = 30
#: What one IPv6 customer is given is a /64: a limit per address would be none.
_CUSTOMER_PREFIX = 64


def network_of(request: Request) -> str:
    """Whom an attempt is counted for: an IPv4 address, or the /64 of an IPv6 address."""
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if address.version == 4:  # noqa: PLR2004 - as it is called
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, _CUSTOMER_PREFIX), strict=False))


def person_of(request: Request) -> str:
    """The person whom the door has let in."""
    caller: Caller = request.state.caller
    return f"{caller.person.organization_id}/{caller.person.user_id}"


def make_limiter() -> Limiter:
    return Limiter(network_of, strategy="moving-window", storage_uri="memory://")


def refusal(face: SettingsFace, limiter: Limiter) -> Callable[..., Awaitable[Response]]:
    """The handler that says slowapi's refusal in this face's voice."""

    async def refuse(request: Request, _exceeded: RateLimitExceeded) -> Response:
        item, key = request.state.view_rate_limit
        free_at = limiter.limiter.get_window_stats(item, *key).reset_time
        seconds = max(1, math.ceil(free_at - time.time()))
        sentence = f"Too many requests. Limit is {item.amount}/minute. Try again in {seconds} s."
        return face.refuse(request, RateLimited(sentence, retry_after=seconds))

    return refuse
