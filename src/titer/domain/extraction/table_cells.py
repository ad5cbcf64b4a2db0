"""One table with the samples of its lines, and what a cell of it may be the result of."""

from collections import Counter
from collections.abc import Iterator
from functools import cached_property

from titer.domain.extraction.candidates import Candidate, Place, SampleRef
from titer.domain.extraction.columns import Column, Table
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.numbers import Kind, looks_numeric
from titer.domain.extraction.result_columns import ResultColumns
from titer.domain.extraction.roles import sheet_rank
from titer.domain.extraction.rows import RowReader
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.units import Agreement, compare, is_unit
from titer.domain.extraction.values import Assay
from titer.domain.extraction.wording import fold

_LONGEST_UNIT = 12
_SHARE_WITH_MEANS = 0.5


class TableCells:
    """What all layouts of a table have in common."""

    def __init__(self, number: int, reader: RowReader) -> None:
        self.number = number
        self.reader = reader
        self.sheet: Sheet = reader.sheet
        self.table: Table = reader.table
        self.refs = self._samples()
        self.columns = ResultColumns(reader, self.refs)
        self._after_several: dict[int, set[int]] = {}

    def _samples(self) -> dict[int, SampleRef]:
        """The sample of every row that has one and is no statistic or control."""
        found: dict[int, SampleRef] = {}
        previous: SampleRef | None = None
        last_row: int | None = None
        # How many lines in a row the sample before has had.
        run = 0
        for row in self.reader.body:
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

    def candidate(
        self, row: int, tests: tuple[TestMatch, ...], named: Place | None, at: int,
        unit: str, layout: str, role: float,
    ) -> Candidate | None:  # fmt: skip
        """The reading of a cell as the result of one of some tests; None where it is none."""
        reading = self.sheet.reading(row, at)
        # The mean of no cycle at all is printed as 0, which is none.
        if reading.kind is Kind.NONE or (reading.number == 0 and at in self.columns.of_cycles):
            return None
        kind = self.reader.kind(row)
        if kind in ("statistic", "control"):
            return None
        if kind == "mean" and self._is_of_all(self.refs[row]):
            return None
        if not kind and (self.table.of_means or self.columns.heads_means(at)):
            if self._follows_several(row, at):
                return None
            kind = "mean"
        ref = self.refs[row]
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

    def _is_of_all(self, sample: SampleRef) -> bool:
        """Whether a mean that a line above gives to a sample is that of all samples together.

        Then there are far fewer lines of means than samples.
        """
        if sample.via == "scope":
            return self._means < _SHARE_WITH_MEANS * len(self._lines)
        repeated = self._lines[sample.match.sample.id] > 1
        return sample.via == "carried" and not repeated and self._means < len(self._lines)

    def _follows_several(self, row: int, at: int) -> bool:
        """Whether the mean in a summary is of several samples, which stand in blocks above it."""
        held = self._after_several.get(at)
        if held is None:
            held = self._after_several[at] = set(self._summaries(at))
        return row in held

    def _summaries(self, at: int) -> Iterator[int]:
        """The lines with a figure in a column, between which several samples have blocks."""
        last, of_last = -1, -1
        for row, ref in self.refs.items():
            if ref.via != "scope" or self.sheet.reading(row, at).kind is Kind.NONE:
                continue
            scopes = self.reader.scopes[last + 1 : row + 1]
            samples = {scope.sample.sample.id for scope in scopes if scope.sample is not None}
            if len(samples - {of_last}) > 1:
                yield row
            last, of_last = row, ref.match.sample.id

    @cached_property
    def _means(self) -> int:
        return sum(self.reader.kind(row) == "mean" for row in self.refs)

    @cached_property
    def _lines(self) -> Counter[int]:
        """How many lines of results each sample has."""
        plain = [ref for row, ref in self.refs.items() if not self.reader.kind(row)]
        return Counter(ref.match.sample.id for ref in plain)

    def unit_beside(self, row: int, column: Column) -> str:
        """The unit in the cell after a value, where that column is one of units."""
        beside = self.table.columns.get(column.index + 1)
        text = self.sheet.text(row, column.index + 1)
        if (
            beside is not None
            and beside.role.unit
            and not (is_unit(text) and len(text) > _LONGEST_UNIT)
        ):
            return text
        if beside is None and is_unit(text) and not looks_numeric(text):
            return text
        return ""

    def owners(self, unit: str) -> list[Assay]:
        """The assays with a unit, only those of the same spelling where there are any.

        Where none has it, those to which it says the same, as ppm to mg/kg.
        """
        assays = [assay for assay in self.sheet.lexicon.assays.values() if assay.unit]
        fits = [a for a in assays if compare(unit, a.unit)[0] is Agreement.SAME]
        fits = fits or [a for a in assays if compare(unit, a.unit)[0] is Agreement.NOTE]
        return [a for a in fits if fold(a.unit) == fold(unit)] or fits


class Layout:
    """A way in which a table may be laid out: what reads it has the table's parts at hand."""

    def __init__(self, cells: TableCells) -> None:
        self._cells = cells
        self._sheet = cells.sheet
        self._table = cells.table
        self._reader = cells.reader
        self._body = cells.reader.body
        self._columns = cells.columns
        self._refs = cells.refs
