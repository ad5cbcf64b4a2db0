"""Killed without warning, a server and its database lose nothing that they have acknowledged.

Writers keep a ledger outside, on the disk before their next request. What was not acknowledged
they send again with the same Idempotency-Key: it must have had one effect, whether or not the
first attempt had got through.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from laboratory import Laboratory
from servers import Installation, Ledger, Postgres, Server

Figure = Callable[[str, str, object], None]
Effort = Callable[[int, int], int]
WRITERS = 8
_AGAIN = {409, 429, 503}


@dataclass
class Writers:
    """Eight people at work, who do not give up."""

    server: Server
    lab: Laboratory
    ledger: Ledger
    leaving: bool = False
    repeated: int = 0
    replayed: int = 0
    refused: Counter[int] = field(default_factory=Counter)

    async def progress(self, amount: int = 60) -> None:
        """Wait until so many further writes are acknowledged."""
        wanted = self.ledger.notes + amount
        until = time.monotonic() + 60
        while self.ledger.notes < wanted and not self.leaving:
            assert time.monotonic() < until, "nothing is acknowledged any more"
            await asyncio.sleep(0.02)

    async def work(self) -> None:
        async with self.server.client(self.lab, timeout=10) as http:
            await asyncio.gather(*(self._writer(http, number) for number in range(WRITERS)))

    async def _writer(self, http: httpx2.AsyncClient, number: int) -> None:
        turn = 0
        while not self.leaving:
            turn += 1
            await self._round(http, f"{number}-{turn}")

    async def _round(self, http: httpx2.AsyncClient, name: str) -> None:
        body = {
            "clientName": "Acme Water District",
            "materialTypeId": self.lab.has.water,
            "testDefinitionIds": [self.lab.has.ph],
            "notes": name,
        }
        sample = await self._insist(http, "POST", "/samples", body, f"create-{name}")
        self.ledger.note(kind="sample", id=sample["id"], name=name, tracking=sample["trackingId"])
        test_id = sample["tests"][0]["id"]
        result = f"7.{random.randrange(10)}"
        path = f"/sample-tests/{test_id}"
        await self._insist(http, "PATCH", path, {"result": result}, f"enter-{name}")
        self.ledger.note(kind="result", id=test_id, sample=sample["id"], result=result)
        await self._insist(http, "POST", f"{path}/verify", None, f"verify-{name}")
        self.ledger.note(kind="verified", id=test_id, sample=sample["id"])

    async def _insist(
        self, http: httpx2.AsyncClient, method: str, path: str, body: Any, key: str
    ) -> dict[str, Any]:
        """The answer to a request that is sent until it is acknowledged."""
        until = time.monotonic() + 90
        attempts = 0
        while time.monotonic() < until:
            attempts += 1
            try:
                answer = await http.request(
                    method, path, json=body, headers={"Idempotency-Key": key}
                )
            except httpx2.TransportError:
                await asyncio.sleep(0.2)
                continue
            if answer.is_success:
                self.repeated += attempts > 1
                self.replayed += "idempotent-replayed" in answer.headers
                told: dict[str, Any] = answer.json()
                return told
            self.refused[answer.status_code] += 1
            assert answer.status_code in _AGAIN, (method, path, answer.status_code, answer.text)
            await asyncio.sleep(0.2)
        raise TimeoutError(f"{method} {path} was never acknowledged")


async def survive(writers: Writers, blows: Sequence[Callable[[], None]]) -> None:
    """Let the writers work while blow after blow falls, each in a random moment."""
    working = asyncio.create_task(writers.work())
    try:
        for blow in blows:
            await writers.progress()
            await asyncio.sleep(random.uniform(0, 0.3))
            await asyncio.to_thread(blow)
            assert not working.done(), working.result()
        await writers.progress()
    finally:
        writers.leaving = True
        await working


async def pages(http: httpx2.AsyncClient, path: str, **query: Any) -> AsyncIterator[dict[str, Any]]:
    cursor = None
    while True:
        wanted = {"limit": 500} | query | ({"cursor": cursor} if cursor else {})
        answer = await http.get(path, params=wanted)
        assert answer.status_code == 200, answer.text
        told = answer.json()
        for record in told["data"]:
            yield record
        if not told["hasMore"]:
            return
        cursor = told["nextCursor"]


async def check(server: Server, lab: Laboratory, acknowledged: list[dict[str, Any]]) -> None:
    """Read everything back through the API, and hold it against the ledger."""
    async with server.client(lab) as http:
        samples = {sample["id"]: sample async for sample in pages(http, "/samples")}
        tests = {test["id"]: test async for test in pages(http, "/sample-tests")}
        actions = Counter([event["action"] async for event in pages(http, "/audit-events")])
        some = random.sample(sorted(tests), min(40, len(tests)))
        for test_id in some:
            entries = [e["action"] async for e in pages(http, f"/sample-tests/{test_id}/history")]
            assert max(Counter(entries).values(), default=1) == 1, (test_id, entries)
    lost = [fact for fact in acknowledged if not kept(fact, samples, tests)]
    assert lost == []
    names = Counter(sample["notes"] for sample in samples.values())
    assert max(names.values()) == 1, "a request that was repeated had more than one effect"
    # Version 1 is new, 2 entered, 3 verified: more would be an effect had twice.
    assert {test["version"] for test in tests.values()} <= {1, 2, 3}
    assert actions["sample.registered"] == len(samples)
    assert actions["sample_test.verified"] == sum(
        test["status"] == "verified" for test in tests.values()
    )


def kept(fact: dict[str, Any], samples: dict[int, Any], tests: dict[int, Any]) -> bool:
    if fact["kind"] == "sample":
        sample = samples.get(fact["id"])
        return sample is not None and (sample["notes"], sample["trackingId"]) == (
            fact["name"],
            fact["tracking"],
        )
    test = tests.get(fact["id"])
    if test is None or test["sampleId"] != fact["sample"]:
        return False
    if fact["kind"] == "result":
        return bool(test["result"] == fact["result"])
    return bool(test["status"] == "verified")


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    kept = Ledger(tmp_path / "ledger")
    yield kept
    kept.close()


def server_blows(server: Server, amount: int) -> list[Callable[[], None]]:
    def everything() -> None:
        server.kill()
        server.start()

    def one_worker() -> None:
        server.kill_a_worker()
        server.wait_until_ready()

    kinds = [everything, one_worker] if server.workers > 1 else [everything]
    return [kinds[turn % len(kinds)] for turn in range(amount)]


def test_killed_servers_lose_nothing_acknowledged(
    installation: Installation, effort: Effort, figure: Figure, ledger: Ledger
) -> None:
    on_sqlite = installation.backend == "SQLite"
    (lab,) = installation.found("Aqua Laboratory")
    # On SQLite the database lives in the server: each kill is one of the database as well.
    kills = effort(2, 25 if on_sqlite else 20)
    with installation.serving(workers=1 if on_sqlite else 2) as server:
        writers = Writers(server, lab, ledger)
        asyncio.run(survive(writers, server_blows(server, kills)))
        asyncio.run(check(server, lab, ledger.read()))
    tell(figure, installation, writers, f"{kills} server kills", lab)


@pytest.mark.parametrize("backend", ["postgresql"], indirect=True)
def test_a_killed_database_loses_nothing_acknowledged(
    installation: Installation,
    own_postgres: Postgres,
    effort: Effort,
    figure: Figure,
    ledger: Ledger,
) -> None:
    (lab,) = installation.found("Aqua Laboratory")
    kills = effort(1, 6)

    def blow() -> None:
        own_postgres.kill()
        own_postgres.start()

    with installation.serving(workers=2) as server:
        writers = Writers(server, lab, ledger)
        asyncio.run(survive(writers, [blow] * kills))
        asyncio.run(check(server, lab, ledger.read()))
    tell(figure, installation, writers, f"{kills} database kills", lab)


def tell(
    figure: Figure, installation: Installation, writers: Writers, what: str, lab: Laboratory
) -> None:
    verification = installation.verify(lab)
    assert verification.faults == ()
    acknowledged = len(writers.ledger.read())
    assert acknowledged > 20
    figure(
        "P1 P2",
        f"{installation.backend}, {what}",
        f"0 of {acknowledged} acknowledged writes lost; {writers.repeated} requests sent again, "
        f"{writers.replayed} of them replayed, each with 1 effect; chain of "
        f"{verification.events} events verifies",
    )
