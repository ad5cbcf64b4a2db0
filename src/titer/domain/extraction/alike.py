"""Names that say the same in other words or shorter ones: `Kin. Viscosity 40.00`."""

import re
from collections.abc import Sequence

_FIGURE = re.compile(r"\d+(?:[.,]\d+)?$")
_SHORTEST_START = 3
_SHORT = {"hcl": "hydrochloride", "hbr": "hydrobromide"}
_TELLING = 4
#: A whole likeness, one where the assay's own name says one thing more, or several.
WHOLE, NEARLY, PARTLY = 0.86, 0.77, 0.62


def likeness(said: Sequence[str], own: Sequence[str]) -> float:
    """How surely a header's words name an assay by the words of its own name; 0 for not at all.

    Every word of the header must be one of the assay's, or begin it; figures must be the same.
    """
    said_figures, said_words = _parted(said)
    own_figures, own_words = _parted(own)
    if not said_words or said_figures != own_figures:
        return 0.0
    left = list(own_words)
    telling = False
    for word in said_words:
        found = next((other for other in left if _same(word, other)), None)
        if found is None:
            return 0.0
        left.remove(found)
        telling = telling or (len(word) >= _TELLING and len(found) >= _TELLING)
    if not (telling or said_figures) or len(said_words) + len(said_figures) < 2:
        return 0.0
    if not left:
        return WHOLE
    if len(left) == 1 and len(own_words) > 2:
        return NEARLY
    return PARTLY if len(said_words) > 1 or said_figures else 0.0


def _parted(words: Sequence[str]) -> tuple[set[float], list[str]]:
    figures = {float(word.replace(",", ".")) for word in words if _FIGURE.match(word)}
    return figures, [word for word in words if not word[0].isdigit()]


def _same(word: str, other: str) -> bool:
    if word == other or _SHORT.get(word) == other or _SHORT.get(other) == word:
        return True
    short, long = sorted((word, other), key=len)
    return len(short) >= _SHORTEST_START and long.startswith(short)
