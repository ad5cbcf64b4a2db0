"""Header rows: which they are, and what each column below them holds."""

import re
from collections import Counter
from dataclasses import dataclass, field, replace

from titer.domain.extraction.analytes import TestMatch
from titer.domain.extraction.identifiers import Fit, IdMatch
from titer.domain.extraction.roles import Role, is_mean, is_statistic, negative_words
from titer.domain.extraction.sheet import Sheet, basis_of
from titer.domain.extraction.units import Agreement, compare, is_unit, measure
from titer.domain.extraction.vocabulary import names_analyte
from titer.domain.extraction.wording import fold, words

_MAX_HEADER_ROWS = 8
_PAIR = 2
_LOOSE = 0.8
_LINES_PROBED = 3
#: How a header is known by the lines below it, where most of its words are not.
_FEWEST_UNKNOWN, _LINES_BELOW, _SHARE_OF_FIGURES = 5, 2, 0.3
#: The share of cells of a header that may look like `key: 1`, as `A:2S%` does.
_FEW_STATED = 0.15
_AS_WELL = 0.85
_PROMISE = 0.9
_IN_BRACKETS = re.compile(r"(?<=.)[(\[]([^()\[\]]*)[)\]]")
#: A unit with brackets of its own inside: `(10^3 (cells)/mL)`.
_AROUND_BRACKETS = re.compile(r"(?<=.)[(\[](.*)[)\]]")
#: What the figures below a header are expressed as: N of `mg N/L`.
_BASIS = re.compile(r"\b[munµμ]g ([NPS])/[lL]")
_STATED = re.compile(r"[=:]\s*-?[\d.]|\S\s{2,}-?[\d.]+$")
#: What a line is called that says what the figures of the table below it are.
_TELLS_KIND = frozenset(
    "data type datatype result results table section report view calculation".split()
)
_LONGEST_HEAD = 20
_LAST_NUMBER = re.compile(r"(\d{1,2})$")
_PLAIN_UNITS = frozenset(("ppm ppb ppt ntu fnu ph % mm um nm fl pg abs au").split())
_STRANGE = (Agreement.UNKNOWN, Agreement.CONTRADICTS)
#: What says nothing against a name that it stands beside: `Sample pH`, `Nitrate (N)`, `NPOC Mw`.
_NO_OBJECTION = frozenset(("n", "sample", "mw"))
_RAW_CAPTIONS = frozenset(
    "area areas height intensity intensities counts raw median recovery rsd sd cv absorbance od"
    " response calibration standards curve range blank signal stdev uncertainty limits".split()
)


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


def is_pairs(sheet: Sheet, row: int) -> bool:
    """Whether a row is made of `key:` and value cells rather than of labels."""
    cells = sheet.filled(row)
    closed = {c for c in cells if sheet.text(row, c).endswith((":", "="))}
    if any(c + 1 in closed for c in closed):
        return False
    keys = len(closed)
    return 0 < keys <= 0.6 * len(cells) + 0.5 and len(cells) <= 2 * keys + 2


def _distinct(matches: dict[int, IdMatch]) -> int:
    return len({match.sample.id for match in matches.values()})


def is_header(sheet: Sheet, row: int) -> bool:
    """Whether a row labels the columns below it."""
    known = sheet.headers.get(row)
    if known is None:
        known = sheet.headers[row] = _labels(sheet, row)
    return known


