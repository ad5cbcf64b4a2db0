"""Where the pages of a walk begin."""

from titer.domain.publication.rules import KEPT_PAGES, MOST_AHEAD, Trail, look_ahead


def test_a_trail_knows_where_its_pages_begin() -> None:
    trail = Trail().continued(2, [[80], [60], [40]])
    assert [trail.start_of(page) for page in (1, 2, 3, 4, 5)] == [None, [80], [60], [40], None]
    assert Trail.read(trail.first, trail.spell()) == trail


def test_what_follows_a_page_that_ended_elsewhere_is_forgotten() -> None:
    trail = Trail().continued(2, [[80], [60], [40]]).continued(3, [[61]])
    assert (trail.first, trail.starts) == (2, ([80], [61]))
    begun_anew = trail.continued(2, [[99]])
    assert (begun_anew.first, begun_anew.starts) == (2, ([99],))


def test_a_page_that_nobody_came_to_is_counted_from_the_last_one_known() -> None:
    assert Trail().nearest(7) == (1, None)
    trail = Trail().continued(2, [[80], [60]])
    assert trail.nearest(1) == (1, None)
    assert trail.nearest(3) == (3, [60])
    assert trail.nearest(7) == (3, [60])
    leapt = trail.continued(51, [[10]])
    assert (leapt.first, leapt.starts) == (51, ([10],))
    assert leapt.nearest(50) == (1, None)


def test_only_the_furthest_pages_are_kept() -> None:
    trail = Trail()
    for page in range(2, 1000):
        trail = trail.continued(page, [[10_000 - page]])
    assert len(trail.starts) == KEPT_PAGES
    assert trail.start_of(999) == [9_001]
    assert trail.start_of(999 - KEPT_PAGES) is None


def test_the_further_a_walk_the_seldomer_it_is_noted() -> None:
    assert [look_ahead(page) for page in (1, 5, 30, 500)] == [4, 5, 30, MOST_AHEAD]
