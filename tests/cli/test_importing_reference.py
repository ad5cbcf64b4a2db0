"""`titer import reference`: all of a file or nothing, found by code, every fault by its line."""

from pathlib import Path
from typing import Any

import pytest

from commands import Commands, write_workbook
from laboratory import Laboratory

CATALOGUE = """\
materialTypes:
  - {code: GW, name: Groundwater}
  - {code: DW, name: Drinking water}
testDefinitions:
  - {code: NO3, name: Nitrate as N, method: 300.0, unit: mg/L, decimals: 2, specMax: 10.0, loq: 0.05, materials: [GW, DW]}
  - {code: PH, name: pH, specMin: 6.5, specMax: 9.0}
storageLocations:
  - {code: B-1, name: Shelf 1, kind: shelf, parent: COLD, capacity: 40}
  - {code: COLD, name: Cold room, kind: room}
clients:
  - {name: Riverbend Utilities, email: lab@riverbend.example}
  - {code: SPR, name: Springfield Waterworks}
projects:
  - {code: RIVER, name: River survey, client: Riverbend Utilities, sampleIdScheme: composite, startDate: 2026-01-31}
"""  # noqa: E501 - a record of YAML on a line


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "catalogue.yaml"
    path.write_text(CATALOGUE)
    return path


def _all(lab: Laboratory, path: str) -> dict[str, dict[str, Any]]:
    rows = lab.get(f"/{path}?limit=500").json()["data"]
    return {row["code"] or row["name"]: row for row in rows}


def _importing(lab: Laboratory, path: Path, *words: object) -> tuple[object, ...]:
    return ("import", "reference", "--org", lab.id, path, *words)


def _told(refusal: dict[str, Any]) -> list[tuple[int, str | None]]:
    return [(fault["line"], fault["field"]) for fault in refusal["details"]]


def test_records_are_made_updated_or_left_as_they_are(
    titer: Commands, lab: Laboratory, file: Path
) -> None:
    summary = titer.done(*_importing(lab, file))
    # The laboratory begins with DW, PH and SPR: of these only pH differs from the file.
    assert {key: summary[key] for key in ("created", "updated", "unchanged", "dryRun")} == {
        "created": 6,
        "updated": 1,
        "unchanged": 2,
        "dryRun": False,
    }
    assert summary["sections"]["testDefinitions"] == {"created": 1, "updated": 1, "unchanged": 0}
    tests = _all(lab, "test-definitions")
    nitrate = tests["NO3"]
    assert (nitrate["method"], nitrate["specMax"], nitrate["loq"]) == ("300.0", 10, 0.05)
    assert len(nitrate["materialTypeIds"]) == 2
    assert (tests["PH"]["specMax"], tests["PH"]["method"]) == (9, "EPA 150.1")
    places = _all(lab, "storage-locations")
    assert places["B-1"]["path"] == "COLD/B-1"
    project = _all(lab, "projects")["RIVER"]
    assert project["clientId"] == _all(lab, "clients")["Riverbend Utilities"]["id"]
    assert (project["sampleIdScheme"], project["startDate"]) == ("composite", "2026-01-31")


def test_the_same_file_again_changes_nothing(titer: Commands, lab: Laboratory, file: Path) -> None:
    titer.done(*_importing(lab, file))
    before = lab.get("/audit-events?limit=1").json()["data"]
    summary = titer.done(*_importing(lab, file))
    assert (summary["created"], summary["updated"], summary["unchanged"]) == (0, 0, 9)
    assert lab.get("/audit-events?limit=1").json()["data"] == before
    assert "testDefinitions: 0 created, 0 updated, 2 unchanged" in titer(*_importing(lab, file)).out


def test_a_dry_run_tells_the_same_and_keeps_nothing(
    titer: Commands, lab: Laboratory, file: Path
) -> None:
    before = _all(lab, "test-definitions")
    summary = titer.done(*_importing(lab, file, "--dry-run"))
    assert (summary["created"], summary["dryRun"]) == (6, True)
    assert _all(lab, "test-definitions") == before


