"""Who a row is about, and whether it is a result row at all."""

import re

from titer.domain.extraction.candidates import SampleRef
from titer.domain.extraction.columns import Table
from titer.domain.extraction.headers import is_pairs
from titer.domain.extraction.identifiers import Fit, IdMatch
from titer.domain.extraction.naming import says_nothing
from titer.domain.extraction.numbers import looks_temporal
from titer.domain.extraction.roles import (
    is_control_type,
    is_mean,
    is_signal,
    is_statistic,
    role_of,
)
from titer.domain.extraction.scopes import Scope
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.wording import words

_LABELS_LOOKED_AT = 7
_LEAST_PROMISE = 0.8
_FAINT = 0.4
_LONGEST_SYMBOL = 2
#: From here on the header of a column is that of names.
NAMES = 0.7
_LEAST_REPEATS = 2
_SHORTEST_SAID, _LONGEST_SAID = 2, 3
_REMARKED = 0.8
_FIRST_ONLY = frozenset(
    ("s", "n", "x", "mw", "total", "sum", "count", "number", "min", "max", "range")
)
_TYPE_WORDS = frozenset("type typ task content category class".split())
_NUMBERED = re.compile(r"[\s_#-]*\d{1,2}$")
_MARK_WORDS = frozenset(
    ("qualifier qual qualifiers flag flags sign operator prefix modifier").split()
)
_BINDING = frozenset("of the de der von di".split())
_LONG_LABEL = 5
_AS_WRITTEN = ("code", "name", "alias", "learned", "hint")
_SIGNS = frozenset("<>≤≥")
_LIMIT_MARKS = frozenset(("u nd < > bdl bql <lod <loq <rl uj < rl nondetect lt gt").split())


def _said_of(remainder: str) -> str:
    """What the words beside a sample's name make of its row: `Average of 'W-1'`."""
    rest = [word for word in words(remainder) if word not in _BINDING]
    first = "".join(rest[:2]) if rest and len(rest[0]) == 1 else "".join(rest[:1])
    if len(first) < _SHORTEST_SAID or len(rest) > _LONGEST_SAID:
        return ""
    if is_mean(first):
        return "mean"
    return "statistic" if is_statistic(first) and first not in _FIRST_ONLY else ""


