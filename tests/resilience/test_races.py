"""Two workers, many clients, one winner."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from histories import Operation, linearizable
from laboratory import PASSWORD, Laboratory
from servers import Installation, Server

Figure = Callable[[str, str, object], None]
Effort = Callable[[int, int], int]
Answer = httpx2.Response
#: Asked again: too many wanted the database, or the same row, at once.
_AGAIN = {"unavailable", "contended", "idempotency_in_progress"}


class Ground:
    """An installation with two workers on it, and laboratories to race in."""

    def __init__(self, installation: Installation, server: Server, labs: list[Laboratory]) -> None:
        self.installation = installation
        self.server = server
        self._labs = labs

    def lab(self) -> Laboratory:
        """A laboratory that no race has been run in."""
        return self._labs.pop()

    def race(self, lab: Laboratory, run: Callable[[httpx2.AsyncClient], Awaitable[Any]]) -> Any:
        async def inside() -> Any:
            async with self.server.client(lab) as http:
                return await run(http)

        return asyncio.run(inside())

    def told(self, figure: Figure, promise: str, what: str, amount: object) -> None:
        figure(promise, f"{self.installation.backend}, 2 workers: {what}", amount)


@pytest.fixture(scope="module")
def ground(
    request: pytest.FixtureRequest, backend: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Ground]:
    folder: Path = tmp_path_factory.mktemp("races")
    if backend == "sqlite":
        made = Installation.on_sqlite(folder)
    else:
        superuser = request.getfixturevalue("own_postgres").url
        made = Installation.on_postgresql(folder, superuser, f"titer_{uuid4().hex[:12]}")
    labs = made.found(*(f"Laboratory {number}" for number in range(8)))
    with made.serving(workers=2) as server:
        yield Ground(made, server, labs)


async def insist(call: Callable[[], Awaitable[Answer]]) -> Answer:
    """An answer that is about the request, and not about how many came at once."""
    until = time.monotonic() + 60
    while True:
        answer = await call()
        if answer.is_success or answer.json()["error"] not in _AGAIN:
            return answer
        assert time.monotonic() < until, answer.text
        await asyncio.sleep(random.uniform(0.05, 0.3))


def body(lab: Laboratory, **fields: Any) -> dict[str, Any]:
    return {"clientName": "Acme", "materialTypeId": lab.has.water} | fields


async def with_results(http: httpx2.AsyncClient, lab: Laboratory, amount: int) -> list[int]:
    """Ids of tests with a result, each of a sample of its own."""
    found = []
    for _ in range(amount):
        created = await http.post("/samples", json=body(lab, testDefinitionIds=[lab.has.ph]))
        test_id = created.json()["tests"][0]["id"]
        entered = await http.patch(f"/sample-tests/{test_id}", json={"result": "7.0"})
        assert entered.status_code == 200, entered.text
        found.append(test_id)
    return found


def slug(answer: Answer) -> str:
    return "ok" if answer.is_success else str(answer.json()["error"])


def test_of_many_verifies_exactly_one_succeeds(
    ground: Ground, effort: Effort, figure: Figure
) -> None:
    lab, rounds, crowd = ground.lab(), effort(2, 20), 50

    async def run(http: httpx2.AsyncClient) -> list[Counter[str]]:
        outcomes = []
        for test_id in await with_results(http, lab, rounds):
            path = f"/sample-tests/{test_id}/verify"
            answers = await asyncio.gather(
                *(insist(lambda path=path: http.post(path)) for _ in range(crowd))  # type: ignore[misc]
            )
            outcomes.append(Counter(map(slug, answers)))
        return outcomes

    outcomes = ground.race(lab, run)
    assert outcomes == [Counter(ok=1, test_verified_locked=crowd - 1)] * rounds
    ground.told(figure, "P6", f"{rounds} x {crowd} verifies at once", "exactly one 200 each")


def test_no_edit_lands_after_the_verification(
    ground: Ground, effort: Effort, figure: Figure
) -> None:
    lab, rounds, editors = ground.lab(), effort(2, 20), 30

    async def edit(http: httpx2.AsyncClient, test_id: int, value: str) -> Answer:
        await asyncio.sleep(random.uniform(0, 0.1))
        return await insist(
            lambda: http.patch(f"/sample-tests/{test_id}", json={"result": f"7.{value}"})
        )

    async def verify(http: httpx2.AsyncClient, test_id: int) -> Answer:
        await asyncio.sleep(random.uniform(0, 0.1))
        return await insist(lambda: http.post(f"/sample-tests/{test_id}/verify"))

    async def run(http: httpx2.AsyncClient) -> tuple[list[int], int, int]:
        done = landed = 0
        ids = await with_results(http, lab, rounds)
        for test_id in ids:
            verified, *edits = await asyncio.gather(
                verify(http, test_id), *(edit(http, test_id, str(n)) for n in range(editors))
            )
            assert verified.status_code == 200, verified.text
            assert set(map(slug, edits)) <= {"ok", "test_verified_locked"}
            accepted = [each.json() for each in edits if each.is_success]
            shown = (await http.get(f"/sample-tests/{test_id}")).json()
            assert shown == verified.json(), "something changed after the verification"
            assert all(each["version"] < shown["version"] for each in accepted)
            done, landed = done + editors, landed + len(accepted)
        return ids, done, landed

    ids, done, landed = ground.race(lab, run)
    refused = sum(refused_by_the_database(ground.installation, lab, test_id) for test_id in ids)
    assert refused == len(ids)
    told = f"{done} edits against {rounds} verifies"
    ground.told(
        figure,
        "P6",
        told,
        f"{landed} before, {done - landed} refused, 0 changes after the verify's commit; "
        f"{refused} of {len(ids)} direct UPDATEs refused by trigger",
    )


def refused_by_the_database(installation: Installation, lab: Laboratory, test_id: int) -> bool:
    """Whether the server's own role cannot change a verified result by SQL."""

    async def change(database: Any) -> bool:
        async with database.connected() as connection:
            if database.on_postgresql:
                bind = text("SELECT set_config('app.organization_id', :id, true)")
                await connection.execute(bind, {"id": str(lab.id)})
            change = text("UPDATE sample_tests SET result = '1' WHERE id = :id")
            try:
                await connection.execute(change, {"id": test_id})
            except DBAPIError as refusal:
                return "the result is verified" in str(refusal)
            return False

    return installation.run(change)