def test_every_fault_is_told_with_its_line_and_nothing_is_changed(
    titer: Commands, lab: Laboratory, tmp_path: Path
) -> None:
    file = tmp_path / "faulty.yaml"
    file.write_text(
        "materialTypes:\n"
        "  - {code: ICE, name: Ice}\n"
        "  - {code: 'not a code', name: Bad}\n"
        "  - {code: ICE, name: Ice again}\n"
        "testDefinitions:\n"
        "  - {code: T1, name: One, specMin: 5, specMax: 4}\n"
        "  - {code: T2, name: Two, specMax: '1,5'}\n"
        "  - {code: T3}\n"
        "  - {code: T4, name: Four, materials: [ICE, FIRE]}\n"
        "  - {code: T5, name: Five, colour: red}\n"
        "storageLocations:\n"
        "  - {code: A, name: A, kind: box, parent: B}\n"
        "  - {code: B, name: B, kind: box, parent: A}\n"
        "clients:\n"
        "  - {email: nobody@nowhere.example}\n"
        "projects:\n"
        "  - {code: P, name: P, client: Nobody}\n"
        "  - {code: Q, name: Q, startDate: 2026-02-30}\n"
        "beakers:\n"
        "  - {code: X}\n"
    )
    refusal = titer.refused(*_importing(lab, file))
    assert refusal["error"] == "import_refused"
    assert _told(refusal) == [
        (3, "code"),
        (4, "ICE"),
        (6, "specMin"),
        (7, "specMax"),
        (8, "name"),
        (9, "materials"),
        (10, "colour"),
        (12, "parent"),
        (13, "parent"),
        (15, None),
        (17, "client"),
        (18, "startDate"),
        (19, "beakers"),
    ]
    outcome = titer(*_importing(lab, file))
    assert "line 9: materials FIRE is no material type" in outcome.err
    assert outcome.out == ""
    assert "ICE" not in _all(lab, "material-types")


def test_a_column_left_out_changes_nothing_and_an_empty_cell_clears(
    titer: Commands, lab: Laboratory, tmp_path: Path
) -> None:
    file = tmp_path / "limits.csv"
    file.write_text("Type;Code;Spec max;loq\ntest definition;LEAD;0.0100;\n")
    assert titer.done(*_importing(lab, file))["updated"] == 1
    lead = _all(lab, "test-definitions")["LEAD"]
    assert (lead["specMax"], lead["loq"], lead["name"], lead["unit"]) == (
        0.01,
        None,
        "Lead",
        "mg/L",
    )


def test_csv_rows_say_their_type_and_keep_to_its_columns(
    titer: Commands, lab: Laboratory, tmp_path: Path
) -> None:
    file = tmp_path / "mixed.csv"
    file.write_text(
        "type,code,name,unit,kind\n"
        "materialType,ICE,Ice,,\n"
        "storageLocations,BOX,Box,,box\n"
        "materialTypes,FOG,Fog,mg/L,\n"
        "beaker,X,X,,\n"
    )
    assert _told(titer.refused(*_importing(lab, file))) == [(4, "unit"), (5, "type")]
    file.write_text("code,name\nICE,Ice\n")
    (fault,) = titer.refused(*_importing(lab, file))["details"]
    assert "needs a column type" in fault["message"]
    file.write_text("type,code,nmae\nmaterialType,ICE,Ice\n")
    assert "did you mean name?" in titer(*_importing(lab, file)).err


def test_a_workbook_has_a_sheet_for_each_section(
    titer: Commands, lab: Laboratory, tmp_path: Path
) -> None:
    sheets: dict[str, list[list[object]]] = {
        "Test definitions": [
            ["Code", "Name", "Method", "Spec Max", "LOQ", "Materials", "Active"],
            ["NO2", "Nitrite", 300.1, 1, 0.00001, "DW; SOIL", True],
        ],
        "Clients": [["Name", "Phone"], ["Acme", 5550100]],
    }
    book = write_workbook(tmp_path / "catalogue.xlsx", sheets)
    assert titer.done(*_importing(lab, book))["created"] == 2
    nitrite = _all(lab, "test-definitions")["NO2"]
    assert (nitrite["method"], nitrite["specMax"], nitrite["loq"]) == ("300.1", 1, 0.00001)
    assert nitrite["materialTypeIds"] == sorted([lab.has.water, lab.has.soil])
    assert _all(lab, "clients")["Acme"]["phone"] == "5550100"
    sheets["Clients"].append([None, "no name"])
    write_workbook(book, sheets)
    (fault,) = titer.refused(*_importing(lab, book))["details"]
    assert (fault["sheet"], fault["line"]) == ("Clients", 3)


