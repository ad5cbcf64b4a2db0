"""Workbooks: looked over before the parser sees them, then read cell by cell."""

import datetime as dt
import io
import re
import zipfile
import zlib
from typing import Any

import python_calamine

from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.grid import Grid, make_grid
from titer.domain.extraction.limits import (
    MAX_CELLS,
    MAX_COLUMNS,
    MAX_INFLATED_BYTES,
    MAX_INFLATION_RATIO,
    MAX_ROWS,
    MAX_SHEETS,
    MAX_ZIP_ENTRIES,
    RATIO_COUNTS_ABOVE,
)
from titer.domain.extraction.sniffing import Form

_REFERENCE = re.compile(rb'<(?:\w+:)?(?:c|dimension)\b[^>]*?\br(?:ef)?="([A-Z]{1,3}\d{1,7})'
                        rb'(?::([A-Z]{1,3}\d{1,7}))?"')  # fmt: skip
_ROW = re.compile(rb'<(?:\w+:)?row\b[^>]*?\br="(\d{1,9})"')
_REPEATED = re.compile(rb"number-(columns|rows)-repeated=\"(\d{1,9})\"[^>]*?(/?)>(<text:p)?")
_BLOCK = 65_536
_OVERLAP = 256


def look_over(data: bytes, form: Form) -> None:
    """Refuse a zipped workbook that unfolds to more than a table of results can be."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ZIP_ENTRIES:
                raise UnreadableFile("The workbook holds too many parts.")
            inflated = 0
            for entry in entries:
                inflated = _look_over_entry(archive, entry, form, inflated, len(data))
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError):
        raise UnreadableFile("The workbook is damaged or protected.") from None


def _look_over_entry(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, form: Form, inflated: int, size: int
) -> int:
    sheet = form is Form.XLSX and "worksheets/" in entry.filename
    content = form is Form.ODS and entry.filename.endswith("content.xml")
    tail = b""
    with archive.open(entry) as part:
        while block := part.read(_BLOCK):
            inflated += len(block)
            too_dense = inflated > RATIO_COUNTS_ABOVE and inflated > size * MAX_INFLATION_RATIO
            if inflated > MAX_INFLATED_BYTES or too_dense:
                raise UnreadableFile("The workbook unfolds to far more than its own size.")
            if sheet:
                _check_references(tail + block)
            elif content:
                _check_repeats(tail + block)
            tail = block[-_OVERLAP:]
    return inflated


def _column(reference: bytes) -> int:
    number = 0
    for letter in reference:
        if letter < 65:
            break
        number = number * 26 + letter - 64
    return number


def _check_references(block: bytes) -> None:
    for first, last in _REFERENCE.findall(block):
        _check_place(last or first)
    for row in _ROW.findall(block):
        if int(row) > MAX_ROWS:
            raise UnreadableFile(f"The sheet is longer than {MAX_ROWS:,} rows.")


def _check_place(reference: bytes) -> None:
    column = _column(reference)
    row = int(reference.lstrip(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
    if column > MAX_COLUMNS:
        raise UnreadableFile(f"The sheet is wider than {MAX_COLUMNS} columns.")
    if row > MAX_ROWS or row * column > MAX_CELLS * 10:
        raise UnreadableFile(f"The sheet is longer than {MAX_ROWS:,} rows.")


def _check_repeats(block: bytes) -> None:
    for axis, count, closed, text in _REPEATED.findall(block):
        # Empty cells are repeated freely up to the sheet's edge; filled ones are not.
        if text and not closed and int(count) > (MAX_COLUMNS if axis == b"columns" else MAX_ROWS):
            raise UnreadableFile("The sheet repeats cells beyond what a table can hold.")


def spell(value: Any) -> str:
    """A cell's value as text; whole numbers without a trailing point."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        if value.is_integer() and abs(value) < 1e15:
            return str(int(value))
        return repr(value)
    if isinstance(value, dt.datetime | dt.date | dt.time | dt.timedelta | int):
        return str(value)
    return ""


def read_workbook(data: bytes, form: Form) -> list[Grid]:
    """Every visible or hidden sheet that holds anything, in order."""
    if form is not Form.XLS:
        look_over(data, form)
    try:
        book = python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(data))
        names = book.sheet_names
    except Exception as error:  # noqa: BLE001 - whatever a hostile workbook makes the reader say
        raise UnreadableFile(f"The workbook cannot be opened: {str(error)[:120]}.") from None
    if len(names) > MAX_SHEETS:
        raise UnreadableFile(f"The workbook has more than {MAX_SHEETS} sheets.")
    grids: list[Grid] = []
    for name in names:
        try:
            sheet = book.get_sheet_by_name(name)
            if sheet.total_height > MAX_ROWS or sheet.total_width > MAX_COLUMNS:
                raise UnreadableFile("The sheet is larger than a table of results can be.")
            rows = sheet.to_python(skip_empty_area=False)
        except python_calamine.CalamineError:
            continue
        grids.append(make_grid(name, ([spell(cell) for cell in row] for row in rows)))
    return grids
