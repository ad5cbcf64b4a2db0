"""HTML tables and XML spreadsheets, which instruments often name .xls."""

import re
from html.parser import HTMLParser

from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.grid import Grid, make_grid
from titer.domain.extraction.limits import MAX_COLUMNS, MAX_ROWS


class _Tables(HTMLParser):
    """Collects rows of cells; knows HTML tables and SpreadsheetML rows alike."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.sheets: list[tuple[str, list[tuple[int, list[str]]]]] = []
        self._row: list[str] | None = None
        self._cell: list[str] | None = None
        self._name = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        tag = tag.rpartition(":")[2]
        values = {name.rpartition(":")[2]: value or "" for name, value in attrs}
        if tag == "worksheet":
            self._name = values.get("name", "")
        elif tag == "table":
            self.sheets.append((self._name, []))
        elif tag in ("tr", "row") and self.sheets:
            self._row = []
        elif tag in ("td", "th", "cell") and self._row is not None:
            index = values.get("index", "")
            if index.isdigit():
                wanted = min(int(index), MAX_COLUMNS + 1) - 1
                self._row.extend([""] * (wanted - len(self._row)))
            self._cell = []
            span = values.get("colspan", "")
            self._span = min(int(span), MAX_COLUMNS) if span.isdigit() else 1

    def handle_endtag(self, tag: str) -> None:
        tag = tag.rpartition(":")[2]
        if tag in ("td", "th", "cell") and self._cell is not None and self._row is not None:
            self._row.append(" ".join("".join(self._cell).split()))
            self._row.extend([""] * (self._span - 1))
            self._cell = None
        elif tag in ("tr", "row") and self._row is not None and self.sheets:
            if len(self.sheets[-1][1]) > MAX_ROWS or len(self._row) > MAX_COLUMNS + 1:
                raise UnreadableFile("The table is larger than a table of results can be.")
            self.sheets[-1][1].append((self.getpos()[0], self._row))
            self._row = None

    def handle_data(self, data: str) -> None:
        if self._cell is not None:
            self._cell.append(data)


def read_markup(text: str) -> list[Grid]:
    """Every table of the document; other XML is refused."""
    if re.search(r"<!ENTITY", text[:20_000], re.IGNORECASE):
        raise UnreadableFile("The file declares XML entities, which are not read.")
    parser = _Tables()
    parser.feed(text)
    sheets = [(name, rows) for name, rows in parser.sheets if rows]
    if not sheets:
        raise UnreadableFile("The file is XML or HTML without a table of results.")
    return [
        make_grid(name or (f"Table {at}" if len(sheets) > 1 else ""), [r for _, r in rows],
                  [line for line, _ in rows])
        for at, (name, rows) in enumerate(sheets, 1)
    ]  # fmt: skip
