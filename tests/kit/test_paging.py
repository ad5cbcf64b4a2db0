"""Pages: one row more than asked for tells whether there are more."""

from hypothesis import given
from hypothesis import strategies as st

from titer.kit.paging import MAX_LIMIT, Slice, cut


@given(st.integers(0, 1200), st.integers(1, MAX_LIMIT))
def test_a_walk_sees_every_row_once_and_ends(count: int, limit: int) -> None:
    rows = list(range(count, 0, -1))
    seen: list[int] = []
    while True:
        after = seen[-1] if seen else count + 1
        page = cut([row for row in rows if row < after][: limit + 1], limit)
        assert len(page.rows) <= limit
        seen += page.rows
        if not page.has_more:
            break
        assert len(page.rows) == limit
    assert seen == rows


def test_a_slice_is_changed_row_by_row() -> None:
    assert Slice([1, 2], has_more=True).map(str) == Slice(["1", "2"], has_more=True)
