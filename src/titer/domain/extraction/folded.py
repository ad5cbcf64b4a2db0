"""Cells that hold several results, each behind its name: `NPOC:3.412 mg/L TN:0.874 mg/L`."""

import re

from titer.domain.extraction.grid import Grid

_NAME = r"[^\W\d_][\w.+-]{0,15}"
_VALUE = r"[<>]?\s?-?\d[\d.,]*(?:[eE][+-]?\d{1,2})?"
_UNIT = r"(?:\s?[^\W\d_%][\w^]{0,7}(?:/[\w^]{1,8})?(?![\w:=])|\s?%)?"
_PAIR = re.compile(rf"({_NAME})\s?[:=]\s?({_VALUE}{_UNIT})(?=[\s;,]|$)")
_SEVERAL = re.compile(rf"\s*(?:{_PAIR.pattern}[\s;,]*){{2,8}}")
_LONGEST = 160
_FEWEST_CELLS, _LEAST_SHARE = 2, 0.5
_MOST_NAMES = 8


def unfolded(grid: Grid) -> Grid:
    """The grid with a column of its own for each result that its cells hold by name.

    A new column stands behind all others, under its name in the line of the header, and cites
    the field of the cell that it was taken from.
    """
    extra = [
        (column, name, cells)
        for column in range(grid.width)
        for name, cells in _parts(grid, column).items()
    ]
    if not extra or len(extra) > _MOST_NAMES:
        return grid
    width = grid.width
    rows = [[*row, *[""] * (width - len(row) + len(extra))] for row in grid.rows]
    for at, (column, name, cells) in enumerate(extra, width):
        header = _header_of(grid, column, min(cells))
        if header is None:
            return grid
        rows[header][at] = name
        for row, text in cells.items():
            rows[row][at] = text
    fields = grid.fields or tuple(range(1, width + 1))
    fields = (*fields, *(fields[column] for column, _, _ in extra))
    return Grid(grid.name, tuple(map(tuple, rows)), grid.lines, fields)


def _parts(grid: Grid, column: int) -> dict[str, dict[int, str]]:
    """What the cells of a column hold by name, if most of the filled ones hold several results."""
    found: dict[str, dict[int, str]] = {}
    filled = folded = 0
    for row in range(len(grid.rows)):
        text = grid.cell(row, column)
        if not text.strip():
            continue
        filled += 1
        if len(text) > _LONGEST or not _SEVERAL.fullmatch(text):
            continue
        folded += 1
        for name, value in _PAIR.findall(text):
            found.setdefault(name, {})[row] = value.strip()
    # The header is filled as well, and lines of what is said about the file.
    enough = folded >= _FEWEST_CELLS and folded >= _LEAST_SHARE * (filled - 1)
    return found if enough else {}


def _header_of(grid: Grid, column: int, first: int) -> int | None:
    """The nearest line above a column's first such cell that labels the column."""
    above = (row for row in range(first - 1, -1, -1) if grid.cell(row, column).strip())
    return next(above, None)
