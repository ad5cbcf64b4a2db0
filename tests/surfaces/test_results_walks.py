"""Walks through numbered pages: everything once, whatever happens meanwhile, seldom a write."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from typing import Any

import pytest
from httpx2 import ASGITransport, AsyncClient

from evidence import statements
from laboratory import Laboratory, World
from titer.domain.samples.service import change
from titer.kit.db.engine import Work
from titer.kit.tenancy import Actor, Tenant


class Reader:
    """A client of the laboratory that reads page by page."""

    def __init__(self, lab: Laboratory) -> None:
        body = {"name": "portal", "clientId": lab.has.client}
        minted = lab.administrator().post("/results-keys", body).json()
        self.headers = {"Authorization": f"Bearer {minted['rawKey']}"}
        self.lab = lab

    def get(self, path: str = "/tests", **query: Any) -> dict[str, Any]:
        answer = self.lab.world.http.get(f"/api{path}", headers=self.headers, params=query)
        assert answer.status_code == 200, answer.text
        shown: dict[str, Any] = answer.json()
        return shown

    def walk(
        self, path: str = "/tests", *, meanwhile: Callable[[], object] = lambda: None, **query: Any
    ) -> list[int]:
        """The ids of every page."""
        seen: list[int] = []
        page: int | None = 1
        while page is not None:
            shown = self.get(path, page=page, **query)
            seen += [each["id"] for each in shown[path.removeprefix("/")]]
            page = shown["pagination"]["next_page"]
            meanwhile()
        return seen


@pytest.fixture
def reader(lab: Laboratory) -> Reader:
    return Reader(lab)


def order(lab: Laboratory, amount: int = 1, **sample: Any) -> list[dict[str, Any]]:
    """The samples of a new order, with a test each."""
    wanted = {"materialTypeId": lab.has.water, "testDefinitionIds": [lab.has.ph]} | sample
    made = lab.post("/orders", {"clientId": lab.has.client, "samples": [wanted] * amount})
    assert made.status_code == 201, made.text
    samples: list[dict[str, Any]] = made.json()["samples"]
    return samples


def ids_of_tests(samples: list[dict[str, Any]]) -> list[int]:
    return [test["id"] for sample in samples for test in sample["tests"]]


@contextmanager
def held_back(lab: Laboratory, sample_id: int) -> Iterator[Callable[[], None]]:
    """A test that is scheduled in a transaction which is open still: its id is given out, and who
    comes later commits earlier. What is handed out commits it."""
    database = lab.world.app.database
    entered = AsyncExitStack()

    async def begin() -> Work:
        work = await entered.enter_async_context(database.work(writes=True))
        session = await work.enter(Tenant(lab.id), Actor("test", "late", lab.user_id))
        await change(session, sample_id, {"test_definition_ids": (lab.has.colour,)})
        return work

    async def commit(work: Work) -> None:
        await work.commit()
        await entered.aclose()

    opened = lab.world.run(begin)
    yield lambda: lab.world.run(commit, opened)


def test_a_test_that_is_committed_late_moves_no_page(
    lab: Laboratory, world: World, reader: Reader
) -> None:
    known = order(lab, 5)
    with held_back(lab, known[0]["id"]) as commit:
        if not world.app.database.on_postgresql:
            commit()  # SQLite has one writer: nobody overtakes it
        known += order(lab, 5)
        first = reader.get(per_page=3)
        if world.app.database.on_postgresql:
            commit()  # its id lies in the first page, which has been read
    seen = [test["id"] for test in first["tests"]]
    for page in range(2, 6):
        shown = reader.get(per_page=3, page=page)
        seen += [test["id"] for test in shown["tests"]]
        if shown["pagination"]["next_page"] is None:
            break
    assert len(set(seen)) == len(seen)
    assert set(ids_of_tests(known)) <= set(seen)


def test_nothing_is_missed_when_what_was_read_leaves_the_list(
    lab: Laboratory, reader: Reader
) -> None:
    samples = order(lab, 8)
    waiting = list(reversed(ids_of_tests(samples)))
    first = reader.get(status="not_started", per_page=3)
    seen = [test["id"] for test in first["tests"]]
    assert seen == waiting[:3]
    for test_id in seen:
        lab.enter(test_id, "7.2")
    while (page := first["pagination"]["next_page"]) is not None:
        first = reader.get(status="not_started", per_page=3, page=page)
        seen += [test["id"] for test in first["tests"]]
    assert seen == waiting


def test_products_and_variants_are_walked_by_name_while_others_come(
    lab: Laboratory, reader: Reader
) -> None:
    names = ["kale", "Leek", "lime", "Mint", "okra", "Pear", "pear"]
    products = [
        lab.post("/products", {"clientId": lab.has.client, "name": name}).json()["id"]
        for name in names
    ]
    coming = iter(["Apple", "banana", "cherry", "Mango", "Zucchini", "fig", "fig", "fig"])

    def come() -> None:
        body = {"clientId": lab.has.client, "name": next(coming)}
        assert lab.post("/products", body).status_code == 201

    seen = reader.walk("/products", per_page=2, meanwhile=come)
    assert [each for each in seen if each in products] == products
    skus = [
        lab.post("/skus", {"productId": products[0], "name": name}).json()["id"] for name in names
    ]
    assert reader.walk("/skus", per_page=2) == skus
    placed = [lab.post("/orders", {"clientId": lab.has.client}).json()["id"] for _ in range(5)]
    assert reader.walk("/orders", per_page=2) == placed[::-1]


def test_a_page_that_is_asked_for_again_is_the_same(lab: Laboratory, reader: Reader) -> None:
    known = ids_of_tests(order(lab, 7))[::-1]
    reader.get(per_page=2)
    order(lab, 3)
    for _ in range(2):
        shown = reader.get(per_page=2, page=2)
        assert [test["id"] for test in shown["tests"]] == known[2:4]
    assert shown["pagination"] == {
        "per_page": 2,
        "current_page": 2,
        "prev_page": 1,
        "next_page": 3,
    }
    # Cut in another way it is another walk.
    assert [test["id"] for test in reader.get(per_page=3, page=4)["tests"]] == known[-1:]


def test_somebody_who_leaps_into_a_list_goes_on_from_there(lab: Laboratory, reader: Reader) -> None:
    known = ids_of_tests(order(lab, 9))[::-1]
    assert [test["id"] for test in reader.get(per_page=2, page=3)["tests"]] == known[4:6]
    order(lab, 2)
    assert [test["id"] for test in reader.get(per_page=2, page=4)["tests"]] == known[6:8]
    beyond = reader.get(per_page=2, page=40)
    assert (beyond["tests"], beyond["pagination"]["next_page"]) == ([], None)


WRITES = ("INSERT", "UPDATE", "DELETE")


def written(world: World, work: Callable[[], object]) -> int:
    with statements(world) as seen:
        work()
    return sum(statement.startswith(WRITES) for statement in seen)


def test_a_list_in_which_nothing_happened_is_read_without_a_write(
    lab: Laboratory, world: World, reader: Reader
) -> None:
    order(lab, 40)
    assert written(world, lambda: reader.walk(per_page=2)) <= 4 * 3
    assert written(world, lambda: reader.walk(per_page=2)) == 0
    assert written(world, lambda: reader.get(per_page=100)) == 0
    assert written(world, lambda: reader.walk("/products")) == 0


def test_every_published_test_is_seen_once_while_others_are_published_at_once(
    lab: Laboratory, world: World
) -> None:
    before = [lab.sample("verified", [lab.has.ph], **_client(lab)) for _ in range(8)]
    for sample in before:
        lab.post(f"/samples/{sample['id']}/report")
    waiting = [lab.sample("verified", [lab.has.ph], **_client(lab)) for _ in range(8)]
    readers = [Reader(lab) for _ in range(2)]
    walks: list[list[int]] = []

    async def publish(http: AsyncClient, samples: list[dict[str, Any]]) -> None:
        for sample in samples:
            done = await http.post(f"/v1/samples/{sample['id']}/report", headers=lab.headers)
            assert done.status_code == 200, done.text
            body = {"clientId": lab.has.client, "samples": [{"materialTypeId": lab.has.water}]}
            await http.post("/v1/orders", headers=lab.headers, json=body)
            await asyncio.sleep(0)

    async def walk(http: AsyncClient, reader: Reader, over: asyncio.Event) -> None:
        while not over.is_set():
            seen: list[int] = []
            page: int | None = 1
            while page is not None:
                query: dict[str, str | int] = {
                    "page": page,
                    "per_page": 2,
                    "status": "published",
                }
                answer = await http.get("/tests", headers=reader.headers, params=query)
                seen += [test["id"] for test in answer.json()["tests"]]
                page = answer.json()["pagination"]["next_page"]
                await asyncio.sleep(0)  # on SQLite nothing else lets the others have their turn
            walks.append(seen)

    async def crowd() -> None:
        transport = ASGITransport(app=world.app)
        over = asyncio.Event()
        async with AsyncClient(transport=transport, base_url="http://titer.test/api") as http:
            walkers = [asyncio.create_task(walk(http, each, over)) for each in readers]
            await asyncio.gather(*(publish(http, waiting[start::3]) for start in range(3)))
            over.set()
            await asyncio.gather(*walkers)

    world.run(crowd)
    assert len(walks) >= 2
    for seen in walks:
        assert len(set(seen)) == len(seen)
        assert set(ids_of_tests(before)) <= set(seen) <= set(ids_of_tests(before + waiting))
    assert set(readers[0].walk(status="published")) == set(ids_of_tests(before + waiting))


def _client(lab: Laboratory) -> dict[str, Any]:
    return {"clientId": lab.has.client, "clientName": None}
