"""Results of an analyte that neither their line nor their column names."""

from collections import defaultdict

from titer.domain.extraction.candidates import Candidate, Place
from titer.domain.extraction.columns import Column
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.result_columns import UNNAMED
from titer.domain.extraction.table_cells import Layout
from titer.domain.extraction.units import is_unit

_PROMISING = 0.9
#: How sure an assay is that a unit tells, and one that is the only one there is.
_BY_UNIT, _ASSUMED = 0.62, 0.5


class Unnamed(Layout):
    """Reads what blocks, slips and units say the results are of."""

    def in_blocks(self) -> list[Candidate]:
        """One analyte a block, named above its rows or by the sheet."""
        by_test: dict[Place | None, list[int]] = defaultdict(list)
        for row in self._refs:
            scope = self._reader.scopes[row]
            if scope.test or not scope.test_closed:
                by_test[scope.test_cell].append(row)
        found: list[Candidate] = []
        for named, rows in by_test.items():
            tests = self._reader.scopes[rows[0]].test or self._sheet.tests(self._sheet.grid.name)
            if not tests:
                continue
            value = self._columns.value_column(rows, None)
            if value is None or not self._table.header:
                continue
            at, role, _, flags = value
            unit_column = self._columns.unit_column(rows, at)
            for row in rows:
                unit = self._sheet.text(row, unit_column) if unit_column is not None else ""
                unit = unit or self._table.column(at).unit
                one = self._cells.candidate(row, tests, named, at, unit, "block", role * 0.95)
                if one is not None:
                    one.flags |= flags
                    found.append(one)
        return found

    def on_slips(self) -> list[Candidate]:
        """Lines as a balance prints them, one of which is the result: `Result  3.51 %MC`."""
        if self._table.header:
            return []
        found: list[Candidate] = []
        for row in self._refs:
            filled = self._sheet.filled(row)
            scope = self._reader.scopes[row]
            if (
                len(filled) < 2
                or self._sheet.role(self._sheet.text(row, filled[0])).value < _PROMISING
            ):
                continue
            reading = self._sheet.reading(row, filled[1])
            unit = reading.unit or (self._sheet.text(row, filled[2]) if len(filled) > 2 else "")
            owners = [] if scope.test else self._cells.owners(unit)
            tests = scope.test or tuple(TestMatch(one, _BY_UNIT, "unit") for one in owners)
            if len({test.assay.id for test in tests[:2]}) != 1:
                continue
            one = self._cells.candidate(
                row, tests, scope.test_cell, filled[1], unit, "block", UNNAMED
            )
            if one is not None:
                one.flags.add("no_header" if scope.test else "analyte_not_named")
                found.append(one)
        return found

    def by_unit(self, known: list[Candidate]) -> list[Candidate]:
        """Where an analyte is not named a unit that only one assay has may stand for it.

        Beside columns that name others, that is the unit of one of those that they do not name.
        """
        named = {one.tests[0].assay.id for one in known}
        told = {one.place[1] for one in known}
        promising = [c.index for c in self._table.columns.values() if c.role.value]
        before = self._columns.undiluted(promising)
        mean = self._columns.mean_of_repeats(list(self._refs), promising)
        best: list[Candidate] = []
        for column in self._table.columns.values():
            if column.negative or column.role.sample or column.foreign:
                continue
            if column.index in before | told or (mean is not None and column.index != mean):
                continue
            unit = column.unit or self._inherited(column, before)
            found = self._in_column(column, unit, named)
            if _reach(found) > _reach(best):
                best = found
        return best

    def _inherited(self, column: Column, before: set[int]) -> str:
        """The unit of what was measured before the dilution, where it was counted into a column."""
        units = {unit for at in before if (unit := self._table.column(at).unit)}
        return units.pop() if column.role.value >= _PROMISING and len(units) == 1 else ""

    def _in_column(self, column: Column, unit_above: str, named: set[int]) -> list[Candidate]:
        promise = column.role.value or self._in_a_unit_alone(column)
        if not promise:
            return []
        lexicon = self._sheet.lexicon
        left = lexicon.relatives.beside_cycles(named) if named else self._cells.owners("")
        alone = next(iter(lexicon.assays.values())) if len(lexicon.assays) == 1 else None
        found: list[Candidate] = []
        for row in self._refs:
            reading = self._sheet.reading(row, column.index)
            unit = unit_above or self._cells.unit_beside(row, column) or reading.unit
            fits = self._cells.owners(unit) if unit or column.role.value < _PROMISING else left
            told = fits[0] if len(fits) == 1 else None
            assay = told or (alone if not unit and reading.result else None)
            if assay is None or (named and (told is None or told.id in named)):
                continue
            test = TestMatch(assay, _BY_UNIT if told else _ASSUMED, "unit")
            one = self._cells.candidate(row, (test,), None, column.index,
                                        unit, "unnamed", promise)  # fmt: skip
            if one is not None:
                one.flags.add("analyte_not_named" if told else "analyte_assumed")
                found.append(one)
        return found

    def _in_a_unit_alone(self, column: Column) -> float:
        """How far a header can be relied on that is nothing but the unit of the one assay."""
        alone = column.role.unit == 0 and len(column.texts) == 1 and is_unit(column.texts[0])
        return UNNAMED if alone and len(self._cells.owners(column.unit)) == 1 else 0.0


def _reach(found: list[Candidate]) -> float:
    """How much evidence candidates carry, every sample counted once."""
    best: dict[int, float] = {}
    for one in found:
        sample = one.sample.match.sample.id
        best[sample] = max(best.get(sample, 0.0), one.quality)
    return sum(best.values())
