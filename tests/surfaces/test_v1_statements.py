"""How many statements the hot routes cost: counted, because a time proves nothing.

Beginning and ending a transaction is not counted. On PostgreSQL what finds the key is part of
the first statement of an operation that glances; on SQLite a statement costs no round trip.
"""

from collections.abc import Callable

import pytest

from evidence import statements
from laboratory import Laboratory

Call = Callable[[Laboratory], object]


def count(lab: Laboratory, call: Call) -> list[str]:
    with statements(lab.world) as seen:
        call(lab)
    return seen


def new(lab: Laboratory) -> dict[str, object]:
    return {
        "clientName": "Acme Water",
        "materialTypeId": lab.has.water,
        "testDefinitionIds": [lab.has.ph, lab.has.lead],
    }


def on(lab: Laboratory, postgresql: int, sqlite: int) -> int:
    return postgresql if lab.world.app.database.on_postgresql else sqlite


@pytest.mark.parametrize(
    "path",
    ["/samples", "/samples?status=pending&limit=100", "/sample-tests", "/samples?since=2026-01-01"],
)
def test_a_page_of_a_list_is_one_statement_with_its_key(lab: Laboratory, path: str) -> None:
    for _ in range(3):
        lab.sample()
    seen = count(lab, lambda lab: lab.get(path))
    assert len(seen) == on(lab, 1, 2), seen


def test_a_sample_with_its_tests_is_one_statement_with_its_key(lab: Laboratory) -> None:
    sample = lab.sample()
    seen = count(lab, lambda lab: lab.get(f"/samples/{sample['id']}"))
    assert len(seen) == on(lab, 1, 2), seen


def test_a_sample_is_registered_in_three_statements(lab: Laboratory) -> None:
    """Key and what it names; its number, ids and the tally; and everything that is written."""
    lab.post("/samples", new(lab))  # the first of a month or a year makes its counters
    seen = count(lab, lambda lab: lab.post("/samples", new(lab)))
    assert len(seen) == on(lab, 3, 11), seen


def test_a_result_is_entered_in_two_statements(lab: Laboratory) -> None:
    """Key and the test under lock with the catalogue's terms, and all that is written."""
    test = lab.sample()["tests"][0]["id"]
    seen = count(lab, lambda lab: lab.patch(f"/sample-tests/{test}", {"result": "7.1"}))
    assert len(seen) == on(lab, 2, 8), seen


@pytest.mark.parametrize("many", [2, 60])
def test_many_results_cost_no_more_statements_than_one(lab: Laboratory, many: int) -> None:
    tests = [test["id"] for _ in range(many // 2) for test in lab.sample()["tests"][:2]]
    updates = [{"sampleTestId": test, "result": "6.9"} for test in tests]
    seen = count(lab, lambda lab: lab.post("/sample-tests/bulk-results", {"updates": updates}))
    assert len(seen) == on(lab, 2, 8), seen


def test_a_result_is_verified_in_four_statements(lab: Laboratory) -> None:
    """Key, the test under lock, rejections that a retest answers, and all that is written."""
    test = lab.sample()["tests"][0]["id"]
    lab.patch(f"/sample-tests/{test}", {"result": "7.1"})
    seen = count(lab, lambda lab: lab.post(f"/sample-tests/{test}/verify"))
    assert len(seen) == on(lab, 4, 9), seen
