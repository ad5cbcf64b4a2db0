"""`/api/v1/samples`: lists, tracking ids and allowances, each test in laboratories of its own."""

from typing import Any

import pytest
from sqlalchemy import update

from evidence import ABSENT, at_once, books, fields_at_fault, fill, ids, new, refusal, statements
from laboratory import Laboratory, MovableClock, World
from titer.domain.organizations.models import QuotaUse
from titer.domain.organizations.repository import Organizations
from titer.domain.organizations.rules import month_of
from titer.kit.tenancy import TenantSession

FIELDS = {
    *("id", "trackingId", "externalId", "status", "priority", "clientId", "clientName"),
    *("materialTypeId", "projectId", "storageLocationId", "plantLocation", "collectionDate"),
    *("notes", "receivedAt", "completedAt", "verifiedAt", "reportedAt", "createdBy"),
    *("createdAt", "updatedAt", "version"),
    *("name", "orderId", "skuId", "lot", "batch", "composite", "numberOfComposites"),
    *("servingSize", "customFields"),
}

# Listing


def test_a_list_shows_every_field_but_the_tests_newest_first(lab: Laboratory) -> None:
    made = [lab.sample()["id"] for _ in range(3)]
    answer = lab.get("/samples")
    assert ids(answer) == made[::-1]
    assert set(answer.json()) == {"data", "nextCursor", "hasMore"}
    assert {frozenset(sample) for sample in answer.json()["data"]} == {frozenset(FIELDS)}
    assert (answer.json()["nextCursor"], answer.json()["hasMore"]) == (None, False)
    assert "link" not in answer.headers


def test_an_empty_laboratory_has_an_empty_list(lab: Laboratory) -> None:
    assert lab.get("/samples").json() == {"data": [], "nextCursor": None, "hasMore": False}


def test_a_list_and_each_of_its_samples_say_the_same(lab: Laboratory) -> None:
    lab.sample("processing")
    lab.sample()
    for listed in lab.get("/samples").json()["data"]:
        single = lab.get(f"/samples/{listed['id']}").json()
        assert {name: single[name] for name in FIELDS} == listed


def test_each_filter_narrows_and_all_narrow_together(lab: Laboratory, rival: Laboratory) -> None:
    plain = lab.sample()["id"]
    soil = lab.sample(materialTypeId=lab.has.soil)["id"]
    routine = lab.sample("received", projectId=lab.has.project, externalId="EXT 1&2")
    rival.sample("received", externalId="EXT 1&2")
    found = {
        (): [routine["id"], soil, plain],
        (("status", "received"),): [routine["id"]],
        (("status", "pending"),): [soil, plain],
        (("status", "verified"),): [],
        (("materialTypeId", lab.has.soil),): [soil],
        (("projectId", lab.has.project),): [routine["id"]],
        (("projectId", rival.has.project),): [],
        (("projectId", ABSENT),): [],
        (("trackingId", routine["trackingId"]),): [routine["id"]],
        (("trackingId", routine["trackingId"].lower()),): [],
        (("trackingId", "S-%"),): [],
        (("externalId", "EXT 1&2"),): [routine["id"]],
        (("externalId", "EXT 1"),): [],
        (("status", "pending"), ("materialTypeId", lab.has.soil)): [soil],
        (("status", "received"), ("materialTypeId", lab.has.soil)): [],
    }
    for filters, wanted in found.items():
        assert ids(lab.get("/samples", params=dict(filters))) == wanted, filters


@pytest.mark.parametrize(
    ("asked", "given"), [("1", 1), ("2", 2), ("500", 3), ("501", 3), ("9" * 30, 3), (None, 3)]
)
def test_a_limit_above_500_is_500(lab: Laboratory, asked: str | None, given: int) -> None:
    fill(lab, 3)
    answer = lab.get("/samples", params={} if asked is None else {"limit": asked})
    assert len(ids(answer)) == given


def test_a_page_has_50_rows_by_default_and_at_most_500(lab: Laboratory) -> None:
    fill(lab, 503)
    assert len(ids(lab.get("/samples"))) == 50
    assert len(ids(lab.get("/samples?limit=10000"))) == 500
    assert len(ids(lab.get("/samples?limit=499"))) == 499


