"""Lists cut into numbered pages: each page is one statement, wherever in the list it lies.

The statement finds for itself where the page begins, by the caller's walk, and tells whether the
next page begins where the walk has it. Only where that is not known is more asked.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, bindparam, select, tuple_

from titer.domain.publication.rules import Start, Trail, look_ahead
from titer.domain.publication.walks import (
    Numbered,
    Step,
    Walks,
    start_of_next,
    start_of_page,
)
from titer.kit.db.driver import Row
from titer.kit.db.types import Id
from titer.kit.paging import Slice, cut
from titer.kit.prepared import Prepared, at_most
from titer.kit.tenancy import TenantSession

#: More rows no page has.
MOST_PER_PAGE = 100


class _From(Enum):
    """Where a part of a list begins."""

    FIRST = "the first row"
    WALK = "where the caller's walk has the page"
    GIVEN = "a row that is given"


Near = Callable[[Sequence[ColumnElement[bool]]], Select[Any]]
Dress = Callable[[Any, Sequence[ColumnElement[Any]]], Select[Any]]


@dataclass(frozen=True, eq=False)
class Numerable:
    """A list as it is narrowed: what its rows tell, of which tables, and in which order.

    `rows` begin with what the list is ordered by, which no two rows have in common and of which
    the last is the id. `dress` adds to the rows of a page what each of them is shown with.
    """

    rows: Select[Any]
    order: tuple[Any, ...]
    descending: bool = False
    dress: Dress | None = None
    #: The same rows as far as they lie near the page's beginning: a page that is full of them is
    #: the page.
    near: Near | None = None

    @property
    def width(self) -> int:
        return len(self.order)

    @cached_property
    def page(self) -> Prepared:
        """The first page; with where the next one begins by the caller's walk."""
        return self._page(_From.FIRST)

    @cached_property
    def later_page(self) -> Prepared:
        """The same of a page whose beginning the caller's walk knows."""
        return self._page(_From.WALK)

    @cached_property
    def given_page(self) -> Prepared:
        """The same of a page whose beginning is given."""
        return self._page(_From.GIVEN)

    @cached_property
    def far(self) -> Prepared:
        """What rows are ordered by, some rows after the first one."""
        return self._starts(self._rows(_From.FIRST))

    @cached_property
    def farther(self) -> Prepared:
        """The same some rows after one that is given."""
        return self._starts(self._rows(_From.GIVEN))

    @cached_property
    def near_page(self) -> Prepared:
        """The first page, looked for nearby."""
        return self._page(_From.FIRST, self.near)

    @cached_property
    def near_later_page(self) -> Prepared:
        return self._page(_From.WALK, self.near)

    def _page(self, begins: _From, near: Near | None = None) -> Prepared:
        rows = self._rows(begins) if near is None else near(self._from_on(begins))
        dressed = self._dressed(rows.limit(at_most(MOST_PER_PAGE + 1)), (start_of_next(),))
        return Prepared(dressed.limit(bindparam("most", type_=Id)))

    @cached_property
    def near_farther(self) -> Prepared:
        assert self.near is not None
        return self._starts(self.near(self._from_on(_From.GIVEN)))

    def _starts(self, rows: Select[Any]) -> Prepared:
        told = rows.selected_columns[: self.width]
        ordered = rows.with_only_columns(*told, maintain_column_froms=True)
        return Prepared(
            ordered.limit(bindparam("most", type_=Id)).offset(bindparam("skipped", type_=Id))
        )

    def _rows(self, begins: _From) -> Select[Any]:
        order = (each.desc() if self.descending else each for each in self.order)
        return self.rows.where(*self._from_on(begins)).order_by(*order)

    def _from_on(self, begins: _From) -> list[ColumnElement[bool]]:
        """That a row does not stand before where a part of the list begins."""
        if begins is _From.FIRST:
            return []
        kinds = [each.type for each in self.order]
        there = start_of_page(kinds) if begins is _From.WALK else _given(kinds)
        if self.width == 1:
            (here,), (start,) = self.order, there
            return [here <= start if self.descending else here >= start]
        at, starts = tuple_(*self.order), tuple_(*there)
        return [at <= starts if self.descending else at >= starts]

    def _dressed(self, rows: Select[Any], further: Sequence[ColumnElement[Any]]) -> Select[Any]:
        within = rows.subquery("page")
        told = [*within.c]
        shown = select(*told, *further) if self.dress is None else self.dress(within, further)
        order = told[: self.width]
        return shown.order_by(*(each.desc() if self.descending else each for each in order))


