"""`/instrument-uploads`: reading, reviewing, writing, committing."""

import hashlib
from typing import Any

import pytest
from httpx2 import Response

from laboratory import Laboratory
from titer.domain.keys.rules import Scope

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
    assert (first["analyteId"], first["analyteCode"]) == (None, None)
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
        "analyteId",
        "analyteCode",
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


def statuses(told: Json) -> list[str]:
    return [row["status"] for row in told["rows"]]


def test_a_row_at_the_threshold_is_written_and_one_below_is_not(lab: Laboratory) -> None:
    sample = lab.sample("received", tests=[lab.has.ph])
    content = f"Sample ID,pH\n{sample['trackingId']},7.1\n"
    seen = read(send(lab, content, dryRun="true"))["rows"][0]["confidence"]
    above = read(send(lab, content, confidenceThreshold=str(round(seen + 0.0001, 4))))
    assert statuses(above) == ["low_confidence"]
    assert (above["needsReview"], state(lab, sample["tests"][0])["result"]) == (1, None)
    assert statuses(read(send(lab, content, confidenceThreshold=str(seen)))) == ["applied"]


def test_a_verified_test_is_locked(lab: Laboratory) -> None:
    sample = lab.sample("processing")
    lead = scheduled(sample)["LEAD"]
    lab.enter(lead["id"], "0.002")
    verified = lab.verify(lead["id"])
    told = read(send(lab, wide((sample["trackingId"], "7.1", "0.009"))))
    assert statuses(told) == ["applied", "locked"]
    assert (told["applied"], told["needsReview"]) == (1, 1)
    assert state(lab, lead) == verified
    committed = lab.post(f"/instrument-uploads/{told['id']}/commit", {"rows": [2]}).json()
    assert (committed["applied"], committed["failed"]) == (0, 1)
    assert committed["results"][0]["error"] == "test_verified_locked"


def test_a_reported_samples_rows_change_nothing(lab: Laboratory) -> None:
    sample = lab.sample("received")
    content = wide((sample["trackingId"], "7.1", "0.004"))
    read(send(lab, content))
    for step in ("processing", "completed"):
        lab.patch(f"/samples/{sample['id']}/status", {"status": step})
    for test in sample["tests"]:
        lab.verify(test["id"])
    lab.patch(f"/samples/{sample['id']}/status", {"status": "verified"})
    assert lab.post(f"/samples/{sample['id']}/report").status_code == 200
    assert statuses(read(send(lab, content))) == ["applied", "applied"]
    other = read(send(lab, wide((sample["trackingId"], "6.0", "0.001"))))
    assert other["applied"] == 0
    assert state(lab, scheduled(sample)["PH"])["result"] == "7.1"


def reported(lab: Laboratory, **fields: Any) -> Json:
    sample = lab.sample("verified", **fields)
    assert lab.post(f"/samples/{sample['id']}/report").status_code == 200
    return sample


@pytest.mark.parametrize("results", [("7.2", "0.002"), ("6.0", "0.001")])
def test_the_rows_of_a_sample_that_was_reported_before_are_locked(
    lab: Laboratory, results: tuple[str, str]
) -> None:
    sample = reported(lab, externalId="EXT-77")
    told = read(send(lab, wide((sample["trackingId"], *results))))
    assert statuses(told) == ["locked", "locked"]
    assert [row["sampleTestId"] for row in told["rows"]] == [each["id"] for each in sample["tests"]]
    assert "The sample has been reported." in told["rows"][0]["reasons"]
    assert (told["applied"], told["needsReview"], told["unmatched"]) == (0, 2, 0)
    assert statuses(read(send(lab, wide(("EXT-77", *results))))) == ["locked", "locked"]
    committed = lab.post(f"/instrument-uploads/{told['id']}/commit", {"rows": [1, 2]}).json()
    assert (committed["applied"], committed["failed"]) == (0, 2)


