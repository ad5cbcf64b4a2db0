"""`/instrument-uploads`: reading, reviewing, writing, committing."""

import hashlib
from typing import Any

from httpx2 import Response

from laboratory import Laboratory

Json = dict[str, Any]


def send(
    lab: Laboratory,
    content: str | bytes,
    *,
    name: str = "run.csv",
    headers: Any = None,
    **form: str,
) -> Response:
    data = content.encode() if isinstance(content, str) else content
    parts = [(key, (None, value.encode())) for key, value in form.items()]
    files: list[Any] = [("file", (name, data)), *parts]
    return lab.request("POST", "/instrument-uploads", files=files, headers=headers or {})


def read(answer: Response) -> Json:
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told


def wide(*rows: tuple[str, str, str]) -> str:
    """A file with a column for each test."""
    return "\r\n".join(["Sample ID,pH,Lead (mg/L)", *(",".join(row) for row in rows), ""])


def state(lab: Laboratory, test: Json) -> Json:
    told: Json = lab.get(f"/sample-tests/{test['id']}").json()
    return told


def scheduled(sample: Json) -> dict[str, Json]:
    return {test["testCode"]: test for test in sample["tests"]}


def test_an_upload_answers_as_the_contract_says(lab: Laboratory) -> None:
    sample = lab.sample("received", externalId="EXT-1")
    content = wide((sample["trackingId"], "7.1", "0.004"))
    told = read(send(lab, content, dryRun="true", confidenceThreshold="0.8"))
    assert list(told) == [
        "id",
        "fileName",
        "sha256",
        "dryRun",
        "confidenceThreshold",
        "extractor",
        "rows",
        "applied",
        "needsReview",
        "unmatched",
    ]
    assert told["fileName"] == "run.csv"
    assert told["sha256"] == hashlib.sha256(content.encode()).hexdigest()
    assert (told["dryRun"], told["confidenceThreshold"]) == (True, 0.8)
    assert told["extractor"] == "embedded"
    assert (told["applied"], told["needsReview"], told["unmatched"]) == (0, 2, 0)
    first, second = told["rows"]
    assert list(first) == [
        "row",
        "source",
        "sampleId",
        "trackingId",
        "externalId",
        "testCode",
        "sampleTestId",
        "result",
        "unit",
        "confidence",
        "reasons",
        "status",
    ]
    assert first["source"] == {
        "sheet": first["source"]["sheet"],
        "line": 2,
        "column": 2,
        "text": "7.1",
    }
    assert (first["sampleId"], first["trackingId"]) == (sample["id"], sample["trackingId"])
    assert (first["externalId"], first["testCode"]) == ("EXT-1", "PH")
    assert first["sampleTestId"] == scheduled(sample)["PH"]["id"]
    assert (first["row"], first["result"], first["status"]) == (1, "7.1", "matched")
    assert (second["row"], second["result"], second["unit"]) == (2, "0.004", "mg/L")
    assert 0.8 <= first["confidence"] <= 1
    assert first["reasons"]
    assert lab.get(f"/instrument-uploads/{told['id']}").json() == told


def test_a_dry_run_writes_no_result(lab: Laboratory) -> None:
    sample = lab.sample("received")
    read(send(lab, wide((sample["trackingId"], "7.1", "0.004")), dryRun="true"))
    for test in sample["tests"]:
        assert state(lab, test) == test


def test_what_is_sure_is_written_as_an_instruments_result(lab: Laboratory) -> None:
    sample = lab.sample("received")
    told = read(send(lab, wide((sample["trackingId"], "7.1", "0.004"))))
    assert [row["status"] for row in told["rows"]] == ["applied", "applied"]
    assert (told["applied"], told["needsReview"], told["unmatched"]) == (2, 0, 0)
    lead = state(lab, scheduled(sample)["LEAD"])
    assert (lead["result"], lead["source"], lead["status"]) == ("0.004", "instrument", "completed")
    assert (lead["specification"], lead["enteredBy"]) == ("pass", lab.user_id)
    (entry,) = lab.get(f"/sample-tests/{lead['id']}/history").json()["data"]
    assert entry["reason"] == "Instrument file run.csv: line 2, column 3"
    for row in told["rows"]:
        assert row["result"] in row["source"]["text"]


def test_samples_are_known_by_their_external_id_too(lab: Laboratory) -> None:
    sample = lab.sample("received", externalId="FIELD-7781")
    told = read(send(lab, wide(("FIELD-7781", "6.9", "<0.001"))))
    assert [row["status"] for row in told["rows"]] == ["applied", "applied"]
    assert state(lab, scheduled(sample)["LEAD"])["resultOperator"] == "<"
