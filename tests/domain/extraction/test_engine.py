"""What is proposed, how surely, and what is held back."""

import io
import time
from typing import Never

import pytest

from domain.extraction.miniatures import make_world
from titer.domain.extraction.confidence import CAP, CEILINGS, calibrate, calibration, confidence
from titer.domain.extraction.engine import extract
from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.transport import (
    Garbled,
    Task,
    pack_extraction,
    pack_world,
    unpack_extraction,
    unpack_world,
)
from titer.domain.extraction.values import Assay, LearnedAlias, Sample, Target, World
from titer.domain.extraction.worker import LENGTH, confine, main, serve

METALS = [("FE", "Iron", "mg/L"), ("PB", "Lead", "ug/L")]


def read(text, names=("LAB-1001", "LAB-1002"), assays=METALS, **more):
    return extract(text.encode(), more.pop("file_name", "x.csv"), make_world(names, assays), **more)


def only(text, **more):
    (proposal,) = read(text, **more).proposals
    return proposal


def test_a_plain_table_is_believed() -> None:
    proposal = only("Sample ID,Iron (mg/L)\nLAB-1001,4.2\n")
    assert proposal.confidence >= 0.95
    assert proposal.flags == frozenset()
    assert proposal.source.line == 2
    assert proposal.sample_source.text == "LAB-1001"
    assert proposal.test_source.text == "Iron (mg/L)"
    assert proposal.reasons[0].startswith("The sample's identifier")


def test_a_convertible_unit_is_converted_exactly_and_never_trusted_blindly() -> None:
    proposal = only("Sample ID,Iron (ug/L)\nLAB-1001,<4.20\n")
    assert (proposal.result, proposal.unit) == ("<0.00420", "mg/L")
    assert (proposal.converted_from.result, proposal.converted_from.unit) == ("<4.20", "ug/L")
    assert proposal.confidence <= 0.85
    assert "converted" in proposal.flags


def test_a_word_for_no_amount_needs_no_conversion() -> None:
    proposal = only("Sample ID,Iron (ug/L)\nLAB-1001,BQL\n")
    assert (proposal.result, proposal.converted_from) == ("BQL", None)


def test_a_contradicting_unit_is_doubted() -> None:
    assert only("Sample ID,Iron (NTU)\nLAB-1001,4.2\n").confidence < 0.5


def test_an_ambiguous_number_is_doubted_where_nothing_else_tells() -> None:
    proposal = only('Sample ID,Iron (mg/L)\nLAB-1001,"1,234"\n')
    assert "ambiguous_number" in proposal.flags
    assert proposal.confidence < 0.5


def test_replicates_without_a_mean_are_all_shown_in_conflict() -> None:
    found = read("Sample ID,Iron (mg/L)\nLAB-1001,4.2\nLAB-1001,4.9\n").proposals
    assert [p.result for p in found] == ["4.2", "4.9"]
    assert all(p.conflict and p.confidence < 0.8 for p in found)


def test_the_same_value_twice_is_one_proposal() -> None:
    assert not only("Sample ID,Iron (mg/L)\nLAB-1001,4.2\nLAB-1001,4.20\n").conflict


def test_two_samples_in_one_row_are_doubted() -> None:
    text = "Sample ID,Comment,Iron (mg/L)\nLAB-1001,rerun of LAB-1002,4.2\n"
    assert only(text).confidence < 0.5


def test_a_line_with_several_samples_heads_columns() -> None:
    text = "Sample:,LAB-1001,LAB-1002\nIron,4.2,5.1\nLead,1.1,2.2\n"
    found = {(p.tracking_id, p.code): p.result for p in read(text).proposals}
    assert found == {("LAB-1001", "FE"): "4.2", ("LAB-1002", "FE"): "5.1",
                     ("LAB-1001", "PB"): "1.1", ("LAB-1002", "PB"): "2.2"}  # fmt: skip


def test_short_numbers_are_not_believed_alone() -> None:
    assert only("Sample ID,Iron (mg/L)\n12,4.2\n", names=("12",)).confidence <= 0.5


def test_short_numbers_in_an_index_column_name_no_sample() -> None:
    assert read("No.,Iron (mg/L)\n1,4.2\n2,4.4\n", names=("1", "2")).proposals == ()


def test_short_numbers_in_company_are_believed() -> None:
    text = "Sample ID,Iron (mg/L)\n" + "".join(f"{n},{n / 10}\n" for n in range(144, 160))
    found = read(text, names=[str(n) for n in range(144, 160)]).proposals
    assert len(found) == 16
    assert min(p.confidence for p in found) > 0.8


