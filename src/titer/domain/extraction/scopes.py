"""Lines that speak for the rows below them: of one sample, or of one analyte."""

import re
from dataclasses import dataclass

from titer.domain.extraction.headers import is_header
from titer.domain.extraction.identifiers import Fit, IdMatch
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.numbers import Kind
from titer.domain.extraction.sheet import Sheet

_TEST_LINE = re.compile(
    r"^(?:\[)?\s*(?:by )?(?:compound|analyte|element|parameter|component|peak|test|assay|target"
    r"|nuclide|radionuclide|isotope"
    r"|substance"
    r"|method|analysis|parametre|paramètre|elemento|analito|verbindung)"
    r"\s*(?:name|summary|results?|report|data)?\s*#?\s*\d*"
    r"\s*[:=]\s*(.*)$",
    re.IGNORECASE,
)
_SAMPLE_LINE = re.compile(
    r"^(?:id|sample|specimen|probe|muestra|campione|échantillon|echantillon|amostra|patient)"
    r"\s*(?:id|name|no\.?|number|#|ident(?:ifier)?|label)?\s*[:=]\s*(.+)$",
    re.IGNORECASE,
)
#: `Name: Caffeine` below `Component Summary Table`.
_NAME_LINE = re.compile(r"^name\s*:", re.IGNORECASE)
_SUMMARY = re.compile(r"^(?:component|compound|peak|analyte)\b", re.IGNORECASE)
_OTHER_NAME_WITHIN = 4
_PAIR = 2
#: A key with what follows it, if it does: no time of day.
_PARTED = re.compile(r"[^\d\s]\s*[:=]")


@dataclass(frozen=True, slots=True)
class Scope:
    """What holds for a row by a line above it; `closed` where that line names a stranger."""

    sample: IdMatch | None = None
    sample_cell: tuple[int, int] | None = None
    closed: bool = False
    test: tuple[TestMatch, ...] = ()
    test_cell: tuple[int, int] | None = None
    test_closed: bool = False
    key: str = ""
    row: int = 0
    #: The words before the assay's name, which stand before the next one as well.
    test_key: str = ""


def find_scopes(sheet: Sheet, told: tuple[TestMatch, ...] = ()) -> tuple[list[Scope], set[int]]:
    """The scope of every row, and the rows that do nothing but set one.

    `told` is what the head of the file says that all of it is about.
    """
    scopes: list[Scope] = []
    setters: set[int] = set()
    current = Scope(test=told)
    for row in range(len(sheet.rows)):
        changed = _sample_scope(sheet, row, current)
        changed = _test_scope(sheet, row, changed or current) or changed
        if changed is not None:
            current = changed
            setters.add(row)
        scopes.append(current)
    return scopes, setters


def _sample_scope(sheet: Sheet, row: int, current: Scope) -> Scope | None:
    filled = sheet.filled(row)
    if not filled or len(filled) > 12:
        return None
    if len(filled) > _PAIR and not any(_PARTED.search(sheet.text(row, c)) for c in filled):
        return None
    if is_header(sheet, row):
        return None
    strong = sheet.strong_ids(row)
    if len(strong) == 1 and len(filled) > _PAIR and _is_paired(sheet, row, filled):
        column = next(iter(strong))
        if column in filled[1::_PAIR]:
            return _entered(sheet, row, column, current, sheet.text(row, column - 1))
    for at, column in enumerate(filled):
        text = sheet.text(row, column)
        inline = _SAMPLE_LINE.match(text)
        if inline:
            return _entered(sheet, row, column, current, text.split(":")[0])
        keyed = text.endswith((":", "=")) or (column == sheet.first_column and len(filled) == 2)
        if keyed and sheet.role(text.rstrip(":= ")).sample >= 0.4 and at + 1 < len(filled):
            weighty = sheet.role(text.rstrip(":= ")).sample >= 0.7
            return _entered(sheet, row, filled[at + 1], current, text, weighty)
    lone = len({m.sample.id for m in strong.values()}) == 1 and len(filled) <= 2
    if lone and not any(sheet.reading(row, c).kind is not Kind.NONE or sheet.is_figure(row, c)
                        for c in filled if c not in strong):  # fmt: skip
        column = next(iter(strong))
        others = [sheet.text(row, c) for c in filled if c != column]
        if not any(sheet.tests(text) for text in others):
            return _entered(sheet, row, column, current)
    return None


