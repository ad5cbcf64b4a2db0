"""Tables with a line for each result, which names its analyte."""

from collections.abc import Iterator
from itertools import pairwise

from titer.domain.extraction.candidates import Candidate
from titer.domain.extraction.columns import Column, header_unit
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.numbered import name_columns, unit_after, value_after
from titer.domain.extraction.numbers import Kind
from titer.domain.extraction.relatives import counts_cycles
from titer.domain.extraction.result_columns import UNNAMED
from titer.domain.extraction.roles import is_mean
from titer.domain.extraction.rows import NAMES
from titer.domain.extraction.table_cells import Layout
from titer.domain.extraction.units import Agreement, compare, is_unit, measure

_ELSEWHERE = 0.9
_STRANGE = (Agreement.UNKNOWN, Agreement.CONTRADICTS)
_NUMBERED, _OF_CYCLES = 0.95, 0.95
_IN_UNIT = 0.9
_FIGURE_AND_UNIT = 2
_FEWEST_PAIRS = 2
_TOLD, _SHORTEST_TOLD = 0.95, 3


class Long(Layout):
    """Reads the lines whose cells name assays."""

    def numbered(self) -> list[Candidate]:
        """Lines of several results, each in columns of its own."""
        names = name_columns(self._sheet, self._table, self._refs)
        found: list[Candidate] = []
        width = max((len(self._sheet.rows[row]) for row in self._refs), default=0)
        ends = [*names[1:], max(max(self._table.columns, default=0) + 1, width)]
        for name, end in zip(names, ends, strict=False):
            value = value_after(self._sheet, self._table, self._refs, name, end)
            if value is None:
                continue
            units = unit_after(self._table, name, end)
            for row in self._refs:
                if self._columns.row_tests(row, name):
                    one = self._line(row, name, value.index, _NUMBERED, units)
                    found += [one] if one is not None else []
        return found

    def candidates(self) -> tuple[list[Candidate], bool]:
        """The results, and whether headers say that they are."""
        test_columns = self._columns.test_columns()
        if not test_columns:
            return [], False
        test_column = test_columns[0]
        rows = [r for r in self._refs if self._columns.row_tests(r, test_column)]
        by_units = self._by_units(rows, test_column)
        value = None if by_units else self._columns.value_column(rows, test_column)
        if value is None:
            return by_units, bool(by_units)
        at, role, explicit, flags = value
        unit_column = self._columns.unit_column(rows, at)
        others = self._columns.other_values(rows, test_column, at)
        found: list[Candidate] = []
        for row in rows:
            own = self._in_the_unit_of_its_test(row, test_column, at, unit_column, others)
            if own is not None:
                found += self._of_several(row, test_column, own, role)
                continue
            one = self._line(row, test_column, at, role, unit_column)
            if one is None and not self._sheet.text(row, at):
                one = self._word_for(row, test_column, at, others, role)
            if one is None and self._reader.kind(row) == "mean":
                one = self._mean_in_words(row, test_column)
            if one is None and is_unit(self._sheet.text(row, at) or "%"):
                one = self._only_figure(row, test_column)
            if one is not None:
                one.flags |= flags
                found.append(one)
        header = self._table.column(test_column).role.test
        found += self._cycles(rows, test_column, at)
        found += self._named_elsewhere(test_columns, rows, value, unit_column)
        found += self._further_results(rows, test_column, [at, *others], role)
        return found, explicit and bool(header)

    def _by_units(self, rows: list[int], test_column: int) -> list[Candidate]:
        """One name's results in several units: `A1c  5.3  34` below `%  mmol/mol`."""
        columns = [
            c for c in self._table.columns.values() if c.texts and all(map(is_unit, c.texts))
        ]
        if len({column.unit for column in columns}) < _FEWEST_PAIRS:
            return []
        found: list[Candidate] = []
        for row in rows:
            named = self._columns.row_tests(row, test_column)
            for column in columns:
                tests = tuple(
                    test
                    for test in named
                    if compare(column.unit, test.assay.unit)[0] is Agreement.SAME
                ) or self._sheet.lexicon.relatives.sibling(named[0], column.unit)
                one = self._cells.candidate(row, tests, (row, test_column), column.index,
                                      column.unit, "long", _IN_UNIT) if tests else None  # fmt: skip
                found += [one] if one is not None else []
        return found

    def _cycles(self, rows: list[int], test_column: int, results: int) -> list[Candidate]:
        """Tests of the cycle at which a target is seen, beside the results that are quantities.

        Where there is no mean the word for none stands in the column of the single runs.
        """
        columns = self._columns.of_cycles
        if not columns or results in columns:
            return []
        found: list[Candidate] = []
        for row in rows:
            tests = self._columns.row_tests(row, test_column)
            if any(counts_cycles(test.assay) for test in tests):
                lines = (self._line(row, test_column, at, _OF_CYCLES, None) for at in columns)
                found += [one for one in lines if one is not None][:1]
        return found

    def _further_results(
        self, rows: list[int], test_column: int, columns: list[int], role: float
    ) -> list[Candidate]:
        """Second results of a line whose unit tells that they are another test's: `2.21`, `INR`."""
        return [
            one
            for at in columns
            for row in rows
            if self._table.column(at + 1).role.unit
            and self._named_by_unit(self._sheet.text(row, at + 1))
            for one in self._of_several(row, test_column, at, role)
        ]

    def _of_several(self, row: int, test_column: int, at: int, role: float) -> Iterator[Candidate]:
        one = self._line(row, test_column, at, role, at + 1)
        if one is not None:
            yield one

    def _in_the_unit_of_its_test(
        self, row: int, test_column: int, first: int, unit_column: int | None, others: list[int]
    ) -> int | None:
        """Of several results with units of their own the only one in that of the line's test.

        PT, `13.2`, s, `98`, %: nothing where the first of them is in its unit, or has none.
        """
        wanted = self._columns.row_tests(row, test_column)[0].assay.unit
        unit = self._sheet.text(row, unit_column) if unit_column is not None else ""
        if self._sheet.text(row, first) and compare(unit, wanted)[0] not in _STRANGE:
            return None
        fits = [
            at
            for at in others
            if self._table.column(at + 1).role.unit
            and compare(self._sheet.text(row, at + 1), wanted)[0] is Agreement.SAME
        ]
        return fits[0] if len(fits) == 1 else None

    def in_pairs(self) -> list[Candidate]:
        """Further results of lines that name each of theirs: `HbA1c  5.4 %  HbF  0.9 %`.

        Each figure carries its own unit, which is that of the test before it.
        """
        found: list[Candidate] = []
        for row in self._refs:
            filled = self._sheet.filled(row)
            names, figures = filled[::2], filled[1::2]
            units = [self._sheet.reading(row, at).unit for at in figures]
            if len(names) < _FEWEST_PAIRS or len(names) != len(figures) or not all(units):
                continue
            for name, at, unit in zip(names[1:], figures[1:], units[1:], strict=True):
                tests = self._columns.row_tests(row, name)
                if tests and compare(unit, tests[0].assay.unit)[0] is Agreement.SAME:
                    one = self._line(row, name, at, UNNAMED, None)
                    found += [one] if one is not None else []
        return found

    def _named_elsewhere(
        self, test_columns: list[int], named: list[int],
        value: tuple[int, float, bool, set[str]], unit_column: int | None,
    ) -> list[Candidate]:  # fmt: skip
        """Results of lines that name their test in another column than most: a form, a program."""
        at, role, explicit, flags = value
        others = [one for one in test_columns[1:] if self._may_name(self._table.column(one))]
        if not explicit or not others:
            return []
        other = others[0]
        found: list[Candidate] = []
        for row in self._refs:
            if row not in named and self._columns.row_tests(row, other):
                one = self._line(row, other, at, role * _ELSEWHERE, unit_column)
                if one is not None:
                    one.flags |= flags
                    found.append(one)
        return found

    @staticmethod
    def _may_name(column: Column) -> bool:
        """Whether a column may name tests by its header: operators' initials do not."""
        role = column.role
        named = role.sample > NAMES or role.value or role.unit
        return not (column.negative or column.tests or named)

    def _line(
        self, row: int, test_column: int, at: int, role: float, unit_column: int | None
    ) -> Candidate | None:
        tests = self._columns.in_kind(self._columns.row_tests(row, test_column), at)
        if not tests:
            return None
        unit = self._sheet.text(row, unit_column) if unit_column is not None else ""
        unit = unit or self._table.column(at).unit
        if not unit:
            unit = header_unit(self._sheet.text(row, test_column), True)
        return self._cells.candidate(
            row, self._as_the_unit_says(tests, unit), (row, test_column), at, unit, "long", role
        )

    def _as_the_unit_says(self, tests: tuple[TestMatch, ...], unit: str) -> tuple[TestMatch, ...]:
        """The test that a unit names where it is none of the named test's: PT, `1.04`, `INR`."""
        if not tests or compare(unit, tests[0].assay.unit)[0] not in _STRANGE:
            return tests
        return (
            self._named_by_unit(unit)
            or self._sheet.lexicon.relatives.sibling(tests[0], unit)
            or tests
        )

    def _named_by_unit(self, unit: str) -> tuple[TestMatch, ...]:
        """The test whose name stands where a unit does: `INR`, and neither `C` nor `mg/L`."""
        if len(unit) < _SHORTEST_TOLD or measure(unit) is not None:
            return ()
        told = self._sheet.tests(unit)
        return told if told and told[0].score >= _TOLD else ()

    def _word_for(
        self, row: int, test_column: int, instead_of: int, columns: list[int], role: float
    ) -> Candidate | None:
        """`Undetermined` in the column of the single run, where that of the mean is empty."""
        for at in columns:
            if (at in self._columns.of_cycles) != (instead_of in self._columns.of_cycles):
                continue
            if self._sheet.reading(row, at).kind in (Kind.TEXT, Kind.CENSORED):
                return self._line(row, test_column, at, role * 0.95, None)
        return None

    def _only_figure(self, row: int, test_column: int) -> Candidate | None:
        """The one figure of a line beside the table's columns, where it is in the test's unit."""
        wanted = self._columns.row_tests(row, test_column)[0].assay.unit
        others = [at for at in self._sheet.filled(row) if at != test_column]
        beside = others[1] if len(others) == _FIGURE_AND_UNIT else None
        if not others or len(others) > _FIGURE_AND_UNIT:
            return None
        unit = self._sheet.reading(row, others[0]).unit or self._sheet.text(row, others[-1])
        if compare(unit, wanted)[0] not in (Agreement.SAME, Agreement.NOTE):
            return None
        return self._line(row, test_column, others[0], UNNAMED, beside)

    def _mean_in_words(self, row: int, test_column: int) -> Candidate | None:
        """The figure behind the word of a mean beside its table: `TN  Mean  5.02`."""
        filled = self._sheet.filled(row)
        for label, at in pairwise(filled):
            if is_mean(self._sheet.text(row, label)):
                return self._line(row, test_column, at, UNNAMED, None)
        return None
