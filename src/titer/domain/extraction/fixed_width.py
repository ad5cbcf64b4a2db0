"""Text whose columns are held apart by spaces alone."""

import re

_PAIR = re.compile(r"^\s*([^:=\d][^:=]{0,60}?)\s*[:=]\s+(\S.*)$|^\s*([A-Za-z][\w .()/%-]{0,40}?)="
                   r"(\S.*)$")  # fmt: skip
#: One of several keys with their values on a line: `Test Name : CORTISOL     Lot : CO1907`.
_KEYED = re.compile(r"^([A-Za-z][\w .()/#%-]{0,40}?)\s?:\s+(\S.*)$")
_FLAGGED = re.compile(r"^\s*([A-Za-z][\w .%#-]{0,20}?)\s+[*!#]\s+(\S.*)$")
_RULE = re.compile(r"^\s*[-=]{2,}(?:\|[-=]{2,}){2,}\s*$")
_WIDE_LINE = 2_000
#: Cells that hold what looks like two, and the share of lines of which that may be so.
_GAP = re.compile(r"\S\s{3,}\S*\d")
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


_TOKEN = re.compile(r"\S+(?: \S+)*")
#: A bar at the margin groups lines, and parts nothing: `|> Sc  45`.
BORDER = re.compile(r"^\s*\|[>\s](?=[^|]*$)")
_LATE_BRACKET = re.compile(r"(?<=\S)(\s{1,6})\)")
_SIGN_APART = re.compile(r"([<>])(\s{2,})(?=\d)")
#: A mark between a name and its figure is a remark on the figure: `Am-241   #   <0.4`.
_MARK_APART = re.compile(r"(?<=\S)(\s{2,})(?:[#!?](?=\s{2,}[<>]?\d)|\*(?=\s+[<>\w]))")
#: A key and the unit behind it: `Residue  (%vol)  : 1.2`.
_LONGEST_KEY = 2
#: And so is one between a short name at the margin and what follows: `GLU * >=55`.
_MARK_CLOSE = re.compile(r"^(\s*[A-Za-z]{2,8}) \* (?=[<>\w])")
_WORD = re.compile(r"\S+")
_FIGURE = re.compile(r"^[<>]?\s?[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?\s?%?$")
_RULED = re.compile(r"^[\s\-=_.*+|]+$")
_LEAST_BODY, _MOST_HEADINGS = 3, 4
_BLOCKS_AHEAD = 4
_LEAST_FIGURES = 0.4
_HALF = 0.5
#: What is printed has no more; words are not looked up among hundreds of columns.
_MOST_COLUMNS = 64


def _is_body(line: str) -> bool:
    """Whether so many of a line's cells are figures that it is one of a table."""
    cells = _TOKEN.findall(line)
    figures = sum(bool(_FIGURE.match(cell)) for cell in cells)
    return len(cells) > 2 and figures >= _LEAST_FIGURES * len(cells)


def _columns_of_body(block: list[str]) -> list[tuple[int, int]]:
    """The spans of the columns that the lines of figures of a block agree in."""
    body = [line for line in block if _is_body(line)]
    if len(body) < _LEAST_BODY:
        return []
    runs = _blank_runs(body)
    width = max(len(line) for line in body)
    starts = [0, *(right for _, right in runs)]
    ends = [*(left for left, _ in runs), width]
    spans = list(zip(starts, ends, strict=True))
    most = max(len(_TOKEN.findall(line)) for line in body)
    return spans if 2 < len(spans) <= _MOST_COLUMNS and len(spans) >= most else []


def _nearest(spans: list[tuple[int, int]], start: int, end: int) -> int:
    """The column that a word stands over, or else next to."""

    def apart(span: tuple[int, int]) -> tuple[int, float]:
        overlap = min(end, span[1]) - max(start, span[0])
        return (-overlap, abs((start + end) / 2 - (span[0] + span[1]) / 2))

    return min(range(len(spans)), key=lambda at: apart(spans[at]))


def _under(line: str, spans: list[tuple[int, int]]) -> list[str]:
    """A line's words put into the columns that they stand over."""
    cells: list[list[str]] = [[] for _ in spans]
    for token in _TOKEN.finditer(line):
        covered = [at for at, (left, right) in enumerate(spans)
                   if token.start() < right and token.end() > left]  # fmt: skip
        if len(covered) < 2:
            cells[_nearest(spans, token.start(), token.end())].append(token[0])
            continue
        for word in _WORD.finditer(token[0]):
            start = token.start() + word.start()
            cells[_nearest(spans, start, start + len(word[0]))].append(word[0])
    return [" ".join(words) for words in cells]


def _by_body(block: list[str]) -> list[list[str]] | None:
    """A block whose headings stand over its columns, but are not parted as these are."""
    spans = _columns_of_body(block)
    if not spans:
        return None
    first = next(at for at, line in enumerate(block) if _is_body(line))
    rows: list[list[str]] = []
    for at, line in enumerate(block):
        heading = first - _MOST_HEADINGS <= at < first and _heads(line, spans)
        follows = at > first and not _is_keyed(line) and _fits(line, spans)
        if _RULED.match(line):
            rows.append([line.strip()])
        elif _is_body(line) or heading or follows:
            rows.append(_under(line, spans))
        else:
            rows.append(_split_line(line))
    return rows


