"""What is asked: endless requests of one kind, each with everything that a real one has."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import asyncpg  # type: ignore[import-untyped]

from benchmarks.laboratories import DEFINITIONS, MATERIALS, OPEN, Organization, Population
from benchmarks.traffic import request

_SEED = 7
BULK = 500
PAGE = 100


@dataclass
class Subjects:
    """Records that are there to work on, of one contender alone where work uses them up."""

    population: Population
    #: Ids of samples with tests, of each organization.
    samples: dict[int, list[int]] = field(default_factory=dict)
    #: Ids of tests that take a result.
    open_tests: dict[int, list[int]] = field(default_factory=dict)
    #: Ids of tests that can be verified, each with its organization: used up, so asked for once.
    unverified: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.chance = random.Random(_SEED)
        #: By their ids.
        self.organizations = {each.id: each for each in self.population.organizations}

    def only(self, owner: Organization) -> "Subjects":
        """What one organization has to work on."""
        one = Population((owner,), self.population.made_at)
        return Subjects(one, self.samples, self.open_tests)

    def anybody(self) -> Organization:
        return self.chance.choice(self.population.organizations)


_SAMPLES = """
SELECT organization_id, array_agg(id) AS ids FROM (
  SELECT organization_id, id, row_number() OVER (PARTITION BY organization_id ORDER BY id) AS place
  FROM samples WHERE id <= $2
) s WHERE place % $1 = 0 GROUP BY 1
"""
_OPEN = """
SELECT organization_id, array_agg(id ORDER BY id) AS ids FROM (
  SELECT t.organization_id, t.id,
         row_number() OVER (PARTITION BY t.organization_id ORDER BY t.id) AS place
  FROM sample_tests t
  JOIN samples s ON s.organization_id = t.organization_id AND s.id = t.sample_id
  WHERE t.verified_at IS NULL AND s.status = ANY ($1) AND s.reported_at IS NULL
    AND s.created_at < $2 AND t.id % 4 <> 0
) t WHERE place <= $3 GROUP BY 1
"""


async def subjects_on(place_url: str, population: Population) -> Subjects:
    """What there is to work on now, also after earlier runs have used some of it."""
    found = Subjects(population)
    connection = await asyncpg.connect(place_url)
    try:
        every = max(population.samples // 50_000, 1)
        for row in await connection.fetch(_SAMPLES, every, population.samples):
            found.samples[row["organization_id"]] = row["ids"]
        rows = await connection.fetch(_OPEN, list(OPEN), population.moment(), 60_000)
        for row in rows:
            found.open_tests[row["organization_id"]] = row["ids"]
    finally:
        await connection.close()
    return found


_REOPEN = """
UPDATE sample_tests t SET status = 'completed', verified_at = NULL, verified_by = NULL
FROM samples s
WHERE s.organization_id = t.organization_id AND s.id = t.sample_id AND s.status = ANY ($1)
  AND s.reported_at IS NULL AND t.id % 4 = 0 AND t.status = 'verified'
"""
_UNVERIFIED = """
SELECT t.id, t.organization_id FROM sample_tests t
JOIN samples s ON s.organization_id = t.organization_id AND s.id = t.sample_id
WHERE t.id % 4 = 0 AND t.status = 'completed' AND t.specification = 'pass'
  AND s.reported_at IS NULL AND s.status = ANY ($1) LIMIT 60000
"""


async def renew(url: str, subjects: Subjects) -> None:
    """Make tests that were verified as they were before, past everybody's rules."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(_REOPEN, list(OPEN))
        rows = await connection.fetch(_UNVERIFIED, list(OPEN))
    finally:
        await connection.close()
    subjects.unverified = [tuple(row) for row in rows]
    subjects.chance.shuffle(subjects.unverified)


Requests = Callable[[Subjects], Iterator[bytes]]


