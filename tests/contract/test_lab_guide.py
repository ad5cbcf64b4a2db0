"""The public guide's own examples, verbatim, against the application.

Each curl call is parsed and made as it stands, but for host, key and ids; each JSON example is
compared with what the application answers, key by key.
"""

import json
import re
import shlex
from typing import Any

import pytest
from httpx2 import Response

from laboratory import Laboratory

KEY_OBJECT = """{
"id": 7,
"name": "Integration server",
"keyPrefix": "lk_3f9a2b1c...",
"createdBy": 13,
"createdAt": "2026-06-18T12:00:00.000Z",
"lastUsedAt": null,
"revokedAt": null,
"rawKey": "lk_3f9a2b1c… ← shown only once"
}"""
WHOAMI = """{
"ok": true,
"organizationId": 42,
"keyId": 7,
"userId": 13,
"version": "v1"
}"""
LIST_CALL = "GET /api/v1/samples?limit=100&cursor=1042&status=received"
LIST_ANSWER = """{
"data": [
{
"id": 1041,
"trackingId": "S-2026-001041",
"status": "received",
"materialTypeId": 3,
"projectId": 8,
"receivedAt": "2026-06-18T09:12:00.000Z"
}
],
"nextCursor": 1041,
"hasMore": true
}"""
RATE_LIMITED = """{
"error": "rate_limited",
"message": "Too many requests. Limit is 120/minute per API key."
}"""
WHOAMI_CALL = r"""curl https://aliquora.com/api/v1/whoami \
-H "Authorization: Bearer lk_your_key_here" """
CREATE_CALL = r"""curl -X POST https://aliquora.com/api/v1/samples \
-H "Authorization: Bearer lk_your_key_here" \
-H "Content-Type: application/json" \
-d '{
"clientName": "Acme Water District",
"materialTypeId": 3,
"projectId": 8,
"collectionDate": "2026-06-18",
"priority": "normal",
"testDefinitionIds": [12, 15],
"notes": "Grab sample, intake basin"
}'"""
STATUS_CALL = r"""curl -X PATCH https://aliquora.com/api/v1/samples/1042/status \
-H "Authorization: Bearer lk_your_key_here" \
-H "Content-Type: application/json" \
-d '{ "status": "received" }'"""
RECEIVE_BODY = '{ "sampleIds": [ ... ] }'
BULK_CALL = r"""curl -X POST https://aliquora.com/api/v1/sample-tests/bulk-results \
-H "Authorization: Bearer lk_your_key_here" \
-H "Content-Type: application/json" \
-d '{
"updates": [
{ "sampleTestId": 5001, "result": "7.2", "notes": "pH in range" },
{ "sampleTestId": 5002, "result": "1.4" }
]
}'"""
UPLOAD_CALL = r"""curl -X POST https://aliquora.com/api/v1/instrument-uploads \
-H "Authorization: Bearer lk_your_key_here" \
-F "file=@run-2026-06-18.csv" \
-F "dryRun=true" \
-F "confidenceThreshold=0.8" """
#: Every route of the guide's tables, in its own spelling.
ROUTES = (
    "GET /api/v1",
    "GET /api/v1/whoami",
    "GET /api/v1/samples",
    "GET /api/v1/samples/:id",
    "POST /api/v1/samples",
    "PATCH /api/v1/samples/:id",
    "PATCH /api/v1/samples/:id/status",
    "POST /api/v1/samples/receive",
    "POST /api/v1/samples/:id/report",
    "GET /api/v1/samples/:id/approvals",
    "GET /api/v1/sample-tests",
    "PATCH /api/v1/sample-tests/:id",
    "POST /api/v1/sample-tests/:id/verify",
    "POST /api/v1/sample-tests/bulk-results",
    "POST /api/v1/instrument-uploads",
    "PATCH /api/v1/approval-records/:id",
    "GET /api/v1/test-definitions",
    "GET /api/v1/material-types",
    "GET /api/v1/projects",
    "POST /api/v1/projects",
    "PATCH /api/v1/projects/:id",
    "GET /api/v1/clients",
    "POST /api/v1/clients",
    "PATCH /api/v1/clients/:id",
    "GET /api/v1/storage-locations",
)


def run(call: str, lab: Laboratory, ids: dict[str, int], file: bytes = b"") -> Response:
    """Make the call as curl would, with this laboratory's host, key, ids and file."""
    call = re.sub(r"(?<![\w-])\d+(?![\w-])", lambda id_: str(ids.get(id_[0], id_[0])), call)
    words = iter(shlex.split(call.replace("\\\n", " ").replace("lk_your_key_here", lab.key)))
    assert next(words) == "curl"
    method, url, body, headers = "GET", "", None, {}
    form: list[Any] = []
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d":
                body = next(words)
            case "-F":
                name, _, value = next(words).partition("=")
                part = (value[1:], file, "text/csv") if value[0] == "@" else (None, value.encode())
                form.append((name, part))
            case _:
                url = word
    path = url.removeprefix("https://aliquora.com")
    sent: dict[str, Any] = {"files": form} if form else {"content": body}
    return lab.world.http.request(method, path, headers=headers, **sent)