def _given(kinds: Sequence[Any]) -> list[ColumnElement[Any]]:
    return [bindparam(f"start_{place}", type_=kind) for place, kind in enumerate(kinds)]


def _placed(start: Start) -> dict[str, Any]:
    return {f"start_{place}": value for place, value in enumerate(start)}


async def read_page(
    session: TenantSession, numerable: Numerable, window: Numbered, values: Mapping[str, Any]
) -> tuple[Slice[Row], Step | None]:
    """A page, each row as the list's own columns from the id on; and what of it must be noted for
    the pages after it to fit."""
    most = window.per_page + 1
    place = {**values, "list": window.list, "page": window.page, "most": most}
    first = window.page == 1
    rows: Sequence[Row] = []
    if numerable.near is not None:
        nearby = numerable.near_page if first else numerable.near_later_page
        rows = await session.fetch(nearby, **place)
    if numerable.near is None or len(rows) < most:
        rows = await session.fetch(numerable.page if first else numerable.later_page, **place)
    if not rows and window.page > 1:
        return await _leap(session, numerable, window, values)
    found, start = _cut(rows, numerable, window)
    noted = rows[0][-1] if rows else None
    if start is None or (noted is not None and json.loads(noted) == start):
        return found, None
    starts = await _starts(session, numerable, window, values, start)
    return found, Step(window.list, window.page + 1, starts, begins=window.page == 1)


async def _leap(
    session: TenantSession, numerable: Numerable, window: Numbered, values: Mapping[str, Any]
) -> tuple[Slice[Row], Step | None]:
    """A page that no walk has come to is counted from the nearest one that is known, and is known
    from then on."""
    trail: Trail = await Walks(session).trail(window)
    nearest, start = trail.nearest(window.page)
    counted = {"most": 1, "skipped": (window.page - nearest) * window.per_page}
    if start is None:
        there = await session.fetch(numerable.far, **values, **counted)
    else:
        there = await session.fetch(numerable.farther, **values, **_placed(start), **counted)
    if not there:
        return Slice([], has_more=False), None
    starts: list[Start] = [list(there[0])]
    place = {"list": window.list, "page": window.page, "most": window.per_page + 1}
    rows = await session.fetch(numerable.given_page, **values, **_placed(starts[0]), **place)
    found, following = _cut(rows, numerable, window)
    if following is not None:
        starts += await _starts(session, numerable, window, values, following)
    return found, Step(window.list, window.page, starts, begins=False)


def _cut(
    rows: Sequence[Row], numerable: Numerable, window: Numbered
) -> tuple[Slice[Row], Start | None]:
    """The page without what it is ordered by, and where the next one begins if there is one."""
    id_at = numerable.width - 1
    found = cut(rows, window.per_page).map(lambda row: row[id_at:-1])
    if not found.has_more:
        return found, None
    return found, list(rows[window.per_page][: numerable.width])


async def _starts(
    session: TenantSession,
    numerable: Numerable,
    window: Numbered,
    values: Mapping[str, Any],
    following: Start,
) -> list[Start]:
    """Where the pages after the window's begin, the first of them at `following`."""
    most = (look_ahead(window.page) - 1) * window.per_page + 1
    place = {**values, **_placed(following), "most": most, "skipped": 0}
    rows: Sequence[Row] = []
    if numerable.near is not None:
        rows = await session.fetch(numerable.near_farther, **place)
    if len(rows) < most:
        rows = await session.fetch(numerable.farther, **place)
    return [list(row) for row in rows[:: window.per_page]]