def _labels(sheet: Sheet, row: int) -> bool:
    filled = sheet.filled(row)
    if len(filled) < 2:
        return False
    if len(filled) == 2 and (
        _names_one_test(sheet, row, filled) or _is_among_pairs(sheet, row, filled)
    ):
        return False
    ids = sheet.strong_ids(row)
    figures = _counted(sheet, row, [c for c in filled if c not in ids])
    if figures is None:
        return False
    stated = sum(bool(_STATED.search(sheet.text(row, column))) for column in filled)
    if stated > _FEW_STATED * len(filled):
        return False
    if _distinct(ids) >= 2:
        return figures <= 0.34 * len(filled)
    if _labels_by_units(sheet, row, filled):
        return True
    if ids or is_pairs(sheet, row):
        return False
    if figures > 0.2 * len(filled):
        return False
    labels = 0
    named = 0
    for column in filled:
        text = sheet.text(row, column)
        role = sheet.role(text)
        named += bool(role.sample or role.test or role.value or role.unit)
        labels += bool(
            role.named or sheet.tests(text) or is_unit(text) or text in sheet.by_figure(row)
        )
    if (
        len(filled) == 2
        and not named
        and not any(
            sheet.tests(sheet.text(row, column)) or is_unit(sheet.text(row, column))
            for column in filled
        )
    ):
        return False
    if labels == 1 and not figures and not named:
        return _heads_figures(sheet, row, filled)
    allowed = 0.2 * len(filled) if named >= 3 and labels >= 5 else 0
    share = 0.3 if figures or labels < 3 or len(filled) < 8 else 0.1
    if figures <= allowed and labels >= 2 and labels >= share * len(filled):
        return True
    return bool(labels) and not figures and _stands_over_figures(sheet, row, filled)


def _labels_by_units(sheet: Sheet, row: int, filled: list[int]) -> bool:
    """Whether a line says in which units the figures right below it are: `Conc:  %  mmol/mol`."""
    units = [sheet.text(row, column) for column in filled[1:]]
    if len(set(units)) < _PAIR or len(set(units)) < len(units) or not all(map(is_unit, units)):
        return False
    below = row + 1
    if below >= len(sheet.rows) or sheet.gap_before(below) or sheet.filled(below) != filled:
        return False
    return all(sheet.is_figure(below, column) for column in filled[1:])


def _counted(sheet: Sheet, row: int, columns: list[int]) -> int | None:
    """How many cells are whole numbers and name no test; None where one is another figure."""
    by_figure = sheet.by_figure(row)
    figures = 0
    for column in columns:
        text = sheet.text(row, column)
        if text in by_figure or not sheet.is_figure(row, column):
            continue
        if not text.isdigit():
            return None
        figures += 1
    return figures


def _stands_over_figures(sheet: Sheet, row: int, filled: list[int]) -> bool:
    """Whether a line of words, most of which nobody knows, heads lines of figures."""
    below = [at for at in range(row + 1, row + 1 + _LINES_BELOW) if at < len(sheet.rows)]
    if len(filled) < _FEWEST_UNKNOWN or len(below) < _LINES_BELOW:
        return False
    for at in below:
        under = sheet.filled(at)
        figures = sum(sheet.is_figure(at, column) for column in under)
        if sheet.gap_before(at) or figures < max(2, _SHARE_OF_FIGURES * len(under)):
            return False
        if len(set(under) - set(filled)) > 1:
            return False
    return True


def _names_one_test(sheet: Sheet, row: int, filled: list[int]) -> bool:
    """Whether a line of two cells says what the lines below it are about: "Analyte", "Nitrate"."""
    left, right = (sheet.text(row, column) for column in filled)
    role, other = sheet.role(left), sheet.role(right)
    if not role.test or role.sample or role.value or other.sample or other.test or other.unit:
        return False
    return bool(sheet.tests(right)) and not sheet.tests(left)


def _is_among_pairs(sheet: Sheet, row: int, filled: list[int]) -> bool:
    """Whether a line of two cells is one of several that say one thing each: "Mode", "Normal"."""
    left, right = (sheet.role(sheet.text(row, column)) for column in filled)
    if left.sample and any(t.rest for t in sheet.tests(sheet.text(row, filled[1]))[:1]):
        # `ID 2`, `MCC PH-102`: what a sample is called names no test.
        return True
    told = right.value > _LOOSE or bool(sheet.tests(sheet.text(row, filled[1])))
    if (left.sample or left.test) and told:
        return False
    if row and not sheet.gap_before(row) and sheet.filled(row - 1)[:2] == filled:
        # What labels columns stands above all of them: here the line before says something too.
        return True
    near = [at for at in (row - 1, row + 1) if 0 <= at < len(sheet.rows)]
    return any(len(sheet.filled(at)) == 2 and sheet.filled(at) == filled for at in near) and not (
        _heads_figures(sheet, row, filled)
    )


