"""A grid seen through the tenant's eyes: where its samples, tests and results stand."""

import re
from dataclasses import replace
from functools import cached_property

from titer.domain.extraction.analytes import Lexicon
from titer.domain.extraction.grid import Grid
from titer.domain.extraction.hints import Hint
from titer.domain.extraction.identifiers import Fit, Identifiers, IdMatch
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.numbers import (
    Locale,
    Reading,
    detect_locale,
    looks_like_value,
    read_result,
)
from titer.domain.extraction.roles import Role, role_of
from titer.domain.extraction.values import Source
from titer.domain.extraction.wording import key

_LONGEST_UNIT = 16
_SURE = 0.85
_BASED = re.compile(
    r"^(?:[munµμ]?g[ -]?([NPS])/[lL]|[munµμ]?g/[lL] ?(?:as )?(?:[NP][HO]\d-)?([NPS]))$"
)
_FRACTIONAL = re.compile(r"^[<>]?\s?-?\d*[.,]\d+(?:[eE][+-]?\d+)?$")


def basis_of(unit: str) -> str:
    """The element that a unit says a result is expressed as: N of `mg N/L`."""
    match = _BASED.match(unit) if "/" in unit and len(unit) <= _LONGEST_UNIT else None
    return (match[1] or match[2]) if match else ""


class Sheet:
    """Lazy readings of one grid; every reading is by row and column, counted from 0."""

    def __init__(self, grid: Grid, ids: Identifiers, lexicon: Lexicon, hint: Hint) -> None:
        self.grid = grid
        self.lexicon = lexicon
        self._ids = ids
        self._hint = hint
        self.rows = [tuple([cell.strip() for cell in row]) for row in grid.rows]
        self._filled: list[list[int] | None] = [None] * len(self.rows)
        self._readings: dict[str, Reading] = {}
        self._figured: dict[int, dict[str, tuple[TestMatch, ...]]] = {}
        self._bases: dict[int, dict[int, str]] = {}
        #: Which rows are known to label the columns below them, and which are known not to.
        self.headers: dict[int, bool] = {}
        self._cited: dict[tuple[int, int], Source] = {}
        self._row_strong: dict[int, dict[int, IdMatch]] = {}
        self._row_ids: dict[int, dict[int, tuple[IdMatch, ...]]] = {}

    @cached_property
    def first_column(self) -> int:
        """The leftmost column that holds anything."""
        return min((self.filled(row)[0] for row in range(len(self.rows))), default=0)

    @cached_property
    def locale(self) -> Locale:
        return detect_locale(c for row in self.rows for c in row if "." in c or "," in c)

    @cached_property
    def _column_locales(self) -> dict[int, Locale]:
        width = self.grid.width
        return {c: detect_locale(row[c] for row in self.rows if c < len(row)) for c in range(width)}

    def cited(self, place: tuple[int, int] | None) -> Source | None:
        """A cell that many results cite, such as a header's."""
        if place is None:
            return None
        held = self._cited.get(place)
        if held is None:
            held = self._cited[place] = self.grid.source(*place)
        return held

    def text(self, row: int, column: int) -> str:
        cells = self.rows[row]
        return cells[column] if 0 <= column < len(cells) else ""

    def filled(self, row: int) -> list[int]:
        """The columns of a row that hold anything."""
        held = self._filled[row]
        if held is None:
            held = self._filled[row] = [c for c, cell in enumerate(self.rows[row]) if cell]
        return held

    def gap_before(self, row: int) -> int:
        """How many lines of the file stand empty before a row."""
        return self.grid.lines[row] - self.grid.lines[row - 1] - 1 if row else 0

    def reading(self, row: int, column: int) -> Reading:
        text = self.text(row, column)
        if not text:
            return read_result("")
        locale = self.locale
        if locale is Locale.MIXED:
            locale = self._column_locales.get(column, Locale.MIXED)
            if locale is Locale.SILENT:
                locale = Locale.MIXED
        held = self._readings.get(text)
        if held is None or self.locale is Locale.MIXED:
            held = read_result(text, locale)
            self._readings[text] = held
        return held

    def ids_in(self, row: int) -> dict[int, tuple[IdMatch, ...]]:
        """All samples named in a row, by column; controls and duplicates included."""
        found = self._row_ids.get(row)
        if found is None:
            found = {}
            for column, text in enumerate(self.rows[row]):
                if len(text) < 1 or (_FRACTIONAL.match(text) and "-" not in text[1:]):
                    continue
                matches = self._ids.find(text)
                if matches:
                    found[column] = matches
            self._row_ids[row] = found
        return found

    def strong_ids(self, row: int) -> dict[int, IdMatch]:
        """The columns of a row that name one sample beyond doubt."""
        held = self._row_strong.get(row)
        if held is None:
            held = self._row_strong[row] = {
                column: matches[0]
                for column, matches in self.ids_in(row).items()
                if len(matches) == 1 and not matches[0].weak and matches[0].fit is not Fit.CONTROL
            }
        return held

    def tests(self, text: str) -> tuple[TestMatch, ...]:
        return self.lexicon.match(text) if text else ()

    def by_figure(self, row: int) -> dict[str, tuple[TestMatch, ...]]:
        """The tests that the bare figures of a row name, if it heads columns of them."""
        held = self._figured.get(row)
        if held is None:
            held = self._figured[row] = self.lexicon.by_figure(self.rows[row])
        return held

    def basis(self, row: int, column: int) -> str:
        """The element that a unit says a result is expressed as: N of `mg N/L`.

        The next such unit to the right of a name counts, or the only one of the line.
        """
        held = self._bases.get(row)
        if held is None:
            held = self._bases[row] = {
                at: basis for at, text in enumerate(self.rows[row]) if (basis := basis_of(text))
            }
        if not held:
            return ""
        right = next((element for at, element in held.items() if at > column), "")
        return right or (next(iter(held.values())) if len(held) == 1 else "")

    def tests_at(self, row: int, column: int) -> tuple[TestMatch, ...]:
        """The tests that a cell names, with what its line says they are expressed as."""
        text = self.text(row, column)
        return self.tests_as(text, self.basis(row, column)) if text else ()

    def tests_as(self, text: str, basis: str) -> tuple[TestMatch, ...]:
        """The tests that a text names where its results are expressed as an element, or not."""
        plain = self.tests(text)
        based = self.tests(f"{text} as {basis}") if basis else ()
        if based and plain and plain[0].score > based[0].score:
            return plain if based[0].score < _SURE else based
        return based or plain

    def role(self, text: str) -> Role:
        role = role_of(text)
        name = key(text)
        hint = self._hint
        if name in hint.sample_headers:
            role = replace(role, sample=1.2, negative=False)
        elif name in hint.value_headers:
            role = replace(role, value=1.05, negative=False)
        elif name in hint.test_headers:
            role = replace(role, test=1.2, negative=False)
        return role

    def is_figure(self, row: int, column: int) -> bool:
        return looks_like_value(self.text(row, column))

    def lookup(self, text: str) -> tuple[IdMatch, ...]:
        """The samples that a part of a cell names."""
        return self._ids.find(text.strip())
