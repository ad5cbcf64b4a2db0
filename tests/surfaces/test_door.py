"""The door of a face: what it takes, what it refuses, and that it never falls over."""

import asyncio
import json
import re
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute
from httpx2 import ASGITransport, AsyncClient, Response
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from evidence import ABSENT, fields_at_fault, new, refusal
from laboratory import Laboratory, World, open_world

MIB = 1024 * 1024
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def lab(world: World) -> Laboratory:
    """One laboratory for the whole module: no test here looks at what another left."""
    return world.found("Aqua Laboratory")


def send(lab: Laboratory, body: bytes, path: str = "/samples", **headers: str) -> Response:
    kinds = {name.replace("_", "-"): value for name, value in headers.items()}
    return lab.request("POST", path, content=body, headers=JSON | kinds)


def as_bytes(headers: dict[str, str]) -> dict[bytes, bytes]:
    """Headers that a polite client would refuse to send."""
    return {name.encode(): value.encode("latin-1") for name, value in headers.items()}


# Bodies

HOSTILE = {
    "NaN": b'{"materialTypeId": NaN}',
    "Infinity": b'{"materialTypeId": Infinity}',
    "1e999": b'{"materialTypeId": 1e999}',
    "-1e999": b'{"materialTypeId": -1e999}',
    "an exponent beyond any number": b'{"materialTypeId": 1e99999999999999999999}',
    "2**70": b'{"materialTypeId": %d}' % 2**70,
    "2**63": b'{"materialTypeId": %d}' % 2**63,
    "a 5,000-digit integer": b'{"materialTypeId": ' + b"9" * 5_000 + b"}",
    "a 5,000-digit decimal": b'{"materialTypeId": 0.' + b"9" * 5_000 + b"}",
    "an integer with a point": b'{"materialTypeId": 1.0}',
    "an integer as text": b'{"materialTypeId": "1"}',
    "an integer as a boolean": b'{"materialTypeId": true}',
    "a lone surrogate": b'{"clientName": "\\ud800"}',
    "a lone surrogate as a key": b'{"\\udfff": 1}',
    "a NUL": b'{"clientName": "a\\u0000b"}',
    "an escape character": b'{"clientName": "a\\u001b[2Jb"}',
    "invalid UTF-8": b'{"clientName": "\xff\xfe"}',
    "a cut UTF-8 sequence": b'{"clientName": "\xe2\x82"}',
    "UTF-16": '{"clientName": "a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"clientName": "a"}',
    "a key twice": b'{"clientName": "a", "clientName": "b"}',
    "a key twice, within": b'{"testDefinitionIds": [{"a": 1, "a": 2}]}',
    "100,000 brackets": b"[" * 100_000,
    "100,000 objects": b'{"a":' * 100_000,
    "800 brackets, closed": b'{"clientName": ' + b"[" * 800 + b"]" * 800 + b"}",
    "no JSON": b"clientName=Acme",
    "a comma too many": b'{"clientName": "a",}',
    "single quotes": b"{'clientName': 'a'}",
    "a comment": b'{"clientName": "a"} // x',
    "two documents": b"{}{}",
    "a cut document": b'{"clientName": "a',
    "blanks": b"   ",
    "a list": b"[]",
    "a text": b'"x"',
    "a number": b"5",
    "null": b"null",
    "true": b"true",
    "nothing": b"",
    "a thousand unknown fields": json.dumps({f"clientNam{i}": 1 for i in range(1_000)}).encode(),
    "a field of a megabyte": b'{"' + b"clientName" * 100_000 + b'": 1}',
    "a prototype": b'{"__proto__": {"admin": true}, "constructor": 1}',
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_body_is_an_invalid_body_and_nothing_worse(lab: Laboratory, kind: str) -> None:
    answer = send(lab, HOSTILE[kind])
    assert refusal(answer) == (400, "invalid_body")
    assert len(answer.content) < 20_000
    assert answer.json()["message"].endswith((".", "?"))


def test_a_refusal_never_repeats_what_was_sent(lab: Laboratory) -> None:
    secret = "hunter2-hunter2"
    for body in ({"clientName": 5, "materialTypeId": secret}, {"clientName": [secret]}):
        assert secret not in send(lab, json.dumps(body).encode()).text


def test_fifty_thousand_faults_are_refused_without_holding_up_the_others(lab: Laboratory) -> None:
    body = json.dumps({f"clientNam{i}": 1 for i in range(45_000)}).encode()
    assert len(body) < MIB
    answer = send(lab, body)
    assert refusal(answer) == (400, "invalid_body")
    assert len(answer.json()["details"]) == 100
    assert answer.elapsed.total_seconds() < 3


@pytest.mark.parametrize(
    "media_type",
    [
        "text/plain",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/problem+json",
        "application/json; charset=latin-1",
        "application/json; charset=utf-16",
        "json",
        "",
    ],
)
def test_a_body_that_does_not_say_it_is_json_is_refused(lab: Laboratory, media_type: str) -> None:
    answer = send(lab, json.dumps(new(lab)).encode(), Content_Type=media_type)
    assert refusal(answer) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type",
    [
        "application/json",
        "Application/JSON",
        "application/json; charset=utf-8",
        "application/json;charset=UTF-8",
        'application/json; charset="utf-8"',
    ],
)
def test_json_in_utf_8_is_taken_however_it_is_spelled(lab: Laboratory, media_type: str) -> None:
    answer = send(lab, json.dumps(new(lab)).encode(), Content_Type=media_type)
    assert answer.status_code == 201


