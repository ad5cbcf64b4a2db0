"""Importing the catalogue, clients and projects: each record is found by its code, or made."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from titer.imports.files import read
from titer.imports.rows import (
    Columns,
    Fault,
    NotImported,
    Row,
    Table,
    fold,
    headed,
    refused,
    understood,
)
from titer.imports.sections import SECTIONS, Section
from titer.kit.errors import Problem
from titer.kit.tenancy import TenantSession

_BY_NAME: Mapping[str, type[Section]] = {
    fold(name): section for section in SECTIONS for name in (section.name, section.singular)
}
_NAMES = ", ".join(section.name for section in SECTIONS)
_TYPE = "type"

Watch = Callable[[Sequence[Row], str], Iterable[Row]]


@dataclass(frozen=True, slots=True)
class Summary:
    """How many records of each section were created, updated, or found as the file has them."""

    counts: Mapping[str, Counter[str]] = field(
        default_factory=lambda: {section.name: Counter() for section in SECTIONS}
    )

    def total(self, outcome: str) -> int:
        return sum(counter[outcome] for counter in self.counts.values())


async def bring_in(session: TenantSession, path: Path, watch: Watch) -> Summary:
    """Import a file whole. Raises `NotImported` with every fault; then nothing may be committed.

    `watch` hands the rows of a section through, for somebody to see how far it is.
    """
    faults: list[Fault] = []
    by_section = _sorted(read(path), faults)
    summary = Summary()
    for kind in SECTIONS:
        rows = by_section[kind.name]
        if rows:
            work = _Work(kind(session), faults, summary.counts[kind.name])
            await work.all(rows, watch)
    if faults:
        raise NotImported(faults)
    return summary


def _sorted(tables: Sequence[Table], faults: list[Fault]) -> dict[str, list[Row]]:
    """The rows by section: named by the sheet or section, or by each row's `type`."""
    found: dict[str, list[Row]] = {section.name: [] for section in SECTIONS}
    for table in tables:
        section = _BY_NAME.get(fold(table.name or ""))
        if section is not None:
            found[section.name] += headed(table, section.columns.known(), faults)
        elif _TYPE in map(fold, table.heading or ()):
            _sort_by_type(table, found, faults)
        elif table.name is not None:
            faults.append(Fault(table.place, f"is none of {_NAMES}", table.name))
        else:
            faults.append(Fault(table.place, f"needs a column type that says which of {_NAMES}"))
    return found


def _sort_by_type(table: Table, found: dict[str, list[Row]], faults: list[Fault]) -> None:
    known = {_TYPE: _TYPE}
    for section in SECTIONS:
        known |= section.columns.known()
    for row in headed(table, known, faults):
        cells = dict(row.cells)
        named = cells.pop(_TYPE)
        section_of_row = _BY_NAME.get(fold(str(named or "")))
        if section_of_row is None:
            faults.append(Fault(row.place, f"must be one of {_NAMES}", _TYPE))
            continue
        own = set(section_of_row.columns.known().values())
        faults += [
            Fault(row.place, f"is no column of {section_of_row.name}", column)
            for column, cell in cells.items()
            if cell and column not in own
        ]
        kept = {column: cell for column, cell in cells.items() if column in own}
        found[section_of_row.name].append(Row(row.place, kept))


@dataclass(slots=True)
class _Work:
    """One section's import."""

    section: Section
    faults: list[Fault]
    counts: Counter[str]

    async def all(self, rows: Sequence[Row], watch: Watch) -> None:
        said: dict[str, tuple[Row, Columns]] = {}
        for row in rows:
            columns = understood(row, self.section.columns, self.faults)
            if columns is None:
                continue
            key = self.section.key(columns)
            if key in said:
                message = f"stands at {said[key][0].place} already"
                self.faults.append(Fault(row.place, message, key))
                continue
            said[key] = row, columns
        await self.section.prepare()
        in_order = self.section.ordered({key: columns for key, (_, columns) in said.items()})
        of_row = {id(said[key][0]): said[key][1] for key in in_order}
        for row in watch([said[key][0] for key in in_order], self.section.name):
            try:
                self.counts[await self._one(of_row[id(row)])] += 1
            except Problem as problem:
                self.faults += refused(row, problem)

    async def _one(self, columns: Columns) -> str:
        section = self.section
        values = await section.values(columns)
        record = await section.find(columns)
        if record is None:
            await section.create(section.entry_of(values))
            return "created"
        current = await section.current(record)
        changed = {name: value for name, value in values.items() if current[name] != value}
        if not changed:
            return "unchanged"
        await section.change(record.id, changed)
        return "updated"
