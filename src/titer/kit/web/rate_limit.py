"""How often a key may ask: a plain ASGI class around a face.

It stands before the face and needs no database: a caller is the digest of a well-formed token, and
a token that is not well formed is nobody's, so it is not counted. Every operation is charged to
the key's limit; those of a group are charged to the group's as well, to both or to neither.
"""

import ipaddress
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import ceil

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from titer.kit import tokens
from titer.kit.errors import Problem, RateLimited
from titer.kit.web.credentials import bearer
from titer.kit.web.middleware import add_headers
from titer.kit.windows import Limit, MemoryWindows, Standing, Verdict, Windows

_UNAUTHORIZED = 401


#: A refusal in a face's spelling.
Refuse = Callable[[Request, Problem], Response]


@dataclass(frozen=True, slots=True)
class Rates:
    """What a face allows each key, and which operations have a further limit of their own."""

    prefix: str
    key: Limit
    groups: Mapping[tuple[str, str], Limit] = field(default_factory=dict)
    #: How other keys begin that the face lets in, and counts in the same way.
    also: tuple[str, ...] = ()

    def of(self, method: str, path: str) -> tuple[Limit, ...]:
        """Every limit that an operation is charged to."""
        group = self.groups.get((method, path))
        return (self.key,) if group is None else (self.key, group)


class RateLimit:
    """Refuses what is above a key's limit, and tells each caller truly what is left."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        rates: Rates,
        windows: Windows,
        refuse: Refuse,
        epoch: Callable[[], float] = time.time,
    ) -> None:
        self.app = app
        self.rates = rates
        self.windows = windows
        self.refuse = refuse
        self._epoch = epoch

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        token = None
        if scope["type"] == "http":
            token = bearer(Request(scope), self.rates.prefix, *self.rates.also)
        if token is None:
            await self.app(scope, receive, send)
            return
        caller = tokens.digest(token)
        verdict = await self.windows.hit(caller, self.rates.of(scope["method"], scope["path"]))
        fields = self._fields(verdict)

        async def send_with_standing(message: Message) -> None:
            if message["type"] == "http.response.start":
                if message["status"] == _UNAUTHORIZED:
                    self.windows.forget(caller)
                else:
                    add_headers(message, fields)
            await send(message)

        if verdict.admitted:
            await self.app(scope, receive, send_with_standing)
            return
        _note(scope, verdict.tightest.limit)
        response = self.refuse(Request(scope, receive), _too_many(verdict.tightest))
        await response(scope, receive, send_with_standing)

    def _fields(self, verdict: Verdict) -> list[tuple[bytes, bytes]]:
        tightest = verdict.tightest
        policies = [
            f'"{standing.limit.name}";q={standing.limit.quota};w={standing.limit.seconds}'
            for standing in verdict.standings
        ]
        left = [
            f'"{standing.limit.name}";r={standing.remaining};t={ceil(standing.reset)}'
            for standing in verdict.standings
        ]
        return [
            (b"ratelimit-policy", ", ".join(policies).encode()),
            (b"ratelimit", ", ".join(left).encode()),
            (b"x-ratelimit-limit", b"%d" % tightest.limit.quota),
            (b"x-ratelimit-remaining", b"%d" % tightest.remaining),
            (b"x-ratelimit-reset", b"%d" % ceil(self._epoch() + tightest.reset)),
        ]


def _too_many(standing: Standing) -> RateLimited:
    return RateLimited(
        f"Too many requests. Limit is {standing.limit.spelled} per API key.",
        retry_after=max(1, ceil(standing.reset)),
    )


def _note(scope: Scope, limit: Limit) -> None:
    """Which limit refused a request, for the log and the counters."""
    scope.setdefault("state", {})["limited"] = limit.name


class FailedAuthentications:
    """Answers 429 in place of a 401 to an address that has had too many of them.

    Nobody who has a valid credential is ever hindered, whatever else comes from their address:
    only the answer to a failure changes. Each worker counts for itself.
    """

    def __init__(
        self, app: ASGIApp, *, limit: Limit, windows: MemoryWindows, refuse: Refuse
    ) -> None:
        self.app = app
        self.limit = limit
        self.windows = windows
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        instead: Response | None = None

        async def send_or_refuse(message: Message) -> None:
            nonlocal instead
            if message["type"] == "http.response.start" and message["status"] == _UNAUTHORIZED:
                verdict = self.windows.charge(network_of(scope), (self.limit,))
                if not verdict.admitted:
                    _note(scope, self.limit)
                    problem = RateLimited(
                        "Too many failed authentications from this address. Retry later.",
                        retry_after=max(1, ceil(verdict.tightest.reset)),
                    )
                    instead = self.refuse(Request(scope, receive), problem)
                    await instead(scope, receive, send)
            if instead is None:
                await send(message)

        await self.app(scope, receive, send_or_refuse)


def network_of(scope: Scope) -> bytes:
    """The caller's address; of an IPv6 one the half that its network was given."""
    host = str((scope.get("client") or ("unknown",))[0])
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.encode()
    return address.packed if address.version == 4 else address.packed[:8]  # noqa: PLR2004