def _heads(line: str, spans: list[tuple[int, int]]) -> bool:
    """Whether a line is made of labels over several of the columns."""
    return sum(bool(cell) for cell in _under(line, spans)) > 1 and ":" not in line


def _is_keyed(line: str) -> bool:
    """Whether a line is made of keys, each with its value."""
    pair = _PAIR.match(line)
    if pair and not re.search(r"\s{2,}", (pair[2] or pair[4]).strip()):
        return True
    return all(_KEYED.match(cell) for cell in re.split(r"\s{2,}", line.strip()))


def _fits(line: str, spans: list[tuple[int, int]]) -> bool:
    """Whether every cell of a line lies within one of the columns."""
    tokens = list(_TOKEN.finditer(line))
    return len(tokens) > 1 and all(
        sum(token.start() < right and token.end() > left for left, right in spans) == 1
        for token in tokens
    )


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
    if len(cells) > 1 and all(_KEYED.match(cell) for cell in cells):
        return [part for cell in cells if (pair := _KEYED.match(cell)) for part in _pair_of(pair)]
    return _closed(cells)


def _pair_of(pair: re.Match[str]) -> tuple[str, str]:
    return f"{pair[1].strip()}:", pair[2].strip()


def _closed(cells: list[str]) -> list[str]:
    """The cells of a line with its colon behind the key, wherever the spaces have put it."""
    at = next((at for at, cell in enumerate(cells) if at and cell[:1] in (":", "=")), 0)
    key = " ".join(cells[:at])
    if not at or at > _LONGEST_KEY or re.search(r"[:=]", key):
        return cells
    rest = cells[at][1:].strip()
    return [key + ":", *([rest] if rest else []), *cells[at + 1 :]]


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
        parted = len(runs) + 1 >= 0.7 * ragged and merged <= _FEW * len(wide)
        if not parted or len(_columns_of_body(block)) > len(runs) + 1:
            by_body = _by_body(block)
            if by_body is not None:
                return by_body
        if parted:
            chosen = set(map(id, wide))
            return [_cut(x, runs) if id(x) in chosen else _split_line(x) for x in block]
    single = [line.split() for line in block]
    counts = {len(cells) for cells in single}
    if len(block) >= 3 and len(counts) == 1 and min(counts) >= 3 and not wide:
        return single
    return [_split_line(line) for line in block]


def _joined(line: str) -> str:
    """A line whose signs stand right before their figures, and brackets close where they end.

    `<  0.02` and `(Bq/kg  )` would be parted else. A mark that stands alone is left out.
    """
    line = _MARK_APART.sub(lambda m: m[1] + " ", line)
    line = _MARK_CLOSE.sub(lambda m: m[1] + "   ", line)
    line = BORDER.sub(lambda m: " " * len(m[0]), line)
    line = _LATE_BRACKET.sub(lambda m: ")" + m[1], line)
    return _SIGN_APART.sub(lambda m: " " * (len(m[2]) - 1) + m[1] + " ", line)


def _headed(heading: list[str], body: list[str]) -> list[list[str]] | None:
    """Lines of labels over the columns of a body that an empty line parts from them."""
    if len(heading) > _MOST_HEADINGS or any(_is_body(line) for line in heading):
        return None
    spans = _columns_of_body(body)
    if not spans or not all(_heads(line, spans) for line in heading):
        return None
    parted = sum(len(row) == len(spans) for row in _split_block(body))
    if parted < _HALF * len(body) or len(_split_block(heading)[-1]) == len(spans):
        return None
    return [_under(line, spans) for line in heading]


def _headed_further(block: list[str], following: list[list[str]]) -> list[list[str]] | None:
    """A block of labels, a rule and a line or two, whose columns a longer block below shows."""
    rule = next((at for at, line in enumerate(block) if _RULED.match(line)), 0)
    if not 0 < rule <= _MOST_HEADINGS or any(_is_body(line) for line in block[:rule]):
        return None
    body = [line for line in block if _is_body(line)]
    if not 0 < len(body) < _LEAST_BODY:
        return None
    for further in [lines for lines in following if lines][:_BLOCKS_AHEAD]:
        spans = _columns_of_body([*body, *further])
        if spans and _heads(block[rule - 1], spans):
            return [
                _under(line, spans) if at < rule or _is_body(line) else _split_line(line)
                for at, line in enumerate(block)
            ]
    return None


def _blocks(lines: list[str]) -> list[list[str]]:
    """The lines between empty ones; an empty line is a block without lines."""
    found: list[list[str]] = []
    for line in (_joined(x[:_WIDE_LINE].expandtabs()) for x in lines):
        if not line.strip():
            found.append([])
        elif found and found[-1]:
            found[-1].append(line.rstrip())
        else:
            found.append([line.rstrip()])
    return found


def split_fixed(lines: list[str]) -> list[list[str]]:
    """Split every line where the lines around it are blank too; empty lines stay empty rows."""
    rows: list[list[str]] = []
    blocks = _blocks(lines)
    for at, block in enumerate(blocks):
        if not block:
            rows.append([])
            continue
        below = blocks[at + 2] if at + 2 < len(blocks) and not blocks[at + 1] else []
        headed = (below and _headed(block, below)) or _headed_further(block, blocks[at + 1 :])
        rows.extend(headed or _split_block(block))
    rows.append([])
    return rows
