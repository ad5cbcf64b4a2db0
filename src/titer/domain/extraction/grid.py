"""A sheet of cells, whatever file it came from."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.limits import MAX_CELL_TEXT, MAX_CELLS, MAX_COLUMNS, MAX_ROWS
from titer.domain.extraction.values import Source


@dataclass(frozen=True, slots=True)
class Grid:
    """Rows of verbatim cell texts with the places in the file they were read from.

    `lines` holds the 1-based line of every row. `fields` maps grid columns to the
    1-based fields of the file where the two differ (messages made into a table).
    """

    name: str
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    fields: tuple[int, ...] | None = None

    def cell(self, row: int, column: int) -> str:
        cells = self.rows[row]
        return cells[column] if column < len(cells) else ""

    def source(self, row: int, column: int) -> Source:
        place = self.fields[column] if self.fields is not None else column + 1
        return Source(self.name, self.lines[row], place, self.cell(row, column))

    @property
    def width(self) -> int:
        return max((len(row) for row in self.rows), default=0)


def _clean(cell: str) -> str:
    return cell.replace("\x00", "")[:MAX_CELL_TEXT]


def make_grid(
    name: str,
    rows: Iterable[Sequence[str]],
    lines: Iterable[int] | None = None,
    fields: tuple[int, ...] | None = None,
) -> Grid:
    """Cap and tidy rows: empty rows and trailing empty cells are dropped, places kept."""
    kept: list[tuple[str, ...]] = []
    kept_lines: list[int] = []
    cells = 0
    numbered = enumerate(rows, 1) if lines is None else zip(lines, rows, strict=False)
    for line, row in numbered:
        last = len(row)
        while last and not row[last - 1].strip():
            last -= 1
        if last > MAX_COLUMNS:
            raise UnreadableFile(f"The table is wider than {MAX_COLUMNS} columns.")
        if not last:
            continue
        kept.append(tuple([_clean(cell) for cell in row[:last]]))
        kept_lines.append(line)
        cells += last
        if len(kept) > MAX_ROWS:
            raise UnreadableFile(f"The table is longer than {MAX_ROWS:,} rows.")
        if cells > MAX_CELLS:
            raise UnreadableFile(f"The table holds more than {MAX_CELLS:,} cells.")
    return Grid(name, tuple(kept), tuple(kept_lines), fields)
