"""What a file is about as a whole, where its tables name no test."""

import re
from collections.abc import Iterator
from dataclasses import replace

from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.numbers import looks_like_value, looks_numeric
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.wording import key

_LONGEST_HEAD = 40
_SCORE = 0.8
_LEAST = 0.85
_SHORTEST = 3
_ENDING = re.compile(r"\.[A-Za-z]{1,5}$")
_BETWEEN = re.compile(r"[\W_]+")
#: What kinds of instruments measure that measure one thing only, by a name of that thing.
_MEASURES = {
    "kf": "Karl Fischer water", "karl fischer": "Karl Fischer water",
    "density meter": "density", "densitometer": "density",
    "viscometer": "viscosity", "viscosimeter": "viscosity", "rheometer": "viscosity",
    "refractometer": "refractive index", "polarimeter": "optical rotation",
    "turbidimeter": "turbidity", "moisture analyzer": "moisture", "moisture analyser": "moisture",
    "water activity meter": "water activity", "osmometer": "osmolality",
    "flash point tester": "flash point", "conductivity meter": "conductivity",
}  # fmt: skip


def find_subject(sheets: list[Sheet], file_name: str) -> tuple[TestMatch, ...]:
    """The one assay that is named there, or nothing."""
    named: dict[int, TestMatch] = {}
    for sheet in sheets:
        for text in (*_head(sheet), sheet.grid.name, file_name):
            named.update({test.assay.id: test for test in _named_in(sheet, text)})
    if len(named) != 1:
        return ()
    (test,) = named.values()
    return (replace(test, score=_SCORE, kind="context"),)


def _head(sheet: Sheet) -> Iterator[str]:
    """The texts above the first line that names a sample."""
    for row, cells in enumerate(sheet.rows[:_LONGEST_HEAD]):
        if sheet.strong_ids(row):
            return
        # A line with a figure tells of a setting: `Lid Temp, 105`.
        if not any(looks_numeric(cell) for cell in cells):
            yield from cells


def _named_in(sheet: Sheet, text: str) -> Iterator[TestMatch]:
    """The assays that a text names, as a whole or by one of its words."""
    last = _ENDING.sub("", re.split(r"[\\/]", text)[-1]).strip()
    if not last or looks_like_value(last):
        return
    plain = f" {key(last)} "
    kinds = (measured for kind, measured in _MEASURES.items() if f" {kind} " in plain)
    for part in dict.fromkeys((last, *_BETWEEN.split(last), *kinds)):
        tests = sheet.tests(part) if len(part) >= _SHORTEST else ()
        if tests and tests[0].score >= _LEAST:
            yield tests[0]
            return
