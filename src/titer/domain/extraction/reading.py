"""From bytes to grids."""

from titer.domain.extraction.delimited import read_delimited
from titer.domain.extraction.errors import UnreadableFile
from titer.domain.extraction.folded import unfolded
from titer.domain.extraction.grid import Grid
from titer.domain.extraction.json_tables import read_json
from titer.domain.extraction.limits import MAX_BYTES
from titer.domain.extraction.markup import read_markup
from titer.domain.extraction.messages import read_astm, read_hl7
from titer.domain.extraction.numbers import looks_numeric
from titer.domain.extraction.sniffing import Form, decode, sniff, sniff_text
from titer.domain.extraction.sylk import read_sylk
from titer.domain.extraction.workbooks import read_workbook


def read_grids(data: bytes) -> list[Grid]:
    """All tables of a file, or `UnreadableFile` with the reason why there are none."""
    if len(data) > MAX_BYTES:
        raise UnreadableFile(f"The file is larger than {MAX_BYTES // (1024 * 1024)} MiB.")
    form = sniff(data)
    if form is Form.TEXT:
        grids = _read_text(decode(data))
    else:
        grids = [unfolded(grid) for grid in read_workbook(data, form)]
    grids = [grid for grid in grids if grid.rows]
    if not grids:
        raise UnreadableFile("The file holds no cells.")
    if all(_is_signal(grid) for grid in grids):
        raise UnreadableFile("The file holds a raw signal, not a table of results.")
    return grids


def _read_text(text: str) -> list[Grid]:
    form = sniff_text(text)
    if form is Form.SYLK:
        return [read_sylk(text)]
    if form is Form.HL7:
        return [read_hl7(text)]
    if form is Form.ASTM:
        return [read_astm(text)]
    if form is Form.JSON:
        return [read_json(text)]
    if form is Form.MARKUP:
        return read_markup(text)
    return [unfolded(read_delimited(text))]


def _is_signal(grid: Grid) -> bool:
    """Hundreds of rows with nothing but figures in a few columns are a trace."""
    if len(grid.rows) < 200 or grid.width > 4:
        return False
    body = grid.rows[20:]
    figures = sum(looks_numeric(cell.strip()) for row in body for cell in row)
    return figures > 0.99 * sum(len(row) for row in body)