def padded(lab: Laboratory, size: int) -> bytes:
    body = json.dumps(new(lab)).encode()
    return body + b" " * (size - len(body))


def test_a_json_body_may_have_one_mebibyte_and_not_a_byte_more(lab: Laboratory) -> None:
    assert send(lab, padded(lab, MIB)).status_code == 201
    answer = send(lab, padded(lab, MIB + 1))
    assert refusal(answer) == (413, "payload_too_large")
    assert "1,048,576 bytes" in answer.json()["message"]


def test_a_bulk_body_may_have_four_mebibytes(lab: Laboratory) -> None:
    def bulk(size: int) -> Response:
        body = b'{"updates": [{"sampleTestId": 1, "result": "1"}]}'
        return send(lab, body + b" " * (size - len(body)), "/sample-tests/bulk-results")

    assert bulk(4 * MIB).status_code == 200
    assert refusal(bulk(4 * MIB + 1)) == (413, "payload_too_large")


@pytest.mark.parametrize("length", ["99999999999", "9" * 5_000])
def test_a_length_that_is_too_much_is_refused_before_the_body_is_read(
    lab: Laboratory, length: str
) -> None:
    answer = lab.request(
        "POST", "/samples", content=b"{}", headers=JSON | {"Content-Length": length}
    )
    assert refusal(answer) == (413, "payload_too_large")


