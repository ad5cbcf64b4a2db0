"""What of a file may be shown to a language model: little, and with no names in it."""

from titer.domain.extraction.sheet import Sheet
from titer.domain.extraction.wording import words

MAX_ROWS = 150
MAX_COLUMNS = 40
MAX_TEXT = 60
_PERSONAL = frozenset(
    (
        "patient birth dob born sex gender name surname firstname lastname doctor physician"
        " ward address phone email ssn insurance operator user analyst nom prenom vorname"
        " nachname"
    ).split()
)
_SAMPLE_WORDS = frozenset(
    ("sample specimen injection peak compound analyte test component").split()
)


def _is_personal(header: str) -> bool:
    found = set(words(header))
    return bool(found & _PERSONAL) and not found & _SAMPLE_WORDS


def _personal_columns(sheet: Sheet, rows: list[int]) -> set[int]:
    found: set[int] = set()
    for row in rows[:60]:
        cells = sheet.filled(row)
        if any(sheet.is_figure(row, c) for c in cells):
            continue
        named = [c for c in cells if _is_personal(sheet.text(row, c))]
        found.update(c for c in named if sheet.role(sheet.text(row, c)).sample < 0.7 or
                     "patient" in words(sheet.text(row, c)))  # fmt: skip
    return found


def _rows_shown(sheet: Sheet, limit: int) -> list[int]:
    """The first rows, and the rows around samples and tests."""
    count = len(sheet.rows)
    if count <= limit:
        return list(range(count))
    shown = set(range(min(40, limit)))
    for row in range(count):
        if len(shown) >= limit:
            break
        near = sheet.ids_in(row) or any(sheet.tests(sheet.text(row, c)) for c in range(8))
        if near:
            shown.update(r for r in (row - 1, row) if r >= 0)
    return sorted(shown)[:limit]


class _Tokens:
    """Neutral names for identifiers, the same for the same sample."""

    def __init__(self) -> None:
        self._known: dict[int, str] = {}

    def name(self, sample_id: int) -> str:
        return self._known.setdefault(sample_id, f"ID_{len(self._known) + 1}")


def _shown(sheet: Sheet, row: int, column: int, tokens: _Tokens) -> str:
    matches = sheet.ids_in(row).get(column, ())
    if matches:
        return " ".join(tokens.name(match.sample.id) for match in matches)
    text = sheet.text(row, column)[:MAX_TEXT]
    return "".join(sign if sign.isprintable() and sign not in "<>{}`|" else " " for sign in text)


def assay_tokens(sheets: list[Sheet]) -> dict[str, int]:
    """The token of every assay; tokens are all that an answer may name."""
    assays = sorted(sheets[0].lexicon.assays) if sheets else []
    return {f"T{number}": assay for number, assay in enumerate(assays, 1)}


def excerpt(sheets: list[Sheet]) -> str:
    """A numbered excerpt of the grids with the open tests; bounded, identifiers neutralised."""
    tokens = _Tokens()
    lines = ["Tests:"]
    for token, assay_id in list(assay_tokens(sheets).items())[:500]:
        assay = sheets[0].lexicon.assays[assay_id]
        lines.append(f"{token} {assay.code[:40]} / {assay.name[:MAX_TEXT]} / {assay.unit[:20]}")
    left = MAX_ROWS
    for number, sheet in enumerate(sheets, 1):
        rows = _rows_shown(sheet, left)
        left -= len(rows)
        personal = _personal_columns(sheet, rows)
        lines.append(f"Sheet {number}:")
        for row in rows:
            cells = [
                f"{column + 1}={_shown(sheet, row, column, tokens)}"
                for column in sheet.filled(row)
                if column < MAX_COLUMNS and column not in personal
            ]
            lines.append(f"row {row + 1} | " + " | ".join(cells))
        if left <= 0:
            break
    return "\n".join(lines)
