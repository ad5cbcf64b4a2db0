"""How many statements the Results API's lists cost, and that rare rows are found all the same.

Counted as for the Lab API: on PostgreSQL the key comes with the first statement.
"""

from typing import Any

import pytest

from evidence import statements
from laboratory import Laboratory
from titer.domain.publication import statements as published


def key_of(lab: Laboratory, client_id: int | None = None) -> str:
    body = {"name": "portal", "clientId": client_id or lab.has.client}
    return str(lab.administrator().post("/results-keys", body).json()["rawKey"])


def ask(lab: Laboratory, key: str, path: str) -> Any:
    answer = lab.world.http.get(f"/api{path}", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 200, answer.text
    return answer.json()


def cost(lab: Laboratory, key: str, path: str) -> list[str]:
    """The statements of a request, once the walk of its list is known."""
    ask(lab, key, path)
    with statements(lab.world) as seen:
        ask(lab, key, path)
    return seen


def on(lab: Laboratory, postgresql: int) -> int:
    """On SQLite the key is a statement of its own."""
    return postgresql if lab.world.app.database.on_postgresql else postgresql + 1


def stock(lab: Laboratory, amount: int = 3) -> list[int]:
    """Tests of the client's, the newest first."""
    wanted = [{"materialTypeId": lab.has.water, "testDefinitionIds": [lab.has.ph]}] * amount
    made = lab.post("/orders", {"clientId": lab.has.client, "samples": wanted}).json()
    return [test["id"] for sample in made["samples"] for test in sample["tests"]][::-1]


@pytest.mark.parametrize(
    "path",
    [
        "/tests",
        "/tests?per_page=1",
        "/tests?per_page=1&page=2",
        "/tests?per_page=1&page=3",
        "/tests?status=not_started&lot=L1",
        "/orders",
        "/products",
        "/skus?page=1",
    ],
)
def test_a_page_is_one_statement_with_its_key_wherever_it_lies(lab: Laboratory, path: str) -> None:
    stock(lab)
    assert len(seen := cost(lab, lab.key, path)) == on(lab, 1), seen


def test_a_test_is_one_statement_with_its_key(lab: Laboratory) -> None:
    (test_id, *_) = stock(lab)
    for key in (lab.key, key_of(lab)):
        assert len(seen := cost(lab, key, f"/tests/{test_id}")) == on(lab, 1), seen


def test_a_clients_page_is_one_statement_where_the_newest_tests_fill_it(lab: Laboratory) -> None:
    key = key_of(lab)
    stock(lab)
    assert len(seen := cost(lab, key, "/tests?per_page=2")) == on(lab, 1), seen
    assert len(seen := cost(lab, key, "/tests?per_page=3")) == on(lab, 2), seen


def test_who_polls_asks_whether_much_has_changed_and_for_what_has(lab: Laboratory) -> None:
    key = key_of(lab)
    stock(lab)
    path = "/tests?updated_since=2026-01-01T00:00:00Z"
    assert len(seen := cost(lab, key, path)) == on(lab, 2), seen


def walked(lab: Laboratory, key: str, query: str) -> list[int]:
    found, page = [], 1
    while page:
        shown = ask(lab, key, f"/tests?per_page=2&page={page}&{query}")
        found += [test["id"] for test in shown["tests"]]
        page = shown["pagination"]["next_page"]
    return found


@pytest.mark.parametrize("changes", [0, 1_000])
def test_what_lies_far_from_the_newest_is_found_among_all(
    lab: Laboratory, monkeypatch: pytest.MonkeyPatch, changes: int
) -> None:
    """Whether it is looked for nearby first, among all, or among what has changed."""
    monkeypatch.setattr(published, "_NEAR", 2)
    monkeypatch.setattr(published, "MANY_CHANGES", changes)
    published.tests.cache_clear()
    rare = lab.post("/clients", {"name": "Seldom here"}).json()["id"]
    own = {"clientId": rare, "clientName": None}
    old = [lab.sample(tests=[lab.has.ph], **own)["tests"][0]["id"] for _ in range(3)]
    frequent = stock(lab, 5)
    last = lab.sample(tests=[lab.has.ph], **own)["tests"][0]["id"]
    frequent = [*stock(lab, 2), *frequent]
    for query in ("", "updated_since=2020-01-01", "status=not_started"):
        assert walked(lab, key_of(lab, rare), query) == [last, *old[::-1]]
        assert walked(lab, key_of(lab), query) == frequent
        assert walked(lab, lab.key, query) == sorted([*frequent, *old, last], reverse=True)
    assert walked(lab, lab.key, "updated_since=2999-01-01") == []
    assert walked(lab, lab.key, "sku_code=NONE") == []
    published.tests.cache_clear()


def test_a_page_that_somebody_leapt_to_stays_where_it_was(lab: Laboratory) -> None:
    known = stock(lab, 7)
    path = "/tests?per_page=2&page=3"
    assert [test["id"] for test in ask(lab, lab.key, path)["tests"]] == known[4:6]
    stock(lab, 2)
    assert [test["id"] for test in ask(lab, lab.key, path)["tests"]] == known[4:6]
    last = ask(lab, lab.key, "/tests?per_page=2&page=4")
    assert [test["id"] for test in last["tests"]] == known[6:]
    assert last["pagination"]["next_page"] is None
