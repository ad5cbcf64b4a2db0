"""Every layout is read as its truth says, and survives what exports do to it."""

import pytest

from domain.extraction import miniatures_more
from domain.extraction.miniatures import MINIATURES, Miniature, make_world
from titer.domain.extraction.engine import extract, extract_from_grids
from titer.domain.extraction.grid import make_grid
from titer.domain.extraction.reading import read_grids
from titer.domain.extraction.values import Extraction

assert miniatures_more.MORE


def triples(extraction: Extraction) -> set[tuple[str, str, str]]:
    return {(p.tracking_id, p.code, p.result) for p in extraction.proposals}


def named(miniature: Miniature) -> str:
    return miniature.name


@pytest.mark.parametrize("miniature", MINIATURES, ids=named)
def test_a_miniature_is_read_as_its_truth_says(miniature) -> None:
    found = extract(miniature.data, miniature.file_name, miniature.world, miniature.hint)
    assert triples(found) == set(miniature.truth)


@pytest.mark.parametrize("miniature", MINIATURES, ids=named)
def test_every_proposal_can_be_read_again_from_the_cell_it_cites(miniature) -> None:
    grids = read_grids(miniature.data)
    found = extract(miniature.data, miniature.file_name, miniature.world, miniature.hint)
    by_name = {grid.name: grid for grid in grids}
    for proposal in found.proposals:
        grid = by_name[proposal.source.sheet]
        places = [
            grid.source(row, column)
            for row in range(len(grid.rows))
            for column in range(len(grid.rows[row]))
        ]
        assert proposal.source in places
        shown = proposal.converted_from.result if proposal.converted_from else proposal.result
        plain = proposal.source.text.replace(",", ".").replace(" ", "")
        shown = shown.replace(" ", "")
        assert shown in plain or shown.replace(".", "") in plain.replace(".", "")


@pytest.mark.parametrize("miniature", MINIATURES, ids=named)
def test_another_tenants_world_finds_nothing_to_rely_on(miniature) -> None:
    world = make_world(["QZ-77181", "QZ-77182", "991"], miniature.assays)
    found = extract(miniature.data, "other.csv", world)
    assert [p for p in found.proposals if p.confidence >= 0.5] == []


def reshaped(miniature, reshape):
    grids = []
    for grid in read_grids(miniature.data):
        full = [[""] * grid.width for _ in range(max(grid.lines))]
        for line, row in zip(grid.lines, grid.rows, strict=True):
            full[line - 1][: len(row)] = row
        grids.append(make_grid(grid.name, reshape(full), None))
    return extract_from_grids(grids, miniature.file_name, miniature.world, miniature.hint)


TABULAR = [m for m in MINIATURES if m.file_name.endswith((".csv", ".xls")) and "block" not in m.name
           and "slipped" not in m.name]  # fmt: skip


@pytest.mark.parametrize("miniature", TABULAR, ids=named)
def test_lines_above_the_table_change_nothing(miniature) -> None:
    def preamble(rows):
        return [["Laboratory report"], ["Printed", "2026-03-02"], [], *rows]

    assert triples(reshaped(miniature, preamble)) == set(miniature.truth)


#: Those whose first column is not blank already.
FULL_IN_FRONT = [m for m in TABULAR if not m.text.startswith(",")]


@pytest.mark.parametrize("miniature", FULL_IN_FRONT, ids=named)
def test_a_blank_column_changes_nothing(miniature) -> None:
    def blank(rows):
        return [["", *row] for row in rows]

    found = triples(reshaped(miniature, blank))
    assert found == set(miniature.truth)


@pytest.mark.parametrize("miniature", TABULAR, ids=named)
def test_a_signature_below_the_table_changes_nothing(miniature) -> None:
    def signed(rows):
        return [*rows, [], ["Approved by", "M. Curie"], ["Page 1 of 1"]]

    assert triples(reshaped(miniature, signed)) == set(miniature.truth)
