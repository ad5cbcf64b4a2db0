"""How well files are read that were not at hand when the rules were written."""

import pytest

from domain.extraction.miniatures import Miniature, make_world
from domain.extraction.miniatures_unseen import UNSEEN
from titer.domain.extraction.engine import extract
from titer.domain.extraction.values import Extraction

SURE = 0.8


def named(miniature: Miniature) -> str:
    return miniature.name


def read(miniature: Miniature) -> Extraction:
    return extract(miniature.data, miniature.file_name, miniature.world, miniature.hint)


@pytest.mark.parametrize("miniature", UNSEEN, ids=named)
def test_what_is_sure_is_true(miniature: Miniature) -> None:
    found = read(miniature).proposals
    sure = {(p.tracking_id, p.code, p.result) for p in found if p.confidence >= SURE}
    assert sure <= set(miniature.truth)


def test_nearly_all_is_found_and_nearly_all_that_is_found_is_true() -> None:
    right = found = true = sure = 0
    for miniature in UNSEEN:
        proposals = read(miniature).proposals
        truth = set(miniature.truth)
        right += sum((p.tracking_id, p.code, p.result) in truth for p in proposals)
        sure += sum(p.confidence >= SURE for p in proposals)
        found += len(proposals)
        true += len(truth)
    assert right >= 0.96 * found
    assert right >= 0.93 * true
    assert sure >= 0.8 * true


@pytest.mark.parametrize("miniature", UNSEEN, ids=named)
def test_another_tenants_world_finds_nothing_to_rely_on(miniature: Miniature) -> None:
    world = make_world(["QZ-77181", "QZ-77182", "991"], miniature.assays)
    found = extract(miniature.data, "other.csv", world)
    assert [p for p in found.proposals if p.confidence >= 0.5] == []
