"""Several results in one line, each with columns of its own: name 1, value 1, unit 1, name 2."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable

from titer.domain.extraction.columns import Column, Table
from titer.domain.extraction.dilutions import undiluted_by
from titer.domain.extraction.numbers import Kind
from titer.domain.extraction.sheet import Sheet

_FIGURES = re.compile(r"\d+")
_LEAST_NAMED = 0.5
_LEAST_READABLE = 0.5
_LEAST_BARE = 3


def name_columns(sheet: Sheet, table: Table, rows: Iterable[int]) -> list[int]:
    """The columns that name the results of a line, where there are several under one header,
    whether that is numbered or stands there again."""
    if not table.header:
        return _bare_names(sheet, rows)
    stems: dict[str, list[int]] = defaultdict(list)
    counts = Counter(column.texts for column in table.columns.values())
    for column in table.columns.values():
        text = column.texts[-1] if column.texts else ""
        again = counts[column.texts] > 1 and not (column.role.value or column.negative)
        counted = _FIGURES.search(text) or counts[column.texts] > 1
        least = 0.0 if again else _LEAST_NAMED
        if counted and _names_tests(sheet, column.index, rows, least):
            stems[_FIGURES.sub("#", text)].append(column.index)
    longest = max(stems.values(), key=len, default=[])
    return sorted(longest) if len(longest) > 1 else []


def _bare_names(sheet: Sheet, rows: Iterable[int]) -> list[int]:
    """The columns of names in lines of names and results by turns, in short."""
    rows = list(rows)
    width = max((len(sheet.rows[row]) for row in rows), default=0)
    named = [c for c in range(width) if len(rows) > 1 and _names_tests(sheet, c, rows)]
    return named if len(named) >= _LEAST_BARE else []


def _names_tests(
    sheet: Sheet, column: int, rows: Iterable[int], least: float = _LEAST_NAMED
) -> bool:
    """Whether so many filled cells of a column name tests, and one of them at least."""
    filled = [row for row in rows if sheet.text(row, column)]
    named = sum(bool(sheet.tests_at(row, column)) for row in filled)
    return named > 0 and named >= least * len(filled)


def value_after(
    sheet: Sheet, table: Table, rows: Iterable[int], name: int, end: int
) -> Column | None:
    """The column of the results between a name's column and the next name's."""
    best: Column | None = None
    # `R2` is a result beside `R2 Name`, whatever it means elsewhere.
    told = table.column(name).texts[-1] if table.column(name).texts else ""
    promising = [c.index for c in table.columns.values() if c.role.value]
    before = undiluted_by(sheet, table, rows, promising)
    for index in range(name + 1, end):
        column = table.column(index)
        texts = [row for row in rows if sheet.text(row, index)]
        readable = sum(sheet.reading(row, index).kind is not Kind.NONE for row in texts)
        own = bool(column.texts) and told.startswith(column.texts[-1])
        if (
            (column.negative and not own)
            or index in before
            or not texts
            or readable < _LEAST_READABLE * len(texts)
        ):
            continue
        if best is None or column.role.value > best.role.value:
            best = column
    return best


def unit_after(table: Table, name: int, end: int) -> int | None:
    """The column of the units there."""
    return next((i for i in range(name + 1, end) if table.column(i).role.unit), None)
