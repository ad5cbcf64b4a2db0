"""Tables with a column for each analyte."""

from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise

from titer.domain.extraction.candidates import Candidate
from titer.domain.extraction.columns import Column
from titer.domain.extraction.naming import NOISE
from titer.domain.extraction.numbers import Kind, looks_temporal
from titer.domain.extraction.table_cells import Layout
from titer.domain.extraction.units import Agreement, compare

_TOO_MANY_COLUMNS = 6
_PROMISING = 0.9
_LONGEST_COUNTER, _LEAST_COUNTED, _MOST_COUNTED = 4, 3, 0.7
_MEAN_WORDS = frozenset("mean avg average mittelwert mittel moyenne media promedio mw".split())


class Wide(Layout):
    """Reads the columns that name assays."""

    def candidates(self) -> list[Candidate]:
        """The results in the columns that name each assay best."""
        chosen = self._chosen()
        found: list[Candidate] = []
        for row in self._refs:
            for column, shared in chosen:
                unit = column.unit or self._cells.unit_beside(row, column)
                role = self._role(column)
                one = self._cells.candidate(row, column.tests, column.test_cell, column.index,
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
        texts = [text for row in self._body if (text := self._sheet.text(row, column.index))]
        counted = [int(text) for text in texts if text.isdigit()]
        steps = {after - one for one, after in pairwise(counted)}
        # The line of a mean or of a signature has no number.
        enough = len(counted) >= max(_LEAST_COUNTED, _MOST_COUNTED * len(texts))
        return enough and steps == {1}

    @staticmethod
    def _role(column: Column) -> float:
        return max(column.role.value, 0.96) if column.tests[0].score > 0.8 else 0.9

    def _chosen(self) -> list[tuple[Column, bool]]:
        """For every assay the columns that name it best and hold results."""
        by_test: dict[int, list[tuple[float, Column]]] = defaultdict(list)
        for column in self._table.columns.values():
            if not column.tests or column.negative or column.role.unit:
                continue
            if column.index == self._reader.id_column:
                continue
            if self._counts_lines(column) or self._columns.is_of_figures(column.index):
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
            for other in self._table.columns.values()
            if other.role.value >= _PROMISING
            and not (other.tests or other.negative)
            and compare(self._unit_of(other), wanted)[0] is Agreement.SAME
        ]
        if len(ends) != 1:
            return column, shared
        return replace(column, index=ends[0].index, unit=ends[0].unit, role=ends[0].role), shared

    def _unit_of(self, column: Column) -> str:
        """A column's unit, by its header or by the cells beside it if most of them say the same."""
        beside = Counter(
            unit for row in self._refs if (unit := self._cells.unit_beside(row, column))
        )
        most = beside.most_common(1)
        told = bool(most) and most[0][1] > 0.5 * beside.total()
        return column.unit or (most[0][0] if told else "")

    def _readable(self, column: int) -> tuple[int, int]:
        """How many cells of the samples' rows read as results, of how many filled."""
        readable = filled = 0
        for row in self._refs:
            text = self._sheet.text(row, column)
            if text:
                empty = self._sheet.reading(row, column).kind is Kind.NONE
                readable += not empty
                filled += not (empty and len(text) <= 16 and not looks_temporal(text))
        return readable, filled


def _in_own_unit(named: list[tuple[float, Column]]) -> list[tuple[float, Column]]:
    """Of the columns that name one assay those in its unit, if others have contrary ones."""
    agreed = [compare(c.unit, c.tests[0].assay.unit)[0] if c.unit else None for _, c in named]
    if Agreement.SAME not in agreed:
        return named
    pairs = zip(named, agreed, strict=True)
    return [one for one, agreement in pairs if agreement is not Agreement.CONTRADICTS]


def _means(named: list[tuple[float, Column]]) -> list[tuple[float, Column]]:
    """Of the columns that name one assay those of its means, if there are any."""
    means = [one for one in named if _is_of_means(one[1].tests[0].rest)]
    return means or named


def _is_of_means(rest: tuple[str, ...]) -> bool:
    """Whether a mean is all that a header names beside its assay."""
    told = {word for word in rest if word not in NOISE}
    return bool(_MEAN_WORDS.intersection(rest)) and told <= _MEAN_WORDS