def walk(lab: Laboratory, limit: int, between: Any = None, **filters: Any) -> list[int]:
    """Every id that a walk over all pages sees, with something happening between any two."""
    seen: list[int] = []
    params = {"limit": limit} | filters
    while True:
        answer = lab.get("/samples", params=params)
        page = answer.json()
        seen += ids(answer)
        assert len(page["data"]) <= limit
        assert (page["nextCursor"] is None) is (not page["hasMore"])
        if not page["hasMore"]:
            assert "link" not in answer.headers
            return seen
        assert page["nextCursor"] == page["data"][-1]["id"]
        assert len(page["data"]) == limit
        address, _, relation = answer.headers["link"].partition(">; ")
        assert relation == 'rel="next"'
        assert lab.world.http.get(address[1:], headers=lab.headers).status_code == 200
        params["cursor"] = page["nextCursor"]
        if between is not None:
            between()


@pytest.mark.parametrize("limit", [1, 2, 3, 6, 7, 8])
def test_a_walk_sees_every_row_exactly_once_whatever_is_inserted_meanwhile(
    lab: Laboratory, limit: int
) -> None:
    fill(lab, 7)
    there = set(ids(lab.get("/samples")))
    seen = walk(lab, limit, between=lambda: fill(lab, 1))
    assert sorted(seen, reverse=True) == seen
    assert len(seen) == len(set(seen))
    assert there <= set(seen)
    assert set(seen) == there


def test_a_cursor_is_an_id_to_read_after_even_one_that_is_not_there(
    lab: Laboratory, rival: Laboratory
) -> None:
    first, second = lab.sample()["id"], lab.sample()["id"]
    theirs = rival.sample()["id"]
    third = lab.sample()["id"]
    assert ids(lab.get(f"/samples?cursor={third}")) == [second, first]
    assert ids(lab.get(f"/samples?cursor={theirs}")) == [second, first]
    assert ids(lab.get(f"/samples?cursor={ABSENT}")) == [third, second, first]
    assert ids(lab.get(f"/samples?cursor={2**63 - 1}")) == [third, second, first]
    assert ids(lab.get("/samples?cursor=1")) == []


def test_the_next_link_keeps_the_filters(lab: Laboratory) -> None:
    for _ in range(2):
        lab.sample(materialTypeId=lab.has.soil)
    answer = lab.get(f"/samples?limit=1&materialTypeId={lab.has.soil}&status=pending")
    cursor = answer.json()["nextCursor"]
    address = answer.headers["link"]
    assert address.startswith("<http://titer.test/api/v1/samples?")
    for part in ("limit=1", f"materialTypeId={lab.has.soil}", "status=pending", f"cursor={cursor}"):
        assert part in address


# Listing by receipt


@pytest.fixture
def receipts(lab: Laboratory, clock: MovableClock) -> list[int]:
    """Five samples, received in another order than they were made, two in one instant."""
    made = [lab.sample()["id"] for _ in range(6)]
    for place, moment in (
        (4, "2026-06-16T23:59:59.999Z"),
        (0, "2026-06-17T00:00:00.000Z"),
        (2, "2026-06-17T12:00:00.000Z"),
        (1, "2026-06-17T23:59:59.999Z"),
        (3, "2026-06-18T00:00:00.000Z"),
    ):
        clock.set(moment)
        assert lab.post("/samples/receive", {"sampleIds": [made[place]]}).status_code == 200
    return made


