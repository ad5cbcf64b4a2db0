"""`/instrument-uploads` and panels: every analyte is a result of its own."""

from typing import Any

from httpx2 import Response

from laboratory import Laboratory

Json = dict[str, Any]

METALS = {
    "code": "HM",
    "name": "Heavy Metals",
    "analytes": [
        {"code": "AS", "name": "Arsenic", "unit": "mg/kg", "specMax": 0.2},
        {"code": "CD", "name": "Cadmium", "unit": "mg/kg"},
        {"code": "HG", "name": "Mercury", "unit": "mg/kg", "specMax": 0.02},
    ],
}


def panel(lab: Laboratory, **fields: Any) -> Json:
    made = lab.administrator().post("/test-definitions", METALS | fields)
    assert made.status_code == 201, made.text
    shown: Json = made.json()
    return shown


def scheduled(lab: Laboratory, metals: Json | None = None) -> tuple[Json, Json]:
    """A sample with the panel on it, and the panel's sample test."""
    sample = lab.sample("processing", tests=[(metals or panel(lab))["id"]])
    return sample, sample["tests"][0]


def send(lab: Laboratory, content: str, **form: str) -> Json:
    parts: list[Any] = [(key, (None, value.encode())) for key, value in form.items()]
    files: list[Any] = [("file", ("metals.csv", content.encode())), *parts]
    return read(lab.request("POST", "/instrument-uploads", files=files))


def read(answer: Response) -> Json:
    assert answer.status_code == 200, answer.text
    told: Json = answer.json()
    return told


def commit(lab: Laboratory, told: Json, *rows: int) -> Json:
    return read(lab.post(f"/instrument-uploads/{told['id']}/commit", {"rows": list(rows)}))


def state(lab: Laboratory, test: Json) -> Json:
    return read(lab.get(f"/sample-tests/{test['id']}"))


def results(lab: Laboratory, test: Json) -> dict[str, str | None]:
    return {each["analyteCode"]: each["result"] for each in state(lab, test)["results"]}


def statuses(told: Json) -> list[str]:
    return [row["status"] for row in told["rows"]]


def wide(*samples: Json, figures: str = "0.11,0.02,0.004") -> str:
    rows = [f"{sample['trackingId']},{figures}" for sample in samples]
    return "\n".join(["Sample ID,As (mg/kg),Cadmium (mg/kg),Hg (mg/kg)", *rows, ""])


def test_a_file_fills_every_analyte_of_a_panel_in_one_write(lab: Laboratory) -> None:
    metals = panel(lab)
    sample, test = scheduled(lab, metals)
    told = send(lab, wide(sample))
    assert statuses(told) == ["applied"] * 3
    assert [
        (row["testCode"], row["sampleTestId"], row["analyteId"], row["analyteCode"])
        for row in told["rows"]
    ] == [("HM", test["id"], each["id"], each["code"]) for each in metals["analytes"]]
    assert results(lab, test) == {"AS": "0.11", "CD": "0.02", "HG": "0.004"}
    written = state(lab, test)
    assert (written["status"], written["source"]) == ("completed", "instrument")
    assert (written["specification"], written["enteredBy"]) == ("pass", lab.user_id)
    assert written["version"] == test["version"] + 1
    history = read(lab.get(f"/sample-tests/{test['id']}/history"))["data"]
    assert {entry["analyteCode"] for entry in history} == {"AS", "CD", "HG"}
    assert {entry["reason"] for entry in history} == {
        "Instrument file metals.csv: line 2, columns 2 and 3 and 4"
    }
    assert read(lab.get(f"/instrument-uploads/{told['id']}")) == told


def test_lines_of_one_panel_go_into_one_write_too(lab: Laboratory) -> None:
    sample, test = scheduled(lab)
    name = sample["trackingId"]
    content = f"Sample,Analyte,Result,Unit\n{name},Arsenic,0.3,mg/kg\n{name},Mercury,0.004,mg/kg\n"
    told = send(lab, content)
    assert [(row["analyteCode"], row["status"]) for row in told["rows"]] == [
        ("AS", "applied"),
        ("HG", "applied"),
    ]
    assert state(lab, test)["version"] == test["version"] + 1
    assert (state(lab, test)["specification"], state(lab, test)["status"]) == ("fail", "pending")


