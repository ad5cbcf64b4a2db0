"""Tables: headers with the lines below them."""

import re

from titer.domain.extraction.columns import Table, columns_of
from titer.domain.extraction.headers import continues, is_header, is_pairs
from titer.domain.extraction.roles import is_mean, is_statistic
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.wording import words

_MAX_HEADER_ROWS = 8
_PAIR = 2
#: What is left of the results of a table that tells of something on the way there.
_RAW = 0.6
_SPACED = re.compile(r"(?:\b[A-Z] ){2,}[A-Z]\b")
#: What a line is called that says what the figures of the table below it are.
_TELLS_KIND = frozenset(
    "data type datatype result results table section report view calculation".split()
)
_RAW_CAPTIONS = frozenset(
    "area areas height intensity intensities counts raw median recovery rsd sd cv absorbance od"
    " response calibration standards curve range blank signal stdev uncertainty limits mda".split()
)


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
    if above < 0 or sheet.gap_before(first) > 1:
        return 0.98
    spaced = _without_spacing(" | ".join(sheet.text(above, c) for c in sheet.filled(above)))
    if _RAW_CAPTIONS & set(words(spaced)):
        return _RAW
    if not 0 < len(sheet.filled(above)) <= _PAIR:
        return 0.98
    key = sheet.text(above, sheet.filled(above)[0])
    paired = is_pairs(sheet, above) or len(sheet.filled(above)) == _PAIR
    if paired and not _TELLS_KIND.intersection(words(key)):
        return 0.98
    text = sheet.text(above, sheet.filled(above)[-1]).rpartition(":")[2].strip()
    role = sheet.role(text)
    if role.value >= 0.9:
        return 1.0
    if role.sample or role.test or sheet.tests(text) or sheet.ids_in(above):
        return 0.98
    raw = _RAW_CAPTIONS & set(words(text)) or is_statistic(text)
    return _RAW if raw and len(words(text)) <= 3 else 0.98


def _without_spacing(text: str) -> str:
    """A title printed in spaced letters, as a title: `N U C L I D E   M D A   R E P O R T`."""
    if len(_SPACED.findall(text)) < _PAIR:
        return ""
    return _SPACED.sub(lambda found: found[0].replace(" ", "") + " ", text)


def _is_of_means(sheet: Sheet, first: int) -> bool:
    """Whether the line above a table calls its figures means: `Avg Result`, `Statistics: Mean`."""
    above = first - 1
    if above < 0 or sheet.gap_before(first) > 1 or not 0 < len(sheet.filled(above)) <= 2:
        return False
    return is_mean(sheet.text(above, sheet.filled(above)[-1]).rpartition(":")[2].strip())


def _repeats_below_samples(sheet: Sheet, row: int, table: Table) -> bool:
    """Whether a line below samples across belongs to them and is no new header."""
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
        if sheet.gap_before(below) > 1 or not continues(sheet, below, header[-1]):
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
        table.columns = columns_of(sheet, table)
    return result