def assert_shows(answer: Any, example: Any) -> None:
    """Everything that the example shows is in the answer, of the same kind, all the way down."""
    if isinstance(example, dict):
        for name, value in example.items():
            assert_shows(answer[name], value)
    elif isinstance(example, list):
        assert_shows(answer[0], example[0])
    else:
        assert type(answer) is type(example)


def test_the_calling_key_is_echoed(lab: Laboratory) -> None:
    answer = run(WHOAMI_CALL, lab, {})
    assert answer.status_code == 200
    expected = {
        "ok": True,
        "organizationId": lab.id,
        "keyId": lab.key_id,
        "userId": lab.user_id,
        "version": "v1",
    }
    assert list(json.loads(WHOAMI)) == list(expected)
    assert {name: answer.json()[name] for name in expected} == expected


def test_a_sample_is_created_moved_and_given_results(lab: Laboratory) -> None:
    created = run(
        CREATE_CALL,
        lab,
        {"3": lab.has.water, "8": lab.has.project, "12": lab.has.ph, "15": lab.has.lead},
    )
    assert created.status_code == 201, created.text
    sample = created.json()
    assert sample["clientName"] == "Acme Water District"
    assert sample["collectionDate"] == "2026-06-18"
    assert sample["notes"] == "Grab sample, intake basin"
    moved = run(STATUS_CALL, lab, {"1042": sample["id"]})
    assert (moved.status_code, moved.json()["status"]) == (200, "received")
    first, second = (test["id"] for test in sample["tests"])
    entered = run(BULK_CALL, lab, {"5001": first, "5002": second})
    assert (entered.status_code, entered.json()["updated"]) == (200, 2)
    assert [row["sampleTest"]["result"] for row in entered.json()["results"]] == ["7.2", "1.4"]
    assert entered.json()["results"][0]["sampleTest"]["notes"] == "pH in range"


def test_an_instruments_file_is_previewed(lab: Laboratory) -> None:
    sample = lab.sample("received")
    file = f"Sample ID,pH,Lead (mg/L)\n{sample['trackingId']},7.2,0.003\n".encode()
    answer = run(UPLOAD_CALL, lab, {}, file)
    assert answer.status_code == 200, answer.text
    told = answer.json()
    assert (told["fileName"], told["dryRun"]) == ("run-2026-06-18.csv", True)
    matched = [(row["trackingId"], row["testCode"], row["result"]) for row in told["rows"]]
    tracking_id = sample["trackingId"]
    assert matched == [(tracking_id, "PH", "7.2"), (tracking_id, "LEAD", "0.003")]
    assert all(row["confidence"] >= 0.8 and row["status"] == "matched" for row in told["rows"])


def test_a_list_is_filtered_and_paged_as_shown(lab: Laboratory) -> None:
    samples = [lab.sample("received", projectId=lab.has.project) for _ in range(3)]
    newest = samples[-1]["id"]
    method, path = LIST_CALL.split()
    path = path.replace("1042", str(newest)).replace("limit=100", "limit=1")
    answer = lab.request(method, path.removeprefix("/api/v1"))
    example = json.loads(LIST_ANSWER)
    assert list(answer.json()) == list(example)
    assert_shows(answer.json(), example)
    assert answer.json()["nextCursor"] == answer.json()["data"][-1]["id"] == samples[1]["id"]
    assert answer.json()["hasMore"] is True
    assert re.fullmatch(r"S-2026-\d{6}", answer.json()["data"][0]["trackingId"])


def test_a_batch_is_received(lab: Laboratory) -> None:
    ids = [lab.sample()["id"] for _ in range(2)]
    body = RECEIVE_BODY.replace("...", ", ".join(map(str, ids)))
    answer = lab.request(
        "POST",
        "/samples/receive",
        content=body,
        headers={"Content-Type": "application/json"},
    )
    assert answer.json()["received"] == ids


@pytest.mark.parametrize("route", ROUTES)
def test_discovery_lists_every_route_of_the_guide(lab: Laboratory, route: str) -> None:
    endpoints = lab.world.http.get("/api/v1").json()["endpoints"]
    assert route in {f"{each['method']} {each['path']}" for each in endpoints}


def test_every_missing_or_invalid_key_is_a_401_that_asks_for_a_bearer(lab: Laboratory) -> None:
    for headers in ({}, {"Authorization": "Bearer lk_your_key_here"}, {"Authorization": lab.key}):
        answer = lab.world.http.get("/api/v1/whoami", headers=headers)
        assert answer.status_code == 401
        assert answer.headers["WWW-Authenticate"] == "Bearer"
