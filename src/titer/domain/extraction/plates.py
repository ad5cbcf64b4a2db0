"""Plates: one grid of wells says which sample each holds, further grids what was found in it."""

from collections.abc import Iterator
from dataclasses import dataclass

from titer.domain.extraction.candidates import Candidate, Place, SampleRef
from titer.domain.extraction.columns import header_unit
from titer.domain.extraction.matches import TestMatch
from titer.domain.extraction.numbers import Kind
from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.units import Agreement, compare

Well = tuple[str, int]
_FEWEST_COLUMNS = 3
_FEWEST_SAMPLES = 2
_ROLE = 0.95
_TITLE_WITHIN = 3


@dataclass(frozen=True, slots=True)
class Plate:
    """A grid of wells under its title."""

    title: Place | None
    wells: dict[Well, Place]


def find_plates(sheet: Sheet) -> list[Plate]:
    """The grids whose columns are numbered from 1 and whose rows are lettered from A."""
    found: list[Plate] = []
    row = 0
    while row < len(sheet.rows):
        numbers = _numbers(sheet, row)
        wells = _wells(sheet, row, numbers) if numbers else {}
        if wells:
            found.append(Plate(_title(sheet, row), wells))
            row = max(place[0] for place in wells.values())
        row += 1
    return found


def _numbers(sheet: Sheet, row: int) -> dict[int, int]:
    """The columns of a row that counts 1, 2, 3, with a corner before them."""
    filled = sheet.filled(row)
    at = next((i for i, column in enumerate(filled) if sheet.text(row, column) == "1"), None)
    if at is None or at > 1 or filled[at] == 0:
        return {}
    counted = {column: number for number, column in enumerate(filled[at:], 1)}
    runs = all(sheet.text(row, column) == str(number) for column, number in counted.items())
    return counted if runs and len(counted) >= _FEWEST_COLUMNS else {}


def _wells(sheet: Sheet, header: int, numbers: dict[int, int]) -> dict[Well, Place]:
    found: dict[Well, Place] = {}
    letters = min(numbers) - 1
    for offset, row in enumerate(range(header + 1, len(sheet.rows))):
        letter = chr(ord("A") + offset)
        if offset > 25 or sheet.text(row, letters) != letter:
            break
        for column, number in numbers.items():
            if sheet.text(row, column):
                found[letter, number] = (row, column)
    return found


def _title(sheet: Sheet, header: int) -> Place | None:
    """The lone text above a grid."""
    for row in range(header - 1, max(-1, header - 1 - _TITLE_WITHIN), -1):
        filled = sheet.filled(row)
        if len(filled) == 1:
            return row, filled[0]
        if filled:
            return None
    return None


def read_plates(sheet: Sheet, number: int) -> list[Candidate]:
    """What the plates of a sheet say of the samples in their wells."""
    plates = find_plates(sheet)
    named: dict[Well, SampleRef] = {}
    found: list[Candidate] = []
    for plate in plates:
        refs = _samples(sheet, plate)
        if len({ref.match.sample.id for ref in refs.values()}) >= _FEWEST_SAMPLES:
            named = refs
        elif named:
            found += _results(sheet, plate, named, number)
    return found


def _samples(sheet: Sheet, plate: Plate) -> dict[Well, SampleRef]:
    refs: dict[Well, SampleRef] = {}
    for well, place in plate.wells.items():
        match = sheet.strong_ids(place[0]).get(place[1])
        if match is not None:
            refs[well] = SampleRef(match, place, match.fit.value, "plate")
    return refs


def _results(
    sheet: Sheet, plate: Plate, named: dict[Well, SampleRef], number: int
) -> Iterator[Candidate]:
    if plate.title is None:
        return
    text = sheet.text(*plate.title)
    tests, unit, flags = _meaning(sheet, text)
    if not tests:
        return
    for well, ref in named.items():
        place = plate.wells.get(well)
        reading = sheet.reading(*place) if place is not None else None
        if place is not None and reading is not None and reading.kind is not Kind.NONE:
            yield Candidate(sheet, ref, tests, plate.title, place, reading, unit, "plate",
                            _ROLE, number, flags=set(flags))  # fmt: skip


def _meaning(sheet: Sheet, title: str) -> tuple[tuple[TestMatch, ...], str, set[str]]:
    """The assay that a grid's title names or, by a unit that only one has, implies."""
    unit = header_unit(title, True)
    role = sheet.role(title)
    if role.negative:
        return (), unit, set()
    tests = sheet.tests(title)
    if tests:
        return tests, unit, set()
    owners = [
        assay
        for assay in sheet.lexicon.assays.values()
        if assay.unit and compare(unit, assay.unit)[0] is Agreement.SAME
    ]
    if not role.value or len(owners) != 1:
        return (), unit, set()
    return (TestMatch(owners[0], 0.62, "unit"),), unit, {"analyte_not_named"}