def test_a_span_of_receipt_is_inclusive_at_both_ends(lab: Laboratory, receipts: list[int]) -> None:
    a, b, c, d, e, _ = receipts
    for params, wanted in (
        ({"since": "2026-06-17"}, [d, b, c, a]),
        ({"since": "2026-06-17T00:00:00.001Z"}, [d, b, c]),
        ({"since": "2026-06-17T02:00:00+02:00"}, [d, b, c, a]),
        ({"until": "2026-06-17"}, [b, c, a, e]),
        ({"until": "2026-06-17T23:59:59.998Z"}, [c, a, e]),
        ({"until": "2026-06-16"}, [e]),
        ({"since": "2026-06-17", "until": "2026-06-17"}, [b, c, a]),
        ({"since": "2026-06-18", "until": "2026-06-17"}, []),
        ({"since": "2026-06-17T12:00:00.000999Z", "until": "2026-06-17T12:00:00Z"}, [c]),
        ({"since": "0001-01-01", "status": "pending"}, []),
        ({"since": "0001-01-01", "until": "9999-12-31"}, [d, b, c, a, e]),
    ):
        assert ids(lab.get("/samples", params=params)) == wanted, params


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5])
def test_a_walk_by_receipt_sees_every_row_exactly_once(
    lab: Laboratory, receipts: list[int], clock: MovableClock, limit: int
) -> None:
    a, b, c, d, e, _ = receipts

    def meanwhile() -> None:
        clock.advance(hours=1)
        lab.sample("received")

    assert walk(lab, limit, between=meanwhile, since="2026-06-01") == [d, b, c, a, e]


def test_samples_of_one_instant_are_told_apart_by_id(lab: Laboratory, clock: MovableClock) -> None:
    made = [lab.sample()["id"] for _ in range(5)]
    clock.set("2026-06-17T12:00:00.000Z")
    lab.post("/samples/receive", {"sampleIds": [made[place] for place in (3, 1, 4, 0, 2)]})
    assert walk(lab, 2, since="2026-06-17") == made[::-1]


def test_by_receipt_a_cursor_without_a_receipt_is_refused_foreign_or_absent_alike(
    lab: Laboratory, rival: Laboratory, receipts: list[int]
) -> None:
    theirs = rival.sample("received")["id"]
    answers = [
        lab.get(f"/samples?since=2026-06-01&cursor={cursor}")
        for cursor in (receipts[5], theirs, ABSENT)
    ]
    for answer in answers:
        assert refusal(answer) == (400, "invalid_query")
        assert fields_at_fault(answer) == ["cursor"]
    assert len({answer.json()["message"] for answer in answers}) == 1


# Tracking ids


def test_tracking_ids_are_counted_by_organization_and_year(
    lab: Laboratory, rival: Laboratory, clock: MovableClock
) -> None:
    clock.set("2026-12-31T23:59:59.999Z")
    assert [lab.sample()["trackingId"] for _ in range(2)] == ["S-2026-000001", "S-2026-000002"]
    assert rival.sample()["trackingId"] == "S-2026-000001"
    clock.set("2027-01-01T00:00:00.000Z")
    assert lab.sample()["trackingId"] == "S-2027-000001"


