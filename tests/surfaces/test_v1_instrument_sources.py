"""Every result that an upload writes stands in the cell that its row names.

The files are read here by other means than the product's, cell by cell.
"""

import csv
import io
import re
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from domain.extraction import miniatures_more
from domain.extraction.miniatures import MINIATURES, Miniature
from domain.extraction.test_hostile import cell, row, xlsx
from laboratory import Laboratory

assert miniatures_more.MORE

Json = dict[str, Any]
Cell = Callable[[bytes, Json], str]
SPREADSHEET = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"


def place(source: Json) -> tuple[int, int]:
    return int(source["line"]), int(source["column"])


@dataclass(frozen=True)
class Separated:
    """The cell of a text file: the line, cut at a sign."""

    sign: str
    encoding: str = "utf-8"

    def __call__(self, data: bytes, source: Json) -> str:
        text = data.decode(self.encoding)
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=self.sign))
        line, column = place(source)
        return rows[line - 1][column - 1]


def segment_field(data: bytes, source: Json) -> str:
    line, column = place(source)
    return re.split(r"\r\n?|\n", data.decode())[line - 1].split("|")[column - 1]


def workbook_cell(data: bytes, source: Json) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        sheet = ET.fromstring(archive.read("xl/worksheets/sheet1.xml"))  # noqa: S314 - ours
    line, column = place(source)
    name = f"{chr(ord('A') + column - 1)}{line}"
    (found,) = [each for each in sheet.iter(f"{SPREADSHEET}c") if each.get("r") == name]
    return "".join(found.itertext())


def workbook(rows: list[list[str]]) -> bytes:
    """A workbook that holds rows: figures as numbers, the rest as text."""

    def spelled(line: int, column: int, text: str) -> str:
        name = f"{chr(ord('A') + column)}{line}"
        is_figure = re.fullmatch(r"\d+(\.\d+)?", text)
        return f'<c r="{name}"><v>{text}</v></c>' if is_figure else cell(name, text)

    return xlsx(
        "".join(
            row(line, *[spelled(line, column, text) for column, text in enumerate(texts)])
            for line, texts in enumerate(rows, 1)
        )
    )


def catalogued(lab: Laboratory, miniature: Miniature) -> dict[str, int]:
    """The miniature's tests in the laboratory's catalogue."""
    found = {"PH": lab.has.ph, "LEAD": lab.has.lead, "COLOUR": lab.has.colour}
    for code, name, unit in miniature.assays:
        if code not in found:
            body = {"code": code, "name": name or code} | ({"unit": unit} if unit else {})
            made = lab.administrator().post("/test-definitions", body)
            assert made.status_code == 201, made.text
            found[code] = made.json()["id"]
    return {code: found[code] for code, _, _ in miniature.assays}


def registered(lab: Laboratory, miniature: Miniature) -> None:
    """The miniature's samples, with every test scheduled."""
    tests = list(catalogued(lab, miniature).values())
    for name in dict.fromkeys(name for name, _, _ in miniature.truth):
        lab.sample("processing", tests=tests, externalId=name)


def values(text: str) -> set[str]:
    """What a cell may say, whatever its decimal sign, its unit and the spaces in it."""
    found = re.match(r"\s*([<>]?)\s*(-?\d[\d.,]*)", text)
    if found is None:
        return {text.strip()}
    figures = found[2].rstrip(".,")
    spelled = {figures.replace(",", ""), figures.replace(".", "").replace(",", ".")}
    return {f"{found[1]}{Decimal(each).normalize():f}" for each in spelled if each.count(".") < 2}


def check(lab: Laboratory, data: bytes, file_name: str, read: Cell) -> int:
    """Upload a file, and read every row that was written again; how many there are."""
    told = lab.request("POST", "/instrument-uploads", files=[("file", (file_name, data))])
    assert told.status_code == 200, told.text
    applied = [each for each in told.json()["rows"] if each["status"] == "applied"]
    for each in applied:
        again = read(data, each["source"])
        assert again == each["source"]["text"]
        stored = lab.get(f"/sample-tests/{each['sampleTestId']}").json()
        result = stored["result"]
        if each["analyteId"] is not None:
            by_analyte = {part["analyteId"]: part["result"] for part in stored["results"]}
            result = by_analyte[each["analyteId"]]
        assert values(result) & values(again)
    return len(applied)


READERS: dict[str, Cell] = {
    "icp-oes wide with wavelengths": Separated(","),
    "icp-ms grouped columns with rsd": Separated(","),
    "icp long, one line a wavelength": Separated(";"),
    "discrete analyser, long": Separated("\t"),
    "gc-ms target list with several samples across": Separated(","),
    "haematology wide": Separated(","),
    "milk analyser, spanish, decimal comma": Separated(";", "cp1252"),
    "german water lab, transposed": Separated(";"),
    "utf-16 with tab": Separated("\t", "utf-16"),
    "thousands commas and points": Separated(","),
    "several tables in one file": Separated(","),
    "hl7 oru": segment_field,
}


@pytest.mark.parametrize("name", READERS)
def test_what_is_written_stands_in_the_cell_that_is_named(lab: Laboratory, name: str) -> None:
    (miniature,) = [each for each in MINIATURES if each.name == name]
    registered(lab, miniature)
    written = check(lab, miniature.data, miniature.file_name, READERS[name])
    assert 0.5 * len(miniature.truth) <= written <= len(miniature.truth)


def test_what_is_written_from_a_workbook_stands_in_its_cell(lab: Laboratory) -> None:
    samples = [lab.sample("processing") for _ in range(4)]
    rows = [["Laboratory run"], [], ["No", "Sample ID", "pH", "Lead (mg/L)"]]
    for at, sample in enumerate(samples, 1):
        rows.append([str(at), sample["trackingId"], f"7.{at}", f"0.00{at}"])
    assert check(lab, workbook(rows), "run.xlsx", workbook_cell) == 8


def test_what_is_written_to_analytes_stands_in_the_cell_that_is_named(lab: Laboratory) -> None:
    analytes = [
        {"code": "AS", "name": "Arsenic", "unit": "mg/kg"},
        {"code": "CD", "name": "Cadmium", "unit": "mg/kg"},
    ]
    body = {"code": "HM", "name": "Heavy metals", "analytes": analytes}
    metals = lab.administrator().post("/test-definitions", body).json()
    samples = [lab.sample("processing", tests=[metals["id"]]) for _ in range(3)]
    lines = [
        f"{sample['trackingId']};{name};0,{at}{at + 1};mg/kg"
        for at, sample in enumerate(samples, 1)
        for name in ("Arsenic", "Cadmium")
    ]
    content = "\r\n".join(["Probe;Parameter;Messwert;Einheit", *lines, ""])
    assert check(lab, content.encode(), "run.csv", Separated(";")) == 6