def test_a_body_in_pieces_is_cut_off_as_soon_as_it_is_too_much(lab: Laboratory) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(64):
            sent += 1
            yield b" " * (MIB // 4)

    async def post() -> Response:
        transport = ASGITransport(app=lab.world.app)
        async with AsyncClient(transport=transport, headers=lab.headers | JSON) as http:
            return await http.post("http://titer.test/api/v1/samples", content=pieces())

    assert refusal(lab.world.run(post)) == (413, "payload_too_large")
    assert sent < 64


def test_a_small_body_in_pieces_is_read_whole(lab: Laboratory) -> None:
    def pieces() -> Iterator[bytes]:
        for byte in json.dumps(new(lab)).encode():
            yield bytes([byte])

    answer = lab.request("POST", "/samples", content=pieces(), headers=JSON)
    assert answer.status_code == 201


@pytest.mark.parametrize("path", [f"/samples/{ABSENT}/report", f"/sample-tests/{ABSENT}/verify"])
def test_a_route_without_a_body_takes_none_or_an_empty_object(lab: Laboratory, path: str) -> None:
    for nothing in (b"", b"{}", b" { } "):
        assert refusal(send(lab, nothing, path)) == (404, "not_found")
    for something in (b'{"force": true}', b"[]", b"0", b"x", b"\xff"):
        assert refusal(send(lab, something, path)) == (400, "invalid_body")


# Paths

WRONG_IDS = [
    *("0", "-1", "+5", "007", "1_000", "1.0", "1e3", "0x10", "abc", "null", "undefined", "NaN"),
    *("%20", "%2012%20", "12%20", "12%0A", "%00", "1%00", "%D9%A1", "%EF%BC%91", "1%2C2", ":id"),
    *("9223372036854775808", "1180591620717411303424", "9" * 400, "'; DROP TABLE samples --"),
    *("%2e%2e", "receive", "bulk-results", "{id}", "*"),
]
ID_ROUTES = [
    ("GET", "/samples/{}"),
    ("PATCH", "/samples/{}"),
    ("PATCH", "/samples/{}/status"),
    ("POST", "/samples/{}/report"),
    ("GET", "/samples/{}/approvals"),
    ("GET", "/sample-tests/{}"),
    ("PATCH", "/sample-tests/{}"),
    ("GET", "/sample-tests/{}/history"),
    ("POST", "/sample-tests/{}/verify"),
    ("GET", "/approval-records/{}"),
    ("PATCH", "/approval-records/{}"),
]


@pytest.mark.parametrize("wrong", WRONG_IDS)
def test_an_id_in_a_path_that_is_none_is_an_invalid_id(lab: Laboratory, wrong: str) -> None:
    for method, path in ID_ROUTES:
        body: dict[str, Any] | None = {} if method == "PATCH" else None
        answer = lab.request(method, path.format(wrong), json=body)
        assert refusal(answer) == (400, "invalid_id"), (method, path)


@pytest.mark.parametrize("absent", [1_000_000_007, 2**53 + 1, 2**63 - 1])
def test_an_id_of_any_size_that_fits_is_looked_for(lab: Laboratory, absent: int) -> None:
    for method, path in ID_ROUTES:
        body = {
            "/status": {"status": "received"},
            "records": {"status": "approved"},
            "-tests/{}": {"result": "1"},
        }
        wanted = next((value for part, value in body.items() if part in path), {"notes": "x"})
        answer = lab.request(
            method, path.format(absent), json=wanted if method == "PATCH" else None
        )
        assert refusal(answer) == (404, "not_found"), (method, path)


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/samples/",
        "/samples/1/",
        "/samples/1/nothing",
        "/samples//1",
        "//samples",
        "/Samples",
        "/",
        "/samples/1/report/",
        "/samples/%2F1",
        "/..%2fsamples",
        "/samples/1/approvals/2",
    ],
)
def test_an_unknown_path_is_not_found_and_never_redirected(lab: Laboratory, path: str) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE"):
        answer = lab.request(method, path, follow_redirects=False)
        assert refusal(answer) == (404, "not_found"), method
        assert "location" not in answer.headers


def test_a_path_beside_the_api_is_refused_in_the_same_voice(lab: Laboratory) -> None:
    for path in ("/api/v10/samples", "/api/v1x", "/api/v1samples", "/api/v2/samples", "/nowhere"):
        answer = lab.world.http.get(path, headers=lab.headers)
        assert refusal(answer) == (404, "not_found")
        assert set(answer.json()) == {"error", "message", "requestId"}


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/samples", "GET, POST"),
        ("PUT", "/samples", "GET, POST"),
        ("DELETE", "/samples/1", "GET, PATCH"),
        ("POST", "/samples/1", "GET, PATCH"),
        ("GET", "/samples/1/status", "PATCH"),
        ("PATCH", "/samples/1/report", "POST"),
        ("POST", "/samples/1/approvals", "GET"),
        ("POST", "/sample-tests", "GET"),
        ("DELETE", "/sample-tests/1", "GET, PATCH"),
        ("GET", "/sample-tests/1/verify", "POST"),
        ("DELETE", "/approval-records/1", "GET, PATCH"),
        ("DELETE", "/samples/receive", "GET, PATCH, POST"),
        ("POST", "", "GET"),
        ("TRACE", "/samples", "GET, POST"),
        ("NONSENSE", "/samples", "GET, POST"),
    ],
)
def test_a_wrong_method_is_told_which_are_right(
    lab: Laboratory, method: str, path: str, allowed: str
) -> None:
    answer = lab.request(method, path)
    assert refusal(answer) == (405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


# Queries


def test_an_unknown_query_parameter_is_named_with_its_near_miss(lab: Laboratory) -> None:
    answer = lab.get("/samples?statu=received")
    assert refusal(answer) == (400, "invalid_query")
    assert answer.json()["message"] == (
        "statu is not a known query parameter; did you mean status?"
    )
    assert answer.json()["details"] == [
        {"field": "statu", "message": "is not known; did you mean status?"}
    ]
    far = lab.get("/samples?zzz=1")
    assert far.json()["message"] == "zzz is not a known query parameter."


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("limit=1&limit=2", "limit"),
        ("status=received&status=received", "status"),
        ("limit=1&Limit=2", "Limit"),
        ("Status=received", "Status"),
        ("status[]=received", "status[]"),
        ("=5", ""),
        ("%00=5", "\x00"),
        ("a" * 500 + "=1", "a" * 64),
        ("%F0%9F%A7%AA=1", "\U0001f9ea"),
        ("%FF=1", "\ufffd"),
    ],
)
def test_a_parameter_twice_or_unknown_is_refused(lab: Laboratory, query: str, field: str) -> None:
    answer = lab.get(f"/samples?{query}")
    assert refusal(answer) == (400, "invalid_query")
    assert fields_at_fault(answer) == [field]


