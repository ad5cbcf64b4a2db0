"""Reading files: every number by its own digits, every record by its line."""

from pathlib import Path

import pytest

from commands import write_workbook
from titer.imports.files import read, read_csv, read_yaml
from titer.imports.rows import NotImported, Row


def _rows(content: str) -> tuple[Row, ...]:
    (table,) = read_csv(content.encode())
    return table.rows


def _faults(refusal: pytest.ExceptionInfo[NotImported]) -> list[str]:
    return [str(fault) for fault in refusal.value.faults]


def test_csv_rows_know_their_lines_though_a_cell_goes_over_several() -> None:
    rows = _rows('code,notes\n\nA,"one\ntwo"\n\nB,three\n')
    assert [(row.place.line, row.cells["code"]) for row in rows] == [(3, "A"), (6, "B")]
    assert rows[0].cells["notes"] == "one\ntwo"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_the_separator_is_the_headings_own(separator: str) -> None:
    (row,) = _rows(f"code{separator}name\nA{separator}B\n")
    assert row.cells == {"code": "A", "name": "B"}


def test_a_byte_order_mark_is_no_part_of_the_heading() -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        (table,) = read_csv("code\nÄ\n".encode(encoding))
        assert table.rows[0].cells == {"code": "Ä"}


def test_an_empty_cell_says_nothing_and_an_empty_file_has_no_tables() -> None:
    assert _rows("code,name\nA,\n")[0].cells == {"code": "A", "name": None}
    assert read_csv(b"\n \n") == []
    assert read_yaml(b"# nothing\n") == []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"code,name\nA,B,C\n", "line 2: 'C' stands under no heading"),
        (b"code,code\nA,B\n", "line 1: code stands twice in the heading"),
        (b'code\n"A\n', "line 2: unexpected end of data"),
        (b"code\nA\n\xff\n", "line 3: it is not UTF-8: save it again as UTF-8"),
        (b"code\nA\0\n", "line 2: it holds a NUL"),
    ],
)
def test_what_cannot_be_read_is_said_with_its_line(content: bytes, fault: str) -> None:
    with pytest.raises(NotImported) as refusal:
        read_csv(content)
    assert _faults(refusal) == [fault]


def test_yaml_texts_stay_as_they_are_written() -> None:
    (table,) = read_yaml(
        b"""
tests:
  - {code: NO, limit: 0.50, method: 200.8, day: 2026-06-18, lot: 007, time: 12:30}
  - code: "~"
    limit: ~
    materials: [DW, 1.0]
"""
    )
    first, second = table.rows
    assert dict(first.cells) == {
        "code": "NO",
        "limit": "0.50",
        "method": "200.8",
        "day": "2026-06-18",
        "lot": "007",
        "time": "12:30",
    }
    assert dict(second.cells) == {"code": "~", "limit": None, "materials": ("DW", "1.0")}
    assert [row.place.line for row in table.rows] == [3, 4]


@pytest.mark.parametrize(
    ("content", "faults"),
    [
        ("- 1\n", ["line 1: must hold sections by name, each a list of records"]),
        ("tests: 5\n", ["line 1: tests must be a list of records"]),
        (
            "tests:\n - 5\n - [a]\n",
            [f"line {n}: must be a record with named fields" for n in (2, 3)],
        ),
        ("tests:\n - code: A\n   code: B\n", ["line 3: code stands twice in one record"]),
        ("tests:\n - code: {a: b}\n", ["line 2: code must be a value or a list of values"]),
        ("tests:\n - code: [[a]]\n", ["line 2: code must be a value or a list of values"]),
    ],
)
def test_yaml_of_another_shape_is_refused(content: str, faults: list[str]) -> None:
    with pytest.raises(NotImported) as refusal:
        read_yaml(content.encode())
    assert _faults(refusal) == faults


def test_broken_yaml_is_refused_at_its_line() -> None:
    with pytest.raises(NotImported) as refusal:
        read_yaml(b"tests:\n  - code: 'A\n")
    assert refusal.value.faults[0].place.line >= 2


def test_a_workbook_is_read_sheet_by_sheet(tmp_path: Path) -> None:
    book = write_workbook(
        tmp_path / "book.xlsx",
        {
            "First": [["code", "limit", "count", "used"], ["A", 0.015, 12, True], [], ["B", 1e-05]],
            "Empty": [],
            "Second": [["code"], ["007"], ["7.50"]],
        },
    )
    first, second = read(book)
    assert (first.name, second.name) == ("First", "Second")
    assert [dict(row.cells) for row in first.rows] == [
        {"code": "A", "limit": "0.015", "count": "12", "used": "yes"},
        {"code": "B", "limit": "1e-05", "count": None, "used": None},
    ]
    assert str(first.rows[1].place) == "sheet First, line 4"
    assert [row.cells["code"] for row in second.rows] == ["007", "7.50"]


def test_a_file_that_is_none_of_these_is_refused(tmp_path: Path) -> None:
    for name, content in (("a.xlsx", b"no workbook"), ("a.pdf", b"%PDF"), ("noending", b"")):
        file = tmp_path / name
        file.write_bytes(content)
        with pytest.raises(NotImported):
            read(file)
