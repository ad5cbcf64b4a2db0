"""SYLK: a spreadsheet written as text records."""

import re

from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.grid import Grid, make_grid
from titer.domain.extraction.limits import MAX_COLUMNS, MAX_ROWS

_FIELDS = re.compile(r";(?!;)(?<!;;)")


def read_sylk(text: str) -> Grid:
    """Cells keep the row and column that the records give them."""
    cells: dict[tuple[int, int], str] = {}
    x = y = 1
    for line in re.split(r"\r\n|\r|\n", text):
        if not line.startswith(("C;", "F;")):
            continue
        fields = line.replace(";;", "\x00").split(";")[1:]
        value: str | None = None
        for item in fields:
            if item[:1] == "X" and item[1:].isdigit():
                x = int(item[1:])
            elif item[:1] == "Y" and item[1:].isdigit():
                y = int(item[1:])
            elif item[:1] == "K" and line[0] == "C":
                value = item[1:].replace("\x00", ";")
        if value is None:
            continue
        if x > MAX_COLUMNS or y > MAX_ROWS:
            raise UnreadableFile("The sheet is larger than a table of results can be.")
        quoted = len(value) >= 2 and value[0] == value[-1] == '"'
        cells[y, x] = value[1:-1] if quoted else value
    rows: dict[int, dict[int, str]] = {}
    for (row, column), cell in cells.items():
        rows.setdefault(row, {})[column] = cell
    ordered = sorted(rows)
    table = ([rows[r].get(c, "") for c in range(1, max(rows[r]) + 1)] for r in ordered)
    return make_grid("", table, ordered)
