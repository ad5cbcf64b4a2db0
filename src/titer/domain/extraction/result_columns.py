"""Which columns of a table name the tests, hold the results, and tell their units."""

from collections import defaultdict
from functools import cached_property

from titer.domain.extraction.candidates import SampleRef
from titer.domain.extraction.columns import Table
from titer.domain.extraction.dilutions import undiluted_by
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.numbers import Kind, is_absent, looks_numeric
from titer.domain.extraction.realign import realigned
from titer.domain.extraction.relatives import counts_cycles
from titer.domain.extraction.roles import bare, is_mean, is_of_area, is_of_cycles
from titer.domain.extraction.rows import RowReader
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.units import Agreement, compare, is_unit, spelled

#: How far a column can be relied on that is the results' by its unit, by being the only one of
#: figures, or by a guess.
_BY_UNIT, UNNAMED, _GUESSED = 0.9, 0.8, 0.45
_ROWS_WEIGHED = 30
_LONG_UNIT = 8
_LEAST_VALUE = 0.75
#: What is left of a column's promise where its unit is not the test's.
_UNIT_FITS = {Agreement.NOTE: 0.98, Agreement.CONVERTIBLE: 0.95, Agreement.CONTRADICTS: 0.5}


class ResultColumns:
    """The columns of one table, judged by the rows that have a sample."""

    def __init__(self, reader: RowReader, refs: dict[int, SampleRef]) -> None:
        self.reader = reader
        self.sheet: Sheet = reader.sheet
        self.table: Table = reader.table
        self._refs = refs
        self._named: dict[tuple[int, int], tuple[TestMatch, ...]] = {}
        self._figured: dict[int, dict[str, tuple[TestMatch, ...]]] = {}

    def test_columns(self) -> list[int]:
        """The columns whose cells name the tenant's assays, the likeliest first."""

        distinct: dict[int, set[int]] = defaultdict(set)
        weight: dict[int, float] = defaultdict(float)
        for row in self._refs:
            for column in self.sheet.filled(row):
                if column == self.reader.id_column:
                    continue
                tests = self.row_tests(row, column)
                if tests:
                    weight[column] += tests[0].score ** 2
                    distinct[column].add(tests[0].assay.id)
        ranked: list[tuple[float, int]] = []
        for column, total in weight.items():
            role = self.table.column(column).role
            named = 1.0 if role.test else (0.75 if not role.named else 0.25)
            if role.sample and not role.test:
                named = 0.6 if role.sample <= 0.7 else 0.3
            score = total * named * (1 + 0.3 * min(len(distinct[column]), 4))
            ranked.append((-score, column))
        return [column for _, column in sorted(ranked)]

    def row_tests(self, row: int, column: int) -> tuple[TestMatch, ...]:
        """The tests that a cell of a line names."""
        held = self._named.get((row, column))
        if held is None:
            held = self.sheet.tests_at(row, column) or self._by_figure(row, column)
            self._named[row, column] = held
        return held

    def is_of_figures(self, column: int) -> bool:
        """Whether the figures of a column name tests and are no results."""
        return bool(self._all_by_figure(column))

    def _by_figure(self, row: int, column: int) -> tuple[TestMatch, ...]:
        """The test that a bare figure names, where the column holds several of its kind."""
        return self._all_by_figure(column).get(self.sheet.text(row, column), ())

    def _all_by_figure(self, column: int) -> dict[str, tuple[TestMatch, ...]]:
        named = self._figured.get(column)
        if named is None:
            texts = (self.sheet.text(at, column) for at in self.reader.body)
            named = self._figured[column] = self.sheet.lexicon.by_figure(texts)
        return named

    def _tests_of(self, row: int, test_column: int | None) -> tuple[TestMatch, ...]:
        """The tests that a row names, or else those of the block that it lies in."""
        if test_column is None:
            return self.reader.scopes[row].test
        return self.row_tests(row, test_column)

    def value_column(
        self, rows: list[int], test_column: int | None
    ) -> tuple[int, float, bool, set[str]] | None:
        """The column of the results: by its header, else by being the only figures."""
        if not rows:
            return None
        columns = realigned(self.sheet, self.table, rows, test_column)
        ranked: list[tuple[float, int]] = []
        for column in columns.values():
            value = column.role.value or self._spells_unit(rows, test_column, column.texts)
            if not value or column.negative or column.index in (test_column, self.reader.id_column):
                continue
            if column.role.sample or column.role.test:
                value *= 0.6
            if (column.tests or column.foreign) and test_column is not None:
                value *= 0.6
            share = self._share(rows, column.index)
            if share:
                fit = self._unit_fit(rows, test_column, column.index)
                ranked.append((value * (0.85 + 0.15 * share) * fit, column.index))
        before = self.undiluted([at for _, at in ranked])
        ranked = [(score, at) for score, at in ranked if at not in before]
        if ranked:
            of_repeats = self.mean_of_repeats(rows, [at for _, at in ranked])
            if of_repeats is not None:
                return of_repeats, 0.95, True, set()
            return self._best_value(ranked, columns is not self.table.columns)
        return self._guessed_value(rows, test_column)

    def _spells_unit(
        self, rows: list[int], test_column: int | None, texts: tuple[str, ...]
    ) -> float:
        """How far a header can be relied on that spells the unit: `CopiesPer20uLWell`."""
        wanted = {spelled(tests[0].assay.unit) for row in rows[:_ROWS_WEIGHED]
                  if (tests := self._tests_of(row, test_column))}  # fmt: skip
        said = {spelled(text) for text in texts}
        own = len(wanted) == 1 and said & wanted and len(next(iter(wanted))) >= _LONG_UNIT
        return 1.0 if own else 0.0

    def undiluted(self, columns: list[int]) -> set[int]:
        """Those of some columns that hold what was measured before the dilution was counted in."""
        return undiluted_by(self.sheet, self.table, self._refs, columns)

    def mean_of_repeats(self, rows: list[int], columns: list[int]) -> int | None:
        """The column of means that is filled once for each sample of several lines."""
        samples = [(self._refs[row].match.sample.id) for row in rows]
        if len(set(samples)) == len(samples):
            return None
        for at in columns:
            if not self.heads_means(at):
                continue
            filled = [s for s, row in zip(samples, rows, strict=True) if self.sheet.text(row, at)]
            if sorted(filled) == sorted(set(samples)):
                return at
        return None

    def _best_value(
        self, ranked: list[tuple[float, int]], shifted: bool
    ) -> tuple[int, float, bool, set[str]]:
        ranked.sort(key=lambda pair: (-pair[0], pair[1]))
        score, at = ranked[0]
        flags: set[str] = {"shifted_header"} if shifted else set()
        role = min(1.0, score / 0.95)
        if len(ranked) > 1 and ranked[1][0] >= score * 0.99:
            flags.add("several_value_columns")
        if shifted:
            role *= 0.9
        return at, role, score >= 0.7, flags

    def _unit_fit(self, rows: list[int], test_column: int | None, at: int) -> float:
        """How well a column's units agree with those of the tests that its rows name."""
        if test_column is None:
            return 1.0
        beside = self.table.columns.get(at + 1)
        unit_column = at + 1 if beside is not None and beside.role.unit else None
        fits: list[float] = []
        for row in rows[:_ROWS_WEIGHED]:
            tests = self.row_tests(row, test_column)
            unit = self.sheet.text(row, unit_column) if unit_column is not None else ""
            unit = unit or self.table.column(at).unit
            if tests and unit:
                fits.append(_UNIT_FITS.get(compare(unit, tests[0].assay.unit)[0], 1.0))
        return sum(fits) / len(fits) if fits else 1.0

    def _share(self, rows: list[int], column: int) -> float:
        filled = [row for row in rows if self.sheet.text(row, column)]
        if not filled:
            return 0.0
        readable = [r for r in filled if self.sheet.reading(r, column).kind is not Kind.NONE]
        return len(readable) / len(filled)

    def _guessed_value(
        self, rows: list[int], test_column: int | None
    ) -> tuple[int, float, bool, set[str]] | None:
        """Without a header only a lone column of figures can be taken for the results."""
        # Lines of means and deviations may be of other columns: `Water  Mean  1.86 %`.
        rows = [row for row in rows if not self.reader.kind(row)] or rows
        figures: list[int] = []
        width = max(len(self.sheet.rows[row]) for row in rows)
        for column in range(width):
            known = self.table.columns.get(column)
            if column in (test_column, self.reader.id_column) or (known and known.role.named):
                continue
            texts = {r: self.sheet.text(r, column) for r in rows}
            filled = [r for r, text in texts.items() if text and not is_absent(text)]
            readable = sum(self.sheet.reading(r, column).kind is not Kind.NONE for r in filled)
            if filled and readable >= 0.8 * len(filled) and len(filled) >= 0.3 * len(rows):
                figures.append(column)
        if not figures:
            return None
        in_unit = [
            at
            for at in figures
            if self._is_in_own_unit(rows, test_column, at)
            or self._carries_own_units(rows, test_column, at, figures)
        ]
        if len(in_unit) == 1:
            rivals = self._in_the_same_unit(rows, test_column, in_unit[0])
            return in_unit[0], _BY_UNIT, True, {"several_value_columns"} if rivals else set()
        if len(figures) == 1:
            return figures[0], UNNAMED, False, {"no_header"}
        return figures[0], _GUESSED, False, {"no_header", "guessed_column"}

    def _in_the_same_unit(self, rows: list[int], test_column: int | None, at: int) -> bool:
        """Whether another column of figures, whatever its label, is in the unit of the tests."""
        return any(
            column.index not in (at, test_column, self.reader.id_column)
            and self._is_in_own_unit(rows, test_column, column.index)
            and self._share(rows, column.index) > 0
            for column in self.table.columns.values()
        )

    def _is_in_own_unit(self, rows: list[int], test_column: int | None, at: int) -> bool:
        """Whether a column's header carries the unit of every test that its rows name."""
        unit = self.table.column(at).unit
        if not unit:
            return False
        # A line that has a unit of its own beside the figure does not count.
        figures = [
            row
            for row in rows
            if (reading := self.sheet.reading(row, at)).kind is not Kind.NONE and not reading.unit
        ]
        named = [self._tests_of(row, test_column) for row in figures]
        wanted = {tests[0].assay.unit for tests in named if tests}
        return bool(wanted) and all(compare(unit, w)[0] is Agreement.SAME for w in wanted)

    def _carries_own_units(
        self, rows: list[int], test_column: int | None, at: int, figures: list[int]
    ) -> bool:
        """Whether the cells of a column, or those right of them, carry the units of the tests."""
        own = other = 0
        for row in rows:
            reading, beside = self.sheet.reading(row, at), self.sheet.text(row, at + 1)
            unit = reading.unit or (beside if is_unit(beside) and not looks_numeric(beside) else "")
            tests = self._tests_of(row, test_column)
            wanted = tests[0].assay.unit if tests else ""
            if reading.kind is Kind.NUMBER and wanted and unit:
                agreed = compare(unit, wanted)[0] in (Agreement.SAME, Agreement.NOTE)
                own, other = own + agreed, other + (not agreed)
            elif reading.kind is Kind.NUMBER and any(
                self.sheet.text(row, column) for column in figures if column != at
            ):
                # The unit of one line says nothing of another that has several figures.
                return False
        return own > 0 and other == 0

    def unit_column(self, rows: list[int], at: int) -> int | None:
        """The nearest column of units, to the right first."""
        found: list[tuple[bool, int, int]] = []
        width = max((len(self.sheet.rows[row]) for row in rows), default=0)
        for column in range(width):
            role = self.table.column(column).role
            texts = [self.sheet.text(r, column) for r in rows if self.sheet.text(r, column)]
            units = sum(is_unit(text) and not looks_numeric(text) for text in texts)
            # `Conc Units` may stand over either, or over both in one.
            named = role.unit and (not role.value or units >= 0.6 * len(texts))
            if column != at and texts and (named or units >= 0.6 * len(texts)):
                distance = column - at
                labelled = bool(self.table.column(column).texts) and distance != 1
                if not named and (role.named or self.table.column(column).tests or labelled):
                    continue
                found.append((not named, abs(distance) * 2 + (distance < 0), column))
        return min(found)[-1] if found else None

    def other_values(self, rows: list[int], test_column: int, at: int) -> list[int]:
        """Further columns of results, in which a word may stand where there is no figure."""
        return [
            column.index
            for column in self.table.columns.values()
            if column.index not in (at, test_column, self.reader.id_column)
            and column.role.value >= _LEAST_VALUE
            and not column.negative
            and self._share(rows, column.index)
        ]

    @cached_property
    def of_cycles(self) -> list[int]:
        """The columns of the cycles at which targets are seen, those of means first."""
        columns = [c for c in self.table.columns.values() if any(map(is_of_cycles, c.texts))]
        return [c.index for c in sorted(columns, key=lambda c: -c.role.value)]

    def in_kind(self, tests: tuple[TestMatch, ...], at: int) -> tuple[TestMatch, ...]:
        """Of tests those that a column can hold, where cycles and quantities stand side by side."""
        if not self.of_cycles:
            return tests
        cycles = tuple(test for test in tests if counts_cycles(test.assay))
        if at in self.of_cycles:
            return cycles or tests
        return tuple(test for test in tests if test not in cycles)

    def of_area(self, at: int) -> bool:
        """Whether a column holds the shares of a chromatogram's area."""
        return any(map(is_of_area, self.table.column(at).texts))

    def heads_means(self, at: int) -> bool:
        """Whether the header calls the figures of a column means."""
        return any(is_mean(bare(text)) for text in self.table.column(at).texts)