@pytest.mark.parametrize(("method", "path"), [*ID_ROUTES, ("POST", "/samples"), ("GET", "/whoami")])
def test_a_route_that_takes_no_parameters_says_so(lab: Laboratory, method: str, path: str) -> None:
    body: dict[str, Any] | None = {} if method in {"PATCH", "POST"} else None
    answer = lab.request(method, path.format(1) + "?dryRun=true", json=body)
    assert refusal(answer) == (400, "invalid_query")
    assert fields_at_fault(answer) == ["dryRun"]


def listing_routes(world: World) -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for route in world.app.lab.routes:
        if (
            isinstance(route, APIRoute)
            and route.methods == {"GET"}
            and route.dependant.query_params
        ):
            names: list[str] = []
            for parameter in route.dependant.query_params:
                kind: Any = parameter.field_info.annotation
                names += [field.alias or name for name, field in kind.model_fields.items()]
            found.append((re.sub(r"\{\w+\}", "1", route.path), names))
    return found


def test_no_parameter_of_any_route_asks_the_database_for_a_nul(lab: Laboratory) -> None:
    """PostgreSQL's text cannot hold one: an answer of 500 is one forgotten field away."""
    routes = listing_routes(lab.world)
    assert len(routes) >= 4
    for path, names in routes:
        for name in names:
            answer = lab.world.http.get(path, params={name: "a\x00"}, headers=lab.headers)
            assert refusal(answer) == (400, "invalid_query"), (path, name)


# Headers


@pytest.mark.parametrize("good", ["a", "A-1.b_2", "0" * 64, "01JZ8-x"])
def test_a_request_id_is_echoed_when_it_is_harmless(lab: Laboratory, good: str) -> None:
    answer = lab.get("/samples/0", headers={"X-Request-Id": good})
    assert answer.headers["x-request-id"] == answer.json()["requestId"] == good


@pytest.mark.parametrize(
    "bad", ["", " ", "a b", "0" * 65, "a\tb", "\xe4", "<script>", "a;b", "a\x7f"]
)
def test_a_request_id_that_is_not_is_replaced(lab: Laboratory, bad: str) -> None:
    headers = as_bytes(lab.headers | {"X-Request-Id": bad})
    answer = lab.world.http.get("/api/v1/samples/0", headers=headers)
    made = answer.headers["x-request-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", made)
    assert answer.json()["requestId"] == made


def test_every_answer_carries_an_id_of_its_own_and_is_for_no_cache(lab: Laboratory) -> None:
    answers = [
        lab.get("/samples"),
        lab.get("/nothing"),
        lab.request("DELETE", "/samples"),
        send(lab, b"{"),
        send(lab, b" " * (MIB + 1)),
        lab.world.http.get("/api/v1/whoami"),
        lab.world.http.get("/api/v1"),
        lab.post("/samples", new(lab)),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 405, 400, 413, 401, 200, 201]
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match", "X-Request-Id", "Accept", "Host"])
@pytest.mark.parametrize("value", ["x" * 8_000, "\xff\xfe", '"', "9" * 5_000, "*, *, *"])
def test_no_header_breaks_an_answer(lab: Laboratory, name: str, value: str) -> None:
    headers = as_bytes(lab.headers | {name: value})
    answer = lab.world.http.request("PATCH", f"/api/v1/samples/{ABSENT}", json={}, headers=headers)
    assert answer.status_code in {400, 404}


# Errors


