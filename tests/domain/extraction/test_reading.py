"""Every form of file becomes a grid whose places lead back into the file."""

import datetime as dt
import io
import zipfile

import pytest

from domain.extraction.test_hostile import cell, row, xlsx
from titer.domain.extraction.delimited import find_delimiter, read_delimited
from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.grid import make_grid
from titer.domain.extraction.reading import read_grids
from titer.domain.extraction.sniffing import Form, sniff
from titer.domain.extraction.workbooks import look_over, spell


def grid_of(text, encoding="utf-8"):
    (grid,) = read_grids(text.encode(encoding))
    return grid


@pytest.mark.parametrize("sign", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(sign) -> None:
    grid = grid_of(f"Title\n\nA{sign}B{sign}C\nx{sign}1.5{sign}2\ny{sign}1.6{sign}3\n")
    assert grid.rows[-1] == ("y", "1.6", "3")
    assert grid.lines == (1, 3, 4, 5)


def test_semicolons_win_over_decimal_commas() -> None:
    assert grid_of("A;B;C\nx;1,5;2,5\ny;1,6;3,5\n").rows[1] == ("x", "1,5", "2,5")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
def test_encodings_are_told_apart(encoding) -> None:
    assert grid_of("Probe;Größe µg\nK-1;1,5\nK-2;1,9\n", encoding).rows[0] == ("Probe", "Größe µg")


def test_line_ends_of_old_machines_are_understood() -> None:
    assert len(grid_of("a,b\rc,d\re,f\r").rows) == 3


def test_lines_quoted_as_a_whole_are_taken_apart() -> None:
    assert grid_of('"a,b,c"\n"1,2,3"\n"4,5,6"\n').rows[1] == ("1", "2", "3")


def test_a_quotation_mark_that_is_never_closed_hides_nothing() -> None:
    text = 'a,b\n"x,1\n' + "".join(f"y{i},{i}\n" for i in range(9))
    assert len(grid_of(text).rows) == 11


def test_a_declared_separator_is_believed() -> None:
    assert read_delimited("sep=!\na!b\nc!d\n").rows[1] == ("a", "b")


def test_a_field_without_end_is_cut() -> None:
    assert len(grid_of("a,b\n" + "x" * 20_000 + ",1\n").rows[1][0]) == 400


def test_no_delimiter_is_no_delimiter() -> None:
    assert find_delimiter(["just words", "and more words"]) is None


def test_columns_held_apart_by_spaces_are_cut_where_all_lines_are_blank() -> None:
    grid = grid_of(
        "Name     Cl      SO4\nAB 1     1.5     \nAB 2             2.5\nAB 3     1.7   2.6\n"
    )
    assert grid.rows[2] == ("AB 2", "", "2.5")


def test_single_spaces_are_cut_where_every_line_has_as_many_words() -> None:
    assert grid_of("id a b\nx 1 2\ny 3 4\n").rows[1] == ("x", "1", "2")


def test_key_and_value_lines_are_two_cells() -> None:
    assert grid_of("pH: 7.2\n\nCond= 5\n").rows == (("pH:", "7.2"), ("Cond:", "5"))


def test_sylk_cells_keep_their_places() -> None:
    text = 'ID;PX\nC;X1;Y1;K"Sample"\nC;X2;K"pH"\nC;Y3;X2;K7.1\nF;X1\nC;X1;K"a;;b"\nE\n'
    grid = grid_of(text)
    assert grid.rows == (("Sample", "pH"), ("a;b", "7.1"))
    assert grid.lines == (1, 3)
    with pytest.raises(UnreadableFile, match="larger"):
        grid_of("ID;P\nC;X5000;Y1;K1\n")


def test_hl7_results_stand_under_their_identifiers() -> None:
    text = (
        "MSH|^~\\&|A\rPID|1||P1\rSPM|1|S9\rOBX|1|NM|X^Sodium||1.5^^|mg/L\r"
        "OBR|1|ORD|FILL\rOBX|2|SN|Y||<^5|\rOBX|3|CE|Z||1^Positive|\rOBX|4|ED|W||blob|\rSPM|1|S10\r"
    )
    grid = grid_of(text)
    assert grid.rows[1] == ("", "", "S9", "P1", "X", "Sodium", "1.5", "mg/L")
    assert grid.rows[2][:7] == ("FILL", "ORD", "S10", "P1", "Y", "", "<5")
    assert grid.rows[3][6] == "Positive"
    assert grid.source(1, 6).line == 4
    assert grid.source(1, 6).column == 6


def test_hl7_specimens_of_an_oul_message_lead_their_results() -> None:
    text = "MSH|^~\\&|A||||||OUL^R22\rSPM|1|S1\rOBR|1||F\rOBX|1|NM|X||1\r"
    assert grid_of(text).rows[1][:3] == ("F", "", "S1")


def test_astm_frames_and_their_breaks_are_put_together() -> None:
    text = (
        "\x021H|\\^&|||x\r\x03A1\r\n\x022P|1||P7\r\x03B2\r\n\x023O|1|S-77||^^^GLU\r\x03C3\r\n"
        "\x024R|1|^^^1.0^GLU|5\x17D4\r\n\x025.5|mmol/L\r\x03E5\r\n\x026L|1\r\x03F6\r\n"
    )
    assert grid_of(text).rows[1] == (
        "S-77",
        "",
        "",
        "P7",
        "GLU",
        "1.0",
        "55.5"[:1] + ".5",
        "mmol/L",
    )


def test_astm_results_without_an_order_belong_to_the_patient() -> None:
    assert grid_of("H|\\^&|||x\rP|1|P7\rR|1|^^^K|4.4|mmol/L\r").rows[1][3:7] == (
        "P7",
        "K",
        "",
        "4.4",
    )


def test_json_numbers_keep_their_spelling_and_their_line() -> None:
    grid = grid_of(
        '{"run": {"rows": [\n{"id": "a", "v": 1.50},\n{"id": "b", "v": 2e3, "x": true}]}}'
    )
    assert grid.rows == (("id", "v", "x"), ("a", "1.50"), ("b", "2e3"))
    assert grid.lines == (1, 2, 3)


def test_a_model_document_gives_every_value_with_its_unit() -> None:
    grid = grid_of(
        '{"m": [{"sample document": {"sample identifier": "S1"},\n"viability": {"value": 91.0, '
        '"unit": "%"}, "deep": [{"analyte name": "lactate", "c": {"value": "ND", "unit": ""}}]}]}'
    )
    assert grid.rows[1:] == (("S1", "viability", "91.0", "%"), ("S1", "lactate", "ND"))


@pytest.mark.parametrize(
    "text", ["{", '[{"a": }]', "[[1, 2]]", '{"a": {"b": {"c": {"d": {"e": 1}}}}}']
)
def test_json_that_is_no_result_is_refused(text) -> None:
    with pytest.raises(UnreadableFile):
        grid_of("{" + text if text == "{" else text)


def test_an_xml_spreadsheet_keeps_the_columns_it_skips() -> None:
    grid = grid_of(
        '<?xml version="1.0"?><Workbook xmlns:ss="s"><Worksheet ss:Name="R"><Table><Row><Cell>'
        '<Data>ID</Data></Cell><Cell ss:Index="3"><Data>pH</Data></Cell></Row></Table></Worksheet>'
        "</Workbook>"
    )
    assert (grid.name, grid.rows) == ("R", (("ID", "", "pH"),))


def test_a_web_page_may_hold_several_tables() -> None:
    grids = read_grids(
        b"<html><table><tr><td colspan=2>a</td><td>b</td></tr></table>"
        b"<table><tr><td>c</td></tr></table></html>"
    )
    assert [g.name for g in grids] == ["Table 1", "Table 2"]
    assert grids[0].rows == (("a", "", "b"),)


def test_a_web_table_too_long_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="larger"):
        grid_of("<table>" + "<tr><td>1</td></tr>" * 50_010 + "</table>")