def _heads_figures(sheet: Sheet, row: int, filled: list[int]) -> bool:
    """Whether a lone analyte's name stands right above figures, beside another label."""
    if row + 1 >= len(sheet.rows) or sheet.gap_before(row + 1) or len(filled) > 4:
        return False
    return any(
        sheet.is_figure(row + 1, column) and column != filled[0]
        for column in filled
        if sheet.tests(sheet.text(row, column))
    )


def _continues(sheet: Sheet, row: int, above: int) -> bool:
    """Whether a row still belongs to the header above it."""
    filled = sheet.filled(row)
    if sheet.ids_in(row) and any(
        m.fit is not Fit.CONTROL for found in sheet.ids_in(row).values() for m in found
    ):
        return False
    if any(sheet.is_figure(row, c) for c in filled) or is_pairs(sheet, row):
        return False
    texts = [sheet.text(row, c) for c in filled]
    units = sum(is_unit(t.strip("()[]")) for t in texts)
    if _distinct(sheet.strong_ids(above)) >= _PAIR:
        # Below samples across each line says something of them, figures or not.
        return units >= 0.5 * len(texts)
    if is_header(sheet, row):
        return True
    if units >= 0.5 * len(texts) or (len(texts) >= 3 and _repeated(texts) >= 0.6):
        return True
    under = set(sheet.filled(above))
    labels = sum(sheet.role(t).named for t in texts)
    return labels >= 1 and len(filled) <= 0.7 * len(under) and set(filled) <= under


def _repeated(texts: list[str]) -> float:
    return Counter(texts).most_common(1)[0][1] / len(texts)


def find_tables(sheet: Sheet) -> list[Table]:
    """Cut a sheet into headers and bodies; same headers are put together."""
    count = len(sheet.rows)
    tables: list[Table] = [Table((), {}, [])]
    row = 0
    while row < count:
        if (
            not is_header(sheet, row)
            or _repeats_below_samples(sheet, row, tables[-1])
            or _parts_body(sheet, row, tables[-1])
        ):
            tables[-1].body.append(row)
            row += 1
            continue
        header = _header_from(sheet, row)
        lead = _group_row_above(sheet, header[0], tables[-1].body)
        if lead is not None:
            tables[-1].body.remove(lead)
            header = [lead, *header]
        of_means = _is_of_means(sheet, header[0])
        tables.append(Table(tuple(header), {}, [], _caption_rank(sheet, header[0]), of_means))
        row = header[-1] + 1
    return _merged(sheet, [t for t in tables if t.body])


def _caption_rank(sheet: Sheet, first: int) -> float:
    """What a line above a table says of its figures: results, or something on the way there."""
    above = first - 1
    if above < 0 or sheet.gap_before(first) > 1 or not 0 < len(sheet.filled(above)) <= 2:
        return 0.98
    key = sheet.text(above, sheet.filled(above)[0])
    if is_pairs(sheet, above) and not _TELLS_KIND.intersection(words(key)):
        return 0.98
    text = sheet.text(above, sheet.filled(above)[-1]).rpartition(":")[2].strip()
    role = sheet.role(text)
    if role.value >= 0.9:
        return 1.0
    if role.sample or role.test or sheet.tests(text) or sheet.ids_in(above):
        return 0.98
    raw = _RAW_CAPTIONS & set(words(text)) or is_statistic(text)
    return 0.6 if raw and len(words(text)) <= 3 else 0.98


def _is_of_means(sheet: Sheet, first: int) -> bool:
    """Whether the line above a table calls its figures means: `Avg Result`, `Statistics: Mean`."""
    above = first - 1
    if above < 0 or sheet.gap_before(first) > 1 or not 0 < len(sheet.filled(above)) <= 2:
        return False
    return is_mean(sheet.text(above, sheet.filled(above)[-1]).rpartition(":")[2].strip())


