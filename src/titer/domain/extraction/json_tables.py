"""JSON: Allotrope simple models, and plain lists of records."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.grid import Grid, make_grid
from titer.domain.extraction.limits import MAX_ROWS

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?')
_HEADER = ("Sample ID", "Test", "Result", "Unit")


class _Numeral(str):
    """A number as it is spelled in the file, with its place."""

    __slots__ = ("column", "line")
    line: int
    column: int


def _numerals(text: str) -> Callable[[str], _Numeral]:
    """A parser hook that meets the file's numbers in the order they stand there."""
    places = (m for m in _TOKEN.finditer(text) if m[0][0] != '"')
    state = {"line": 1, "from": 0}

    def hook(spelled: str) -> _Numeral:
        numeral = _Numeral(spelled)
        match = next(places, None)
        at = match.start() if match is not None else state["from"]
        state["line"] += text.count("\n", state["from"], at)
        state["from"] = at
        numeral.line = state["line"]
        numeral.column = at - text.rfind("\n", 0, at)
        return numeral

    return hook


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _measured(node: Any, sample: str, named: str) -> Iterator[tuple[str, str, Any, str]]:
    """Every value with a unit below a node that names a sample."""
    if isinstance(node, list):
        for item in node:
            yield from _measured(item, sample, named)
        return
    if not isinstance(node, dict):
        return
    document = node.get("sample document")
    if isinstance(document, dict):
        sample = _plain(document.get("sample identifier")) or sample
    named = _plain(node.get("analyte name")) or named
    for name, child in node.items():
        if isinstance(child, dict) and "value" in child and not isinstance(child["value"], dict):
            yield sample, named or name, child["value"], _plain(child.get("unit"))
        elif isinstance(child, dict | list) and name != "sample document":
            yield from _measured(child, sample, named)


def _records(node: Any, depth: int = 0) -> list[dict[str, Any]] | None:
    """The first list of flat records found near the top."""
    if isinstance(node, list) and node and all(isinstance(x, dict) for x in node):
        flat = [{k: v for k, v in x.items() if not isinstance(v, dict | list)} for x in node]
        if any(len(x) >= 2 for x in flat):
            return flat
    if isinstance(node, dict) and depth < 4:
        for child in node.values():
            found = _records(child, depth + 1)
            if found is not None:
                return found
    return None


def read_json(text: str) -> Grid:
    """A grid of an Allotrope document's measurements, or of the records of a plain list."""
    hook = _numerals(text)
    try:
        document = json.loads(text, parse_float=hook, parse_int=hook)
    except (ValueError, RecursionError):
        raise UnreadableFile("The file looks like JSON but is not well formed.") from None
    try:
        found = [row for row in _measured(document, "", "") if row[0]]
        records = None if found else _records(document)
    except RecursionError:
        raise UnreadableFile("The file is JSON nested too deeply to be results.") from None
    if found:
        return _from_measured(found)
    if not records:
        raise UnreadableFile("The file is JSON without a list of results.")
    return _from_records(records)


def _spelled(value: Any) -> str:
    if value is None or isinstance(value, bool):
        return ""
    return str(value)


def _from_measured(found: list[tuple[str, str, Any, str]]) -> Grid:
    rows: list[tuple[str, ...]] = [_HEADER]
    lines = [1]
    for sample, name, value, unit in found[:MAX_ROWS]:
        rows.append((sample, name, _spelled(value), unit))
        lines.append(value.line if isinstance(value, _Numeral) else lines[-1])
    return make_grid("", rows, lines)


def _from_records(records: list[dict[str, Any]]) -> Grid:
    names = list(dict.fromkeys(name for record in records[:MAX_ROWS] for name in record))
    rows: list[list[str]] = [names]
    lines = [1]
    for record in records[:MAX_ROWS]:
        rows.append([_spelled(record.get(name)) for name in names])
        placed = [v.line for v in record.values() if isinstance(v, _Numeral)]
        lines.append(placed[0] if placed else lines[-1])
    return make_grid("", rows, lines)
