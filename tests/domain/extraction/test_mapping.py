"""A described layout can point at cells; it can say no value, no identifier, no word."""

import pytest

from domain.extraction.miniatures import make_world
from titer.domain.extraction.engine import extract_from_grids, open_sheets
from titer.domain.extraction.excerpt import assay_tokens, excerpt
from titer.domain.extraction.mapped import carry_out, combine
from titer.domain.extraction.mapping import MappingRefused, parse_mapping, schema
from titer.domain.extraction.reading import read_grids

TEXT = (
    "Laboratory report\n\nLims,Patient Name,Quux,Fnord,Area\n"
    "LAB-1001,Doe,4.2,1.1,99\nLAB-1002,Roe,5.1,1.2,98\nQC,,9,9,9\nMean,,4,1,98\n"
)
WORLD = make_world(["LAB-1001", "LAB-1002"], [("FE", "Iron", "mg/L"), ("PB", "Lead", "ug/L")])
TABLE = {
    "sheet": 1, "layout": "wide", "header_rows": [2], "sample_column": 1,
    "tests": [{"test": "T1", "column": 3}, {"test": "T2", "column": 4}],
}  # fmt: skip


def sheets_of(text):
    return open_sheets(read_grids(text.encode()), WORLD)


def carried(text, *tables):
    return carry_out(parse_mapping({"tables": list(tables)}), sheets_of(text), WORLD)


def triples(proposals):
    return {(p.tracking_id, p.code, p.result) for p in proposals}


def test_a_wide_mapping_is_carried_out_under_its_ceiling() -> None:
    found = carried(TEXT, TABLE)
    assert triples(found) == {("LAB-1001", "FE", "4.2"), ("LAB-1001", "PB", "1.1"),
                              ("LAB-1002", "FE", "5.1"), ("LAB-1002", "PB", "1.2")}  # fmt: skip
    assert all(p.confidence <= 0.75 and "mapped_only" in p.flags for p in found)


def test_a_long_mapping_reads_tests_from_their_column_or_their_rows() -> None:
    text = "a,b,c,d\nLAB-1001,Iron,4.2,mg/L\nLAB-1001,zork,7.7,ug/L\nLAB-1002,zork,8.8,ug/L\n"
    table = {"sheet": 1, "layout": "long", "header_rows": [1], "sample_column": 1, "test_column": 2,
             "value_column": 3, "unit_column": 4, "tests": [{"test": "T2", "row": 3}]}  # fmt: skip
    assert triples(carried(text, table)) == {
        ("LAB-1001", "FE", "4.2"), ("LAB-1001", "PB", "7.7"), ("LAB-1002", "PB", "8.8")
    }  # fmt: skip


def test_a_transposed_mapping_reads_across() -> None:
    text = "x,LAB-1001,LAB-1002\nfoo,4.2,5.1\nbar,1.1,1.2\n"
    table = {"sheet": 1, "layout": "transposed", "header_rows": [1], "sample_row": 1,
             "tests": [{"test": "T1", "row": 2}, {"test": "T2", "row": 99}]}  # fmt: skip
    found = carried(text, table)
    assert triples(found) == {("LAB-1001", "FE", "4.2"), ("LAB-1002", "FE", "5.1")}
    assert carried(text, {**table, "sample_row": 50}) == ()


def test_a_block_mapping_takes_its_sample_from_one_cell() -> None:
    text = "Who,LAB-1001\nfoo,bar\nzip,4.2\n"
    table = {"sheet": 1, "layout": "block", "header_rows": [2], "sample_cell": [1, 2],
             "tests": [{"test": "T1", "column": 2}], "last_row": 3}  # fmt: skip
    assert triples(carried(text, table)) == {("LAB-1001", "FE", "4.2")}


@pytest.mark.parametrize("change", [
    {"sample_column": 2}, {"sample_column": 60}, {"sample_column": None}, {"sheet": 9},
    {"tests": [{"test": "T9", "column": 3}]}, {"tests": [{"test": "T1", "column": 5}]},
    {"tests": [{"test": "T1", "column": 50}]}, {"tests": [{"test": "T1"}]},
    {"skip_rows": [3, 4]}, {"sample_cell": [90, 1]},
])  # fmt: skip
def test_whatever_does_not_hold_on_the_grid_is_dropped(change) -> None:
    assert carried(TEXT, {**TABLE, **change}) == ()