def test_a_limit_marked_beside_the_number_is_doubted() -> None:
    text = "Sample ID,Analyte,Qualifier,Result,Units\nLAB-1001,Iron,<,0.5,mg/L\n"
    assert only(text).confidence < 0.5


def test_a_test_that_is_not_open_on_the_sample_is_unmatched() -> None:
    world = World((Sample(1, "LAB-1001"),), (Assay(1, "FE", "Iron"), Assay(2, "PB", "Lead")),
                  (Target(9, 1, 1),))  # fmt: skip
    found = extract(b"Sample ID,Iron,Lead\nLAB-1001,1.5,2.5\n", "x.csv", world)
    assert [(p.target_id, p.result) for p in found.proposals] == [(9, "1.5")]
    assert [(u.code, u.result, u.reason) for u in found.unmatched] == [
        ("PB", "2.5", "test_not_open")
    ]
    assert found.unmatched_total == 1


def test_an_analyte_of_a_panel_is_a_target_of_its_own() -> None:
    world = World((Sample(1, "LAB-1001"),), (Assay(1, "MET", "Sodium", "mg/L", (), 77),),
                  (Target(9, 1, 1),))  # fmt: skip
    found = extract(b"Sample ID,Na (mg/L)\nLAB-1001,1.5\n", "x.csv", world)
    assert found.proposals[0].analyte_id == 77


def test_a_learned_name_is_used_again() -> None:
    world = make_world(["LAB-1001"], METALS)
    text = b"Sample ID,Kanal 7\nLAB-1001,4.2\n"
    assert extract(text, "x.csv", world).proposals == ()
    taught = World(world.samples, world.assays, world.targets, (LearnedAlias("Kanal 7", 1),))
    assert extract(text, "x.csv", taught).proposals[0].code == "FE"


def test_a_hint_can_name_the_sample_column() -> None:
    text = "Lot,Q7,Iron (mg/L)\nA,12,1.5\nB,13,1.6\n"
    names = ("12", "13")
    assert read(text, names=names).proposals == ()
    assert len(read(text, names=names, hint="sample column is Q7").proposals) == 2


def test_a_hint_can_name_the_result_column() -> None:
    text = "Sample ID,Analyte,Foo,Bar\nLAB-1001,Iron,1.5,9.9\n"
    assert only(text, hint="result column = Bar").result == "9.9"


def test_the_external_identifier_names_the_sample_too() -> None:
    world = World((Sample(1, "LAB-1001", "CLIENT-XZ-9"),), (Assay(1, "FE", "Iron"),),
                  (Target(1, 1, 1),))  # fmt: skip
    found = extract(b"Sample ID,Iron\nCLIENT-XZ-9,1.5\n", "x.csv", world)
    assert found.proposals[0].tracking_id == "LAB-1001"


def test_another_sheet_with_another_value_lowers_the_trust() -> None:
    html = (
        "<html><table><tr><th>Sample ID</th><th>Iron (mg/L)</th></tr><tr><td>LAB-1001</td>"
        "<td>{}</td></tr></table>"
    )
    found = read(html.format("4.2") + html.format("4.9").replace("<html>", ""), file_name="x.xls")
    assert {p.result for p in found.proposals} == {"4.2", "4.9"}
    assert all(p.conflict for p in found.proposals)


def test_a_header_that_slipped_is_put_back_in_order() -> None:
    text = (
        "Sample:,LAB-1001,,,,,\nLine,,Intensity,Cc,SD,,\nIron,,88123,,,0.52,0.01\n"
        "Lead,,1123,,,1.52,0.02\n"
    )
    found = {p.code: (p.result, "shifted_header" in p.flags) for p in read(text).proposals}
    assert found == {"FE": ("0.52", True), "PB": ("1.52", True)}


def test_several_wavelengths_are_a_conflict() -> None:
    found = read("Sample ID,Fe 238.204,Fe 259.940\nLAB-1001,4.2,4.5\n").proposals
    assert [p.conflict for p in found] == [True, True]


def test_figures_without_a_header_are_only_guessed() -> None:
    found = read("LAB-1001,Iron,1.5,2.5\nLAB-1002,Iron,1.6,2.6\n").proposals
    assert found
    assert all(p.confidence < 0.5 for p in found)


def test_a_file_named_after_a_sample_speaks_for_it_only_where_no_cell_does() -> None:
    text = "Element,Conc.,Unit\nFe,1.5,mg/L\n"
    assert only(text, file_name="LAB-1001.csv").confidence <= 0.85
    assert read("Sample,Element,Conc.\nZZ-9,Fe,1.5\n", file_name="LAB-1001.csv").proposals == ()
    assert read(text, file_name="LAB-1001 dup.csv").proposals == ()
    assert read(text, file_name="other.csv").proposals == ()


