"""SIGTERM under load: what has begun is finished, and answered."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import count

import httpx2
from sqlalchemy import select

from servers import Installation, status
from titer.domain.samples.models import Sample
from titer.kit.tenancy import TenantSession

Figure = Callable[[str, str, object], None]
Effort = Callable[[int, int], int]
DRAIN = 2.0


def test_a_stop_under_load_cuts_nothing_that_has_begun(
    installation: Installation, effort: Effort, figure: Figure
) -> None:
    (lab,) = installation.found("Aqua Laboratory")
    stops, workers = effort(1, 6), 2
    answered: set[str] = set()
    tally: Counter[str] = Counter()
    names = count(1)
    slowest = 0.0

    async def hand(http: httpx2.AsyncClient, over: asyncio.Event) -> None:
        while not over.is_set():
            name = f"stop-{next(names)}"
            wanted = {"clientName": "Acme", "materialTypeId": lab.has.water, "notes": name}
            try:
                answer = await http.post("/samples", json=wanted)
            except httpx2.TransportError:
                tally["not begun"] += 1
                continue
            assert answer.status_code in {201, 503}, answer.text
            tally["answered"] += 1
            if answer.status_code == 201:
                answered.add(name)

    async def one_stop() -> tuple[float, bool]:
        with installation.serving(workers, TITER_DRAIN_SECONDS=str(DRAIN)) as server:
            over = asyncio.Event()
            async with server.client(lab) as http:
                hands = [asyncio.create_task(hand(http, over)) for _ in range(8)]
                await asyncio.sleep(0.5)
                stopping = asyncio.create_task(asyncio.to_thread(server.stop))
                told_first = False
                begun = time.monotonic()
                while time.monotonic() - begun < DRAIN * 0.9 and not told_first:
                    ready = await asyncio.to_thread(status, f"{server.url}/readyz")
                    told_first = ready == 503
                _, seconds = await stopping
                over.set()
                await asyncio.gather(*hands)
        return seconds, told_first

    for _ in range(stops):
        seconds, told_first = asyncio.run(one_stop())
        slowest = max(slowest, seconds)
        assert told_first, "/readyz has to say so first"
        assert seconds < 30
    there = set(installation.do(lab, all_notes))
    cut = there - answered
    assert answered <= there
    assert cut == set(), "committed, and yet not answered"
    figure(
        "P11",
        f"{installation.backend}, {stops} stops of {workers} workers under load",
        f"{tally['answered']} answered, 0 handlers cut; slowest exit {slowest:.1f} s; "
        "/readyz false first",
    )


async def all_notes(session: TenantSession) -> Sequence[str | None]:
    return (await session.scalars(select(Sample.notes))).all()