def test_a_client_without_a_code_is_found_by_name_and_may_be_given_one(
    titer: Commands, lab: Laboratory, tmp_path: Path
) -> None:
    file = tmp_path / "clients.yaml"
    file.write_text("clients:\n  - {name: acme}\n")
    titer.done(*_importing(lab, file))
    file.write_text("clients:\n  - {code: ACM, name: ACME, notes: Renamed}\n")
    assert titer.done(*_importing(lab, file))["updated"] == 1
    assert _all(lab, "clients")["ACM"]["name"] == "ACME"
    file.write_text("clients:\n  - {code: OTHER, name: Acme}\n")
    assert _told(titer.refused(*_importing(lab, file))) == [(2, None)]


def test_a_rivals_records_are_not_there(
    titer: Commands, lab: Laboratory, rival: Laboratory, tmp_path: Path
) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("materialTypes:\n  - {code: ICE, name: Ice}\n")
    titer.done(*_importing(lab, file))
    assert "ICE" not in _all(rival, "material-types")
    file.write_text("testDefinitions:\n  - {code: T, name: T, materials: ICE}\n")
    assert _told(titer.refused(*_importing(rival, file))) == [(2, "materials")]


def test_nobodys_organization_takes_nothing(titer: Commands, lab: Laboratory, file: Path) -> None:
    words = list(_importing(lab, file))
    words[words.index(lab.id)] = 999_999_999
    assert titer.refused(*words)["error"] == "not_found"


def test_analytes_come_in_below_their_panel(
    titer: Commands, lab: Laboratory, tmp_path: Path
) -> None:
    path = tmp_path / "panels.yaml"
    path.write_text(
        "testDefinitions:\n"
        "  - {code: HM, name: Heavy Metals}\n"
        "analytes:\n"
        "  - {test: HM, code: PB, name: Lead, unit: mg/kg, specMax: 0.10}\n"
        "  - {test: HM, code: HG, name: Mercury, unit: mg/kg}\n"
    )
    summary = titer.done(*_importing(lab, path))
    assert summary["sections"]["analytes"] == {"created": 2, "updated": 0, "unchanged": 0}
    shown = _all(lab, "test-definitions")["HM"]["analytes"]
    assert [(each["code"], each["specMax"]) for each in shown] == [("PB", 0.1), ("HG", None)]
    again = titer.done(*_importing(lab, path))
    assert again["sections"]["analytes"] == {"created": 0, "updated": 0, "unchanged": 2}
    path.write_text("analytes:\n  - {test: NONE, code: PB, name: Lead}\n")
    refused = titer.refused(*_importing(lab, path))
    assert _told(refused) == [(2, "test")]


def test_products_and_their_variants_come_in_by_external_id(
    titer: Commands, lab: Laboratory, tmp_path: Path
) -> None:
    path = tmp_path / "products.yaml"
    path.write_text(
        "clients:\n"
        "  - {code: BF, name: Baby Food Makers}\n"
        "products:\n"
        "  - {externalId: P-1, client: BF, name: Baby Food, brand: BB}\n"
        "skus:\n"
        "  - {externalId: V-1, product: P-1, name: Apple, code: BB-A, servingSizeGrams: 250.0}\n"
    )
    summary = titer.done(*_importing(lab, path))
    assert summary["created"] == 3
    (product,) = lab.get("/products").json()["data"]
    (sku,) = lab.get("/skus").json()["data"]
    assert (product["name"], product["brand"], product["externalId"]) == ("Baby Food", "BB", "P-1")
    assert (sku["productId"], sku["code"], sku["servingSizeGrams"]) == (product["id"], "BB-A", 250)
    assert titer.done(*_importing(lab, path))["unchanged"] == 3
    path.write_text("skus:\n  - {externalId: V-2, product: NONE, name: Apple}\n")
    assert _told(titer.refused(*_importing(lab, path))) == [(2, "product")]
