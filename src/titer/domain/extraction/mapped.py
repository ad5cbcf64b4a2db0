"""Carrying out a mapping on the grids: the same readings, the same doubts, a lower ceiling."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from titer.domain.extraction.candidates import Candidate, SampleRef
from titer.domain.extraction.excerpt import assay_tokens
from titer.domain.extraction.identifiers import Fit
from titer.domain.extraction.judging import decide, same_value, with_confidence
from titer.domain.extraction.mapping import Mapping, TableMapping
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.numbers import Kind
from titer.domain.extraction.roles import is_control_type, is_statistic, role_of
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.values import Extraction, Proposal, World

ALONE = 0.75
AGREED_GAIN = 0.05
AGREED_CAP = 0.97
_MAPPED = 0.9


class _Table:
    """One mapped table on its sheet; whatever does not hold there is dropped."""

    def __init__(
        self, number: int, sheet: Sheet, mapping: TableMapping, tokens: dict[str, int]
    ) -> None:
        self.number = number
        self.sheet = sheet
        self.mapping = mapping
        assays = sheet.lexicon.assays
        self.tests = {token: assays[assay] for token, assay in tokens.items()}
        skipped = {row - 1 for row in (*mapping.skip_rows, *mapping.header_rows)}
        first = max(mapping.header_rows, default=0)
        last = min(mapping.last_row or len(sheet.rows), len(sheet.rows))
        self.rows = [row for row in range(first, last) if row not in skipped]

    def candidates(self) -> Iterator[Candidate]:
        mapping = self.mapping
        if mapping.layout == "transposed":
            yield from self._transposed()
        elif mapping.test_column is not None and mapping.value_column is not None:
            yield from self._long(mapping.test_column - 1, mapping.value_column - 1)
        else:
            yield from self._wide()

    def _sample(self, row: int, column: int, via: str) -> SampleRef | None:
        if not 0 <= row < len(self.sheet.rows):
            return None
        matches = self.sheet.ids_in(row).get(column, ())
        if len(matches) != 1 or matches[0].fit is Fit.CONTROL:
            return None
        match = matches[0]
        return SampleRef(match, (row, column), match.fit.value, via, not match.weak)

    def _sample_of(self, row: int) -> SampleRef | None:
        mapping = self.mapping
        if mapping.sample_cell is not None:
            return self._sample(mapping.sample_cell[0] - 1, mapping.sample_cell[1] - 1, "scope")
        if mapping.sample_column is not None:
            return self._sample(row, mapping.sample_column - 1, "column")
        return None

    def _named(self, token: str) -> tuple[TestMatch, ...]:
        assay = self.tests.get(token)
        return (TestMatch(assay, _MAPPED, "mapped"),) if assay is not None else ()

    def _speaks_against(self, column: int) -> bool:
        texts = [self.sheet.text(row - 1, column) for row in self.mapping.header_rows
                 if row <= len(self.sheet.rows)]  # fmt: skip
        return any(role_of(t).negative and not self.sheet.tests(t) for t in texts if t)

    def _candidate(
        self, row: int, column: int, ref: SampleRef | None, tests: tuple[TestMatch, ...]
    ) -> Candidate | None:
        if ref is None or not tests or row >= len(self.sheet.rows):
            return None
        labels = [self.sheet.text(row, c) for c in self.sheet.filled(row)[:6]]
        if any(is_statistic(text) for text in labels[:2]) or is_control_type(labels[0]):
            return None
        reading = self.sheet.reading(row, column)
        if reading.kind is Kind.NONE or self._speaks_against(column):
            return None
        unit = ""
        if self.mapping.unit_column is not None:
            unit = self.sheet.text(row, self.mapping.unit_column - 1)
        return Candidate(self.sheet, ref, tests, None, (row, column), reading,
                         unit or reading.unit, "mapped", _MAPPED, self.number)  # fmt: skip

    def _wide(self) -> Iterator[Candidate]:
        for row in self.rows:
            ref = self._sample_of(row)
            for place in self.mapping.tests:
                if place.column is not None:
                    one = self._candidate(row, place.column - 1, ref, self._named(place.test))
                    if one is not None:
                        yield one

    def _long(self, test_column: int, value_column: int) -> Iterator[Candidate]:
        by_row = {place.row: place.test for place in self.mapping.tests if place.row is not None}
        named = {
            self.sheet.text(row - 1, test_column): token
            for row, token in by_row.items() if row <= len(self.sheet.rows)
        }  # fmt: skip
        for row in self.rows:
            text = self.sheet.text(row, test_column)
            tests = self._named(named[text]) if text in named else self.sheet.tests(text)
            one = self._candidate(row, value_column, self._sample_of(row), tests)
            if one is not None:
                yield one

    def _transposed(self) -> Iterator[Candidate]:
        head = (self.mapping.sample_row or 0) - 1
        if not 0 <= head < len(self.sheet.rows):
            return
        across = {c: self._sample(head, c, "header") for c in self.sheet.filled(head)}
        for place in self.mapping.tests:
            if place.row is None or place.row > len(self.sheet.rows):
                continue
            for column, ref in across.items():
                one = self._candidate(place.row - 1, column, ref, self._named(place.test))
                if one is not None:
                    yield one


def carry_out(mapping: Mapping, sheets: list[Sheet], world: World) -> tuple[Proposal, ...]:
    """The proposals that a mapping leads to, none above the ceiling of a mapping alone."""
    tokens = assay_tokens(sheets)
    found: list[Candidate] = []
    for number, table in enumerate(mapping.tables):
        if table.sheet <= len(sheets):
            sheet = sheets[table.sheet - 1]
            found += _Table(number, sheet, table, tokens).candidates()
    proposals, _ = decide(found, world)
    return tuple(with_confidence(p, min(p.confidence, ALONE), "mapped_only") for p in proposals)


def combine(embedded: Extraction, mapped: tuple[Proposal, ...], name: str) -> Extraction:
    """Two readings of one file: agreement strengthens, disagreement is a conflict."""
    by_target: dict[tuple[int, int], list[Proposal]] = defaultdict(list)
    for proposal in embedded.proposals:
        by_target[proposal.target_id, proposal.assay_id].append(proposal)
    other: dict[tuple[int, int], list[Proposal]] = defaultdict(list)
    for proposal in mapped:
        other[proposal.target_id, proposal.assay_id].append(proposal)
    combined: list[Proposal] = []
    for target in dict.fromkeys([*by_target, *other]):
        combined += _combine_target(by_target.get(target, []), other.get(target, []))
    combined.sort(key=lambda p: (p.source.sheet, p.source.line, p.source.column, p.target_id))
    return replace(embedded, proposals=tuple(combined), extractor=name)


def _combine_target(own: list[Proposal], mapped: list[Proposal]) -> list[Proposal]:
    if not own or not mapped:
        return own or mapped
    agreed = all(any(same_value(p.result, q.result) for q in own) for p in mapped)
    if agreed:
        return [p if p.conflict or p.confidence < 0.5 else
                with_confidence(p, max(p.confidence, min(p.confidence + AGREED_GAIN, AGREED_CAP)))
                for p in own]  # fmt: skip
    together = own + [p for p in mapped if not any(same_value(p.result, q.result) for q in own)]
    return [
        replace(with_confidence(p, min(p.confidence, 0.6), "several_values"), conflict=True)
        for p in together
    ]
