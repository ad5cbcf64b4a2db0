"""Cells that hold several results, each behind its name: `NPOC:3.412 mg/L TN:0.874 mg/L`."""

import re
from collections import defaultdict

from titer.domain.extraction.grid import Grid

_NAME = r"[^\W\d_][\w.+-]{0,15}"
_VALUE = r"[<>]?\s?-?\d[\d.,]*(?:[eE][+-]?\d{1,2})?"
_UNIT = r"(?:\s?[^\W\d_%][\w^]{0,7}(?:/[\w^]{1,8})?(?![\w:=])|\s?%)?"
_PAIR = re.compile(rf"({_NAME})\s?[:=]\s?({_VALUE}{_UNIT})(?=[\s;,]|$)")
_SEVERAL = re.compile(rf"\s*(?:{_PAIR.pattern}[\s;,]*){{2,8}}")
_LONGEST = 160
_FEWEST, _LEAST_SHARE = 2, 0.5
_MOST_NAMES = 8


def unfolded(grid: Grid) -> Grid:
    """The grid with a column of its own for each result that its cells hold by name.

    A new column stands behind all others, under its name in the line of the header, and cites
    the field of the cell that it was taken from.
    """
    extra = [
        (column, name, cells)
        for column, folded in sorted(_folded_cells(grid).items())
        for name, cells in _parts(grid, column, folded).items()
    ]
    if not extra or len(extra) > _MOST_NAMES:
        return grid
    width = grid.width
    rows = [list(row) for row in grid.rows]
    for at, (column, name, cells) in enumerate(extra, width):
        header = _header_of(grid, column, min(cells))
        if header is None:
            return grid
        for row, text in ((header, name), *cells.items()):
            rows[row] += [""] * (at + 1 - len(rows[row]))
            rows[row][at] = text
    fields = grid.fields or tuple(range(1, width + 1))
    fields = (*fields, *(fields[column] for column, _, _ in extra))
    return Grid(grid.name, tuple(map(tuple, rows)), grid.lines, fields)


def _folded_cells(grid: Grid) -> dict[int, dict[int, str]]:
    """The cells that hold several results, by column and row; of most files there are none."""
    found: dict[int, dict[int, str]] = defaultdict(dict)
    for row, cells in enumerate(grid.rows):
        for column, text in enumerate(cells):
            if text.count(":") + text.count("=") < _FEWEST or len(text) > _LONGEST:
                continue
            if _SEVERAL.fullmatch(text):
                found[column][row] = text
    return found


def _parts(grid: Grid, column: int, folded: dict[int, str]) -> dict[str, dict[int, str]]:
    """What the cells of a column hold by name, if most of the filled ones hold several results."""
    # The header is filled as well, and lines of what is said about the file.
    filled = sum(bool(grid.cell(row, column).strip()) for row in range(len(grid.rows))) - 1
    found: dict[str, dict[int, str]] = {}
    if len(folded) >= _FEWEST and len(folded) >= _LEAST_SHARE * filled:
        for row, text in folded.items():
            for name, value in _PAIR.findall(text):
                found.setdefault(name, {})[row] = value.strip()
    return found


def _header_of(grid: Grid, column: int, first: int) -> int | None:
    """The nearest line above a column's first such cell that labels the column."""
    above = (row for row in range(first - 1, -1, -1) if grid.cell(row, column).strip())
    return next(above, None)
