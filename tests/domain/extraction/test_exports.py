"""How well whole exports are read, as the programs of instruments write them.

They are written for these tests from knowledge of what those programs print; values, identifiers
and names are invented. Each stands beside a document that says what an analyst would enter, which
was written before any of the files was read. `tools/extraction_report.py` tells them one by one.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from domain.extraction.miniatures import make_world
from titer.domain.extraction.engine import extract
from titer.domain.extraction.values import Proposal, World

FOLDER = Path(__file__).with_name("exports")
NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
SURE = 0.8


@cache
def told(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return document


@cache
def truth_of(name: str) -> frozenset[tuple[str, str, str]]:
    """What an analyst would enter, in every spelling that is right."""
    return frozenset(
        (sample, code, result.replace(" ", ""))
        for sample, code, results, _ in told(name)["truth"]
        for result in results
    )


def assays_of(name: str) -> list[tuple[str, str, str]]:
    document = told(name)
    rows = [*document["tests"], *document["decoy_tests"]]
    return [(code, title or "", unit or "") for code, title, unit in rows]


def read(name: str, world: World, file_name: str | None = None) -> tuple[Proposal, ...]:
    document = told(name)
    data = (FOLDER / document["file"]).read_bytes()
    return extract(data, file_name or document["filename"], world, document["hint"]).proposals


@cache
def found(name: str) -> tuple[Proposal, ...]:
    document = told(name)
    samples = [row[0] for row in document["truth"]] + document["decoy_samples"]
    return read(name, make_world(list(dict.fromkeys(samples)), assays_of(name)))


def is_right(name: str, proposal: Proposal) -> bool:
    spelled = proposal.result.replace(" ", "")
    return (proposal.tracking_id, proposal.code, spelled) in truth_of(name)


@pytest.mark.parametrize("name", NAMES)
def test_what_is_sure_is_true(name: str) -> None:
    sure = [each for each in found(name) if each.confidence >= SURE]
    wrong = [(p.tracking_id, p.code, p.result) for p in sure if not is_right(name, p)]
    assert not wrong


@pytest.mark.parametrize("name", NAMES)
def test_another_tenants_world_finds_nothing_to_rely_on(name: str) -> None:
    world = make_world(["QZ-77181", "QZ-77182", "991"], assays_of(name))
    assert [p for p in read(name, world, "other.csv") if p.confidence >= 0.5] == []


def test_nearly_all_is_found_and_nearly_all_that_is_found_is_true() -> None:
    assert NAMES
    right = proposed = true = sure = 0
    for name in NAMES:
        proposals = found(name)
        wanted = {(row[0], row[1]) for row in told(name)["truth"]}
        rights = [p for p in proposals if is_right(name, p)]
        right += len({(p.tracking_id, p.code) for p in rights} & wanted)
        sure += sum(p.confidence >= SURE for p in rights)
        proposed += len(proposals)
        true += len(wanted)
    assert right >= 0.985 * proposed
    assert right >= 0.97 * true
    assert sure >= 0.8 * true