def test_confidence_rises_with_the_score_and_stays_under_the_cap() -> None:
    points = [confidence(n / 100, ()) for n in range(101)]
    assert points == sorted(points)
    assert points[0] == 0
    assert points[-1] <= CAP
    assert calibrate(1.0, ((0.5, 0.4), (0.9, 0.8))) == 0.8


def test_every_doubt_has_its_ceiling() -> None:
    for flag, ceiling in CEILINGS.items():
        assert confidence(1.0, {flag}) <= ceiling
    knots = calibration()
    assert list(knots) == sorted(knots)
    assert [share for _, share in knots] == sorted(share for _, share in knots)


def test_an_extraction_survives_the_pipe() -> None:
    world = make_world(["LAB-1001"], METALS)
    text = b"Sample ID,Iron (ug/L),Lead (ug/L)\nLAB-1001,4.2,1.5\n"
    found = extract(text, "x.csv", world)
    assert unpack_extraction(pack_extraction(found), world) == found
    assert unpack_world(pack_world(world, "x", "h")) == Task(
        world, "x", "h", with_excerpt=False, mapping=None
    )


@pytest.mark.parametrize("damage", [
    {}, {"proposals": [[1]]}, {"proposals": [], "unmatched": [[1]]}, [], None,
])  # fmt: skip
def test_a_damaged_answer_is_garbled(damage) -> None:
    with pytest.raises(Garbled):
        unpack_extraction(damage, make_world(["LAB-1001"], METALS))


def test_texts_of_an_answer_must_be_texts() -> None:
    world = make_world(["LAB-1001"], METALS)
    packed = pack_extraction(extract(b"Sample ID,Iron\nLAB-1001,4.2\n", "x.csv", world))
    packed["sheets"] = [7]
    with pytest.raises(Garbled, match="text"):
        unpack_extraction(packed, world)


def served(data, world):
    packed = pack_world(world, "x.csv", None)
    answer = io.BytesIO()
    serve(io.BytesIO(LENGTH.pack(len(packed)) + packed + data), answer)
    return answer.getvalue()


def test_the_worker_answers_with_an_extraction_or_a_refusal(monkeypatch) -> None:
    world = make_world(["LAB-1001"], METALS)
    assert b"extraction" in served(b"Sample ID,Iron\nLAB-1001,4.2\n", world)
    assert b"empty" in served(b"", world)
    for error, word in ((MemoryError, b"memory"), (RecursionError, b"nested")):

        def fail(*_, error=error) -> Never:
            raise error

        monkeypatch.setattr("titer.domain.extraction.worker.extract_from_grids", fail)
        assert word in served(b"Sample ID,Iron\nLAB-1001,4.2\n", world)


def test_the_worker_confines_itself_before_it_reads(monkeypatch) -> None:
    calls = []
    monkeypatch.setattr("resource.setrlimit", lambda which, limits: calls.append((which, limits)))
    monkeypatch.setattr("gc.disable", lambda: None)
    confine(1000, 3)
    assert (3, 4) in [limits for _, limits in calls]
    assert len(calls) == 5

    class Pipe:
        buffer = io.BytesIO()

    monkeypatch.setattr("sys.stdin", Pipe)
    monkeypatch.setattr("sys.stdout", Pipe)
    with pytest.raises(Exception, match="unpack"):
        main()
    assert len(calls) == 10


def test_a_refusal_carries_its_sentence() -> None:
    assert UnreadableFile("No table.").sentence == "No table."


def test_ids_inside_paths_lead_their_block() -> None:
    text = (
        "Data File\tC:\\runs\\LAB-1001_2.d\n\nName\tConc.\tUnit\nIron\t1.5\tmg/L\nLead\t2.5\tug/L\n"
    )
    assert {p.result for p in read(text).proposals} == {"1.5", "2.5"}


def test_a_stranger_in_the_sample_line_closes_the_block() -> None:
    text = "Sample:,LAB-1001\nName,Conc.,Unit\nIron,1.5,mg/L\nSample:,QC 5\nName,Conc.,Unit\nIron,9.5,mg/L\n"
    assert [p.result for p in read(text).proposals] == ["1.5"]


def test_a_lone_title_names_the_sample_of_the_rows_below() -> None:
    text = "Report for sample: LAB-1001 (batch)\n\nName,Conc.,Unit\nIron,1.5,mg/L\nLead,2.5,ug/L\n"
    assert {p.result for p in read(text).proposals} == {"1.5", "2.5"}


