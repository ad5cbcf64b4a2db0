"""Delimited text: which sign parts the cells, and the cells themselves."""

import csv
import io
import math
import re
from collections import Counter
from collections.abc import Iterator

from titer.domain.extraction.fixed_width import BORDER, split_fixed
from titer.domain.extraction.grid import Grid, make_grid
from titer.domain.extraction.limits import MAX_CELL_TEXT

_FIELD_LIMIT = 10_000
_WEIGHT = {"\t": 1.5, ";": 1.3, "|": 1.3, ",": 1.0, "\x1c": 1.5, "^": 0.7, "~": 0.7, "!": 0.7}
_WITHIN_FIGURE = re.compile(r"(?<=\d),(?=\d)")
_APART = re.compile(r"\S\s{3,}\S")
_NEARLY_ALL, _HALF = 0.8, 0.5
#: A line that is drawn, as below the labels of a printed table.
_RULED = re.compile(r"^[\s\-=_+|]*-[\s\-=_+|]*$")
_QUOTED = re.compile(r'"[^"]*"')


def find_delimiter(lines: list[str]) -> str | None:
    """The sign that parts most lines into the same number of cells, or None."""
    filled = (line for line in lines if line.strip() and not _RULED.match(line[:4000]))
    probe = [BORDER.sub("", _QUOTED.sub("", line[:4000])) for line in filled][:400]
    best, best_score = None, 0.0
    for sign, weight in _WEIGHT.items():
        if sign == "," and _is_of_decimals(probe):
            continue
        counts = Counter(n for n in (line.count(sign) for line in probe) if n)
        if not counts:
            continue
        covered = sum(counts.values()) / len(probe)
        steady = max(n for _, n in counts.most_common(1)) / len(probe)
        typical = counts.most_common(1)[0][0]
        score = weight * (0.5 * covered + 0.5 * steady) * (1 + math.log(1 + typical))
        if score > best_score:
            best, best_score = sign, score
    return best if best_score >= 0.35 else None


def _is_of_decimals(lines: list[str]) -> bool:
    """Whether commas stand within figures alone, in lines whose columns blanks hold apart."""
    commas = sum(line.count(",") for line in lines)
    within = sum(len(_WITHIN_FIGURE.findall(line)) for line in lines)
    apart = sum(bool(_APART.search(line)) for line in lines)
    return commas > 0 and within >= _NEARLY_ALL * commas and apart >= _HALF * len(lines)


def unwrap_quoted_lines(lines: list[str]) -> list[str]:
    """Some instruments quote every line as a whole; then the quotes part nothing."""
    filled = [line.strip() for line in lines if line.strip()]
    wrapped = [x for x in filled if re.fullmatch(r'"[^"]*"', x) and re.search(r"[,;\t|]", x)]
    if not filled or len(wrapped) < max(2, 0.6 * len(filled)):
        return lines
    return [re.sub(r'^\s*"([^"]*)"\s*$', r"\1", line) for line in lines]


def _records(text: str, sign: str) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(_FIELD_LIMIT)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, skipinitialspace=False)
    before = 0
    for row in reader:
        if any(cell.count("\n") > 3 for cell in row):
            raise csv.Error("a quotation mark that is never closed")
        yield before + 1, row
        before = reader.line_num


def _plain_records(lines: list[str], sign: str) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(lines, 1):
        yield number, [cell[:MAX_CELL_TEXT].strip('"') for cell in line.split(sign)]


def read_delimited(text: str, name: str = "") -> Grid:
    """Read delimited or column-aligned text into a grid."""
    text = text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
    lines = unwrap_quoted_lines(text.split("\n"))
    declared = re.fullmatch(r"sep=(.)", lines[0].strip()) if lines else None
    sign = declared[1] if declared else find_delimiter(lines)
    if sign is None:
        return make_grid(name, split_fixed(lines))
    try:
        records = list(_records("\n".join(lines), sign))
    except csv.Error:
        records = list(_plain_records(lines, sign))
    return make_grid(name, (row for _, row in records), (line for line, _ in records))
