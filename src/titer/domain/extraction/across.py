"""Tables with a column for each sample."""

from collections import Counter
from collections.abc import Iterator

from titer.domain.extraction.candidates import Candidate, SampleRef
from titer.domain.extraction.columns import Column, header_unit, is_objected
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.table_cells import Layout

_ROLE = 0.97
_FEWEST_SAMPLES = 2


class Across(Layout):
    """Reads samples across and analytes down."""

    def candidates(self) -> list[Candidate]:
        """The results, if the header names several samples."""
        across = [c for c in self._table.columns.values() if c.sample and not c.negative]
        if len({c.sample.sample.id for c in across if c.sample}) < _FEWEST_SAMPLES:
            return []
        test_column = self._label_column({c.index for c in across})
        if test_column is None:
            return []
        units = next((c.index for c in self._table.columns.values() if c.role.unit), None)
        found: list[Candidate] = []
        for row in self._body:
            tests = self._columns.row_tests(row, test_column)
            if not tests or is_objected(tests[0]):
                continue
            for column in across:
                found += self._cell(row, tests, test_column, column, units)
        return found

    def _cell(
        self, row: int, tests: tuple[TestMatch, ...], named: int, column: Column, units: int | None
    ) -> Iterator[Candidate]:
        match = column.sample
        if match is None or column.role.unit:
            return
        ref = SampleRef(match, column.sample_cell, match.fit.value, "header", not match.weak)
        self._refs[row] = ref
        unit = self._sheet.text(row, units) if units is not None else ""
        unit = unit or header_unit(self._sheet.text(row, named), True)
        one = self._cells.candidate(
            row, tests, (row, named), column.index, unit, "transposed", _ROLE
        )
        if one is not None:
            one.flags.discard("several_samples_in_row")
            yield one

    def _label_column(self, taken: set[int]) -> int | None:
        counts: Counter[int] = Counter()
        for row in self._body:
            for column in self._sheet.filled(row):
                if column not in taken and self._columns.row_tests(row, column):
                    counts[column] += 1
        return min(counts, key=lambda c: (-counts[c], c)) if counts else None
