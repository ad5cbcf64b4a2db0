"""What is asked of one list in many ways: filters, and pages far down."""

import math
import statistics
from collections.abc import Mapping
from datetime import timedelta
from itertools import repeat
from urllib.parse import urlencode

from benchmarks.laboratories import RARE, STEPS, Organization, Population
from benchmarks.measuring import Contender
from benchmarks.traffic import drive, request
from titer.kit.clock import spell

_AT_A_TIME = 12
#: Where a filter is slow, it is not asked this often.
_SECONDS = 1.5

BY_CLIENT = "by a client's key"
Queries = Mapping[str, Mapping[str, object]]


def cost(contender: Contender, path: str, key: str) -> float:
    """Milliseconds that one request takes, alone; no end of them where it is given up."""
    window = drive(
        contender.server.port,
        repeat(request("GET", path, key), _AT_A_TIME),
        seconds=_SECONDS,
        connections=1,
        longest=_SECONDS,
    )
    if window.statuses[b"503"]:
        return math.inf
    if window.refused or not window.answered:
        raise RuntimeError(f"{path}: {window.refusal.decode(errors='replace')}")
    return 1e3 * window.percentile(0.5)


def ratios(
    contender: Contender,
    plain: str,
    others: Mapping[str, str],
    owner: Organization,
    rounds: int,
) -> dict[str, float]:
    """What each path costs, as a multiple of the plain one; all of them in turns."""
    taken: dict[str, list[float]] = {name: [] for name in others}
    usual = []
    cost(contender, plain, owner.key)
    for _ in range(rounds):
        for name, path in others.items():
            usual.append(cost(contender, plain, owner.key))
            key = owner.results_key if name == BY_CLIENT else owner.key
            taken[name].append(cost(contender, path, key))
    base = statistics.median(usual)
    return {name: statistics.median(each) / base for name, each in taken.items()}


def paths(base: str, queries: Queries, **always: object) -> dict[str, str]:
    return {name: f"{base}?{urlencode({**always, **query})}" for name, query in queries.items()}


def sample_filters(population: Population, owner: Organization) -> Queries:
    """Every documented filter of samples, where it matches much, little and nothing, and pairs."""
    now = population.moment()
    old, recent = (spell(now - timedelta(days=days)) for days in (880, 20))
    middle = {"since": spell(now - timedelta(days=460)), "until": spell(now - timedelta(days=430))}
    rare, common = {"projectId": owner.nth(0)}, {"projectId": owner.nth(2)}
    return {
        **{f"status {step}": {"status": step} for step in STEPS},
        "materialTypeId": {"materialTypeId": owner.nth(0)},
        "projectId": common,
        f"projectId of the {RARE} oldest": rare,
        "trackingId": {"trackingId": "S-2026-000007"},
        "trackingId of none": {"trackingId": "S-1999-000007"},
        "externalId of none": {"externalId": "EXT-0"},
        "orderId": {"orderId": owner.nth(0)},
        "skuId": {"skuId": owner.nth(0)},
        "lot": {"lot": "L00002"},
        "since, nearly all": {"since": old},
        "since, the newest": {"since": recent},
        "until, the oldest": {"until": old},
        "until, nearly all": {"until": recent},
        "since and until": middle,
        "status and projectId": {"status": "pending", **common},
        "status and projectId of the oldest": {"status": "pending", **rare},
        "status and since": {"status": "pending", "since": old},
        "status and until": {"status": "pending", "until": old},
        "projectId of the oldest and until": {**rare, "until": recent},
        "lot and since": {"lot": "L00002", "since": old},
        "materialTypeId and status": {"materialTypeId": owner.nth(0), "status": "completed"},
    }


def test_filters(owner: Organization) -> Queries:
    """Every documented filter of sample tests."""
    definition = {"testDefinitionId": owner.nth(1)}
    return {
        "status pending": {"status": "pending"},
        "status completed": {"status": "completed"},
        "status verified": {"status": "verified"},
        "testDefinitionId": definition,
        "trackingId": {"trackingId": "S-2026-000007"},
        "sampleId of none": {"sampleId": 1 << 40},
        "status and testDefinitionId": {"status": "completed", **definition},
    }


def published_filters(population: Population, owner: Organization) -> Queries:
    """Every documented filter of the Results API's tests."""
    now = population.moment()
    stages = ("not_started", "in_progress", "completed", "published")
    return {
        **{f"status {stage}": {"status": stage} for stage in stages},
        "updated_since, nearly all": {"updated_since": spell(now - timedelta(days=880))},
        "updated_since, the newest": {"updated_since": spell(now - timedelta(days=5))},
        "updated_since, none": {"updated_since": spell(now + timedelta(days=400))},
        "order_id": {"order_id": owner.nth(0)},
        "sku_code": {"sku_code": "SKU-0"},
        "sku_code of none": {"sku_code": "SKU-X"},
        "lot": {"lot": "L00002"},
    }