def test_reported_samples_are_told_from_strangers_beside_open_ones(
    lab: Laboratory, rival: Laboratory
) -> None:
    late, due, theirs = reported(lab), lab.sample("received"), reported(rival, externalId="EXT-9")
    rows = [(name, "7.1", "0.004") for name in (late["trackingId"], due["trackingId"], "EXT-9")]
    told = read(send(lab, wide(*rows)))
    assert statuses(told) == ["locked"] * 2 + ["applied"] * 2 + ["unmatched"] * 2
    assert theirs["id"] not in {row["sampleId"] for row in told["rows"][4:]}
    block = f"Sample ID: {late['trackingId']}\nTest,Result\npH,7.1\nLead,0.004\n"
    assert statuses(read(send(lab, block))) == ["locked", "locked"]


def test_a_sample_reported_between_preview_and_commit_is_locked(lab: Laboratory) -> None:
    sample = lab.sample("completed")
    told = read(send(lab, wide((sample["trackingId"], "7.4", "0.001")), dryRun="true"))
    assert statuses(told) == ["conflict", "conflict"]
    for test in sample["tests"]:
        lab.verify(test["id"])
    lab.patch(f"/samples/{sample['id']}/status", {"status": "verified"})
    lab.post(f"/samples/{sample['id']}/report")
    committed = lab.post(f"/instrument-uploads/{told['id']}/commit", {"rows": [1, 2]}).json()
    assert (committed["applied"], committed["failed"]) == (0, 2)


def test_another_result_that_is_there_already_is_a_conflict_until_it_is_chosen(
    lab: Laboratory,
) -> None:
    sample = lab.sample("received", tests=[lab.has.ph])
    (test,) = sample["tests"]
    lab.enter(test["id"], "6.8")
    told = read(send(lab, f"Sample ID,pH\n{sample['trackingId']},7.1\n"))
    assert statuses(told) == ["conflict"]
    assert "The test has the result 6.8 already." in told["rows"][0]["reasons"]
    assert state(lab, test)["result"] == "6.8"
    answer = lab.post(f"/instrument-uploads/{told['id']}/commit", {"rows": [1]})
    (row,) = answer.json()["results"]
    assert (row["ok"], row["sampleTest"]["result"]) == (True, "7.1")
    history = lab.get(f"/sample-tests/{test['id']}/history").json()["data"]
    assert [entry["result"] for entry in history] == ["7.1", "6.8"]


def test_several_values_for_one_test_are_a_conflict(lab: Laboratory) -> None:
    sample = lab.sample("received", tests=[lab.has.ph])
    tracking_id = sample["trackingId"]
    told = read(send(lab, f"Sample ID,pH\n{tracking_id},7.1\n{tracking_id},8.3\n"))
    assert statuses(told) == ["conflict", "conflict"]
    both = lab.post(f"/instrument-uploads/{told['id']}/commit", {"rows": [1, 2]}).json()
    assert [row["ok"] for row in both["results"]] == [True, False]
    assert both["results"][1]["error"] == "duplicate_in_request"


def test_values_without_a_scheduled_test_are_unmatched(lab: Laboratory) -> None:
    sample = lab.sample("received", tests=[lab.has.ph])
    told = read(
        send(lab, wide((sample["trackingId"], "7.1", "0.004"), ("S-1999-000001", "6", "1")))
    )
    assert statuses(told)[0] == "applied"
    assert set(statuses(told)[1:]) == {"unmatched"}
    assert told["unmatched"] == len(told["rows"]) - 1 >= 1
    refused = lab.post(f"/instrument-uploads/{told['id']}/commit", {"rows": [2, 999]}).json()
    assert [row["error"] for row in refused["results"]] == ["row_unmatched", "not_found"]


def test_a_unit_that_had_to_be_converted_waits_for_review(lab: Laboratory) -> None:
    sample = lab.sample("received", tests=[lab.has.lead])
    content = f"Sample ID,Lead (ug/L)\n{sample['trackingId']},12.5\n"
    told = read(send(lab, content, confidenceThreshold="0"))
    (row,) = told["rows"]
    assert (row["result"], row["status"]) == ("12.5", "low_confidence")
    assert row["source"]["text"] == "12.5"
    lab.post(f"/instrument-uploads/{told['id']}/commit", {"rows": [1]})
    assert state(lab, sample["tests"][0])["result"] == "0.0125"


