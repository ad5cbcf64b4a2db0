"""What each column of a table holds, as far as its header says."""

import re
from dataclasses import dataclass, field, replace

from titer.domain.extraction.identifiers import IdMatch
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.roles import Role, negative_words
from titer.domain.extraction.sheet import Sheet, basis_of
from titer.domain.extraction.units import Agreement, compare, is_unit, measure
from titer.domain.extraction.vocabulary import names_analyte
from titer.domain.extraction.wording import fold, words

_LINES_ABOVE = 8
_LINES_PROBED = 3
_AS_WELL = 0.85
_PROMISE = 0.9
_IN_BRACKETS = re.compile(r"(?<=.)[(\[]([^()\[\]]*)[)\]]")
#: A unit with brackets of its own inside: `(10^3 (cells)/mL)`.
_AROUND_BRACKETS = re.compile(r"(?<=.)[(\[](.*)[)\]]")
#: What the figures below a header are expressed as: N of `mg N/L`.
_BASIS = re.compile(r"\b[munµμ]g ([NPS])/[lL]")
_LONGEST_HEAD = 20
_LAST_NUMBER = re.compile(r"(\d{1,2})$")
_PLAIN_UNITS = frozenset(("ppm ppb ppt ntu fnu ph % mm um nm fl pg abs au").split())
_STRANGE = (Agreement.UNKNOWN, Agreement.CONTRADICTS)
#: What says nothing against a name that it stands beside: `Sample pH`, `Nitrate (N)`, `NPOC Mw`.
_NO_OBJECTION = frozenset(("n", "sample", "mw"))


@dataclass(slots=True)
class Column:
    """All that the header says of one column."""

    index: int
    role: Role = field(default_factory=Role)
    tests: tuple[TestMatch, ...] = ()
    test_cell: tuple[int, int] | None = None
    sample: IdMatch | None = None
    sample_cell: tuple[int, int] | None = None
    unit: str = ""
    negative: bool = False
    texts: tuple[str, ...] = ()
    foreign: bool = False


@dataclass(slots=True)
class Table:
    """A header with the rows below it; the header may be missing."""

    header: tuple[int, ...]
    columns: dict[int, Column]
    body: list[int]
    rank: float = 0.98
    #: Whether the line above it says that its figures are means.
    of_means: bool = False

    def column(self, index: int) -> Column:
        return self.columns.get(index) or Column(index)


def _filled_cells(sheet: Sheet, header: tuple[int, ...], column: int) -> list[tuple[int, int]]:
    """The header cells over a column, top down, spanning labels included."""
    cells: list[tuple[int, int]] = []
    for at, row in enumerate(header):
        if sheet.text(row, column):
            cells.append((row, column))
            continue
        own_below = any(sheet.text(r, column) for r in header[at + 1 :])
        if not own_below:
            continue
        left = column - 1
        while left >= 0 and not sheet.text(row, left):
            left -= 1
        if left >= 0 and column - left <= 24 and _spans(sheet, row, left):
            cells.append((row, left))
    return cells


def _spans(sheet: Sheet, row: int, column: int) -> bool:
    text = sheet.text(row, column)
    if sheet.tests(text) or column in sheet.strong_ids(row):
        return True
    role = sheet.role(text)
    # An analyte that the tenant did not ask for spans its columns all the same.
    return not role.named and not is_unit(text) and len(words(text)) <= 3


def columns_of(sheet: Sheet, table: Table) -> dict[int, Column]:
    """The columns that a table's header labels."""
    width = max((len(sheet.rows[r]) for r in table.header), default=0)
    columns = {}
    for index in range(width):
        cells = _filled_cells(sheet, table.header, index)
        if cells:
            columns[index] = _column(sheet, index, cells, _basis_below(sheet, table, index))
    promising = [c.index for c in columns.values() if c.role.value and not c.tests]
    if len(promising) > 1 and not any(c.tests or c.role.test for c in columns.values()):
        return _named_from_afar(sheet, table.header, columns, promising)
    return columns


def _named_from_afar(
    sheet: Sheet, header: tuple[int, ...], columns: dict[int, Column], promising: list[int]
) -> dict[int, Column]:
    """Columns of results that lines further up name, and give units: `METHOD,,,NO3+NO2,,Silicate`.

    A line counts that names a test in several of those columns, and none beside them.
    """
    above = range(max(0, header[0] - _LINES_ABOVE), header[0])
    channels = _channels(sheet, range(max(0, header[0] - _LONGEST_HEAD), header[0]),
                         columns, promising)  # fmt: skip
    if channels:
        return channels
    lines = [
        row
        for row in above
        if len(filled := [c for c in sheet.filled(row) if c != sheet.first_column]) > 1
        and set(filled) <= set(promising)
    ]
    if not any(sheet.tests(sheet.text(row, column)) for row in lines for column in promising):
        return columns
    for index in promising:
        cells = [(row, index) for row in (*lines, *header) if sheet.text(row, index)]
        columns[index] = _column(sheet, index, cells)
    return columns


