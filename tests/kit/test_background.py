"""Work beside the requests."""

import asyncio

from titer.kit.background import repeating


def test_work_is_repeated_while_the_block_lasts_and_done_once_more_at_its_end() -> None:
    done: list[str] = []

    async def work() -> None:
        done.append("round")

    async def serve() -> None:
        async with repeating(0.01, work):
            await asyncio.sleep(0.1)
            done.append("end")

    asyncio.run(serve())
    assert done[0] == "round"
    assert done[-2:] == ["end", "round"]


def test_work_that_fails_is_tried_again_and_stops_nobody() -> None:
    attempts: list[int] = []

    async def work() -> None:
        attempts.append(1)
        raise RuntimeError("the database is away")

    async def serve() -> None:
        async with repeating(0.01, work):
            await asyncio.sleep(0.1)

    asyncio.run(serve())
    assert len(attempts) >= 3
