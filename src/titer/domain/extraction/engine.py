"""The extraction as a whole: bytes and the tenant's open work in, proposals out."""

from titer.domain.extraction.analytes import Lexicon
from titer.domain.extraction.candidates import Candidate
from titer.domain.extraction.grid import Grid
from titer.domain.extraction.hints import Hint, read_hint
from titer.domain.extraction.identifiers import Fit, Identifiers, IdMatch
from titer.domain.extraction.judging import decide
from titer.domain.extraction.layouts import read_table
from titer.domain.extraction.limits import MAX_PROPOSALS, MAX_UNMATCHED
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.plates import read_plates
from titer.domain.extraction.reading import read_grids
from titer.domain.extraction.rows import RowReader
from titer.domain.extraction.scopes import find_scopes
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.strangers import find_strangers
from titer.domain.extraction.strays import find_strays
from titer.domain.extraction.subject import find_subject
from titer.domain.extraction.tables import find_tables
from titer.domain.extraction.values import Extraction, Unmatched, World

#: Of so few of the samples that are named a report tells nothing.
_FEW_SAMPLES = 0.5


def extract(data: bytes, file_name: str, world: World, hint: str | None = None) -> Extraction:
    """Read a file's results for the targets that are open in a tenant's world."""
    return extract_from_grids(read_grids(data), file_name, world, hint)


def open_sheets(grids: list[Grid], world: World, hint: str | None = None) -> list[Sheet]:
    """The grids as this tenant sees them."""
    read: Hint = read_hint(hint, world.assays)
    ids = Identifiers(world.samples)
    lexicon = Lexicon(world.assays, world.learned, read.aliases)
    return [Sheet(grid, ids, lexicon, read) for grid in grids]


def extract_from_grids(
    grids: list[Grid], file_name: str, world: World, hint: str | None = None
) -> Extraction:
    """The same, on grids that were read before."""
    sheets = open_sheets(grids, world, hint)
    candidates, strays = find_candidates(sheets, file_name)
    proposals, unmatched = decide(candidates, world)
    unmatched += strays
    return Extraction(
        tuple(proposals[:MAX_PROPOSALS]),
        tuple(unmatched[:MAX_UNMATCHED]),
        len(unmatched),
        tuple(grid.name for grid in grids),
        strangers=find_strangers(sheets),
    )


def find_candidates(sheets: list[Sheet], file_name: str) -> tuple[list[Candidate], list[Unmatched]]:
    """All candidates of all tables; a file's name speaks only where no cell does."""
    found: list[Candidate] = []
    strays: list[Unmatched] = []
    for number, sheet in enumerate(sheets):
        _read_sheet(sheet, number, None, found, strays)
    told = find_subject(sheets, file_name) if _tells_little(sheets, found) else ()
    if told:
        again: list[Candidate] = []
        others: list[Unmatched] = []
        for number, sheet in enumerate(sheets):
            _read_sheet(sheet, number, None, again, others, told)
        if len(_samples(again)) > len(_samples(found)):
            found, strays = again, others
    if found or any(_names_sample(sheet) for sheet in sheets):
        return found, strays
    file_id = _id_of_name(sheets, file_name)
    if file_id is not None:
        for number, sheet in enumerate(sheets):
            _read_sheet(sheet, number, file_id, found, strays)
    return found, strays


def _samples(found: list[Candidate]) -> set[int]:
    return {one.sample.match.sample.id for one in found}


def _tells_little(sheets: list[Sheet], found: list[Candidate]) -> bool:
    """Whether nothing was found, or only for a few of the samples and by a unit alone."""
    if any(one.layout != "unnamed" for one in found):
        return False
    named = {
        match.sample.id
        for sheet in sheets
        for row in range(len(sheet.rows))
        for match in sheet.strong_ids(row).values()
    }
    return len(_samples(found)) <= _FEW_SAMPLES * len(named)


def _names_sample(sheet: Sheet) -> bool:
    return any(sheet.strong_ids(row) for row in range(len(sheet.rows)))


def _id_of_name(sheets: list[Sheet], file_name: str) -> IdMatch | None:
    stem = file_name.replace("\\", "/").rsplit("/", 1)[-1].rsplit(".", 1)[0]
    matches = sheets[0].lookup(stem) if sheets else ()
    if len(matches) != 1 or matches[0].weak or matches[0].fit is Fit.CONTROL:
        return None
    return matches[0]


def _read_sheet(
    sheet: Sheet,
    number: int,
    file_id: IdMatch | None,
    found: list[Candidate],
    strays: list[Unmatched],
    told: tuple[TestMatch, ...] = (),
) -> None:
    """Add one sheet's candidates and strays to what was found before."""
    found += read_plates(sheet, number * 1000 + 999)
    scopes, setters = find_scopes(sheet, told)
    for at, table in enumerate(find_tables(sheet)):
        reader = RowReader(sheet, table, scopes, setters, file_id)
        read = read_table(number * 1000 + at, reader)
        found += read
        strays += find_strays(reader, read)