def test_panels_and_plain_tests_of_many_samples_are_filled_from_one_file(lab: Laboratory) -> None:
    metals = panel(lab)
    samples = [lab.sample("processing", tests=[metals["id"], lab.has.ph]) for _ in range(3)]
    rows = [f"{each['trackingId']},7.{at},0.1{at}" for at, each in enumerate(samples)]
    told = send(lab, "\n".join(["Sample ID,pH,Cadmium", *rows, ""]))
    assert statuses(told) == ["applied"] * 6
    for at, sample in enumerate(samples):
        by_code = {test["testCode"]: test for test in sample["tests"]}
        assert state(lab, by_code["PH"])["result"] == f"7.{at}"
        assert results(lab, by_code["HM"]) == {"AS": None, "CD": f"0.1{at}", "HG": None}


def test_a_second_file_brings_the_rest_of_a_panel(lab: Laboratory) -> None:
    sample, test = scheduled(lab)
    name = sample["trackingId"]
    first = f"Sample ID,As,Cd\n{name},0.11,0.02\n"
    assert statuses(send(lab, first)) == ["applied", "applied"]
    assert state(lab, test)["status"] == "pending"
    told = send(lab, f"Sample ID,Mercury,Cd\n{name},0.004,0.02\n")
    assert statuses(told) == ["applied", "applied"]
    assert told["rows"][1]["reasons"][-1] == "The test has this result already."
    assert state(lab, test)["status"] == "completed"
    assert results(lab, test) == {"AS": "0.11", "CD": "0.02", "HG": "0.004"}
    assert state(lab, test)["version"] == test["version"] + 2


def test_another_result_of_an_analyte_is_a_conflict_of_that_row_alone(lab: Laboratory) -> None:
    sample, test = scheduled(lab)
    row = {"analyteCode": "CD", "result": "0.5"}
    assert lab.patch(f"/sample-tests/{test['id']}", {"results": [row]}).status_code == 200
    told = send(lab, wide(sample))
    assert statuses(told) == ["applied", "conflict", "applied"]
    assert "The test has the result 0.5 already." in told["rows"][1]["reasons"]
    assert results(lab, test) == {"AS": "0.11", "CD": "0.5", "HG": "0.004"}
    (committed,) = commit(lab, told, 2)["results"]
    assert committed["ok"] is True
    assert [each["result"] for each in committed["sampleTest"]["results"]] == [
        "0.11",
        "0.02",
        "0.004",
    ]


def test_two_values_for_one_analyte_are_a_conflict(lab: Laboratory) -> None:
    sample, test = scheduled(lab)
    name = sample["trackingId"]
    told = send(lab, f"Sample ID,Cd,Hg\n{name},0.1,0.004\n{name},0.3,0.004\n")
    by_code = [(row["analyteCode"], row["result"], row["status"]) for row in told["rows"]]
    assert by_code == [
        ("CD", "0.1", "conflict"),
        ("HG", "0.004", "applied"),
        ("CD", "0.3", "conflict"),
    ]
    both = commit(lab, told, 1, 3)["results"]
    assert [row["ok"] for row in both] == [True, False]
    assert both[1]["error"] == "duplicate_in_request"
    assert results(lab, test) == {"AS": None, "CD": "0.1", "HG": "0.004"}


def test_a_verified_panel_is_locked(lab: Laboratory) -> None:
    sample, test = scheduled(lab)
    send(lab, wide(sample))
    verified = lab.verify(test["id"])
    told = send(lab, wide(sample, figures="0.12,0.03,0.005"))
    assert statuses(told) == ["locked"] * 3
    committed = commit(lab, told, 1, 3)
    assert [row["error"] for row in committed["results"]] == ["test_verified_locked"] * 2
    assert state(lab, test) == verified


def test_the_same_file_again_writes_no_analyte_twice(lab: Laboratory) -> None:
    sample, test = scheduled(lab)
    first = send(lab, wide(sample))
    row = {"analyteCode": "CD", "result": "0.07"}
    assert lab.patch(f"/sample-tests/{test['id']}", {"results": [row]}).status_code == 200
    again = send(lab, wide(sample))
    assert statuses(again) == ["applied"] * 3
    assert f"It was written before, by upload {first['id']}." in again["rows"][1]["reasons"]
    assert results(lab, test)["CD"] == "0.07"


