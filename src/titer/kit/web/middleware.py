"""Small plain ASGI classes around every face: the request's id, its log line, the last resort."""

import logging
import re
import time
from collections.abc import Callable, Collection, Iterable
from uuid import uuid4

import structlog
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from titer.kit.errors import Internal, Problem

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
_ALWAYS = ((b"x-content-type-options", b"nosniff"), (b"cache-control", b"no-store"))
_log = structlog.get_logger("titer.http")


def request_id_of(scope: Scope) -> str:
    return str(scope.get("state", {}).get("request_id", ""))


def add_headers(message: Message, fields: Iterable[tuple[bytes, bytes]]) -> None:
    """Give an answer those of the fields, in small letters, that it has not said itself."""
    said = [*message.get("headers", ())]
    names = {name for name, _ in said}
    message["headers"] = said + [field for field in fields if field[0] not in names]


class RequestId:
    """Gives every request an id, or keeps the caller's, and sends it back.

    Beside it go the headers that every answer has: nothing here is for a cache or for sniffing.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        wanted = Headers(scope=scope).get("x-request-id", "")
        request_id = wanted if _REQUEST_ID.fullmatch(wanted) else uuid4().hex
        scope.setdefault("state", {})["request_id"] = request_id

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                add_headers(message, [*_ALWAYS, (b"x-request-id", request_id.encode())])
            await send(message)

        await self.app(scope, receive, send_with_id)


class AccessLog:
    """One line per request: what, how it ended, how long it took. Never a body, never a secret.

    What is asked at the `quiet` paths, over and over, is only of interest when it goes wrong.
    """

    def __init__(self, app: ASGIApp, quiet: Collection[str] = ()) -> None:
        self.app = app
        self.quiet = quiet

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        status = 0

        async def send_and_note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, send_and_note)
        finally:
            seconds = time.perf_counter() - began
            expected = scope["path"] in self.quiet and status < 500  # noqa: PLR2004
            _log.log(
                logging.DEBUG if expected else logging.INFO,
                "request",
                method=scope["method"],
                path=scope["path"],
                status=status,
                ms=round(seconds * 1000, 1),
                request_id=request_id_of(scope),
                **_facts(scope),
            )


def _facts(scope: Scope) -> dict[str, object]:
    """What the request turned out to be about: whose key, which limit."""
    state = scope.get("state", {})
    limited = {"limited": state["limited"]} if "limited" in state else {}
    return {**state.get("log", {}), **limited}


class LastResort:
    """What nobody foresaw: logged with its traceback, answered as `internal`, never shown."""

    def __init__(self, app: ASGIApp, refuse: Callable[[Request, Problem], Response]) -> None:
        self.app = app
        self.refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = finished = False

        async def send_and_note(message: Message) -> None:
            nonlocal started, finished
            await send(message)
            started = True
            finished = message["type"] == "http.response.body" and not message.get("more_body")

        try:
            await self.app(scope, receive, send_and_note)
        except Exception:
            _log.exception("unforeseen", path=scope["path"], request_id=request_id_of(scope))
            if not started:
                response = self.refuse(Request(scope, receive), Internal())
                await response(scope, receive, send)
            elif not finished:
                raise
