"""Which of the layouts that a table may have explains it best."""

from titer.domain.extraction.across import Across
from titer.domain.extraction.candidates import Candidate
from titer.domain.extraction.long import Long
from titer.domain.extraction.rows import RowReader
from titer.domain.extraction.table_cells import TableCells
from titer.domain.extraction.unnamed import Unnamed
from titer.domain.extraction.wide import Wide

#: The share of what columns explain that lines with a header of their own need to explain.
_LINES_EXPLAIN = 0.2


def read_table(number: int, reader: RowReader) -> list[Candidate]:
    """The candidates of the layout that explains a table best."""
    cells = TableCells(number, reader)
    if not reader.table.header and not cells.refs:
        return []
    across = Across(cells).candidates()
    if across or not cells.refs:
        return across
    lines, unnamed = Long(cells), Unnamed(cells)
    numbered = lines.numbered()
    if numbered:
        return numbered
    long, explicit = lines.candidates()
    wide = Wide(cells).candidates()
    if long and explicit and len(_firsts(long)) >= _LINES_EXPLAIN * len(_firsts(wide)):
        return _with_others(long, wide)
    long += lines.in_pairs()
    scoped = [] if (long or wide) else unnamed.in_blocks() or unnamed.on_slips()
    best = max((wide, long, scoped), key=_weight)
    return best + unnamed.by_unit(best)


def _with_others(long: list[Candidate], wide: list[Candidate]) -> list[Candidate]:
    """Lines that name one test, with what columns of their own name beside it.

    `dsDNA` in the column of the application stands beside the columns of its purity.
    """
    named = {one.tests[0].assay.id for one in long}
    others = [one for one in wide if one.tests[0].kind != "part"]
    if len(named) > 1 or any(one.tests[0].assay.id in named for one in wide):
        return long
    return long + others


def _firsts(found: list[Candidate]) -> dict[tuple[int, int], Candidate]:
    """The surest candidate of each sample and assay: a column that repeats itself tells no more."""
    best: dict[tuple[int, int], Candidate] = {}
    for one in found:
        named = (one.sample.match.sample.id, one.tests[0].assay.id)
        if named not in best or best[named].quality < one.quality:
            best[named] = one
    return best


def _weight(found: list[Candidate]) -> float:
    """How well a layout explains a table."""
    return sum(one.quality**2 for one in _firsts(found).values())
