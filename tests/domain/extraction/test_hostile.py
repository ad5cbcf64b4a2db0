"""Files made to hurt: each ends in a refusal, and the parent lives."""

import asyncio
import io
import random
import time
import zipfile

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from domain.extraction.miniatures import make_world
from titer.domain.extraction import sandbox
from titer.domain.extraction.engine import extract
from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.reading import read_grids
from titer.domain.extraction.sandbox import Child, extract_in_child

WORLD = make_world(["LAB-0001", "LAB-0002"], [("NO3", "Nitrate", "mg/L")])
GOOD = b"Sample ID,Nitrate (mg/L)\nLAB-0001,4.2\nLAB-0002,3.1\n"

WORKBOOK = (
    '<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main" '
    'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships">'
    '<sheets><sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>'
)
RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">'
    '<Relationship Id="rId1" Type="http://schemas.openxmlformats.org/officeDocument/2006/'
    'relationships/worksheet" Target="worksheets/sheet1.xml"/></Relationships>'
)
TYPES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?><Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="xml" ContentType="application/xml"/></Types>'
)


def xlsx(cells: str, prologue: str = "", extra: dict[str, bytes] | None = None) -> bytes:
    sheet = (
        f'<?xml version="1.0"?>{prologue}<worksheet xmlns='
        f'"http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>{cells}'
        "</sheetData></worksheet>"
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", TYPES)
        archive.writestr(
            "_rels/.rels",
            RELATIONS.replace("worksheets/sheet1.xml", "xl/workbook.xml").replace(
                "relationships/worksheet", "relationships/officeDocument"
            ),
        )
        archive.writestr("xl/workbook.xml", WORKBOOK)
        archive.writestr("xl/_rels/workbook.xml.rels", RELATIONS)
        archive.writestr("xl/worksheets/sheet1.xml", sheet)
        for name, content in (extra or {}).items():
            archive.writestr(name, content)
    return buffer.getvalue()


def cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


def row(number: int, *cells: str) -> str:
    return f'<row r="{number}">{"".join(cells)}</row>'


def good_workbook() -> bytes:
    head = row(1, cell("A1", "Sample ID"), cell("B1", "Nitrate (mg/L)"))
    return xlsx(head + row(2, cell("A2", "LAB-0001"), '<c r="B2"><v>4.2</v></c>'))


def dimension_bomb() -> bytes:
    return xlsx(row(1, cell("A1", "x")) + row(1048576, cell("XFD1048576", "y")))


def wide_bomb() -> bytes:
    return xlsx(row(1, cell("A1", "x")) + row(20000, cell("ALL20000", "y")))


def zip_bomb() -> bytes:
    return xlsx(row(1, cell("A1", "x")), extra={"xl/junk.bin": b"0" * (120 * 1024 * 1024)})


def many_parts() -> bytes:
    return xlsx(row(1, cell("A1", "x")), extra={f"xl/p{i}.xml": b"" for i in range(300)})


def entity_bomb() -> bytes:
    lol = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    return xlsx(row(1, cell("A1", "&b;")), prologue=lol)


def ods_repeats() -> bytes:
    content = (
        '<office:document-content><table:table-cell table:number-columns-repeated="9999999" '
        'office:value-type="string"><text:p>x</text:p></table:table-cell></office:document-content>'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet",
                         zipfile.ZIP_STORED)  # fmt: skip
        archive.writestr("content.xml", content)
    return buffer.getvalue()


HOSTILE = {
    "dimension bomb": dimension_bomb,
    "wide and long bomb": wide_bomb,
    "zip bomb": zip_bomb,
    "too many parts": many_parts,
    "entities": entity_bomb,
    "repeated cells": ods_repeats,
    "truncated workbook": lambda: good_workbook()[:600],
    "zip that is no workbook": lambda: xlsx("")[:4] + b"x" * 500,
    "ole that is no workbook": lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x01" * 3000,
    "pdf": lambda: b"%PDF-1.7\n" + bytes(range(256)) * 4,
    "image": lambda: b"\x89PNG\r\n\x1a\n" + bytes(range(256)),
    "netcdf": lambda: b"CDF\x01" + bytes(400),
    "random bytes": lambda: random.Random(1).randbytes(5000),
    "empty": lambda: b"",
    "blank": lambda: b" \r\n\r\n ",
    "raw signal": lambda: "".join(f"{i / 10:.1f},{i * i % 97}\n" for i in range(400)).encode(),
    "spectrum": lambda: b"##TITLE= x\n##XYDATA= (X++(Y..Y))\n400 1 2 3\n",
    "too many columns": lambda: ("a," * 2000 + "\n1\n").encode(),
    "too many rows": lambda: b"a,1\n" * 50_002,
    "deep json": lambda: b'[{"a":' * 100_000,
    "json without records": lambda: b'{"a": 1}',
    "xml": lambda: b"<?xml version='1.0'?><a><b>1</b></a>",
    "xml entities": lambda: b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY x 'y'>]><table></table>",
    "rtf": lambda: b"{\\rtf1 hello}",
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_refused_with_a_sentence(name) -> None:
    with pytest.raises(UnreadableFile) as refusal:
        asyncio.run(extract_in_child(HOSTILE[name](), "x.xlsx", WORLD))
    assert refusal.value.sentence.endswith(".")
    assert len(refusal.value.sentence) > 15


def test_after_a_refusal_the_next_file_is_read() -> None:
    async def both():
        with pytest.raises(UnreadableFile):
            await extract_in_child(dimension_bomb(), "x.xlsx", WORLD)
        return await extract_in_child(GOOD, "x.csv", WORLD)

    assert [p.result for p in asyncio.run(both()).proposals] == ["4.2", "3.1"]


def test_the_child_reads_what_the_parent_would_have_read() -> None:
    inside = extract(good_workbook(), "x.xlsx", WORLD)
    assert asyncio.run(extract_in_child(good_workbook(), "x.xlsx", WORLD)) == inside
    assert inside.proposals[0].source.column == 2


def test_a_child_started_ahead_answers_too() -> None:
    async def warm():
        child = await Child.start()
        return await extract_in_child(GOOD, "x.csv", WORLD, child=child)

    assert len(asyncio.run(warm()).proposals) == 2


BAD_CHILDREN = {
    "dies": "import os; os.abort()",
    "lies": "print('no json')",
    "invents a target": 'print(\'{"extraction": {"proposals": [[99,1,1,"7","",0.9,0.9,false,'
    '\\"w\\",[\\"\\",1,1,\\"7\\"],null,null,null,[],[]]], \\"unmatched\\": [], '
    '\\"unmatched_total\\": 0, \\"sheets\\": [], \\"extractor\\": \\"e\\", \\"notes\\": []}}\')',
    "says nothing": "pass",
    "answers with a list": "print('[]')",
}


@pytest.mark.parametrize("name", BAD_CHILDREN)
def test_whatever_a_broken_child_answers_is_a_refusal(name) -> None:
    async def ask():
        child = await Child.start(BAD_CHILDREN[name])
        return await extract_in_child(GOOD, "x.csv", WORLD, child=child)

    with pytest.raises(UnreadableFile):
        asyncio.run(ask())


def test_a_child_that_does_not_end_is_killed() -> None:
    async def ask() -> None:
        child = await Child.start("import time; time.sleep(60)")
        await extract_in_child(GOOD, "x.csv", WORLD, child=child, wall_seconds=0.3)

    begun = time.monotonic()
    with pytest.raises(UnreadableFile, match="too long"):
        asyncio.run(ask())
    assert time.monotonic() - begun < 10


def test_a_child_that_talks_without_end_is_cut_off(monkeypatch) -> None:
    monkeypatch.setattr(sandbox, "_MAX_ANSWER", 1000)

    async def ask() -> None:
        child = await Child.start("print('x' * 100000)")
        await extract_in_child(GOOD, "x.csv", WORLD, child=child)

    with pytest.raises(UnreadableFile, match="more results"):
        asyncio.run(ask())


def test_a_child_that_eats_memory_is_refused() -> None:
    greedy = (
        "import sys; sys.path.insert(0, sys.argv[1]);"
        "from titer.domain.extraction.worker import confine; confine(); b'x' * (1 << 30)"
    )

    async def ask() -> None:
        await extract_in_child(GOOD, "x.csv", WORLD, child=await Child.start(greedy))

    with pytest.raises(UnreadableFile, match="limits"):
        asyncio.run(ask())


def test_a_file_over_the_limit_never_reaches_a_child() -> None:
    with pytest.raises(UnreadableFile, match="larger"):
        asyncio.run(extract_in_child(b"a" * (21 * 1024 * 1024), "x.csv", WORLD))
    with pytest.raises(UnreadableFile, match="larger"):
        read_grids(b"a" * (21 * 1024 * 1024))


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.binary(max_size=400))
def test_any_bytes_are_grids_or_a_refusal(data) -> None:
    try:
        assert read_grids(data)
    except UnreadableFile as refusal:
        assert refusal.sentence


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(
        st.lists(
            st.sampled_from(
                [
                    "LAB-0001",
                    "LAB-0002",
                    "Nitrate",
                    "4.2",
                    "",
                    "mg/L",
                    "Sample ID",
                    "Result",
                    "<0.1",
                    "n.a.",
                    "Mean",
                    "Sample:",
                    "12,5",
                    "SD",
                    "LAB-0001 dup",
                    "Unit",
                ]
            ),
            max_size=5,
        ),
        max_size=8,
    )
)
def test_any_arrangement_of_lab_words_proposes_only_figures_of_the_file(table) -> None:
    data = "\n".join(";".join(cells) for cells in table).encode() + b"\n.\n"
    try:
        found = extract(data, "x.csv", WORLD)
    except UnreadableFile:
        return
    for proposal in found.proposals:
        assert proposal.source.text.strip() in data.decode()
        assert 0 <= proposal.confidence <= 0.98


@pytest.mark.parametrize("text", [
    "a" * 300_000, "," * 1000, '"' * 5000, "1;" * 900, "(" * 3000 + "\n" + ")" * 3000,
    "Sample ID," + "x" * 200_000 + "\nLAB-0001,5", "\x00".join("abc" * 500), "=" * 4000, "\t \t" * 300,
])  # fmt: skip
def test_awkward_text_is_answered_within_seconds(text) -> None:
    begun = time.monotonic()
    try:
        extract(text.encode(), "x.csv", WORLD)
    except UnreadableFile as refusal:
        assert refusal.sentence
    assert time.monotonic() - begun < 5