def _repeats_below_samples(sheet: Sheet, row: int, table: Table) -> bool:
    """With samples across, a row of one repeated word is no new header."""
    across = {c for r in table.header for c in sheet.strong_ids(r)}
    first = sheet.text(row, sheet.first_column)
    if len(across) >= _PAIR and not sheet.gap_before(row) and first:
        # A line that belongs to the samples above names none of its own.
        return not (sheet.strong_ids(row) or sheet.role(first).sample or sheet.role(first).test)
    texts = [sheet.text(row, c) for c in across if sheet.text(row, c)]
    return len(across) >= 2 and len(texts) >= 2 and len(set(texts)) <= max(1, len(texts) // 3)


def _parts_body(sheet: Sheet, row: int, table: Table) -> bool:
    """Whether a line of two labels only parts a table whose header still holds below it.

    `Target Compounds ... Qvalue` below `Compound  R.T.  QIon  Response  Conc Units`.
    """
    filled = sheet.filled(row)
    above = [column for at in table.header for column in sheet.filled(at)]
    if len(filled) > _PAIR or len(above) <= 2 * _PAIR or row + 1 >= len(sheet.rows):
        return False
    below = sheet.filled(row + 1)
    if len(below) <= _PAIR or not set(below) <= {*above, max(above) + 1}:
        return False
    roles = [sheet.role(sheet.text(row, column)) for column in filled]
    valued = any(sheet.role(sheet.text(at, c)).value for at in table.header for c in above)
    return valued and not any(role.value or role.sample or role.unit for role in roles)


def _header_from(sheet: Sheet, row: int) -> list[int]:
    header = [row]
    while len(header) < _MAX_HEADER_ROWS and header[-1] + 1 < len(sheet.rows):
        below = header[-1] + 1
        if sheet.gap_before(below) > 1 or not _continues(sheet, below, header[-1]):
            break
        # A header that starts anew opens its own table.
        if sheet.rows[below] in [sheet.rows[r] for r in header]:
            break
        header.append(below)
    return header


def _group_row_above(sheet: Sheet, first: int, body: list[int]) -> int | None:
    above = first - 1
    if above < 0 or not body or body[-1] != above or sheet.gap_before(first) > 0:
        return None
    filled = sheet.filled(above)
    if not filled or filled[0] == 0 or any(sheet.is_figure(above, c) for c in filled):
        return None
    if is_pairs(sheet, above) or sheet.ids_in(above):
        return None
    named = [c for c in filled if sheet.tests(sheet.text(above, c))]
    if named and len(named) >= 0.5 * len(filled):
        return above
    return above if named and _heads_repeats(sheet, first, filled) else None


def _heads_repeats(sheet: Sheet, first: int, above: list[int]) -> bool:
    """Whether each label above begins anew the same labels in the header below it."""
    below = [sheet.text(first, column) for column in above]
    return len(above) > 1 and len(set(below)) == 1 and bool(below[0])


def _merged(sheet: Sheet, tables: list[Table]) -> list[Table]:
    by_header: dict[tuple[tuple[str, ...], ...], Table] = {}
    result: list[Table] = []
    for table in tables:
        signature = (*(sheet.rows[r] for r in table.header), (str(table.rank),))
        held = by_header.get(signature) if table.header else None
        if held is not None:
            held.body.extend(table.body)
            continue
        by_header[signature] = table
        result.append(table)
    for table in result:
        table.columns = _columns(sheet, table)
    return result


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


def _columns(sheet: Sheet, table: Table) -> dict[int, Column]:
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
    above = range(max(0, header[0] - _MAX_HEADER_ROWS), header[0])
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
            tests and negative_words(" ".join(tests[0].rest)) - _NO_OBJECTION and not role.value
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
        column.tests = sheet.lexicon.sibling(column.tests[0], column.unit) or column.tests
    column.role = Role(sample, test, unit, value, column.negative)
    return column


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
