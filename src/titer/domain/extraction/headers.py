"""Header rows: lines that label the columns below them."""

import re
from collections import Counter

from titer.domain.extraction.identifiers import Fit, IdMatch
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.units import is_unit

_PAIR = 2
_LOOSE = 0.8
#: How a header is known by the lines below it, where most of its words are not.
_FEWEST_UNKNOWN, _LINES_BELOW, _SHARE_OF_FIGURES = 5, 2, 0.3
#: The share of cells of a header that may look like `key: 1`, as `A:2S%` does.
_FEW_STATED = 0.15
_STATED = re.compile(r"[=:]\s*-?[\d.]|\S\s{2,}-?[\d.]+$")


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


def continues(sheet: Sheet, row: int, above: int) -> bool:
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