def test_the_same_file_again_writes_nothing_twice(lab: Laboratory) -> None:
    sample = lab.sample("received")
    content = wide((sample["trackingId"], "7.1", "0.004"))
    first = read(send(lab, content))
    versions = [state(lab, test)["version"] for test in sample["tests"]]
    again = read(send(lab, content, name="again.csv"))
    assert again["id"] != first["id"]
    assert statuses(again) == ["applied", "applied"]
    assert f"It was written before, by upload {first['id']}." in again["rows"][0]["reasons"]
    lab.enter(scheduled(sample)["PH"]["id"], "7.9")
    assert statuses(read(send(lab, content))) == ["applied", "applied"]
    assert state(lab, scheduled(sample)["PH"])["result"] == "7.9"
    assert state(lab, scheduled(sample)["LEAD"])["version"] in versions


def test_chosen_rows_of_a_dry_run_are_committed(lab: Laboratory) -> None:
    sample = lab.sample("received")
    told = read(send(lab, wide((sample["trackingId"], "7.1", "0.004")), dryRun="true"))
    path = f"/instrument-uploads/{told['id']}"
    answer = lab.post(f"{path}/commit", {"rows": [2]})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert (body["id"], body["applied"], body["failed"]) == (told["id"], 1, 0)
    assert body["results"][0]["sampleTest"]["source"] == "instrument"
    after = lab.get(path).json()
    assert statuses(after) == ["matched", "applied"]
    assert (after["applied"], after["needsReview"]) == (1, 1)
    again = lab.post(f"{path}/commit", {"rows": [2]}).json()
    assert (again["applied"], again["results"][0]["sampleTest"]["version"]) == (1, 2)
    assert state(lab, scheduled(sample)["PH"])["result"] is None