def test_a_refusal_has_the_members_of_the_contract(lab: Laboratory) -> None:
    plain = lab.get(f"/samples/{ABSENT}").json()
    assert set(plain) == {"error", "message", "requestId"}
    detailed = lab.post("/samples", {}).json()
    assert set(detailed) == {"error", "message", "requestId", "details"}
    assert {frozenset(detail) for detail in detailed["details"]} == {
        frozenset({"field", "message"})
    }


def test_what_nobody_foresaw_is_internal_and_shows_nothing(tmp_path: Path) -> None:
    """A database that has lost a table: among the worst that can happen to a running server."""
    path = tmp_path / "titer.db"
    with open_world(sqlite=path) as world, capture_logs() as logged:
        lab = world.found("Unlucky Laboratory")
        with closing(sqlite3.connect(path)) as other:
            other.execute("ALTER TABLE result_entries RENAME TO lost")
            other.commit()
        (test,) = lab.sample(tests=[lab.has.ph])["tests"]
        history = f"/sample-tests/{test['id']}/history"
        answer = lab.get(history, headers={"X-Request-Id": "unforeseen-1"})
        assert lab.get("/sample-tests").status_code == 200
    assert refusal(answer) == (500, "internal")
    assert answer.json() == {
        "error": "internal",
        "message": "An unexpected error occurred. It has been logged.",
        "requestId": "unforeseen-1",
    }
    assert ("unforeseen", "unforeseen-1") in [
        (line["event"], line.get("request_id")) for line in logged
    ]


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
BODIES = [
    ("POST", "/samples"),
    ("PATCH", "/samples/1"),
    ("PATCH", "/samples/1/status"),
    ("POST", "/samples/receive"),
    ("PATCH", "/sample-tests/1"),
    ("POST", "/sample-tests/bulk-results"),
    ("PATCH", "/approval-records/1"),
]
KNOWN = st.sampled_from(
    [
        *("clientName", "clientId", "materialTypeId", "projectId", "collectionDate", "priority"),
        *("notes", "testDefinitionIds", "plantLocation", "storageLocationId", "externalId"),
        *("status", "sampleIds", "result", "reason", "updates", "atomic", "comment"),
    ]
)


def test_no_json_whatever_is_answered_with_500(lab: Laboratory) -> None:
    @given(st.sampled_from(BODIES), st.dictionaries(KNOWN, json_values, max_size=5) | json_values)
    def holds(route: tuple[str, str], body: Any) -> None:
        method, path = route
        answer = lab.request(method, path, content=json.dumps(body).encode(), headers=JSON)
        assert answer.status_code in {200, 201, 400, 404, 409}
        assert answer.status_code < 300 or answer.json()["error"]

    holds()


def test_no_query_whatever_is_answered_with_500(lab: Laboratory) -> None:
    names = st.sampled_from(["status", "trackingId", "since", "until", "cursor", "limit", "x"])

    @given(st.dictionaries(names, st.text(st.characters(exclude_categories=["Cs"]), max_size=12)))
    def holds(query: dict[str, str]) -> None:
        assert lab.get("/samples", params=query).status_code in {200, 400}

    holds()


def test_no_id_whatever_is_answered_with_500(lab: Laboratory) -> None:
    @given(st.integers(min_value=1, max_value=2**200))
    def holds(wanted: int) -> None:
        answer = lab.get(f"/samples/{wanted}")
        assert answer.status_code in ({200, 404} if wanted < 2**63 else {400})

    holds()


def test_a_caller_that_hangs_up_leaves_nothing_behind(lab: Laboratory) -> None:
    """Half a body, then silence: no transaction was begun, and the next request is served."""

    async def hang_up() -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "POST",
            "scheme": "http",
            "path": "/api/v1/samples",
            "raw_path": b"/api/v1/samples",
            "query_string": b"",
            "headers": [
                (b"authorization", lab.headers["Authorization"].encode()),
                (b"content-type", b"application/json"),
            ],
        }
        messages = iter(
            [
                {"type": "http.request", "body": b'{"clientName":', "more_body": True},
                {"type": "http.disconnect"},
            ]
        )

        async def receive() -> Any:
            await asyncio.sleep(0)
            return next(messages)

        async def send_nothing(_message: Any) -> None:
            await asyncio.sleep(0)

        await lab.world.app(scope, receive, send_nothing)

    before = lab.get("/samples?limit=1").json()
    lab.world.run(hang_up)
    assert lab.get("/samples?limit=1").json() == before