def _channels(
    sheet: Sheet, above: range, columns: dict[int, Column], promising: list[int]
) -> dict[int, Column]:
    """Numbered columns of results whose names and units lines above list: `METH,NO3-N,NH4-N`.

    Such a line holds, behind what it is called, as many names as there are columns.
    """
    numbers = [_LAST_NUMBER.search(columns[index].texts[-1]) for index in promising]
    if [int(n[1]) if n else 0 for n in numbers] != list(range(1, len(promising) + 1)):
        return {}
    lists = [row for row in above if len(sheet.filled(row)) == len(promising) + 1]
    named = [r for r in lists if all(sheet.tests(sheet.text(r, c)) for c in sheet.filled(r)[1:])]
    units = [r for r in lists if all(is_unit(sheet.text(r, c)) for c in sheet.filled(r)[1:])]
    if len(named) != 1 or len(units) > 1:
        return {}
    told = dict(columns)
    for at, index in enumerate(promising, 1):
        cells = [(row, sheet.filled(row)[at]) for row in (*units, *named)]
        own = (columns[index].texts[-1],)
        column = _column(sheet, index, cells)
        told[index] = replace(column, texts=(*column.texts, *own), role=columns[index].role)
    return told


def _basis_below(sheet: Sheet, table: Table, index: int) -> str:
    """What the units beside a column's figures say that these are expressed as."""
    units = [sheet.text(row, index + 1) for row in table.body[:_LINES_PROBED]]
    return next((basis for basis in map(basis_of, units) if basis), "")


def _column(sheet: Sheet, index: int, cells: list[tuple[int, int]], beside: str = "") -> Column:
    column = Column(index, texts=tuple(sheet.text(*cell) for cell in cells))
    sample = test = unit = value = 0.0
    promised = False
    basis = next((b[1] for b in map(_BASIS.search, column.texts) if b), beside)
    for cell in reversed(cells):
        text = sheet.text(*cell)
        found = sheet.strong_ids(cell[0]).get(cell[1])
        if found is not None and column.sample is None:
            column.sample, column.sample_cell = found, cell
            continue
        role = sheet.role(text)
        tests = sheet.tests_as(text, basis)
        tests = tests or sheet.by_figure(cell[0]).get(text, ())
        if tests and role.value and tests[0].score < 1 and tests[0].kind == "part":
            role = Role(value=role.value)
        if tests and (not column.tests or tests[0].score > column.tests[0].score):
            column.tests, column.test_cell = tests, cell
        if (not tests and role.negative and not is_unit(text.strip("()[] "))) or (
            tests and is_objected(tests[0]) and not role.value
        ):
            # The lowest label is the most exact: one above it does not take its promise back.
            column.negative = column.negative or not promised
        promised = promised or role.value >= _PROMISE
        sample, test = max(sample, role.sample), max(test, role.test)
        unit, value = max(unit, role.unit), max(value, role.value)
        column.unit = column.unit or header_unit(text, bool(tests)) or _own_unit(sheet, text)
        column.foreign = column.foreign or (not tests and names_analyte(text))
    column.tests = in_unit_first(column.tests, column.unit)
    if column.tests and compare(column.unit, column.tests[0].assay.unit)[0] in _STRANGE:
        column.tests = sheet.lexicon.relatives.sibling(column.tests[0], column.unit) or column.tests
    column.role = Role(sample, test, unit, value, column.negative)
    return column


def is_objected(test: TestMatch) -> bool:
    """Whether a word beside the name that was found says that no result is meant."""
    return bool(negative_words(" ".join(test.rest)) - _NO_OBJECTION)


def in_unit_first(tests: tuple[TestMatch, ...], unit: str) -> tuple[TestMatch, ...]:
    """Of tests that are named about as well those in the unit that was found go before others."""
    if len(tests) < 2 or not unit:
        return tests
    near = [t for t in tests if t.score >= _AS_WELL * tests[0].score]
    fits = [t for t in near if compare(unit, t.assay.unit)[0] is Agreement.SAME]
    return (*fits, *(t for t in tests if t not in fits)) if fits else tests


def _own_unit(sheet: Sheet, text: str) -> str:
    """A unit in brackets that nobody knows but the catalogue."""
    units = sheet.lexicon.units
    return next((inner for inner in _IN_BRACKETS.findall(text) if fold(inner) in units), "")


def header_unit(text: str, named: bool) -> str:
    """The unit that a header text carries, alone, in brackets or at its end."""
    bare = text.strip("()[] ")
    if not named and is_unit(bare) and bare.casefold() not in ("c", "k", "f", "x", "index"):
        return bare
    for inner in [*reversed(_IN_BRACKETS.findall(text)), *_AROUND_BRACKETS.findall(text)]:
        if measure(inner.strip()) is not None and not inner.strip().isdigit():
            return str(inner.strip())
    if named and text.startswith("% "):
        return "%"
    parts = text.replace(",", " ").replace(";", " ").split()
    for size in (3, 2, 1):
        tail = " ".join(parts[-size:])
        enough = "/" in tail or "%" in tail or tail.casefold() in _PLAIN_UNITS or "-1" in tail
        begins = not tail[0].isdigit() or tail.startswith("10")
        if len(parts) > size and enough and begins and measure(tail) is not None:
            return tail
    return ""
