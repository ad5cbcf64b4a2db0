"""Pages cut from a query, newest first, without ever counting a table.

The rule of the Lab API: a cursor is the id to read after, one row more than asked for tells whether
there are more, and a row that is there during the whole walk is seen exactly once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

DEFAULT_LIMIT, MAX_LIMIT = 50, 500

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Window:
    """Which part of a list is wanted: `limit` rows after the row whose id is `after`."""

    limit: int = DEFAULT_LIMIT
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """The rows of a page, and whether the list goes on after the last of them."""

    rows: Sequence[T]
    has_more: bool

    def map(self, change: Callable[[T], U]) -> "Slice[U]":
        return Slice([change(row) for row in self.rows], self.has_more)


def cut(rows: Sequence[T], limit: int) -> Slice[T]:
    """The page made of `rows`, which were read with one more than `limit`."""
    return Slice(rows[:limit], len(rows) > limit)