def _is_paired(sheet: Sheet, row: int, filled: list[int]) -> bool:
    """Whether a line is made of keys, each with its value in the next cell."""
    keys = [sheet.text(row, column).endswith(":") for column in filled]
    return len(filled) % _PAIR == 0 and all(keys[::_PAIR]) and not any(keys[1::_PAIR])


def _entered(
    sheet: Sheet, row: int, column: int, current: Scope, key: str = "", weighty: bool = True
) -> Scope | None:
    """The scope after a line that names a sample, known or not."""
    matches = sheet.ids_in(row).get(column, ())
    if not matches:
        inline = _SAMPLE_LINE.match(sheet.text(row, column))
        if inline:
            matches = sheet.lookup(inline[1])
    usable = [m for m in matches if m.fit is not Fit.CONTROL]
    kept = (current.test, current.test_cell, current.test_closed)
    if len(matches) == 1 and usable:
        return Scope(usable[0], (row, column), False, *kept, key, row, current.test_key)
    if not matches and not weighty:
        return None
    # The same sample's other name, a few lines below the known one, closes nothing.
    other_name = current.sample is not None and current.key != key
    if not matches and other_name and row - current.row <= _OTHER_NAME_WITHIN:
        return None
    return Scope(None, None, True, *kept, key, row, current.test_key)


def _test_scope(sheet: Sheet, row: int, current: Scope) -> Scope | None:
    filled = sheet.filled(row)
    if len(filled) > _PAIR and _is_paired(sheet, row, filled):
        keys = [at for at in filled[::2] if _TEST_LINE.match(sheet.text(row, at))]
        start = filled.index(keys[0]) if keys else 0
        filled = filled[start : start + _PAIR]
    if not filled or len(filled) > 3 or is_header(sheet, row):
        return None
    first = sheet.text(row, filled[0])
    if _NAME_LINE.match(first) and row and _SUMMARY.search(sheet.text(row - 1, filled[0])):
        first = f"Component {first}"
    line = _TEST_LINE.match(first)
    beside = _TEST_LINE.match(sheet.text(row, filled[-1])) if len(filled) == 2 else None
    if line is None and beside is not None and sheet.tests(beside[1]):
        tests = sheet.tests(beside[1])
        kept = (current.sample, current.sample_cell, current.closed)
        return Scope(*kept, tests, (row, filled[-1]), False, current.key, current.row)
    keyed = line is not None and not line[1].strip() and len(filled) == 2
    held = (current.sample, current.sample_cell, current.closed)
    if keyed or (line is not None and line[1].strip() and len(filled) <= 2):
        column = filled[1] if keyed else filled[0]
        name = sheet.text(row, column) if keyed or line is None else line[1]
        tests = sheet.tests(name)
        place = (row, column) if tests else None
        return Scope(*held, tests, place, not tests, current.key, current.row)
    if line is None and len(filled) == 2 and sheet.role(first.removeprefix("By ")).test:
        tests = sheet.tests(sheet.text(row, filled[1]))
        if tests and tests[0].score >= 0.85:
            place = (row, filled[1])
            return Scope(*held, tests, place, False, current.key, current.row, first)
        if not tests and current.test and current.test_key == first:
            # The next block is about something else, of which nobody here wants to know.
            return Scope(*held, (), None, True, current.key, current.row, first)
    if len(filled) == 1 and filled[0] == sheet.first_column and not sheet.ids_in(row):
        tests = sheet.tests(first.strip("[]*-=_#.: "))
        if tests and tests[0].score >= 0.9:
            return Scope(*held, tests, (row, filled[0]), False, current.key, current.row)
    return None