def test_the_quota_is_met_exactly(ground: Ground, figure: Figure) -> None:
    lab, limit, wanted = ground.lab(), 100, 300

    async def ration(database: Any) -> None:
        async with database.connected() as connection, connection.begin():
            await connection.execute(
                text(
                    "INSERT INTO plans (name, monthly_samples, api_access) VALUES "
                    f"('hundred', {limit}, true) ON CONFLICT DO NOTHING"
                )
            )
            if database.on_postgresql:
                bind = text("SELECT set_config('app.organization_id', :id, true)")
                await connection.execute(bind, {"id": str(lab.id)})
            give = text("UPDATE organizations SET plan = 'hundred' WHERE id = :id")
            await connection.execute(give, {"id": lab.id})

    ground.installation.run(ration)

    async def run(http: httpx2.AsyncClient) -> tuple[Counter[str], int, int]:
        answers = await asyncio.gather(
            *(insist(lambda: http.post("/samples", json=body(lab))) for _ in range(wanted))
        )
        spoilt = await http.post("/samples", json=body(lab, testDefinitionIds=[999_999]))
        listed = await http.get("/samples", params={"limit": 500})
        used = [a.json()["used"] for a in answers if slug(a) == "SAMPLE_LIMIT_EXCEEDED"]
        assert spoilt.status_code in {400, 403}
        return Counter(map(slug, answers)), len(listed.json()["data"]), max(used)

    outcomes, there, used = ground.race(lab, run)
    assert outcomes == Counter(ok=limit, SAMPLE_LIMIT_EXCEEDED=wanted - limit)
    assert there == used == limit
    ground.told(
        figure,
        "P5",
        f"{wanted} creates at limit {limit}",
        f"{there} made; overshoot 0, undershoot 0",
    )


def test_a_key_has_one_effect_however_often_it_comes(
    ground: Ground, effort: Effort, figure: Figure
) -> None:
    lab, keys, crowd = ground.lab(), effort(2, 100), 50

    async def run(http: httpx2.AsyncClient) -> Counter[str]:
        told: Counter[str] = Counter()
        for number in range(keys):
            wanted = body(lab, notes=f"once {number}")
            headers = {"Idempotency-Key": f"key-{number}"}
            answers = await asyncio.gather(
                *(
                    insist(lambda: http.post("/samples", json=wanted, headers=headers))  # noqa: B023
                    for _ in range(crowd)
                )
            )
            assert {answer.status_code for answer in answers} == {201}
            assert len({answer.content for answer in answers}) == 1
            replays = ["idempotent-replayed" in answer.headers for answer in answers]
            assert replays.count(False) == 1
            other = await http.post("/samples", json=body(lab, notes="other"), headers=headers)
            assert slug(other) == "idempotency_key_reused"
            told["replayed"] += replays.count(True)
        there = (await http.get("/samples", params={"limit": 500})).json()["data"]
        assert Counter(each["notes"] for each in there) == {f"once {n}": 1 for n in range(keys)}
        return told

    told = ground.race(lab, run)
    ground.told(
        figure,
        "P2",
        f"{crowd} duplicates at once x {keys} keys",
        f"1 effect per key, {told['replayed']} answers replayed byte for byte",
    )


def test_an_external_id_is_taken_once(ground: Ground, figure: Figure, effort: Effort) -> None:
    lab, rounds, crowd = ground.lab(), effort(2, 20), 30

    async def run(http: httpx2.AsyncClient) -> list[Counter[str]]:
        outcomes = []
        for number in range(rounds):
            wanted = body(lab, externalId=f"EXT-{number}")
            answers = await asyncio.gather(
                *(insist(lambda: http.post("/samples", json=wanted)) for _ in range(crowd))  # noqa: B023
            )
            made = next(answer.json()["id"] for answer in answers if answer.is_success)
            named = {a.json()["existingId"] for a in answers if slug(a) == "duplicate"}
            assert named == {made}
            outcomes.append(Counter(map(slug, answers)))
        return outcomes

    outcomes = ground.race(lab, run)
    assert outcomes == [Counter(ok=1, duplicate=crowd - 1)] * rounds
    ground.told(figure, "P7", f"{rounds} x {crowd} creates of one externalId", "exactly one each")


