"""Values under a known test in rows whose sample the tenant does not know."""

from collections.abc import Iterator

from titer.domain.extraction.candidates import Candidate
from titer.domain.extraction.limits import MAX_UNMATCHED
from titer.domain.extraction.numbers import Kind
from titer.domain.extraction.roles import is_control_type
from titer.domain.extraction.rows import RowReader
from titer.domain.extraction.values import Unmatched


def find_strays(reader: RowReader, found: list[Candidate]) -> Iterator[Unmatched]:
    """What the columns that gave results hold in rows of strangers; controls are left out."""
    if reader.id_column is None or not found:
        return
    by_column = {one.place[1]: one for one in found if one.layout in ("wide", "long")}
    left = MAX_UNMATCHED
    for row in reader.body:
        name = reader.sheet.text(row, reader.id_column)
        if not name or reader.sheet.ids_in(row) or reader.kind(row) or is_control_type(name):
            continue
        for column, model in by_column.items():
            stray = _stray(reader, row, column, model)
            if stray is not None:
                left -= 1
                yield stray
            if not left:
                return


def _stray(reader: RowReader, row: int, column: int, model: Candidate) -> Unmatched | None:
    sheet = reader.sheet
    tests = model.tests
    if model.layout == "long" and model.test_place is not None:
        tests = sheet.tests(sheet.text(row, model.test_place[1]))
    reading = sheet.reading(row, column)
    if not tests or reading.kind is Kind.NONE:
        return None
    unit = reading.unit or (model.unit if model.layout == "wide" else "")
    return Unmatched(
        "unknown_sample", None, None, tests[0].assay.code, reading.result, unit,
        sheet.grid.source(row, column), tests[0].assay.id,
    )  # fmt: skip
