"""Rows as they stand in a file, and what is wrong with them."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from titer.kit.errors import Problem
from titer.kit.web.validation import near_miss

#: The text of a cell, or of each item of a list; None when nothing stands there.
Cell = str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands: the line of the file, or of one of its sheets."""

    line: int
    sheet: str | None = None

    def __str__(self) -> str:
        return f"sheet {self.sheet}, line {self.line}" if self.sheet else f"line {self.line}"


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file: its place, and its cells by the column they stand under."""

    place: Place
    cells: Mapping[str, Cell]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows that belong together; `name` is the sheet's or the section's, if it has one.

    `heading` is None where each row names its columns for itself.
    """

    name: str | None
    place: Place
    heading: tuple[str, ...] | None
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong, where, and with which column."""

    place: Place
    message: str
    column: str | None = None

    def __str__(self) -> str:
        column = f"{self.column} " if self.column else ""
        return f"{self.place}: {column}{self.message}"


class NotImported(Exception):
    """The file is at fault: every fault of it. Nothing was changed."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self.faults = sorted(faults, key=lambda fault: (fault.place.sheet or "", fault.place.line))
        super().__init__(f"{len(self.faults)} faults")


class Columns(BaseModel):
    """What a row may say. Read from text: a field's type is strict about what the text means."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel)
    #: Fields that a record cannot be without: an empty cell says nothing of them.
    never_empty: ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _leave_out(cls, cells: Any) -> Any:
        return {
            column: cell
            for column, cell in cells.items()
            if cell is not None or column not in cls.never_empty
        }

    @classmethod
    def known(cls) -> dict[str, str]:
        """The columns by their folded names."""
        return {fold(field.alias or name): field.alias or name for name, field in _fields(cls)}

    def given(self) -> dict[str, Any]:
        """What the row says, and nothing that it leaves out."""
        return {name: getattr(self, name) for name in self.model_fields_set}


C = TypeVar("C", bound=Columns)


def fold(name: str) -> str:
    """`Material type`, `material_type` and `materialType` are one column."""
    return re.sub(r"[^a-z0-9]", "", name.casefold())


def headed(table: Table, known: Mapping[str, str], faults: list[Fault]) -> list[Row]:
    """The table's rows with their columns by their right names; `known` has those by folded name.

    A column that is not known is at fault: a laboratory's data is never dropped in silence.
    """
    heading = table.heading or ()
    faults += [
        Fault(table.place, _unknown(column, known.values()), column)
        for column in heading
        if fold(column) not in known
    ]
    names = [known.get(fold(column)) for column in heading]
    faults += [
        Fault(table.place, "stands twice in the heading", name)
        for name in dict.fromkeys(names)
        if name and names.count(name) > 1
    ]
    if table.heading is None:
        return [_renamed(row, known, faults) for row in table.rows]
    right = {column: name for column, name in zip(heading, names, strict=True) if name}
    return [
        Row(
            row.place,
            {right[column]: cell for column, cell in row.cells.items() if column in right},
        )
        for row in table.rows
    ]


def _renamed(row: Row, known: Mapping[str, str], faults: list[Fault]) -> Row:
    """A record that names its columns for itself."""
    cells: dict[str, Cell] = {}
    for column, cell in row.cells.items():
        name = known.get(fold(column))
        if name is not None:
            if name in cells:
                faults.append(Fault(row.place, "stands twice in one record", name))
            cells[name] = cell
        else:
            faults.append(Fault(row.place, _unknown(column, known.values()), column))
    return Row(row.place, cells)


def _unknown(column: str, known: Iterable[str]) -> str:
    return f"is not a known column{near_miss(column, known)}"


def understood(row: Row, columns: type[C], faults: list[Fault]) -> C | None:
    """The row as its columns mean it, or None with its faults noted."""
    try:
        return columns.model_validate(row.cells)
    except ValidationError as invalid:
        for error in invalid.errors(include_input=False, include_url=False):
            column = str(error["loc"][0]) if error["loc"] else None
            faults.append(Fault(row.place, _worded(error), column))
        return None


def refused(row: Row, problem: Problem) -> list[Fault]:
    """The faults that the domain finds with a row."""
    if not problem.details:
        return [Fault(row.place, problem.sentence)]
    return [Fault(row.place, detail.message, detail.field) for detail in problem.details]


def batched(rows: Iterable[Row], most: int) -> Iterator[list[Row]]:
    """The rows, so many at a time."""
    left = iter(rows)
    while batch := list(islice(left, most)):
        yield batch


def _worded(error: Any) -> str:
    if error["type"] == "missing":
        return "is required"
    message = str(error["msg"]).removeprefix("Value error, ")
    return message[:1].lower() + message[1:]


def _fields(columns: type[Columns]) -> Iterable[tuple[str, Any]]:
    return columns.model_fields.items()