@pytest.mark.parametrize("document", [
    [], "prose", {"tables": {}}, {"tables": [], "value": 7}, {"tables": [1]},
    {"tables": [{**TABLE, "value": "7.2"}]}, {"tables": [{**TABLE, "layout": "spiral"}]},
    {"tables": [{**TABLE, "sheet": 0}]}, {"tables": [{**TABLE, "sheet": True}]},
    {"tables": [{**TABLE, "sheet": None}]}, {"tables": [{**TABLE, "header_rows": "2"}]},
    {"tables": [{**TABLE, "header_rows": list(range(1, 100))}]}, {"tables": [TABLE] * 99},
    {"tables": [{**TABLE, "tests": [{"test": "LAB-1001"}]}]}, {"tables": [{**TABLE, "tests": "T1"}]},
    {"tables": [{**TABLE, "tests": [{"test": "T1", "result": "7"}]}]},
    {"tables": [{**TABLE, "sample_cell": [1]}]}, {"tables": [{**TABLE, "sample_column": "A"}]},
    {"tables": [{**TABLE, "tests": [{"test": 7}]}]},
])  # fmt: skip
def test_an_answer_outside_the_schema_is_refused_whole(document) -> None:
    with pytest.raises(MappingRefused):
        parse_mapping(document)


def test_the_schema_is_closed_at_every_level() -> None:
    def objects(node):
        if isinstance(node, dict):
            if node.get("type") == "object":
                yield node
            for child in node.values():
                yield from objects(child)

    found = list(objects(schema()))
    assert len(found) == 3
    assert all(node["additionalProperties"] is False for node in found)


def test_the_excerpt_shows_no_identifier_and_no_person() -> None:
    shown = excerpt(sheets_of(TEXT))
    assert "LAB-1001" not in shown
    assert "Doe" not in shown
    assert "1=ID_1 | 3=4.2" in shown
    assert "T1 FE / Iron / mg/L" in shown


def test_the_excerpt_is_bounded() -> None:
    text = "id,x\n" + "".join(f"row {n},{'y' * 300}\n" for n in range(900)) + "LAB-1001,5\n"
    shown = excerpt(sheets_of(text))
    assert len(shown.splitlines()) <= 160
    assert max(map(len, shown.splitlines())) < 200
    assert "ID_1" in shown
    assert excerpt(sheets_of("a,b\nc,d\n") + sheets_of(text))
    assert assay_tokens([]) == {}


def test_braces_and_marks_lose_their_meaning_in_the_excerpt() -> None:
    assert "{" not in excerpt(sheets_of("a,{system}\n<b>,`rm`\n"))


READABLE = "Sample ID,Iron (mg/L),Lead (ug/L),Quux\nLAB-1001,4.2,1.1,7.7\n"


def both(column):
    grids = read_grids(READABLE.encode())
    own = extract_from_grids(grids, "x.csv", WORLD)
    table = {"sheet": 1, "layout": "wide", "header_rows": [1], "sample_column": 1,
             "tests": [{"test": "T1", "column": column}]}  # fmt: skip
    return own, combine(own, carried(READABLE, table), "mapped")


def test_agreement_strengthens_what_the_rules_found() -> None:
    own, combined = both(2)
    assert combined.extractor == "mapped"
    assert triples(combined.proposals) == triples(own.proposals)
    assert combined.proposals[0].confidence >= own.proposals[0].confidence - 0.001


def test_disagreement_is_a_conflict() -> None:
    _, combined = both(4)
    iron = [p for p in combined.proposals if p.code == "FE"]
    assert {p.result for p in iron} == {"4.2", "7.7"}
    assert all(p.conflict and p.confidence <= 0.6 for p in iron)
    assert [p.conflict for p in combined.proposals if p.code == "PB"] == [False]


def test_a_mapping_adds_what_the_rules_did_not_find() -> None:
    empty = extract_from_grids(read_grids(TEXT.encode()), "x.csv", WORLD)
    assert empty.proposals == ()
    assert len(combine(empty, carried(TEXT, TABLE), "m").proposals) == 4
