"""From tables to candidate results: wide, long, transposed, blocks."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise

from titer.domain.extraction.analytes import TestMatch, counts_cycles
from titer.domain.extraction.candidates import Candidate, Place, SampleRef
from titer.domain.extraction.headers import Column, Table, header_unit
from titer.domain.extraction.naming import NOISE
from titer.domain.extraction.numbered import name_columns, unit_after, value_after
from titer.domain.extraction.numbers import Kind, Reading, looks_numeric, looks_temporal
from titer.domain.extraction.result_columns import UNNAMED, ResultColumns
from titer.domain.extraction.roles import is_mean, sheet_rank
from titer.domain.extraction.rows import RowReader
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.units import Agreement, compare, is_unit, measure
from titer.domain.extraction.values import Assay
from titer.domain.extraction.wording import fold

_TOO_MANY_COLUMNS = 6
_PROMISING = 0.9
_ELSEWHERE = 0.9
_STRANGE = (Agreement.UNKNOWN, Agreement.CONTRADICTS)
#: What a description is worth as a sample's name.
_FAINT = 0.4
_OF_CYCLES = 0.95
_IN_UNIT = 0.9
_FIGURE_AND_UNIT = 2
_FEWEST_PAIRS = 2
_TOLD, _SHORTEST_TOLD = 0.95, 3
_LONGEST_COUNTER, _LEAST_COUNTED, _MOST_COUNTED = 4, 3, 0.7


def _reach(found: list[Candidate]) -> float:
    """How much evidence candidates carry, every sample counted once."""
    best: dict[int, float] = {}
    for one in found:
        sample = one.sample.match.sample.id
        best[sample] = max(best.get(sample, 0.0), one.quality)
    return sum(best.values())


def _firsts(found: list[Candidate]) -> dict[tuple[int, int], Candidate]:
    """The surest candidate of each sample and assay: a column that repeats itself tells no more."""
    best: dict[tuple[int, int], Candidate] = {}
    for one in found:
        named = (one.sample.match.sample.id, one.tests[0].assay.id)
        if named not in best or best[named].quality < one.quality:
            best[named] = one
    return best


def _weight(found: list[Candidate]) -> float:
    """How well a layout explains a table."""
    return sum(one.quality**2 for one in _firsts(found).values())


def _in_own_unit(named: list[tuple[float, Column]]) -> list[tuple[float, Column]]:
    """Of the columns that name one assay those in its unit, if others have contrary ones."""
    agreed = [compare(c.unit, c.tests[0].assay.unit)[0] if c.unit else None for _, c in named]
    if Agreement.SAME not in agreed:
        return named
    pairs = zip(named, agreed, strict=True)
    return [one for one, agreement in pairs if agreement is not Agreement.CONTRADICTS]


_MEAN_WORDS = frozenset("mean avg average mittelwert mittel moyenne media promedio".split())


def _means(named: list[tuple[float, Column]]) -> list[tuple[float, Column]]:
    """Of the columns that name one assay those of its means, if there are any."""
    means = [one for one in named if _is_of_means(one[1].tests[0].rest)]
    return means or named


def _is_of_means(rest: tuple[str, ...]) -> bool:
    """Whether a mean is all that a header names beside its assay."""
    told = {word for word in rest if word not in NOISE}
    return bool(_MEAN_WORDS.intersection(rest)) and told <= _MEAN_WORDS


class TableReader:
    """Tries the layouts that one table may have."""

    def __init__(self, number: int, reader: RowReader) -> None:
        self.number = number
        self.reader = reader
        self.sheet: Sheet = reader.sheet
        self.table: Table = reader.table
        self.body = reader.body
        self._refs = self._samples()
        self.columns = ResultColumns(reader, self._refs)

    def _samples(self) -> dict[int, SampleRef]:
        """The sample of every row that has one and is no statistic or control."""
        found: dict[int, SampleRef] = {}
        previous: SampleRef | None = None
        last_row: int | None = None
        # How many lines in a row the sample before has had.
        run = 0
        for row in self.body:
            ref = self.reader.sample(row)
            if ref is None:
                broken = last_row is not None and row != last_row + 1
                ref = None if broken else self.reader.carried(previous, row, run)
                if ref is None and self.reader.id_column is not None:
                    previous = None
            if ref is not None:
                again = previous is not None and previous.match.sample.id == ref.match.sample.id
                run = run + 1 if again else 1
                previous, last_row = ref, row
                found[row] = ref
        return found

    def candidates(self) -> list[Candidate]:
        """The candidates of the layout that explains the table best."""
        if not self.table.header and not self._refs:
            return []
        transposed = self._transposed()
        if transposed:
            return transposed
        if not self._refs:
            return []
        numbered = self._numbered()
        if numbered:
            return numbered
        long, explicit = self._long()
        wide = self._wide()
        if long and explicit and len(_firsts(long)) >= 0.2 * len(_firsts(wide)):
            return self._with_others(long, wide)
        long += self._in_pairs()
        scoped = [] if (long or wide) else self._scoped() or self._slips()
        best = max((wide, long, scoped), key=_weight)
        return best + self._unnamed(best)

    @staticmethod
    def _with_others(long: list[Candidate], wide: list[Candidate]) -> list[Candidate]:
        """Lines that name one test, with what columns of their own name beside it.

        `dsDNA` in the column of the application stands beside the columns of its purity.
        """
        named = {one.tests[0].assay.id for one in long}
        others = [one for one in wide if one.tests[0].kind != "part"]
        if len(named) > 1 or any(one.tests[0].assay.id in named for one in wide):
            return long
        return long + others

    def _candidate(
        self, row: int, tests: tuple[TestMatch, ...], named: Place | None, at: int,
        unit: str, layout: str, role: float,
    ) -> Candidate | None:  # fmt: skip
        reading = self.sheet.reading(row, at)
        # The mean of no cycle at all is printed as 0, which is none.
        if reading.kind is Kind.NONE or (reading.number == 0 and at in self.columns.of_cycles):
            return None
        kind = self.reader.kind(row)
        if kind in ("statistic", "control"):
            return None
        if not kind and (self.table.of_means or self.columns.heads_means(at)):
            kind = "mean"
        ref = self._refs[row]
        of_area = self.columns.of_area(at)
        if of_area and compare("%", tests[0].assay.unit)[0] is not Agreement.SAME:
            return None
        found = Candidate(self.sheet, ref, tests, named, (row, at), reading,
                          unit or reading.unit, layout, role, self.number,
                          sheet_rank(self.sheet.grid.name) * self.table.rank, kind)  # fmt: skip
        if self.reader.rivals(row, ref):
            found.flags.add("several_samples_in_row")
        if of_area:
            found.flags.add("share_of_area")
        if reading.kind is Kind.NUMBER and self.reader.qualified(row):
            found.flags.add("qualified")
        return found

    # -- wide ---------------------------------------------------------------------------------

    def _wide(self) -> list[Candidate]:
        chosen = self._wide_columns()
        found: list[Candidate] = []
        for row in self._refs:
            for column, shared in chosen:
                unit = column.unit or self._unit_beside(row, column)
                role = self._wide_role(column)
                one = self._candidate(row, column.tests, column.test_cell, column.index,
                                      unit, "wide", role)  # fmt: skip
                if one is not None:
                    if shared:
                        one.flags.add("several_columns")
                    found.append(one)
        return found

    def _counts_lines(self, column: Column) -> bool:
        """Whether a column only numbers the lines: `N.` over 1, 2, 3 is not nitrogen."""
        if column.unit or any(len(text) > _LONGEST_COUNTER for text in column.texts):
            return False
        texts = [text for row in self.body if (text := self.sheet.text(row, column.index))]
        counted = [int(text) for text in texts if text.isdigit()]
        steps = {after - one for one, after in pairwise(counted)}
        # The line of a mean or of a signature has no number.
        enough = len(counted) >= max(_LEAST_COUNTED, _MOST_COUNTED * len(texts))
        return enough and steps == {1}

    @staticmethod
    def _wide_role(column: Column) -> float:
        return max(column.role.value, 0.96) if column.tests[0].score > 0.8 else 0.9

    def _wide_columns(self) -> list[tuple[Column, bool]]:
        """For every assay the columns that name it best and hold results."""
        by_test: dict[int, list[tuple[float, Column]]] = defaultdict(list)
        for column in self.table.columns.values():
            if not column.tests or column.negative or column.role.unit:
                continue
            if column.index == self.reader.id_column:
                continue
            if self._counts_lines(column) or self.columns.is_of_figures(column.index):
                continue
            readable, filled = self._readable(column.index)
            if not readable or readable < 0.5 * filled:
                continue
            value = column.role.value
            role = value or (0.9 if not (column.role.sample or column.role.test) else 0.5)
            by_test[column.tests[0].assay.id].append((column.tests[0].score * role, column))
        chosen: dict[int, tuple[Column, bool]] = {}
        for named in by_test.values():
            found = _means(_in_own_unit(named))
            top = max(score for score, _ in found)
            kept = [c for score, c in found if score >= top * 0.985]
            if len(kept) > _TOO_MANY_COLUMNS:
                continue
            for column in kept:
                chosen[column.index] = (column, len(kept) > 1)
        return [self._ended(*chosen[index], alone=len(by_test) == 1) for index in sorted(chosen)]

    def _ended(self, column: Column, shared: bool, *, alone: bool) -> tuple[Column, bool]:
        """The column of the results where what names the assay is only on the way to them.

        `Hg (ng)` beside `Result (µg/kg)`: the second is in the unit of the only test there is.
        """
        wanted = column.tests[0].assay.unit
        if not alone or compare(column.unit, wanted)[0] is not Agreement.CONTRADICTS:
            return column, shared
        ends = [
            other
            for other in self.table.columns.values()
            if other.role.value >= _PROMISING
            and not (other.tests or other.negative)
            and compare(self._unit_of(other), wanted)[0] is Agreement.SAME
        ]
        if len(ends) != 1:
            return column, shared
        return replace(column, index=ends[0].index, unit=ends[0].unit, role=ends[0].role), shared

    def _unit_of(self, column: Column) -> str:
        """A column's unit, by its header or by the cells beside it if most of them say the same."""
        beside = Counter(unit for row in self._refs if (unit := self._unit_beside(row, column)))
        most = beside.most_common(1)
        told = bool(most) and most[0][1] > 0.5 * beside.total()
        return column.unit or (most[0][0] if told else "")

    def _readable(self, column: int) -> tuple[int, int]:
        """How many cells of the samples' rows read as results, of how many filled."""
        readable = filled = 0
        for row in self._refs:
            text = self.sheet.text(row, column)
            if text:
                empty = self.sheet.reading(row, column).kind is Kind.NONE
                readable += not empty
                filled += not (empty and len(text) <= 16 and not looks_temporal(text))
        return readable, filled

    def _unit_beside(self, row: int, column: Column) -> str:
        """The unit in the cell after a value, where that column is one of units."""
        beside = self.table.columns.get(column.index + 1)
        text = self.sheet.text(row, column.index + 1)
        if beside is not None and beside.role.unit and not (is_unit(text) and len(text) > 12):
            return text
        if beside is None and is_unit(text) and not looks_numeric(text):
            return text
        return ""

    # -- long ---------------------------------------------------------------------------------

    def _numbered(self) -> list[Candidate]:
        """Lines of several results, each in columns of its own."""
        names = name_columns(self.sheet, self.table, self._refs)
        found: list[Candidate] = []
        width = max((len(self.sheet.rows[row]) for row in self._refs), default=0)
        ends = [*names[1:], max(max(self.table.columns, default=0) + 1, width)]
        for name, end in zip(names, ends, strict=False):
            value = value_after(self.sheet, self.table, self._refs, name, end)
            if value is None:
                continue
            units = unit_after(self.table, name, end)
            for row in self._refs:
                if self.columns.row_tests(row, name):
                    one = self._long_row(row, name, value.index, 0.95, units)
                    found += [one] if one is not None else []
        return found

    def _long(self) -> tuple[list[Candidate], bool]:
        test_columns = self.columns.test_columns()
        if not test_columns:
            return [], False
        test_column = test_columns[0]
        rows = [r for r in self._refs if self.columns.row_tests(r, test_column)]
        by_units = self._by_units(rows, test_column)
        value = None if by_units else self.columns.value_column(rows, test_column)
        if value is None:
            return by_units, bool(by_units)
        at, role, explicit, flags = value
        unit_column = self.columns.unit_column(rows, at)
        others = self.columns.other_values(rows, test_column, at)
        found: list[Candidate] = []
        for row in rows:
            own = self._in_the_unit_of_its_test(row, test_column, at, unit_column, others)
            if own is not None:
                found += self._of_several(row, test_column, own, role)
                continue
            one = self._long_row(row, test_column, at, role, unit_column)
            if one is None and not self.sheet.text(row, at):
                one = self._word_for(row, test_column, at, others, role)
            if one is None and self.reader.kind(row) == "mean":
                one = self._mean_in_words(row, test_column)
            if one is None and is_unit(self.sheet.text(row, at) or "%"):
                one = self._only_figure(row, test_column)
            if one is not None:
                one.flags |= flags
                found.append(one)
        header = self.table.column(test_column).role.test
        found += self._cycles(rows, test_column, at)
        found += self._named_elsewhere(test_columns, rows, value, unit_column)
        found += self._further_results(rows, test_column, [at, *others], role)
        return found, explicit and bool(header)

    def _by_units(self, rows: list[int], test_column: int) -> list[Candidate]:
        """One name's results in several units: `A1c  5.3  34` below `%  mmol/mol`."""
        columns = [c for c in self.table.columns.values() if c.texts and all(map(is_unit, c.texts))]
        if len({column.unit for column in columns}) < _FEWEST_PAIRS:
            return []
        found: list[Candidate] = []
        for row in rows:
            named = self.columns.row_tests(row, test_column)
            for column in columns:
                tests = tuple(
                    test
                    for test in named
                    if compare(column.unit, test.assay.unit)[0] is Agreement.SAME
                ) or self.sheet.lexicon.sibling(named[0], column.unit)
                one = self._candidate(row, tests, (row, test_column), column.index,
                                      column.unit, "long", _IN_UNIT) if tests else None  # fmt: skip
                found += [one] if one is not None else []
        return found

    def _cycles(self, rows: list[int], test_column: int, results: int) -> list[Candidate]:
        """Tests of the cycle at which a target is seen, beside the results that are quantities."""
        columns = self.columns.of_cycles
        if not columns or results in columns:
            return []
        return [
            one
            for row in rows
            if any(counts_cycles(test.assay) for test in self.columns.row_tests(row, test_column))
            and (one := self._long_row(row, test_column, columns[0], _OF_CYCLES, None)) is not None
        ]

    def _further_results(
        self, rows: list[int], test_column: int, columns: list[int], role: float
    ) -> list[Candidate]:
        """Second results of a line whose unit tells that they are another test's: `2.21`, `INR`."""
        return [
            one
            for at in columns
            for row in rows
            if self.table.column(at + 1).role.unit
            and self._named_by_unit(self.sheet.text(row, at + 1))
            for one in self._of_several(row, test_column, at, role)
        ]

    def _of_several(self, row: int, test_column: int, at: int, role: float) -> Iterator[Candidate]:
        one = self._long_row(row, test_column, at, role, at + 1)
        if one is not None:
            yield one

    def _in_the_unit_of_its_test(
        self, row: int, test_column: int, first: int, unit_column: int | None, others: list[int]
    ) -> int | None:
        """Of several results with units of their own the only one in that of the line's test.

        PT, `13.2`, s, `98`, %: nothing where the first of them is in its unit, or has none.
        """
        wanted = self.columns.row_tests(row, test_column)[0].assay.unit
        unit = self.sheet.text(row, unit_column) if unit_column is not None else ""
        if self.sheet.text(row, first) and compare(unit, wanted)[0] not in _STRANGE:
            return None
        fits = [
            at
            for at in others
            if self.table.column(at + 1).role.unit
            and compare(self.sheet.text(row, at + 1), wanted)[0] is Agreement.SAME
        ]
        return fits[0] if len(fits) == 1 else None

    def _in_pairs(self) -> list[Candidate]:
        """Further results of lines that name each of theirs: `HbA1c  5.4 %  HbF  0.9 %`.

        Each figure carries its own unit, which is that of the test before it.
        """
        found: list[Candidate] = []
        for row in self._refs:
            filled = self.sheet.filled(row)
            names, figures = filled[::2], filled[1::2]
            units = [self.sheet.reading(row, at).unit for at in figures]
            if len(names) < _FEWEST_PAIRS or len(names) != len(figures) or not all(units):
                continue
            for name, at, unit in zip(names[1:], figures[1:], units[1:], strict=True):
                tests = self.columns.row_tests(row, name)
                if tests and compare(unit, tests[0].assay.unit)[0] is Agreement.SAME:
                    one = self._long_row(row, name, at, UNNAMED, None)
                    found += [one] if one is not None else []
        return found

    def _named_elsewhere(
        self, test_columns: list[int], named: list[int],
        value: tuple[int, float, bool, set[str]], unit_column: int | None,
    ) -> list[Candidate]:  # fmt: skip
        """Results of lines that name their test in another column than most: a form, a program."""
        at, role, explicit, flags = value
        others = [one for one in test_columns[1:] if self._may_name(self.table.column(one))]
        if not explicit or not others:
            return []
        other = others[0]
        found: list[Candidate] = []
        for row in self._refs:
            if row not in named and self.columns.row_tests(row, other):
                one = self._long_row(row, other, at, role * _ELSEWHERE, unit_column)
                if one is not None:
                    one.flags |= flags
                    found.append(one)
        return found

    @staticmethod
    def _may_name(column: Column) -> bool:
        """Whether a column may name tests by its header: operators' initials do not."""
        role = column.role
        named = role.sample > _FAINT or role.value or role.unit
        return not (column.negative or column.tests or named)

    def _long_row(
        self, row: int, test_column: int, at: int, role: float, unit_column: int | None
    ) -> Candidate | None:
        tests = self.columns.in_kind(self.columns.row_tests(row, test_column), at)
        if not tests:
            return None
        unit = self.sheet.text(row, unit_column) if unit_column is not None else ""
        unit = unit or self.table.column(at).unit
        if not unit:
            unit = header_unit(self.sheet.text(row, test_column), True)
        return self._candidate(
            row, self._as_the_unit_says(tests, unit), (row, test_column), at, unit, "long", role
        )

    def _as_the_unit_says(self, tests: tuple[TestMatch, ...], unit: str) -> tuple[TestMatch, ...]:
        """The test that a unit names where it is none of the named test's: PT, `1.04`, `INR`."""
        if not tests or compare(unit, tests[0].assay.unit)[0] not in _STRANGE:
            return tests
        return self._named_by_unit(unit) or self.sheet.lexicon.sibling(tests[0], unit) or tests

    def _named_by_unit(self, unit: str) -> tuple[TestMatch, ...]:
        """The test whose name stands where a unit does: `INR`, and neither `C` nor `mg/L`."""
        if len(unit) < _SHORTEST_TOLD or measure(unit) is not None:
            return ()
        told = self.sheet.tests(unit)
        return told if told and told[0].score >= _TOLD else ()

    def _word_for(
        self, row: int, test_column: int, instead_of: int, columns: list[int], role: float
    ) -> Candidate | None:
        """`Undetermined` in the column of the single run, where that of the mean is empty."""
        for at in columns:
            if (at in self.columns.of_cycles) != (instead_of in self.columns.of_cycles):
                continue
            if self.sheet.reading(row, at).kind in (Kind.TEXT, Kind.CENSORED):
                return self._long_row(row, test_column, at, role * 0.95, None)
        return None

    def _only_figure(self, row: int, test_column: int) -> Candidate | None:
        """The one figure of a line beside the table's columns, where it is in the test's unit."""
        wanted = self.columns.row_tests(row, test_column)[0].assay.unit
        others = [at for at in self.sheet.filled(row) if at != test_column]
        beside = others[1] if len(others) == _FIGURE_AND_UNIT else None
        if not others or len(others) > _FIGURE_AND_UNIT:
            return None
        unit = self.sheet.reading(row, others[0]).unit or self.sheet.text(row, others[-1])
        if compare(unit, wanted)[0] not in (Agreement.SAME, Agreement.NOTE):
            return None
        return self._long_row(row, test_column, others[0], UNNAMED, beside)

    def _mean_in_words(self, row: int, test_column: int) -> Candidate | None:
        """The figure behind the word of a mean beside its table: `TN  Mean  5.02`."""
        filled = self.sheet.filled(row)
        for label, at in pairwise(filled):
            if is_mean(self.sheet.text(row, label)):
                return self._long_row(row, test_column, at, UNNAMED, None)
        return None

    # -- transposed, scoped, unnamed ------------------------------------------------------------

    def _transposed(self) -> list[Candidate]:
        """Samples across, analytes down."""
        across = [c for c in self.table.columns.values() if c.sample and not c.negative]
        if len({c.sample.sample.id for c in across if c.sample}) < 2:
            return []
        test_column = self._label_column({c.index for c in across})
        if test_column is None:
            return []
        units = next((c.index for c in self.table.columns.values() if c.role.unit), None)
        found: list[Candidate] = []
        for row in self.body:
            tests = self.columns.row_tests(row, test_column)
            if not tests:
                continue
            for column in across:
                found += self._transposed_cell(row, tests, test_column, column, units)
        return found

    def _transposed_cell(
        self, row: int, tests: tuple[TestMatch, ...], named: int, column: Column, units: int | None
    ) -> Iterator[Candidate]:
        match = column.sample
        if match is None or column.role.unit:
            return
        ref = SampleRef(match, column.sample_cell, match.fit.value, "header", not match.weak)
        self._refs[row] = ref
        unit = self.sheet.text(row, units) if units is not None else ""
        unit = unit or header_unit(self.sheet.text(row, named), True)
        one = self._candidate(row, tests, (row, named), column.index, unit, "transposed", 0.97)
        if one is not None:
            one.flags.discard("several_samples_in_row")
            yield one

    def _label_column(self, taken: set[int]) -> int | None:
        counts: Counter[int] = Counter()
        for row in self.body:
            for column in self.sheet.filled(row):
                if column not in taken and self.columns.row_tests(row, column):
                    counts[column] += 1
        return min(counts, key=lambda c: (-counts[c], c)) if counts else None

    def _scoped(self) -> list[Candidate]:
        """One analyte a block, named above its rows or by the sheet."""
        by_test: dict[Place | None, list[int]] = defaultdict(list)
        for row in self._refs:
            scope = self.reader.scopes[row]
            if scope.test or not scope.test_closed:
                by_test[scope.test_cell].append(row)
        found: list[Candidate] = []
        for named, rows in by_test.items():
            tests = self.reader.scopes[rows[0]].test or self.sheet.tests(self.sheet.grid.name)
            if not tests:
                continue
            value = self.columns.value_column(rows, None)
            if value is None or not self.table.header:
                continue
            at, role, _, flags = value
            unit_column = self.columns.unit_column(rows, at)
            for row in rows:
                unit = self.sheet.text(row, unit_column) if unit_column is not None else ""
                unit = unit or self.table.column(at).unit
                one = self._candidate(row, tests, named, at, unit, "block", role * 0.95)
                if one is not None:
                    one.flags |= flags
                    found.append(one)
        return found

    def _slips(self) -> list[Candidate]:
        """Lines as a balance prints them, one of which is the result: `Result  3.51 %MC`."""
        if self.table.header:
            return []
        found: list[Candidate] = []
        for row in self._refs:
            filled = self.sheet.filled(row)
            scope = self.reader.scopes[row]
            if (
                len(filled) < 2
                or self.sheet.role(self.sheet.text(row, filled[0])).value < _PROMISING
            ):
                continue
            reading = self.sheet.reading(row, filled[1])
            unit = (
                reading.unit or self.sheet.text(row, filled[2]) if len(filled) > 2 else reading.unit
            )
            owners = [] if scope.test else self._owners(unit)
            tests = scope.test or tuple(TestMatch(one, 0.62, "unit") for one in owners)
            if len({test.assay.id for test in tests[:2]}) != 1:
                continue
            one = self._candidate(row, tests, scope.test_cell, filled[1], unit, "block", UNNAMED)
            if one is not None:
                one.flags.add("no_header" if scope.test else "analyte_not_named")
                found.append(one)
        return found

    def _unnamed(self, known: list[Candidate]) -> list[Candidate]:
        """Where an analyte is not named a unit that only one assay has may stand for it.

        Beside columns that name others, that is the unit of one of those that they do not name.
        """
        assays = self.sheet.lexicon.assays.values()
        named = {one.tests[0].assay.id for one in known}
        told = {one.place[1] for one in known}
        best: list[Candidate] = []
        before = self.columns.undiluted(
            [c.index for c in self.table.columns.values() if c.role.value]
        )
        left = self._owners("") if not named else self.sheet.lexicon.beside_cycles(named)
        mean = self.columns.mean_of_repeats(
            list(self._refs), [c.index for c in self.table.columns.values() if c.role.value]
        )
        for column in self.table.columns.values():
            if column.negative or column.role.sample or column.foreign:
                continue
            if column.index in before or column.index in told:
                continue
            if mean is not None and column.index != mean:
                continue
            promise = column.role.value or self._in_a_unit_alone(column)
            if not promise:
                continue
            found: list[Candidate] = []
            for row in self._refs:
                unit = column.unit or self._unit_beside(row, column)
                unit = unit or self.sheet.reading(row, column.index).unit
                fits = self._owners(unit) if unit or column.role.value < _PROMISING else left
                reading: Reading = self.sheet.reading(row, column.index)
                if len(fits) != 1 and not (not unit and len(assays) == 1 and reading.result):
                    continue
                if named and (not fits or fits[0].id in named):
                    continue
                assay = fits[0] if fits else next(iter(assays))
                test = TestMatch(assay, 0.62 if fits else 0.5, "unit")
                one = self._candidate(row, (test,), None, column.index, unit, "unnamed",
                                      promise)  # fmt: skip
                if one is not None:
                    one.flags.add("analyte_not_named" if fits else "analyte_assumed")
                    found.append(one)
            if _reach(found) > _reach(best):
                best = found
        return best

    def _in_a_unit_alone(self, column: Column) -> float:
        """How far a header can be relied on that is nothing but the unit of the one assay."""
        alone = column.role.unit == 0 and len(column.texts) == 1 and is_unit(column.texts[0])
        return UNNAMED if alone and len(self._owners(column.unit)) == 1 else 0.0

    def _owners(self, unit: str) -> list[Assay]:
        """The assays with a unit, only those of the same spelling where there are any.

        Where none has it, those to which it says the same, as ppm to mg/kg.
        """
        assays = [assay for assay in self.sheet.lexicon.assays.values() if assay.unit]
        fits = [a for a in assays if compare(unit, a.unit)[0] is Agreement.SAME]
        fits = fits or [a for a in assays if compare(unit, a.unit)[0] is Agreement.NOTE]
        return [a for a in fits if fold(a.unit) == fold(unit)] or fits