def test_a_dry_run_writes_no_analyte_until_its_row_is_chosen(lab: Laboratory) -> None:
    sample, test = scheduled(lab)
    told = send(lab, wide(sample), dryRun="true")
    assert statuses(told) == ["matched"] * 3
    assert state(lab, test) == test
    committed = commit(lab, told, 1, 3)
    assert [row["ok"] for row in committed["results"]] == [True, True]
    assert results(lab, test) == {"AS": "0.11", "CD": None, "HG": "0.004"}
    assert state(lab, test)["version"] == test["version"] + 1
    assert statuses(read(lab.get(f"/instrument-uploads/{told['id']}"))) == [
        "applied",
        "matched",
        "applied",
    ]
    assert commit(lab, told, 1, 2)["applied"] == 2
    assert results(lab, test)["CD"] == "0.02"
    assert state(lab, test)["version"] == test["version"] + 2


def test_a_panel_without_the_analyte_leaves_its_value_unmatched(lab: Laboratory) -> None:
    panel(lab, code="TR", name="Trace", analytes=[{"code": "TL", "name": "Thallium"}])
    sample, _ = scheduled(lab)
    told = send(lab, f"Sample ID,Cadmium,Thallium\n{sample['trackingId']},0.1,0.2\n")
    assert statuses(told) == ["applied", "unmatched"]
    stray = told["rows"][1]
    assert (stray["testCode"], stray["analyteCode"], stray["sampleTestId"]) == ("TR", "TL", None)


def test_an_analyte_that_two_panels_have_goes_to_the_one_that_is_scheduled(lab: Laboratory) -> None:
    other = panel(lab, code="TOYS", name="Toy safety")
    sample, test = scheduled(lab)
    told = send(lab, wide(sample))
    assert {row["testCode"] for row in told["rows"]} == {"HM"}
    assert statuses(told) == ["applied"] * 3
    both = lab.sample("processing", tests=[test["testDefinitionId"], other["id"]])
    told = send(lab, wide(both))
    assert told["applied"] == 0
    assert "Another test is named as well." in told["rows"][0]["reasons"]


def test_a_name_that_is_learned_for_an_analyte_is_known_for_it_alone(lab: Laboratory) -> None:
    metals = panel(lab)
    (first, _), (second, test) = scheduled(lab, metals), scheduled(lab, metals)
    told = send(
        lab, f"Sample ID,Kanal 7\n{first['trackingId']},0.1\n", dryRun="true", hint="Kanal 7 = CD"
    )
    assert [row["analyteCode"] for row in told["rows"]] == ["CD"]
    assert commit(lab, told, 1)["applied"] == 1
    (alias,) = lab.administrator().get("/extraction-aliases").json()["data"]
    (cadmium,) = [each for each in metals["analytes"] if each["code"] == "CD"]
    assert (alias["text"], alias["testDefinitionId"]) == ("Kanal 7", metals["id"])
    assert alias["analyteId"] == cadmium["id"]
    told = send(lab, f"Sample ID,Kanal 7\n{second['trackingId']},0.2\n")
    assert statuses(told) == ["applied"]
    assert results(lab, test) == {"AS": None, "CD": "0.2", "HG": None}
    toys = panel(lab, code="TOYS", name="Toy safety")
    third, test = scheduled(lab, toys)
    told = send(lab, f"Sample ID,Kanal 7\n{third['trackingId']},0.3\n")
    assert [(row["testCode"], row["status"]) for row in told["rows"]] == [("TOYS", "applied")]


def test_an_analyte_out_of_use_is_filled_where_it_was_scheduled(lab: Laboratory) -> None:
    metals = panel(lab)
    sample, test = scheduled(lab, metals)
    kept = [{"code": "CD", "name": "Cadmium", "unit": "mg/kg"}]
    path = f"/test-definitions/{metals['id']}"
    assert lab.administrator().patch(path, {"analytes": kept}).status_code == 200
    assert statuses(send(lab, wide(sample))) == ["applied"] * 3
    later, _ = scheduled(lab, metals)
    assert statuses(send(lab, wide(later))) == ["unmatched", "applied", "unmatched"]
    assert state(lab, test)["status"] == "completed"


def test_a_rivals_panels_are_not_recognised(lab: Laboratory, rival: Laboratory) -> None:
    panel(lab)
    sample, test = scheduled(rival)
    theirs = send(rival, wide(sample), dryRun="true")
    told = send(lab, wide(sample))
    assert {(row["sampleTestId"], row["status"]) for row in told["rows"]} <= {(None, "unmatched")}
    path = f"/instrument-uploads/{theirs['id']}/commit"
    assert lab.post(path, {"rows": [1]}).status_code == 404
    assert results(rival, test) == {"AS": None, "CD": None, "HG": None}
