"""Headers that have slipped: fewer labels than columns, the values further right."""

from dataclasses import replace

from titer.domain.extraction.columns import Column, Table
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.units import is_unit


def realigned(
    sheet: Sheet, table: Table, rows: list[int], test_column: int | None
) -> dict[int, Column]:
    """The columns as labelled or, where the label of the values stands over nothing, in order."""
    labelled = table.columns
    valued = [c.index for c in labelled.values() if c.role.value and not c.negative]
    if not valued or len(table.header) != 1:
        return labelled
    if any(sheet.text(row, index) for row in rows for index in valued):
        return labelled
    used = [index for index in range(max(len(sheet.rows[r]) for r in rows))
            if index == test_column or _is_used(sheet, rows, index)]  # fmt: skip
    order = sorted(labelled)
    if len(order) != len(used):
        return labelled
    pairs = zip(used, order, strict=True)
    return {now: replace(labelled[then], index=now) for now, then in pairs}


def _is_used(sheet: Sheet, rows: list[int], index: int) -> bool:
    """Whether a column is filled in most rows, and not with units."""
    texts = [text for text in (sheet.text(row, index) for row in rows) if text]
    units = sum(is_unit(text) for text in texts)
    return len(texts) >= 0.5 * len(rows) and units < 0.6 * len(texts)
