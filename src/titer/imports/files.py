"""Reading files into tables of text: CSV, spreadsheets, YAML. A number keeps its own digits."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import yaml
from python_calamine import CalamineError, CalamineWorkbook

from titer.imports.rows import Cell, Fault, NotImported, Place, Row, Table

SPREADSHEETS = (".xlsx", ".xlsm", ".xls", ".xlsb", ".ods")
#: A double holds whole numbers exactly up to here.
_EXACT_BELOW = 2.0**53
_NOTHING = ("", "~", "null", "Null", "NULL")


def read(path: Path) -> list[Table]:
    """The tables of a file, by what its name ends in. Raises `NotImported`, and `OSError`."""
    kind = path.suffix.lower()
    readers: dict[str, Callable[[bytes], list[Table]]] = {
        ".csv": read_csv,
        ".tsv": read_csv,
        ".txt": read_csv,
        ".yaml": read_yaml,
        ".yml": read_yaml,
        ".json": read_yaml,
        **dict.fromkeys(SPREADSHEETS, read_spreadsheet),
    }
    if kind not in readers:
        raise _unreadable(f"its name must end in one of {' '.join(readers)}")
    return readers[kind](path.read_bytes())


def read_csv(content: bytes) -> list[Table]:
    """One table; the separator is the one that the heading uses most."""
    text = _decoded(content)
    first = text.lstrip("\r\n").split("\n", 1)[0]
    separator = max(",;\t", key=first.count)
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    return _tables(None, _numbered(lines))


def _numbered(lines: Any) -> Iterator[tuple[int, list[Cell]]]:
    """Each record with the line that it begins at: one may go on over several."""
    begins = 1
    try:
        for cells in lines:
            yield begins, [cell.strip() or None for cell in cells]
            begins = lines.line_num + 1
    except csv.Error as broken:
        raise _unreadable(f"{broken}", begins) from broken


def read_spreadsheet(content: bytes) -> list[Table]:
    """A table for each sheet that has anything in it."""
    try:
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        return [
            table
            for name in book.sheet_names
            for table in _tables(
                name,
                (
                    (number, [_as_text(cell) for cell in cells])
                    for number, cells in enumerate(
                        book.get_sheet_by_name(name).to_python(skip_empty_area=False), start=1
                    )
                ),
            )
        ]
    except CalamineError as broken:
        raise _unreadable(f"it is not a spreadsheet that can be read: {broken}") from broken


def read_yaml(content: bytes) -> list[Table]:
    """A table for each section, which is a list of records. Texts stay as they are written:
    `NO` is a code here and not a falsehood, `0.50` keeps its digits."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        root = yaml.compose(_decoded(content), Loader=loader)
    except yaml.MarkedYAMLError as broken:
        line = broken.problem_mark.line + 1 if broken.problem_mark else 1
        raise _unreadable(f"{broken.problem or broken.context}", line) from broken
    except yaml.YAMLError as broken:
        raise _unreadable(f"it is not YAML: {broken}") from broken
    if root is None:
        return []
    if not isinstance(root, yaml.MappingNode):
        raise _unreadable("must hold sections by name, each a list of records", _line(root))
    faults: list[Fault] = []
    tables = [_section(name, section, faults) for name, section in root.value]
    if faults:
        raise NotImported(faults)
    return tables


def _section(name: Any, section: Any, faults: list[Fault]) -> Table:
    rows: list[Row] = []
    items = section.value if isinstance(section, yaml.SequenceNode) else []
    if not isinstance(section, yaml.SequenceNode) and not _is_nothing(section):
        faults.append(Fault(Place(_line(section)), "must be a list of records", name.value))
    for item in items:
        if not isinstance(item, yaml.MappingNode):
            faults.append(Fault(Place(_line(item)), "must be a record with named fields"))
            continue
        cells: dict[str, Cell] = {}
        for key, value in item.value:
            if key.value in cells:
                faults.append(Fault(Place(_line(key)), "stands twice in one record", key.value))
            cells[key.value] = _yaml_cell(key.value, value, faults)
        rows.append(Row(Place(_line(item)), cells))
    return Table(name.value, Place(_line(name)), None, tuple(rows))


def _yaml_cell(column: str, value: Any, faults: list[Fault]) -> Cell:
    if isinstance(value, yaml.ScalarNode):
        return None if _is_nothing(value) else str(value.value)
    if isinstance(value, yaml.SequenceNode) and all(
        isinstance(item, yaml.ScalarNode) for item in value.value
    ):
        return tuple(str(item.value) for item in value.value)
    faults.append(Fault(Place(_line(value)), "must be a value or a list of values", column))
    return None


def _is_nothing(node: Any) -> bool:
    plain = isinstance(node, yaml.ScalarNode) and not node.style
    return plain and node.value in _NOTHING


def _line(node: Any) -> int:
    return int(node.start_mark.line) + 1


def _tables(name: str | None, lines: Iterable[tuple[int, Sequence[Cell]]]) -> list[Table]:
    """The table whose heading is the first line with anything in it; none if all is empty."""
    faults: list[Fault] = []
    heading: tuple[str | None, ...] | None = None
    at = Place(1, name)
    rows: list[Row] = []
    for number, cells in lines:
        if not any(cells):
            continue
        place = Place(number, name)
        if heading is None:
            at = place
            heading = tuple(None if cell is None else str(cell) for cell in cells)
            faults += _repeats(heading, place)
            continue
        rows.append(_row(heading, cells, place, faults))
    if faults:
        raise NotImported(faults)
    columns = tuple(column for column in heading or () if column)
    return [Table(name, at, columns, tuple(rows))] if heading else []


def _repeats(heading: Sequence[str | None], place: Place) -> list[Fault]:
    named = [column for column in heading if column]
    repeated = dict.fromkeys(column for column in named if named.count(column) > 1)
    return [Fault(place, "stands twice in the heading", column) for column in repeated]


def _row(
    heading: Sequence[str | None], cells: Sequence[Cell], place: Place, faults: list[Fault]
) -> Row:
    found: dict[str, Cell] = dict.fromkeys((column for column in heading if column), None)
    for position, cell in enumerate(cells):
        column = heading[position] if position < len(heading) else None
        if column is not None:
            found[column] = cell
        elif cell is not None:
            faults.append(Fault(place, f"{cell!r} stands under no heading"))
    return Row(place, found)


def _as_text(cell: Any) -> Cell:
    """A spreadsheet's cell as a person would type it. A double's shortest spelling is exact
    enough: it is the one that the spreadsheet shows."""
    match cell:
        case bool():
            text = "yes" if cell else "no"
        case float():
            whole = cell.is_integer() and abs(cell) < _EXACT_BELOW
            text = str(int(cell)) if whole else repr(cell)
        case datetime() if cell.time() == time():
            text = str(cell.date())
        case date():
            text = cell.isoformat()
        case _:
            text = str(cell).strip()
    return text or None


def _decoded(content: bytes) -> str:
    wide = content.startswith((b"\xff\xfe", b"\xfe\xff"))
    try:
        text = content.decode("utf-16" if wide else "utf-8-sig")
    except UnicodeDecodeError as broken:
        line = content[: broken.start].count(b"\n") + 1
        raise _unreadable("it is not UTF-8: save it again as UTF-8", line) from broken
    if "\0" in text:
        raise _unreadable("it holds a NUL", text[: text.index("\0")].count("\n") + 1)
    return text


def _unreadable(message: str, line: int = 1) -> NotImported:
    return NotImported([Fault(Place(line), message)])