def list_samples(subjects: Subjects) -> Iterator[bytes]:
    """A page of a hundred samples, from anywhere in anybody's list."""
    while True:
        owner = subjects.anybody()
        ids = subjects.samples[owner.id]
        cursor = subjects.chance.choice(ids[len(ids) // 5 :])
        yield request("GET", f"/api/v1/samples?limit={PAGE}&cursor={cursor}", owner.key)


def get_sample(subjects: Subjects) -> Iterator[bytes]:
    while True:
        owner = subjects.anybody()
        sample_id = subjects.chance.choice(subjects.samples[owner.id])
        yield request("GET", f"/api/v1/samples/{sample_id}", owner.key)


def new_sample(owner: Organization, number: int) -> dict[str, Any]:
    return {
        "clientName": owner.client_name,
        "materialTypeId": owner.nth(number % MATERIALS),
        "testDefinitionIds": [
            owner.nth(number % DEFINITIONS),
            owner.nth((number + 1) % DEFINITIONS),
        ],
        "collectionDate": "2026-06-18",
        "notes": f"Taken at the second tap, number {number}.",
    }


def _json(body: dict[str, Any]) -> bytes:
    return json.dumps(body).encode()


def create_sample(subjects: Subjects) -> Iterator[bytes]:
    """A sample with two tests, of one organization after the other."""
    for number, owner in enumerate(cycle(subjects.population.organizations)):
        yield request("POST", "/api/v1/samples", owner.key, _json(new_sample(owner, number)))


def create_once(subjects: Subjects) -> Iterator[bytes]:
    """The same with an Idempotency-Key."""
    run = subjects.chance.getrandbits(60)
    for number, owner in enumerate(cycle(subjects.population.organizations)):
        more = f"Idempotency-Key: {run}-{number}\r\n"
        yield request("POST", "/api/v1/samples", owner.key, _json(new_sample(owner, number)), more)


def _result(chance: random.Random) -> str:
    return f"0.{chance.randrange(1, 15):03}"


def enter_result(subjects: Subjects) -> Iterator[bytes]:
    while True:
        owner = subjects.anybody()
        test_id = subjects.chance.choice(subjects.open_tests[owner.id])
        body = _json({"result": _result(subjects.chance)})
        yield request("PATCH", f"/api/v1/sample-tests/{test_id}", owner.key, body)


def enter_bulk(subjects: Subjects) -> Iterator[bytes]:
    """Five hundred results at a time, of tests that stand together."""
    blocks = [
        (owner, ids[at : at + BULK])
        for owner in subjects.population.organizations
        for ids in [subjects.open_tests[owner.id]]
        for at in range(0, len(ids) - BULK + 1, BULK)
    ]
    subjects.chance.shuffle(blocks)
    for owner, ids in cycle(blocks):
        rows: list[dict[str, Any]] = [
            {"sampleTestId": test_id, "result": _result(subjects.chance)} for test_id in ids
        ]
        body = _json({"updates": rows})
        yield request("POST", "/api/v1/sample-tests/bulk-results", owner.key, body)


def verify_result(subjects: Subjects) -> Iterator[bytes]:
    while subjects.unverified:
        test_id, owner_id = subjects.unverified.pop()
        owner = subjects.organizations[owner_id]
        yield request("POST", f"/api/v1/sample-tests/{test_id}/verify", owner.key, b"{}")


def list_tests(subjects: Subjects) -> Iterator[bytes]:
    """The newest hundred tests, as the Results API shows them."""
    while True:
        owner = subjects.anybody()
        yield request("GET", f"/api/tests?per_page={PAGE}", owner.key)


def subjects_of(population: Population) -> Subjects:
    """What there is to read where nothing but this population was ever loaded."""
    found = Subjects(population)
    for sample_id, owner, _ in population.numbered():
        found.samples.setdefault(owner.id, []).append(sample_id)
    return found


@dataclass(frozen=True)
class Work:
    """One kind of request, who is measured at it, and what is wanted."""

    name: str
    requests: Requests
    #: At least this share of the floor; None where nothing was promised.
    goal: float | None = None
    #: At least so many times Django REST framework's rate.
    django: float | None = None
    floor: bool = True
    #: Its subjects are used up, and are made anew for each window.
    uses_up: bool = False
    #: Answers that a window waits for at least.
    least: int = 48
    connections: int = 16


LIST = Work("list 100 samples", list_samples, 0.70, 15)
GET = Work("get one with its tests", get_sample, 0.50, 10)
CREATE = Work("create with 2 tests", create_sample, 0.60, 14)
ON_SQLITE = (
    Work("list 100 samples", list_samples, 0.60),
    Work("create with 2 tests", create_sample, 0.50),
)
WORKS: Sequence[Work] = (
    LIST,
    GET,
    CREATE,
    Work("create, idempotent", create_once, floor=False),
    Work("patch a result", enter_result, 0.50, 10),
    Work("bulk-results 500", enter_bulk, 0.75, 50, least=4, connections=4),
    Work("verify one", verify_result, uses_up=True),
    Work("list 100 of /api/tests", list_tests),
)