def test_a_workbook_is_read_cell_by_cell() -> None:
    data = xlsx(row(2, cell("B2", "x"), '<c r="C2"><v>2</v></c>', '<c r="D2"><v>0.25</v></c>'))
    (grid,) = read_grids(data)
    assert grid.rows == (("", "x", "2", "0.25"),)
    assert (grid.name, grid.lines) == ("S", (2,))


@pytest.mark.parametrize(("value", "text"), [
    (2.0, "2"), (0.1, "0.1"), (True, "TRUE"), (False, "FALSE"), ("a", "a"), (3, "3"), (None, ""),
    (dt.date(2026, 3, 1), "2026-03-01"), (1e20, "1e+20"),
])  # fmt: skip
def test_cell_values_are_spelled_plainly(value, text) -> None:
    assert spell(value) == text


def workbook_with(name, content):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, content)
    return buffer.getvalue()


@pytest.mark.parametrize(("name", "form"), [
    ("xl/workbook.bin", Form.XLSB), ("xl/workbook.xml", Form.XLSX), ("content.xml", None),
])  # fmt: skip
def test_zipped_workbooks_are_told_by_their_parts(name, form) -> None:
    data = workbook_with(name, "x")
    if form is None:
        with pytest.raises(UnreadableFile, match="archive"):
            sniff(data)
    else:
        assert sniff(data) is form


def test_a_sheet_that_claims_too_much_is_refused_before_it_is_parsed() -> None:
    wide = workbook_with("xl/worksheets/s.xml", '<c r="ZZZ1">')
    long = workbook_with("xl/worksheets/s.xml", '<row r="60000">')
    claimed = workbook_with("xl/worksheets/s.xml", '<dimension ref="A1:B90000"/>')
    for data in (wide, long, claimed):
        with pytest.raises(UnreadableFile, match=r"wider|longer"):
            look_over(data, Form.XLSX)


def test_the_old_binary_form_is_known() -> None:
    assert sniff(b"\x09\x08\x10\x00" + bytes(20)) is Form.XLS


def test_a_grid_is_capped() -> None:
    with pytest.raises(UnreadableFile, match="cells"):
        make_grid("", (["x"] * 1000 for _ in range(5001)))
    assert make_grid("", [["", " "], ["a\x00b", ""]]).rows == (("ab",),)
    assert make_grid("", []).width == 0


def test_a_program_is_refused() -> None:
    with pytest.raises(UnreadableFile, match="program"):
        read_grids(b"MZ" + bytes(300))


def test_a_text_that_begins_like_an_image_is_still_a_text() -> None:
    assert grid_of("BM,1\nBM,2\n").rows[0] == ("BM", "1")
