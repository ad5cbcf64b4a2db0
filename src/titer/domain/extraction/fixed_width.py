"""Text whose columns are held apart by spaces alone."""

import re

_PAIR = re.compile(r"^\s*([^:=\d][^:=]{0,60}?)\s*[:=]\s+(\S.*)$|^\s*([A-Za-z][\w .()/%-]{0,40}?)="
                   r"(\S.*)$")  # fmt: skip
_FLAGGED = re.compile(r"^\s*([A-Za-z][\w .%#-]{0,20}?)\s+[*!#]\s+(\S.*)$")
_RULE = re.compile(r"^\s*[-=]{2,}(?:\|[-=]{2,}){2,}\s*$")
_WIDE_LINE = 2_000
#: Cells that hold what looks like two, and the share of lines of which that may be so.
_GAP = re.compile(r"\d.*\S\s{3,}\S*\d")
_FEW = 0.25


def _blank_runs(block: list[str]) -> list[tuple[int, int]]:
    """Runs of two or more character columns that are blank in every line of a block."""
    width = max(len(line) for line in block)
    filled = bytearray(width)
    for line in block:
        for at, sign in enumerate(line):
            if sign != " ":
                filled[at] = 1
    runs: list[tuple[int, int]] = []
    start = None
    for at in range(width + 1):
        blank = at < width and not filled[at]
        if blank and start is None:
            start = at
        elif not blank and start is not None:
            if at - start >= 2 and start > 0 and at < width:
                runs.append((start, at))
            start = None
    return runs


def _cut(line: str, runs: list[tuple[int, int]]) -> list[str]:
    cells, start = [], 0
    for left, right in runs:
        cells.append(line[start:left].strip())
        start = right
    cells.append(line[start:].strip())
    return cells if any(not cell for cell in cells[:2]) else _closed(cells)


def _split_line(line: str) -> list[str]:
    cells = re.split(r"\s{2,}", line.strip())
    if len(cells) == 1:
        flagged = _FLAGGED.match(line)
        if flagged:
            return [flagged[1], flagged[2]]
        pair = _PAIR.match(line)
        if pair:
            return [f"{pair[1] or pair[3]}:", (pair[2] or pair[4]).strip()]
    return _closed(cells)


def _closed(cells: list[str]) -> list[str]:
    """The cells of a line with its colon behind the key, wherever the spaces have put it."""
    if len(cells) > 1 and cells[1][:1] in ":=" and cells[0][-1:] not in ":=":
        rest = cells[1][1:].strip()
        return [cells[0] + ":", *([rest] if rest else []), *cells[2:]]
    return cells


def _ruled(block: list[str]) -> list[tuple[int, int]]:
    """The borders of columns that a line of dashes marks: `-------|------|----------`."""
    rule = next((line for line in block if _RULE.match(line)), None)
    return [match.span() for match in re.finditer(r"\|", rule)] if rule else []


def _split_block(block: list[str]) -> list[list[str]]:
    ruled = _ruled(block)
    if ruled:
        return [_cut(line, ruled) for line in block]
    wide = [line for line in block if re.search(r"\S\s{2,}\S", line)]
    if len(wide) >= 3:
        runs = _blank_runs(wide)
        ragged = max(len(re.split(r"\s{2,}", line.strip())) for line in wide)
        merged = sum(any(_GAP.search(cell) for cell in _cut(line, runs)) for line in wide)
        if len(runs) + 1 >= 0.7 * ragged and merged <= _FEW * len(wide):
            chosen = set(map(id, wide))
            return [_cut(x, runs) if id(x) in chosen else _split_line(x) for x in block]
    single = [line.split() for line in block]
    counts = {len(cells) for cells in single}
    if len(block) >= 3 and len(counts) == 1 and min(counts) >= 3 and not wide:
        return single
    return [_split_line(line) for line in block]


def split_fixed(lines: list[str]) -> list[list[str]]:
    """Split every line where the lines around it are blank too; empty lines stay empty rows."""
    rows: list[list[str]] = []
    block: list[str] = []
    for line in [*(x[:_WIDE_LINE].expandtabs() for x in lines), ""]:
        if line.strip():
            block.append(line.rstrip())
            continue
        if block:
            rows.extend(_split_block(block))
            block = []
        rows.append([])
    return rows