def test_a_revoked_key_opens_nothing(ground: Ground, effort: Effort, figure: Figure) -> None:
    lab, rounds = ground.lab(), effort(2, 20)
    root = ground.server.url

    async def hammer(key: str, uses: list[tuple[float, int]], leaving: asyncio.Event) -> None:
        # A new connection each time, so that both workers are met.
        headers = {"Authorization": f"Bearer {key}", "Connection": "close"}
        async with httpx2.AsyncClient(headers=headers, timeout=20) as http:
            while not leaving.is_set():
                begun = time.monotonic()
                answer = await http.get(f"{root}/api/v1/whoami")
                uses.append((begun, answer.status_code))

    async def one(office: httpx2.AsyncClient) -> tuple[int, int]:
        minted = (await office.post("/api/settings/api-keys", json={"name": "short-lived"})).json()
        uses: list[tuple[float, int]] = []
        leaving = asyncio.Event()
        hands = [asyncio.create_task(hammer(minted["rawKey"], uses, leaving)) for _ in range(8)]
        while len(uses) < 8:  # noqa: ASYNC110 - looked at often enough
            await asyncio.sleep(0.02)
        await asyncio.sleep(random.uniform(0, 0.2))
        revoked = await office.delete(f"/api/settings/api-keys/{minted['id']}")
        answered = time.monotonic()
        assert revoked.status_code == 200
        seen = len(uses)
        while len(uses) < seen + 20:  # noqa: ASYNC110 - the same
            await asyncio.sleep(0.02)
        leaving.set()
        await asyncio.gather(*hands)
        late = [status for begun, status in uses if begun > answered]
        assert any(status == 200 for _, status in uses)
        assert len(late) > 5
        return sum(status == 200 for status in late), len(late)

    async def run(_: httpx2.AsyncClient) -> list[tuple[int, int]]:
        async with httpx2.AsyncClient(base_url=root, timeout=20) as office:
            who = {"email": f"admin@lab{lab.id}.example", "password": PASSWORD}
            signed_in = (await office.post("/api/auth/login", json=who)).json()
            office.headers["Authorization"] = f"Bearer {signed_in['token']}"
            return [await one(office) for _ in range(rounds)]

    outcomes = ground.race(lab, run)
    assert sum(succeeded for succeeded, _ in outcomes) == 0
    tried = sum(tried for _, tried in outcomes)
    ground.told(figure, "P14", f"{rounds} revocations", f"0 of {tried} later requests succeeded")


def test_no_update_is_lost(ground: Ground, effort: Effort, figure: Figure) -> None:
    lab, registers, people, turns = ground.lab(), effort(2, 60), 6, effort(8, 28)

    async def person(
        http: httpx2.AsyncClient, sample_id: int, number: int, history: list[Operation]
    ) -> None:
        path, version = f"/samples/{sample_id}", 1
        for turn in range(turns):
            value = f"{number}-{turn}"
            begun = time.monotonic()
            if random.random() < 0.3:
                shown = await insist(lambda: http.get(path))
                told = shown.json()
                version, seen = told["version"], told["notes"]
                history.append(Operation(begun, time.monotonic(), None, seen, version))
                continue
            tag = {"If-Match": f'"{sample_id}.{version}"'}
            answer = await http.patch(path, json={"notes": value}, headers=tag)
            ended, told = time.monotonic(), answer.json()
            if slug(answer) in _AGAIN:
                history.append(Operation(begun, ended, version, value, 0, ok=None))
                continue
            assert answer.status_code in {200, 412}, answer.text
            now = told["version"] if answer.is_success else told["currentVersion"]
            ok = answer.is_success
            history.append(Operation(begun, ended, version, value, now, ok=ok))
            version = now

    async def run(http: httpx2.AsyncClient) -> tuple[int, int]:
        operations = writes = 0
        for _ in range(registers):
            created = (await http.post("/samples", json=body(lab, notes="a"))).json()
            history: list[Operation] = []
            await asyncio.gather(
                *(person(http, created["id"], number, history) for number in range(people))
            )
            assert linearizable((1, "a"), history), history
            shown = (await http.get(f"/samples/{created['id']}")).json()
            succeeded = sum(bool(each.ok) and each.wanted is not None for each in history)
            unknown = sum(each.ok is None for each in history)
            assert succeeded <= shown["version"] - 1 <= succeeded + unknown
            operations, writes = operations + len(history), writes + succeeded
        return operations, writes

    operations, writes = ground.race(lab, run)
    ground.told(
        figure,
        "P7",
        f"{operations} reads and If-Match writes on {registers} samples",
        f"0 lost updates among {writes} that succeeded; every history linearizable",
    )