@pytest.mark.parametrize(
    "body", [{}, {"rows": []}, {"rows": [0]}, {"rows": [1, 1]}, {"rows": ["1"]}, {"row": [1]}]
)
def test_a_commit_names_rows(lab: Laboratory, body: Json) -> None:
    told = read(send(lab, "Sample ID,pH\nx,1\n"))
    answer = lab.post(f"/instrument-uploads/{told['id']}/commit", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body")


def test_a_rivals_samples_are_not_recognised(lab: Laboratory, rival: Laboratory) -> None:
    theirs = rival.sample("received", externalId="THEIRS-4471")
    told = read(send(lab, wide(("THEIRS-4471", "7.1", "0.004"))))
    nobodys = read(send(lab, wide(("NOBODY-4471", "7.1", "0.004"))))
    for row in told["rows"] + nobodys["rows"]:
        assert (row["sampleId"], row["sampleTestId"], row["status"]) == (None, None, "unmatched")
    assert len(told["rows"]) == len(nobodys["rows"])
    assert state(rival, scheduled(theirs)["PH"])["result"] is None


def test_a_rivals_upload_is_not_there(lab: Laboratory, rival: Laboratory) -> None:
    sample = rival.sample("received")
    theirs = read(send(rival, wide((sample["trackingId"], "7", "0.1")), dryRun="true"))
    assert lab.get(f"/instrument-uploads/{theirs['id']}").status_code == 404
    assert lab.post(f"/instrument-uploads/{theirs['id']}/commit", {"rows": [1]}).status_code == 404
    assert lab.get("/instrument-uploads").json()["data"] == []
    assert state(rival, scheduled(sample)["PH"])["result"] is None


def test_uploads_are_listed_newest_first(lab: Laboratory) -> None:
    ids = [read(send(lab, f"Sample ID,pH\nx,{number}\n"))["id"] for number in (1, 2, 3)]
    page = lab.get("/instrument-uploads?limit=2").json()
    assert [upload["id"] for upload in page["data"]] == [ids[2], ids[1]]
    assert (page["nextCursor"], page["hasMore"]) == (ids[1], True)
    rest = lab.get(f"/instrument-uploads?cursor={page['nextCursor']}").json()
    assert [upload["id"] for upload in rest["data"]] == [ids[0]]
    assert page["data"][0]["createdBy"] == lab.user_id


def test_what_an_upload_did_is_in_the_trail(lab: Laboratory) -> None:
    sample = lab.sample("received")
    told = read(send(lab, wide((sample["trackingId"], "7.1", "0.004")), dryRun="true"))
    lab.post(f"/instrument-uploads/{told['id']}/commit", {"rows": [1, 2]})
    query = f"?entityType=instrument_upload&entityId={told['id']}"
    events = lab.get(f"/audit-events{query}").json()["data"]
    assert [event["action"].rpartition(".")[2] for event in events] == ["committed", "previewed"]
    first = {change["field"]: change["after"] for change in events[1]["changes"]}
    assert (first["sha256"], first["extractor"]) == (told["sha256"], "embedded")
    test_id = scheduled(sample)["PH"]["id"]
    events = lab.get(f"/audit-events?entityType=sample_test&entityId={test_id}").json()["data"]
    assert events[0]["reason"].startswith("Instrument file run.csv")


def test_an_upload_under_a_key_has_one_effect(lab: Laboratory) -> None:
    sample = lab.sample("received")
    content = wide((sample["trackingId"], "7.1", "0.004"))
    first = send(lab, content, headers={"Idempotency-Key": "run-1"})
    again = send(lab, content, headers={"Idempotency-Key": "run-1"})
    assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    assert len(lab.get("/instrument-uploads").json()["data"]) == 1
    other = send(lab, content, headers={"Idempotency-Key": "run-1"}, dryRun="true")
    assert (other.status_code, other.json()["error"]) == (422, "idempotency_key_reused")


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"dryRun": "yes"}, "dryRun"),
        ({"dryRun": ""}, "dryRun"),
        ({"confidenceThreshold": "1.1"}, "confidenceThreshold"),
        ({"confidenceThreshold": "-0.1"}, "confidenceThreshold"),
        ({"confidenceThreshold": "nan"}, "confidenceThreshold"),
        ({"confidenceThreshold": "0,8"}, "confidenceThreshold"),
        ({"dryrun": "true"}, "dryrun"),
        ({"hint": "x" * 2_001}, "hint"),
        ({"hint": "a\x01b"}, "hint"),
    ],
)
def test_a_part_that_is_wrong_is_refused_by_name(
    lab: Laboratory, form: dict[str, str], field: str
) -> None:
    answer = send(lab, "Sample ID,pH\nx,1\n", **form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body"), answer.text
    assert [detail["field"] for detail in answer.json()["details"]] == [field]
    assert lab.get("/instrument-uploads").json()["data"] == []


FILE = ("file", ("run.csv", b"Sample ID,pH\nx,1\n"))


@pytest.mark.parametrize(
    "parts",
    [
        [("dryRun", (None, b"true"))],
        [("file", (None, b"just text"))],
        [("file", ("run.csv", b""))],
        [("file", ("", b"x"))],
        [("file", ("x" * 256, b"x"))],
        [FILE, FILE],
        [FILE, ("second", ("run.csv", b"x"))],
        [FILE, ("dryRun", (None, b"true")), ("dryRun", (None, b"false"))],
        [FILE, ("dryRun", ("a.txt", b"true"))],
        [FILE, ("hint", (None, b"\xff\xfe"))],
        [FILE, *[(f"part{number}", (None, b"x")) for number in range(25)]],
        [FILE, ("hint", (None, b"x" * 20_000))],
    ],
)
def test_a_form_that_is_none_of_ours_is_refused(lab: Laboratory, parts: list[Any]) -> None:
    answer = lab.request("POST", "/instrument-uploads", files=parts)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_body"), answer.text


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("application/json", b"{}", 415),
        ("text/csv", b"a,b", 415),
        ("multipart/form-data", b"x", 400),
        ("multipart/form-data; boundary=x", b"", 400),
        ("multipart/form-data; boundary=x", b"no boundary here", 400),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno headers\r\n--x--\r\n", 400),
        (
            "multipart/form-data; boundary=x",
            b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\ncut off',
            400,
        ),
    ],
)
def test_a_body_that_is_no_form_is_refused(
    lab: Laboratory, kind: str, body: bytes, status: int
) -> None:
    answer = lab.request(
        "POST", "/instrument-uploads", content=body, headers={"Content-Type": kind}
    )
    assert answer.status_code == status, answer.text
    assert answer.json()["error"] == {400: "invalid_body", 415: "unsupported_media_type"}[status]