def test_a_duplicate_in_the_sample_line_closes_the_block() -> None:
    text = "Sample: LAB-1001 dup\n\nName,Conc.,Unit\nIron,1.5,mg/L\n"
    assert read(text).proposals == ()


def test_a_known_test_of_an_unknown_sample_is_unmatched_but_a_control_is_not() -> None:
    text = (
        "Sample ID,Iron (mg/L)\nLAB-1001,4.2\nZZZ-9,5.5\nBlank,0.0\nLAB-1002 dup,4.4\nZZZ-8,n.a.\n"
    )
    found = read(text)
    assert [(u.reason, u.code, u.result, u.unit) for u in found.unmatched] == [
        ("unknown_sample", "FE", "5.5", "mg/L")
    ]


def test_a_long_table_shows_its_strangers_by_their_own_tests() -> None:
    text = "Sample ID,Analyte,Result,Unit\nLAB-1001,Iron,4.2,mg/L\nZZZ-9,Lead,5.5,ug/L\n"
    assert [(u.code, u.result) for u in read(text).unmatched] == [("PB", "5.5")]


def test_a_measured_number_that_equals_an_identifier_names_no_sample() -> None:
    text = "Vial,Area,Iron (mg/L)\nA1,55001,4.2\nA2,55002,4.4\n"
    assert read(text, names=("55001", "55002")).proposals == ()


def test_bare_numbers_without_a_sample_header_must_be_the_rule() -> None:
    text = "Foo,Iron (mg/L)\n55001,4.2\n61234,4.4\n71234,4.5\n81234,4.6\n"
    assert only(text, names=("55001", "55002")).confidence < 0.5
    text = "Foo,Iron (mg/L)\n55001,4.2\n55002,4.4\n"
    assert min(p.confidence for p in read(text, names=("55001", "55002")).proposals) > 0.8


def test_very_many_values_for_one_test_are_settled_at_once() -> None:
    world = make_world(["LAB-1001"], [("FE", "Iron", "mg/L")])
    lines = "".join(f"LAB-1001,{number}.5\n" for number in range(20_000))
    begun = time.process_time()
    found = extract(f"Sample ID,Iron (mg/L)\n{lines}".encode(), "run.csv", world)
    assert time.process_time() - begun < 10
    assert len(found.proposals) == 60
    assert all(proposal.conflict for proposal in found.proposals)


def test_equal_values_are_one_result_however_many() -> None:
    world = make_world(["LAB-1001"], [("FE", "Iron", "mg/L")])
    lines = "LAB-1001,1.5\n" * 200
    found = extract(f"Sample ID,Iron (mg/L)\n{lines}".encode(), "run.csv", world)
    assert [(p.result, p.conflict) for p in found.proposals] == [("1.5", False)]
    found = extract(f"Sample ID,Iron (mg/L)\n{lines}LAB-1001,7\n".encode(), "run.csv", world)
    assert [(p.result, p.conflict) for p in found.proposals] == [("1.5", True), ("7", True)]


def test_the_names_of_unknown_samples_are_told() -> None:
    world = make_world(["LAB-1001"], [("FE", "Iron", "mg/L")])
    text = (
        "Run of 2026-03-01,,\nSample ID,Iron (mg/L),Date\nLAB-1001,1.5,2026-03-01\n"
        "LAB-1002,<0.1,2026-03-01\n20771,2.25,2026-03-01\nSpecimen: X/4711,1,x\n"
    )
    strangers = extract(text.encode(), "run.csv", world).strangers
    assert {"LAB-1002", "20771", "X/4711"} <= set(strangers)
    assert not {"LAB-1001", "1.5", "2026-03-01", "<0.1", "x"} & set(strangers)


def test_a_plate_of_unknown_samples_holds_no_results() -> None:
    world = make_world(["GRN-1", "GRN-2", "GRN-3"], [("DON", "Deoxynivalenol", "ug/kg")])
    plate = "Layout\n,1,2,3\nA,{},{},{}\n\nDeoxynivalenol (ug/kg)\n,1,2,3\nA,1.5,2.5,3.5\n"
    known = extract(plate.format("GRN-1", "GRN-2", "GRN-3").encode(), "p.csv", world)
    assert [(p.tracking_id, p.result, p.layout) for p in known.proposals] == [
        ("GRN-1", "1.5", "plate"),
        ("GRN-2", "2.5", "plate"),
        ("GRN-3", "3.5", "plate"),
    ]
    assert extract(plate.format("A-1", "B-2", "C-3").encode(), "p.csv", world).proposals == ()
