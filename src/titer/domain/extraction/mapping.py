"""A table's layout as somebody else may describe it: roles and places, never values.

The schema is closed. It has no field for a value, an identifier or free text, so whoever
answers can at worst point at the wrong column.
"""

from collections.abc import Mapping as Document
from dataclasses import dataclass
from typing import Any, Literal, get_args

Layout = Literal["wide", "long", "transposed", "block"]
_MAX_TABLES = 40
_MAX_TESTS = 500
_MAX_ROWS = 60


class MappingRefused(ValueError):
    """The answer is not of the schema."""


@dataclass(frozen=True, slots=True)
class TestPlace:
    """A test's token and the column (wide) or row (transposed) that holds its results."""

    test: str
    column: int | None = None
    row: int | None = None


@dataclass(frozen=True, slots=True)
class TableMapping:
    """One table; rows and columns count from 1, as the excerpt shows them."""

    sheet: int
    layout: Layout
    header_rows: tuple[int, ...]
    sample_column: int | None = None
    sample_cell: tuple[int, int] | None = None
    sample_row: int | None = None
    tests: tuple[TestPlace, ...] = ()
    test_column: int | None = None
    value_column: int | None = None
    unit_column: int | None = None
    skip_rows: tuple[int, ...] = ()
    last_row: int | None = None


@dataclass(frozen=True, slots=True)
class Mapping:
    tables: tuple[TableMapping, ...]


_TABLE_KEYS = frozenset(TableMapping.__dataclass_fields__)
_TEST_KEYS = frozenset(("test", "column", "row"))


def schema() -> dict[str, Any]:
    """The JSON schema of a mapping, for a provider that can be held to one."""
    place = {"type": ["integer", "null"], "minimum": 1}
    rows = {"type": "array", "items": {"type": "integer", "minimum": 1}, "maxItems": _MAX_ROWS}
    test = {
        "type": "object",
        "additionalProperties": False,
        "required": ["test"],
        "properties": {
            "test": {"type": "string", "pattern": "^T[0-9]{1,5}$"},
            "column": place,
            "row": place,
        },
    }
    table = {
        "type": "object",
        "additionalProperties": False,
        "required": ["sheet", "layout", "header_rows"],
        "properties": {
            "sheet": {"type": "integer", "minimum": 1},
            "layout": {"enum": list(get_args(Layout))},
            "header_rows": rows,
            "sample_column": place,
            "sample_cell": {
                "type": ["array", "null"], "items": {"type": "integer"},
                "minItems": 2, "maxItems": 2,
            },
            "sample_row": place,
            "tests": {"type": "array", "items": test, "maxItems": _MAX_TESTS},
            "test_column": place,
            "value_column": place,
            "unit_column": place,
            "skip_rows": rows,
            "last_row": place,
        },
    }  # fmt: skip
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["tables"],
        "properties": {"tables": {"type": "array", "items": table, "maxItems": _MAX_TABLES}},
    }


def _place(value: Any, name: str) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 1_000_000:
        raise MappingRefused(f"{name} is no row or column")
    return value


def _need(value: Any, name: str) -> int:
    place = _place(value, name)
    if place is None:
        raise MappingRefused(f"{name} is missing")
    return place


def _rows(value: Any, name: str) -> tuple[int, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MAX_ROWS:
        raise MappingRefused(f"{name} is no list of rows")
    return tuple(_need(row, name) for row in value)


def _closed(value: Any, allowed: frozenset[str], name: str) -> Document[str, Any]:
    if not isinstance(value, dict):
        raise MappingRefused(f"{name} is no object")
    strange = set(value) - allowed
    if strange:
        raise MappingRefused(f"{name} holds what the schema does not know")
    return value


def _test(value: Any) -> TestPlace:
    found = _closed(value, _TEST_KEYS, "test")
    token = found.get("test")
    if not isinstance(token, str) or token[:1] != "T" or not token[1:].isdigit() or len(token) > 6:
        raise MappingRefused("a test is not named by its token")
    return TestPlace(token, _place(found.get("column"), "column"), _place(found.get("row"), "row"))


def _layout(value: Any) -> Layout:
    for known in get_args(Layout):
        if value == known:
            layout: Layout = known
            return layout
    raise MappingRefused("the layout is not one of the known")


def _table(value: Any) -> TableMapping:
    found = _closed(value, _TABLE_KEYS, "table")
    layout = _layout(found.get("layout"))
    tests = found.get("tests") or []
    if not isinstance(tests, list) or len(tests) > _MAX_TESTS:
        raise MappingRefused("tests is no list")
    cell = found.get("sample_cell")
    if cell is not None and (not isinstance(cell, list) or len(cell) != 2):
        raise MappingRefused("sample_cell is no cell")
    return TableMapping(
        sheet=_need(found.get("sheet"), "sheet"),
        layout=layout,
        header_rows=_rows(found.get("header_rows"), "header_rows"),
        sample_column=_place(found.get("sample_column"), "sample_column"),
        sample_cell=None if cell is None else (_need(cell[0], "cell"), _need(cell[1], "cell")),
        sample_row=_place(found.get("sample_row"), "sample_row"),
        tests=tuple(_test(test) for test in tests),
        test_column=_place(found.get("test_column"), "test_column"),
        value_column=_place(found.get("value_column"), "value_column"),
        unit_column=_place(found.get("unit_column"), "unit_column"),
        skip_rows=_rows(found.get("skip_rows"), "skip_rows"),
        last_row=_place(found.get("last_row"), "last_row"),
    )


def parse_mapping(document: Any) -> Mapping:
    """A provider's JSON as a mapping; whatever the schema does not know refuses the whole."""
    found = _closed(document, frozenset(("tables",)), "mapping")
    tables = found.get("tables")
    if not isinstance(tables, list) or len(tables) > _MAX_TABLES:
        raise MappingRefused("tables is no list")
    return Mapping(tuple(_table(table) for table in tables))