def test_a_file_above_the_limit_is_refused(lab: Laboratory) -> None:
    answer = send(lab, b"x" * (20 * 1024 * 1024 + 1))
    assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large")
    answer = send(lab, b"x" * (21 * 1024 * 1024))
    assert (answer.status_code, answer.json()["error"]) == (413, "payload_too_large")


def test_whoever_may_not_write_is_refused_before_the_file_is_read(lab: Laboratory) -> None:
    reader = lab.another_key(Scope.READ)
    options: Json = {"content": b"no form", "headers": {"Content-Type": "text/plain"}}
    refused = lab.request(
        "POST",
        "/instrument-uploads",
        content=b"no form",
        headers={"Authorization": f"Bearer {reader}"},
    )
    assert (refused.status_code, refused.json()["error"]) == (403, "insufficient_scope")
    unknown = lab.world.http.post("/api/v1/instrument-uploads", **options)
    assert unknown.status_code == 401


def test_a_hint_names_what_the_file_does_not(lab: Laboratory) -> None:
    sample = lab.sample("received", tests=[lab.has.colour])
    content = f"Sample ID,TCU\n{sample['trackingId']},15\n"
    assert read(send(lab, content, dryRun="true"))["needsReview"] == 0
    told = read(send(lab, content, dryRun="true", hint="TCU = COLOUR"))
    assert [(row["testCode"], row["result"]) for row in told["rows"]] == [("COLOUR", "15")]


def test_what_was_committed_is_recognised_the_next_time_until_it_is_forgotten(
    lab: Laboratory,
) -> None:
    administrator = lab.administrator()
    first, second = (lab.sample("received", tests=[lab.has.colour]) for _ in range(2))
    file = "Sample ID,TCU\n{},15\n".format
    told = read(send(lab, file(first["trackingId"]), dryRun="true", hint="TCU = COLOUR"))
    lab.post(f"/instrument-uploads/{told['id']}/commit", {"rows": [1]})
    (alias,) = administrator.get("/extraction-aliases").json()["data"]
    assert (alias["text"], alias["testDefinitionId"]) == ("TCU", lab.has.colour)
    (row,) = read(send(lab, file(second["trackingId"]), dryRun="true"))["rows"]
    assert (row["testCode"], row["sampleId"]) == ("COLOUR", second["id"])
    forgotten = administrator.delete(f"/extraction-aliases/{alias['id']}")
    assert (forgotten.status_code, forgotten.json()) == (200, alias)
    assert administrator.delete(f"/extraction-aliases/{alias['id']}").status_code == 404
    assert read(send(lab, file(second["trackingId"]), dryRun="true"))["needsReview"] == 0


def test_only_administrators_of_the_organization_see_what_was_learned(
    lab: Laboratory, rival: Laboratory
) -> None:
    sample = lab.sample("received", tests=[lab.has.colour])
    content = f"Sample ID,TCU\n{sample['trackingId']},15\n"
    told = read(send(lab, content, dryRun="true", hint="TCU = COLOUR"))
    lab.post(f"/instrument-uploads/{told['id']}/commit", {"rows": [1]})
    (alias,) = lab.administrator().get("/extraction-aliases").json()["data"]
    assert lab.member("technician").get("/extraction-aliases").status_code == 403
    theirs = rival.administrator()
    assert theirs.get("/extraction-aliases").json()["data"] == []
    assert theirs.delete(f"/extraction-aliases/{alias['id']}").status_code == 404
    (kept,) = lab.administrator().get("/extraction-aliases").json()["data"]
    assert kept == alias
