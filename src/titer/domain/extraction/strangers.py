"""Names in a file that could be samples' and that no sample of the world answers to."""

import re
from collections.abc import Iterable, Iterator

from titer.domain.extraction.limits import MAX_STRANGERS
from titer.domain.extraction.numbers import looks_numeric, looks_temporal
from titer.domain.extraction.sheet import Sheet

_LONGEST = 80
_SHORTEST = 3
_SHORTEST_NUMBER = 4
_BETWEEN = re.compile(r"[\s:=;,()\[\]\"']+")
_MARK = re.compile(r"[\d_/-]")
_LETTER = re.compile(r"[^\W\d_]")


def find_strangers(sheets: Iterable[Sheet]) -> tuple[str, ...]:
    """The names, each once, in the order of the file; no more than `MAX_STRANGERS`."""
    found: dict[str, None] = {}
    seen: set[str] = set()
    for sheet in sheets:
        for row, cells in enumerate(sheet.rows):
            known = sheet.ids_in(row)
            for column, text in enumerate(cells):
                if text in seen or column in known:
                    continue
                seen.add(text)
                found.update(dict.fromkeys(_names(text)))
            if len(found) >= MAX_STRANGERS:
                return tuple(found)[:MAX_STRANGERS]
    return tuple(found)


def _names(text: str) -> Iterator[str]:
    """A cell's text and, where it is of several words, each of them that could name a sample."""
    if not text or len(text) > _LONGEST or looks_temporal(text):
        return
    if looks_numeric(text):
        if text.isdigit() and len(text) >= _SHORTEST_NUMBER:
            yield text
        return
    parts = [text, *_BETWEEN.split(text)] if _BETWEEN.search(text) else [text]
    for part in parts:
        if len(part) >= _SHORTEST and _MARK.search(part) and _LETTER.search(part):
            yield part
