"""The limit of the Lab API as a client meets it, one server and two that share a Valkey."""

import re
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from httpx2 import Response
from pydantic import SecretStr

from laboratory import Laboratory, World, open_world


@pytest.fixture
def limited(tmp_path: Path) -> Iterator[World]:
    with open_world(
        sqlite=tmp_path / "titer.db", rate_limit=12, upload_rate_limit=2, failed_auth_limit=3
    ) as world:
        yield world


def storm(*labs: Laboratory, count: int) -> list[Response]:
    with ThreadPoolExecutor(16) as threads:
        return list(threads.map(lambda n: labs[n % len(labs)].get("/whoami"), range(count)))


def test_a_key_has_so_many_requests_a_minute(limited: World) -> None:
    lab = limited.found("Aqua Laboratory")
    answers = storm(lab, count=40)
    assert Counter(answer.status_code for answer in answers) == {200: 12, 429: 28}
    left = [int(a.headers["x-ratelimit-remaining"]) for a in answers if a.status_code == 200]
    assert sorted(left) == list(range(12))
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json()["error"] == "rate_limited"
    assert refused.json()["message"] == "Too many requests. Limit is 12/minute per API key."
    assert refused.json()["requestId"] == refused.headers["x-request-id"]
    assert 1 <= int(refused.headers["retry-after"]) <= 61


def test_every_operation_counts_even_one_that_is_not_there(limited: World) -> None:
    lab = limited.found("Aqua Laboratory")
    answers = [
        lab.get("/samples"),
        lab.get("/samples/999999999"),
        lab.post("/samples", {"nonsense": True}),
        lab.get("/no-such-path"),
        lab.get(""),
    ]
    assert [a.status_code for a in answers] == [200, 404, 400, 404, 200]
    left = [re.fullmatch(r'"key";r=(\d+);t=6[01]', a.headers["ratelimit"]) for a in answers]
    assert [match and match[1] for match in left] == ["11", "10", "9", "8", "7"]


def test_keys_of_one_laboratory_are_counted_apart(limited: World) -> None:
    lab = limited.found("Aqua Laboratory")
    storm(lab, count=13)
    assert lab.as_colleague().get("/whoami").status_code == 200


def test_uploads_are_counted_twice(limited: World) -> None:
    lab = limited.found("Aqua Laboratory")
    answers = [lab.post("/instrument-uploads") for _ in range(3)]
    assert answers[2].status_code == 429
    assert answers[2].json()["message"] == "Too many requests. Limit is 2/minute per API key."
    assert lab.get("/whoami").headers["x-ratelimit-remaining"] == "9"


def test_failed_authentications_end_in_429_and_a_valid_key_still_opens(limited: World) -> None:
    lab = limited.found("Aqua Laboratory")
    answers = [limited.http.get("/api/v1/whoami") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert "www-authenticate" not in answers[3].headers
    assert int(answers[3].headers["retry-after"]) >= 1
    assert lab.get("/whoami").status_code == 200


def test_two_servers_that_share_a_valkey_admit_no_more_together(
    tmp_path: Path, valkey_url: str
) -> None:
    settings: dict[str, Any] = {"rate_limit": 50, "valkey_url": SecretStr(valkey_url)}
    path = tmp_path / "titer.db"
    with open_world(sqlite=path, **settings) as one, open_world(sqlite=path, **settings) as two:
        here = one.found("Aqua Laboratory")
        there = Laboratory(two, here.id, here.user_id, here.key_id, here.key, here.has)
        answers = storm(here, there, count=150)
        assert Counter(answer.status_code for answer in answers) == {200: 50, 429: 100}
        assert there.get("/whoami").status_code == 429
