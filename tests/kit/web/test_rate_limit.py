"""The limit around a face: any plain ASGI application will do."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient, Response
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from titer.kit import tokens
from titer.kit.errors import Problem
from titer.kit.web.rate_limit import FailedAuthentications, RateLimit, Rates, network_of
from titer.kit.web.status import status_of
from titer.kit.windows import Limit, MemoryWindows

SECOND = 1_000_000_000
EPOCH = 1_780_000_000.25
RATES = Rates(
    "lk_", Limit("key", 120), {("POST", "/api/v1/instrument-uploads"): Limit("uploads", 20)}
)


class Clock:
    """Nanoseconds that stand still until they are moved, and the epoch beside them."""

    def __init__(self) -> None:
        self.now = 0

    def nanoseconds(self) -> int:
        return self.now

    def epoch(self) -> float:
        return EPOCH + self.now / SECOND


class Face:
    """Answers 200 to the tokens that it knows and 401 to all others."""

    def __init__(self, *known: str) -> None:
        self.known = {f"Bearer {token}" for token in known}
        self.served = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        admitted = request.headers.get("authorization") in self.known
        self.served += admitted
        response = JSONResponse({"ok": admitted}, 200 if admitted else 401)
        await response(scope, receive, send)


def refuse(_request: Request, problem: Problem) -> JSONResponse:
    headers = {"Retry-After": str(problem.retry_after)}
    body = {"error": problem.slug, "message": problem.sentence}
    return JSONResponse(body, status_of(type(problem)), headers)


class Door:
    """A face behind both limits, and a way to knock."""

    def __init__(self, rates: Rates = RATES, capacity: int = 50_000) -> None:
        self.clock = Clock()
        self.key = tokens.mint(rates.prefix)
        self.face = Face(self.key)
        self.windows = MemoryWindows(self.clock.nanoseconds, capacity)
        self.failures = MemoryWindows(self.clock.nanoseconds, capacity)
        limited = RateLimit(
            self.face, rates=rates, windows=self.windows, refuse=refuse, epoch=self.clock.epoch
        )
        self.app = FailedAuthentications(
            limited, limit=Limit("address", 30), windows=self.failures, refuse=refuse
        )

    def ask(self, *tokens_: str, path: str = "/api/v1/samples", method: str = "GET") -> Any:
        return asyncio.run(self._ask(tokens_, path, method))

    async def _ask(self, tokens_: Sequence[str], path: str, method: str) -> list[Response]:
        transport = ASGITransport(self.app)
        async with AsyncClient(transport=transport, base_url="http://titer.test") as client:
            return await asyncio.gather(
                *(
                    client.request(method, path, headers={"Authorization": f"Bearer {token}"})
                    for token in tokens_
                )
            )


@pytest.fixture
def door() -> Door:
    return Door()


def test_the_hundred_and_twenty_first_request_is_refused_in_the_guides_words(door: Door) -> None:
    answers = door.ask(*[door.key] * 121)
    assert sorted(answer.status_code for answer in answers) == [200] * 120 + [429]
    refused = answers[-1]
    assert refused.json() == {
        "error": "rate_limited",
        "message": "Too many requests. Limit is 120/minute per API key.",
    }
    assert door.face.served == 120


def test_every_keyed_answer_says_what_is_left(door: Door) -> None:
    door.ask(door.key)
    door.clock.now += 48 * SECOND
    [answer] = door.ask(door.key)
    assert answer.headers["ratelimit-policy"] == '"key";q=120;w=60'
    # The first request is forgotten in twelve seconds and a nanosecond: told as thirteen.
    assert answer.headers["ratelimit"] == '"key";r=118;t=13'
    assert answer.headers["x-ratelimit-limit"] == "120"
    assert answer.headers["x-ratelimit-remaining"] == "118"
    assert answer.headers["x-ratelimit-reset"] == "1780000061"


def test_a_refusal_carries_the_same_headers_and_a_wait_that_is_enough(door: Door) -> None:
    door.ask(*[door.key] * 60)
    door.clock.now += 20 * SECOND
    door.ask(*[door.key] * 60)
    [refused] = door.ask(door.key)
    assert refused.status_code == 429
    assert refused.headers["ratelimit"] == '"key";r=0;t=41'
    door.clock.now += int(refused.headers["retry-after"]) * SECOND
    [answer] = door.ask(door.key)
    assert answer.status_code == 200
    assert answer.headers["x-ratelimit-remaining"] == "59"


def test_a_refused_request_is_not_charged(door: Door) -> None:
    door.ask(*[door.key] * 500)
    door.clock.now += 61 * SECOND
    [answer] = door.ask(door.key)
    assert answer.headers["x-ratelimit-remaining"] == "119"


def test_uploads_have_a_limit_of_their_own_and_count_as_requests_too(door: Door) -> None:
    path = "/api/v1/instrument-uploads"
    answers = door.ask(*[door.key] * 21, path=path, method="POST")
    refused = answers[-1]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    assert refused.json()["message"] == "Too many requests. Limit is 20/minute per API key."
    assert refused.headers["ratelimit-policy"] == '"key";q=120;w=60, "uploads";q=20;w=60'
    assert refused.headers["ratelimit"] == '"key";r=100;t=61, "uploads";r=0;t=61'
    assert refused.headers["x-ratelimit-limit"] == "20"
    [answer] = door.ask(door.key)
    assert answer.headers["ratelimit"] == '"key";r=99;t=61'


def test_another_face_has_another_prefix_and_another_rate() -> None:
    door = Door(Rates("lr_", Limit("key", 300)))
    answers = door.ask(*[door.key] * 301)
    assert sum(answer.status_code == 200 for answer in answers) == 300
    assert "300/minute" in answers[-1].json()["message"]
    [foreign] = door.ask(tokens.mint("lk_"))
    assert foreign.status_code == 401


def test_what_is_not_a_key_is_counted_for_nobody(door: Door) -> None:
    for text in ("", "lk_short", door.key[:-1] + "!", door.key + "0", tokens.mint("ls_")):
        [answer] = door.ask(text)
        assert answer.status_code == 401
        assert "ratelimit" not in answer.headers
    assert len(door.windows) == 0


def test_failures_are_not_charged_to_a_valid_key(door: Door) -> None:
    door.ask(*[tokens.mint("lk_") for _ in range(29)])
    [answer] = door.ask(door.key)
    assert answer.headers["x-ratelimit-remaining"] == "119"


def test_keys_that_nobody_has_take_no_memory(door: Door) -> None:
    door.ask(door.key)
    door.ask(*[tokens.mint("lk_") for _ in range(200)])
    assert len(door.windows) == 1


def test_the_thirty_first_failure_from_an_address_is_told_to_wait(door: Door) -> None:
    answers = door.ask(*["nonsense"] * 20, *[tokens.mint("lk_") for _ in range(15)])
    assert sorted(answer.status_code for answer in answers) == [401] * 30 + [429] * 5
    refused = answers[-1]
    assert refused.json()["error"] == "rate_limited"
    door.clock.now += int(refused.headers["retry-after"]) * SECOND
    [answer] = door.ask("nonsense")
    assert answer.status_code == 401


def test_a_valid_key_is_never_hindered_by_failures_from_its_address(door: Door) -> None:
    door.ask(*["nonsense"] * 100)
    [answer] = door.ask(door.key)
    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("testclient", "another", False),
    ],
)
def test_an_ipv6_caller_is_the_network_that_it_was_given(
    one: str, other: str, *, same: bool
) -> None:
    networks = {network_of({"client": (host, 1)}) for host in (one, other)}
    assert (len(networks) == 1) is same