def test_a_composite_project_wants_a_plant_and_counts_by_plant_and_day(
    lab: Laboratory, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    project = {"projectId": lab.has.composite_project}
    missing = lab.post("/samples", new(lab, **project))
    assert refusal(missing) == (400, "invalid_body")
    assert fields_at_fault(missing) == ["plantLocation"]

    def made(**fields: Any) -> str:
        sample = lab.post("/samples", new(lab, **project, **fields)).json()
        return str(sample["trackingId"])

    assert made(plantLocation="Intake") == "WTP-INTAKE-260618-001"
    assert made(plantLocation="intake") == "WTP-INTAKE-260618-002"
    assert made(plantLocation="Basin2") == "WTP-BASIN2-260618-001"
    assert made(plantLocation="INTAKE", collectionDate="2026-06-17") == "WTP-INTAKE-260617-001"
    assert (
        made(plantLocation="INTAKE", collectionDate="2026-06-17T23:30:00-02:00")
        == "WTP-INTAKE-260618-003"
    )


def test_a_refused_create_may_leave_a_gap_but_never_reuses_a_number(lab: Laboratory) -> None:
    numbers = [lab.sample()["trackingId"]]
    lab.post("/samples", new(lab, materialTypeId=ABSENT))
    numbers += [lab.sample()["trackingId"] for _ in range(3)]
    assert len(set(numbers)) == 4


def test_concurrent_creates_all_get_numbers_of_their_own(lab: Laboratory) -> None:
    answers = at_once(lab, [("POST", "/samples", new(lab))] * 12)
    assert [answer.status_code for answer in answers] == [201] * 12
    assert len({answer.json()["trackingId"] for answer in answers}) == 12


# The plan's allowance


def spend(lab: Laboratory, units: int) -> None:
    async def work(session: TenantSession) -> None:
        assert await Organizations(session).use(month_of(session.now), units, None)

    lab.do(work)


def used(lab: Laboratory) -> int:
    return sum(count for _, count in books(lab)["used"])


def test_a_month_beyond_its_plan_is_refused_with_the_sheet_of_the_quota(
    world: World, clock: MovableClock
) -> None:
    clock.set("2026-06-18T09:12:00.000Z")
    lab = world.found("Small laboratory", plan="starter")
    spend(lab, 499)
    assert lab.post("/samples", new(lab)).status_code == 201
    before = books(lab)
    answer = lab.post("/samples", new(lab))
    assert answer.status_code == 403
    body = answer.json()
    assert body.pop("requestId") == answer.headers["x-request-id"]
    assert body == {
        "code": "SAMPLE_LIMIT_EXCEEDED",
        "error": "SAMPLE_LIMIT_EXCEEDED",
        "message": "Your plan allows 500 samples a month; 500 are used.",
        "limit": 500,
        "used": 500,
        "resetsAt": "2026-07-01T00:00:00.000Z",
    }
    assert books(lab) == before
    clock.set("2026-07-01T00:00:00.000Z")
    assert lab.post("/samples", new(lab)).status_code == 201


def test_the_quota_resets_with_the_year_too(world: World, clock: MovableClock) -> None:
    clock.set("2026-12-31T23:59:59.999Z")
    lab = world.found("Small laboratory", plan="starter")
    spend(lab, 500)
    assert lab.post("/samples", new(lab)).json()["resetsAt"] == "2027-01-01T00:00:00.000Z"


def test_the_quota_never_overshoots_under_concurrency_and_never_leaks(world: World) -> None:
    lab = world.found("Small laboratory", plan="starter")
    spend(lab, 496)
    calls = [("POST", "/samples", new(lab)) for _ in range(10)]
    calls += [("POST", "/samples", new(lab, projectId=ABSENT)) for _ in range(5)]
    codes = sorted(answer.status_code for answer in at_once(lab, calls))
    assert codes == [201] * 4 + [400] * 5 + [403] * 6
    assert used(lab) == 500


@pytest.mark.parametrize(
    "fields",
    [
        {"projectId": ABSENT},
        {"externalId": "TAKEN"},
        {"collectionDate": "9999-01-01"},
        {"testDefinitionIds": [ABSENT]},
    ],
)
def test_a_failed_create_gives_its_unit_back(lab: Laboratory, fields: dict[str, Any]) -> None:
    lab.post("/samples", new(lab, externalId="TAKEN"))
    assert used(lab) == 1
    assert lab.post("/samples", new(lab, **fields)).status_code in {400, 409}
    assert used(lab) == 1


# What it costs


def test_a_list_costs_the_same_however_long_it_is(lab: Laboratory) -> None:
    def cost(path: str) -> int:
        lab.get(path)
        with statements(lab.world) as seen:
            assert lab.get(path).status_code == 200
        return len(seen)

    lab.sample("received")
    filters = ("", "?status=received", "?since=2020-01-01", "?limit=500")
    paths = [f"/samples{each}" for each in filters]
    few = [cost(path) for path in paths]
    for _ in range(5):
        lab.sample("received")
    assert [cost(path) for path in paths] == few
    assert max(few) <= 3  # the key, the page, and on SQLite nothing more


def test_one_sample_costs_three_reads(lab: Laboratory) -> None:
    path = f"/samples/{lab.sample()['id']}"
    with statements(lab.world) as seen:
        lab.get(path)
    assert sum("SELECT" in statement for statement in seen) <= 3


def test_a_whole_allowance_is_counted_once_per_sample(lab: Laboratory) -> None:
    async def reset(session: TenantSession) -> None:
        await session.execute(
            update(QuotaUse).values(used=0).execution_options(synchronize_session=False)
        )

    lab.sample()
    lab.do(reset)
    lab.sample("verified")
    assert used(lab) == 1
