"""Which of two columns of results is the other one times the dilution."""

from collections.abc import Iterable
from decimal import Decimal

from titer.domain.extraction.columns import Table
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.wording import words

_FACTOR_WORDS = frozenset(
    "dilution dil diln factor faktor facteur fattore verd verdunnung vf df fd dilucion diluicao"
    " diluizione verdunning mult multiplier".split()
)
_LEAST_ROWS = 3
#: How far rounding may part a printed product from the product of what is printed.
_ROUNDING = Decimal("0.01")
_MOST_ROWS = 60


def undiluted_by(sheet: Sheet, table: Table, rows: Iterable[int], columns: list[int]) -> set[int]:
    """Of columns of results those that hold only what was measured in the diluted sample.

    Such a column times the dilution of each line gives another of the columns, which has to be
    another number in two lines at least, or in one of several.
    """
    factors = [
        c.index for c in table.columns.values() if not c.role.value and _is_of_factors(c.texts)
    ]
    if not factors or len(columns) < 2:
        return set()
    rows = list(rows)[:_MOST_ROWS]
    return {
        one
        for one in columns
        if any(
            _is_product(sheet, rows, one, factor, other)
            for other in columns
            for factor in factors
            if len({one, other, factor}) == 3
        )
    }


def _is_of_factors(texts: tuple[str, ...]) -> bool:
    return any(word in _FACTOR_WORDS for text in texts for word in words(text))


def _is_product(sheet: Sheet, rows: list[int], one: int, factor: int, other: int) -> bool:
    agreed = telling = 0
    for row in rows:
        numbers = [sheet.reading(row, column).number for column in (one, factor, other)]
        measured, times, product = numbers
        if measured is None or times is None or product is None:
            continue
        if abs(measured * times - product) > _ROUNDING * abs(product):
            return False
        agreed += 1
        telling += times != 1 and measured != 0
    return telling > 1 or (telling == 1 and agreed >= _LEAST_ROWS)