class RowReader:
    """Reads the sample and the kind of every row of one table."""

    def __init__(
        self,
        sheet: Sheet,
        table: Table,
        scopes: list[Scope],
        setters: set[int],
        file_id: IdMatch | None,
    ) -> None:
        self.sheet = sheet
        self.table = table
        self.body = [row for row in table.body if row not in setters]
        self.scopes = scopes
        self.file_id = file_id
        self._kinds: dict[int, str] = {}
        self._qualified: dict[int, bool] = {}
        self._promising: dict[int, bool] = {}
        self.id_column, self.supported = self._choose_id_column()
        self._type_columns = [
            c.index for c in table.columns.values()
            if any(w in _TYPE_WORDS for t in c.texts for w in words(t))
        ]  # fmt: skip

        self._type_columns = [at for at in self._type_columns if not self._controls_all(at)]
        self._mark_columns = [
            c.index for c in table.columns.values()
            if any(w in _MARK_WORDS for t in c.texts for w in words(t))
        ]  # fmt: skip

    def _controls_all(self, column: int) -> bool:
        """Whether a column would make a control of every sample: then it speaks of other things."""
        named = [row for row in self.body if self.sheet.strong_ids(row)]
        return bool(named) and all(is_control_type(self.sheet.text(row, column)) for row in named)

    def _choose_id_column(self) -> tuple[int | None, bool]:
        """The column whose cells name samples; weak names need a header and company."""
        strong: dict[int, set[int]] = {}
        weak: dict[int, set[int]] = {}
        for row in self.body:
            scope = self.scopes[row]
            if (scope.sample is not None or scope.closed) and is_pairs(self.sheet, row):
                # `Dataset File: 2611-0045.16` names again what the block is of.
                continue
            for column, matches in self.sheet.ids_in(row).items():
                if len(matches) == 1:
                    found = weak if matches[0].weak else strong
                    found.setdefault(column, set()).add(matches[0].sample.id)
        best, best_score = None, 0.0
        for column in strong.keys() | weak.keys():
            role = self.table.column(column).role
            score = len(strong.get(column, ())) * (1 + role.sample)
            if role.sample >= 0.4:
                score += 0.5 * len(weak.get(column, ())) * role.sample
            if role.test or role.unit or (role.value and not role.sample):
                score *= 0.2
            if self.table.column(column).negative and not role.sample:
                score *= 0.6
            if self._is_figures(column):
                score = 0.0
            if score > best_score or (score == best_score and best is not None and column < best):
                best, best_score = column, score
        if best is None:
            return None, True
        return best, self._company(best) if not strong.get(best) else self._mostly_known(best)

    def _is_figures(self, column: int) -> bool:
        """Whether the matches are bare numbers under a header that promises measurements."""
        known = self.table.column(column)
        if known.role.sample or not (known.negative or known.role.value or known.tests):
            return False
        return self._all_digits(column)

    def _all_digits(self, column: int) -> bool:
        named = [r for r in self.body if self.sheet.ids_in(r).get(column)]
        return all(self.sheet.text(row, column).isdigit() for row in named)

    def _mostly_known(self, column: int) -> bool:
        """Bare numbers under no sample header must be the rule in their column."""
        if self.table.column(column).role.sample or not self._all_digits(column):
            return True
        filled = sum(bool(self.sheet.text(row, column)) for row in self.body)
        named = sum(bool(self.sheet.ids_in(row).get(column)) for row in self.body)
        return named >= 0.5 * filled

    def _company(self, column: int) -> bool:
        """Whether so much of a column is known that even short names can be believed."""
        role = self.table.column(column).role
        known: list[str] = []
        unknown = 0
        for row in self.body:
            text = self.sheet.text(row, column)
            if not text or is_statistic(text) or is_mean(text):
                continue
            matches = self.sheet.ids_in(row).get(column, ())
            if len(matches) == 1 and matches[0].fit in (Fit.EXACT, Fit.SPELLED):
                known.append(text)
            else:
                unknown += 1
        distinct = set(known)
        running = sorted(int(x) for x in distinct if x.isdigit())
        counted = bool(running) and running[0] <= 1 and running[-1] - running[0] < len(running) + 2
        padded = any(x.startswith("0") and len(x) > 1 for x in distinct)
        enough = len(distinct) >= 5 and unknown <= 0.1 * len(known)
        return role.sample >= 0.4 and enough and (not counted or padded)

    def sample(self, row: int) -> SampleRef | None:
        """The sample a row is about, by its own cell, the cell above or the line above."""
        if self.id_column is not None:
            own = self._own(row, self.id_column)
            if own is not None or self.sheet.text(row, self.id_column):
                return own
            return None
        if self._names_stranger(row):
            return None
        scope = self.scopes[row]
        if scope.sample is not None and scope.sample_cell is not None:
            strength = 0.97 if scope.sample.fit is Fit.EXACT else 0.95
            return SampleRef(scope.sample, scope.sample_cell, scope.sample.fit.value * strength,
                             "scope", not scope.sample.weak)  # fmt: skip
        if self.file_id is not None and not scope.closed:
            return SampleRef(self.file_id, None, 0.8 * max(self.file_id.fit.value, 0.9), "file")
        return None

    def _names_stranger(self, row: int) -> bool:
        """A filled cell under a sample header that no sample of the tenant answers to."""
        for column in self.table.columns.values():
            text = self.sheet.text(row, column.index)
            if column.role.sample >= 1.0 and text and not looks_temporal(text):
                return True
        return False

    def _is_remark(self, column: int) -> bool:
        """Whether a column is for words of any kind, among which a sample may be named."""
        return 0 < self.table.column(column).role.sample <= _FAINT

    def _own(self, row: int, column: int) -> SampleRef | None:
        matches = self.sheet.ids_in(row).get(column, ())
        if len(matches) != 1 or matches[0].fit is Fit.CONTROL:
            return None
        match = matches[0]
        if match.weak and self.table.column(column).role.sample < 0.4:
            return None
        fit = match.fit.value
        if self._is_remark(column) and match.fit in (Fit.WORDED, Fit.NUMBERED):
            fit *= _REMARKED
        if self.table.header and not self.table.column(column).role.sample:
            fit *= 0.97
        return SampleRef(match, (row, column), fit, "column", self.supported)

    def carried(self, previous: SampleRef | None, row: int, run: int) -> SampleRef | None:
        """A blank cell below a sample's name stands for the same sample.

        So does a mean without a name where the sample has had several lines above it; below one
        line of each sample it would be the mean of them all.
        """
        if previous is None or self.id_column is None:
            return None
        own = self.sheet.text(row, self.id_column)
        if not own and self._is_of_another(row, previous):
            return None
        if own and not (is_mean(own) and run >= _LEAST_REPEATS):
            return None
        if self._is_remark(self.id_column):
            return None
        cells = [self.sheet.text(row, c) for c in self.sheet.filled(row)[:_LABELS_LOOKED_AT]]
        if any(is_control_type(_NUMBERED.sub("", cell)) for cell in cells):
            return None
        fit = previous.fit * (0.95 if previous.via == "carried" else 0.92)
        fit = max(fit, previous.match.fit.value * 0.87)
        return SampleRef(previous.match, previous.place, fit, "carried", previous.supported)

    def _is_of_another(self, row: int, previous: SampleRef) -> bool:
        """Whether a further column of names tells that a line is not the one before's sample."""
        if previous.place is None:
            return False
        return any(
            (text := self.sheet.text(row, column.index))
            and text != self.sheet.text(previous.place[0], column.index)
            for column in self.table.columns.values()
            if column.role.sample >= NAMES and column.index != self.id_column
        )

    def kind(self, row: int) -> str:
        """`mean`, `statistic`, `control` or nothing special."""
        held = self._kinds.get(row)
        if held is None:
            held = self._kinds[row] = self._kind(row)
        return held

    def _kind(self, row: int) -> str:
        for at, column in enumerate(self.sheet.filled(row)[:_LABELS_LOOKED_AT]):
            text = self.sheet.text(row, column)
            named = self.sheet.ids_in(row).get(column)
            said = _said_of(named[0].remainder) if named else ""
            if said:
                return said
            if named and column == self.id_column:
                continue
            if len(text) > 31 or text[:1].isdigit():
                continue
            column_ = self.table.column(column)
            of_tests = column_.role.test and not column_.role.value
            if of_tests and (len(text) <= _LONGEST_SYMBOL or self.sheet.tests(text)):
                continue
            if self._is_own(text):
                continue
            first_only = text.casefold().strip(" .:") in _FIRST_ONLY
            if is_statistic(text) and (at == 0 or not first_only):
                return "statistic"
            if is_mean(text) and (at == 0 or not first_only):
                return "mean"
            if is_signal(text) and self._has_results(column):
                return "statistic"
        for column in self._type_columns:
            if is_control_type(self.sheet.text(row, column)):
                return "control"
        return ""

    def _is_own(self, text: str) -> bool:
        """Whether a label that elsewhere is a statistic's is a test of the tenant's: `Recovery`."""
        found = self.sheet.tests(text)[:1]
        return any(
            t.kind in _AS_WRITTEN or len(text) >= _LONG_LABEL
            for t in found
            if all(map(says_nothing, t.rest))
        )

    def _has_results(self, column: int) -> bool:
        """Whether other labels of a column promise results, so that not all rows are signals."""
        held = self._promising.get(column)
        if held is None:
            texts = {self.sheet.text(row, column) for row in self.body}
            held = any(role_of(text).value >= _LEAST_PROMISE for text in texts)
            self._promising[column] = held
        return held

    def qualified(self, row: int) -> bool:
        """Whether a mark beside the number says that the number is only a limit."""
        held = self._qualified.get(row)
        if held is None:
            marks = (self.sheet.text(row, c).casefold() for c in self._mark_columns)
            held = not _SIGNS.isdisjoint(self.sheet.rows[row]) or any(
                mark in _LIMIT_MARKS for mark in marks
            )
            self._qualified[row] = held
        return held

    def rivals(self, row: int, sample: SampleRef) -> bool:
        """Whether the row also names another sample of the tenant."""
        named = self.sheet.strong_ids(row)
        return bool(named) and any(m.sample.id != sample.match.sample.id for m in named.values())
