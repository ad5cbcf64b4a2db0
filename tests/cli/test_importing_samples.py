"""`titer import samples`: registered as the create route would, all of them or none."""

from pathlib import Path
from typing import Any

import pytest

from commands import Commands, write_workbook
from laboratory import Laboratory


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "samples.csv"


def _importing(lab: Laboratory, path: Path, *words: object) -> tuple[object, ...]:
    return ("import", "samples", "--org", lab.id, path, *words)


def _samples(lab: Laboratory) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = lab.get("/samples?limit=500").json()["data"]
    return rows


def test_rows_are_registered_with_their_tests(titer: Commands, lab: Laboratory, file: Path) -> None:
    file.write_text(
        "clientName,clientCode,materialType,project,collectionDate,priority,tests,notes,"
        "plantLocation,storageLocation,externalId\n"
        "Acme Water,,DW,WTP,2026-06-18,urgent,PH; LEAD,Grab,intake,F1,COC-1\n"
        f',SPR,{lab.has.soil},ROUTINE,2026-06-18T09:12:00+02:00,,"PH,COLOUR","a, b",,,COC-2\n'
        "springfield waterworks,,SOIL,,,,,,,,\n"
    )
    done = titer.done(*_importing(lab, file))
    assert (done["created"], done["dryRun"]) == (3, False)
    assert [each["line"] for each in done["samples"]] == [2, 3, 4]
    first, second, third = (lab.get(f"/samples/{each['id']}").json() for each in done["samples"])
    assert first["trackingId"] == done["samples"][0]["trackingId"] == "WTP-INTAKE-260618-001"
    assert [test["testCode"] for test in first["tests"]] == ["PH", "LEAD"]
    assert (first["priority"], first["storageLocationId"]) == ("urgent", lab.has.fridge)
    assert (first["clientId"], first["clientName"]) == (None, "Acme Water")
    assert (second["clientId"], second["materialTypeId"]) == (lab.has.client, lab.has.soil)
    assert second["collectionDate"] == "2026-06-18T07:12:00.000Z"
    assert (second["priority"], second["notes"]) == ("normal", "a, b")
    assert (third["clientId"], third["tests"]) == (lab.has.client, [])
    assert {each["status"] for each in _samples(lab)} == {"pending"}
    events = lab.get("/audit-events?entityType=sample").json()["data"]
    assert {(each["action"], each["actor"]["kind"]) for each in events} == {
        ("sample.registered", "cli")
    }


def test_every_fault_is_told_with_its_line_and_nothing_is_registered(
    titer: Commands, lab: Laboratory, file: Path
) -> None:
    lab.sample(externalId="COC-1")
    titer.done("import", "reference", "--org", lab.id, _retired(file.parent))
    before = _samples(lab)
    file.write_text(
        "clientName,clientCode,materialType,project,collectionDate,priority,tests,plantLocation,externalId\n"
        "Acme,,DW,,,,PH,,COC-0\n"
        ",,DW,,,,,,\n"
        "Acme,,LAVA,,,,,,\n"
        "Acme,,DW,,,,PH GOLD,,\n"
        "Acme,,DW,,2199-01-01,,,,\n"
        "Acme,,DW,,yesterday,,,,\n"
        "Acme,,DW,,,soon,,,\n"
        "Acme,,DW,WTP,,,,,\n"
        "Acme,,DW,WTP,,,,no blanks!,\n"
        "Acme,,DW,,,,,,COC-1\n"
        "Acme,,DW,,,,,,COC-0\n"
        ",GONE,DW,,,,PH PH,,\n"
        ",GONE,DW,,,,,,\n"
        ",SPR,,,,,,,\n"
    )
    refusal = titer.refused(*_importing(lab, file))
    assert [(fault["line"], fault["field"]) for fault in refusal["details"]] == [
        (3, None),
        (4, "materialType"),
        (5, "tests"),
        (6, "collectionDate"),
        (7, "collectionDate"),
        (8, "priority"),
        (9, "plantLocation"),
        (10, "plantLocation"),
        (11, None),
        (12, "externalId"),
        (13, "tests"),
        (14, "clientCode"),
        (15, "materialType"),
    ]
    assert "13 lines are at fault" in refusal["message"]
    told = titer(*_importing(lab, file)).err
    assert "line 4: materialType LAVA is no material type" in told
    assert "line 14: clientCode the client GONE is not active" in told
    assert _samples(lab) == before


def _retired(folder: Path) -> Path:
    path = folder / "retired.yaml"
    path.write_text("clients:\n  - {code: GONE, name: Gone and Sons, active: no}\n")
    return path


def test_a_dry_run_registers_nothing_and_gives_no_number_away(
    titer: Commands, lab: Laboratory, file: Path
) -> None:
    file.write_text("clientName,materialType,tests\nAcme,DW,PH\nAcme,DW,PH\n")
    assert titer.done(*_importing(lab, file, "--dry-run")) == {"created": 2, "dryRun": True}
    assert _samples(lab) == []
    done = titer.done(*_importing(lab, file))
    assert [each["trackingId"][-6:] for each in done["samples"]] == ["000001", "000002"]


def test_a_workbook_names_columns_as_people_do(
    titer: Commands, lab: Laboratory, tmp_path: Path
) -> None:
    book = write_workbook(
        tmp_path / "samples.xlsx",
        {
            "Monday": [
                ["Client", "Material type ID", "Test codes", "Collection date", "External ID"],
                ["Acme", lab.has.water, "PH LEAD", "2026-06-18", 1041],
            ],
            "Tuesday": [["Client code", "Material"], ["SPR", "SOIL"]],
        },
    )
    done = titer.done(*_importing(lab, book))
    assert [each["externalId"] for each in done["samples"]] == ["1041", None]
    assert titer(*_importing(lab, book)).code == 1
    assert len(_samples(lab)) == 2


def test_the_plans_allowance_holds_and_leaves_nothing_behind(
    titer: Commands, lab: Laboratory, file: Path
) -> None:
    titer.done("plan", "set", f"few-{lab.id}", "--monthly-samples", "3")
    titer.done("org", "set-plan", lab.id, f"few-{lab.id}")
    file.write_text("clientName,materialType\n" + "Acme,DW\n" * 5)
    (fault,) = titer.refused(*_importing(lab, file))["details"]
    assert fault["line"] == 5
    assert "allows 3 samples a month" in fault["message"]
    assert _samples(lab) == []
    file.write_text("clientName,materialType\n" + "Acme,DW\n" * 3)
    assert titer.done(*_importing(lab, file))["created"] == 3


def test_a_rivals_records_are_not_there(
    titer: Commands, lab: Laboratory, rival: Laboratory, file: Path
) -> None:
    file.write_text(f"clientName,materialType,project\nAcme,{rival.has.water},ROUTINE\n")
    refusal = titer.refused(*_importing(lab, file))
    assert [fault["field"] for fault in refusal["details"]] == ["materialType"]


def test_a_column_that_is_not_known_is_never_dropped(
    titer: Commands, lab: Laboratory, file: Path
) -> None:
    file.write_text("clientName,materialType,temperature,priorty\nAcme,DW,4,high\n")
    refusal = titer.refused(*_importing(lab, file))
    assert [(fault["line"], fault["field"]) for fault in refusal["details"]] == [
        (1, "temperature"),
        (1, "priorty"),
    ]
    assert "did you mean priority?" in refusal["details"][1]["message"]
