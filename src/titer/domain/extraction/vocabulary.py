"""The spellings of analytes that labs share, loaded once from the tables beside this module."""

import re
from functools import lru_cache
from pathlib import Path

from titer.domain.extraction.wording import key

_HERE = Path(__file__).parent


def _lines(name: str) -> list[str]:
    text = (_HERE / name).read_text(encoding="utf-8")
    return [line for line in text.splitlines() if line and not line.startswith("# ")]


@lru_cache(maxsize=1)
def elements() -> dict[str, str]:
    """Symbol to the concept of the element."""
    return {line.split()[0]: f"element:{line.split()[0]}" for line in _lines("elements.txt")}


@lru_cache(maxsize=1)
def concepts() -> dict[str, frozenset[str]]:
    """Every known spelling, folded, to the concepts it may stand for."""
    found: dict[str, set[str]] = {}
    for line in _lines("elements.txt"):
        symbol, _, names = line.partition(" ")
        for name in names.split("|"):
            found.setdefault(key(name), set()).add(f"element:{symbol}")
    for line in _lines("analytes.txt"):
        spellings = [x.strip() for x in line.split("|")]
        concept = key(spellings[0])
        for spelling in spellings:
            found.setdefault(key(spelling), set()).add(concept)
    for spelling in ("or", "sal", "sel", "on", "in", "as", "at", "he", "no", "i", "u", "l"):
        found.pop(spelling, None)
    return {spelling: frozenset(names) for spelling, names in found.items()}


_NEAR = (
    # Ions are commonly reported under the element's name and the other way round.
    ("chloride", "element:Cl"),
    ("fluoride", "element:F"),
    ("bromide", "element:Br"),
    ("iodide", "element:I"),
    ("haemoglobin", "hemoglobin"),
    # What a combustion analyser calls N, C and S is their total.
    ("total nitrogen", "element:N"),
    ("total carbon", "element:C"),
    ("total phosphorus", "element:P"),
    # Most laboratories have only one of them, and mean the one that is related to 25 degrees.
    ("conductivity", "specific conductance"),
    ("bicarbonate", "bicarbonate actual"),
    ("sulphur content", "element:S"),
)


@lru_cache(maxsize=1)
def kin() -> dict[str, str]:
    """Concepts that stand for each other in a result file."""
    pairs: dict[str, str] = {}
    for left, right in _NEAR:
        pairs[left] = right
        pairs[right] = left
    return pairs


_WAVELENGTH = r"(?:\d{3}(?:[.,]\d{1,4})?(?:\s*nm)?)"
_LINE = re.compile(
    rf"^(?:(?P<mass>\d{{1,3}})\s?)?(?P<symbol>[A-Z][a-z]?|[A-Z]{{2}})"
    rf"(?:[\s_(-]*{_WAVELENGTH}\)?|[\s_-]*\d{{1,3}}(?:\s*(?:->|→)\s*\d{{1,3}})?)?"
    r"(?:\s*(?:\{.{1,8}\}|\[.{1,12}\]|\([A-Za-z]{2,8}\)|[IV]{1,3}"
    r"|(?:K|L|M)[ABab]\d?(?:[-\s].{0,12})?|R|A|radial|axial|Axial|Radial))*$"
)


#: `Al3961`: the line at 396.1 nm.
_WAVELENGTH_IN_ANGSTROM = re.compile(r"^(?P<symbol>[A-Z][a-z]?)[1-8]\d{3}(?:\s?[{(].{1,8})?$")


@lru_cache(maxsize=16384)
def element_line(text: str) -> str | None:
    """The element whose emission line, isotope or fluorescence line a text names."""
    match = _LINE.match(text.strip()) or _WAVELENGTH_IN_ANGSTROM.match(text.strip())
    if not match:
        return None
    symbol = match["symbol"]
    known = elements()
    if symbol in known:
        return known[symbol]
    if symbol.capitalize() in known and len(text.strip()) > 2 and any(c.isdigit() for c in text):
        return known[symbol.capitalize()]
    return None


@lru_cache(maxsize=16384)
def concept_of(text: str) -> frozenset[str]:
    """The concepts that a whole name stands for; none where it is not known."""
    stripped = text.strip()
    if stripped in elements():
        return frozenset((elements()[stripped],))
    found = concepts().get(key(stripped))
    if found:
        return found
    charged = re.sub(r"[\s^(]*\d?[+\-−]+\)?$", "", stripped)
    if charged != stripped and charged:
        if charged in elements():
            return frozenset((elements()[charged],))
        unsigned = re.sub(r"[+\-−]$", "", stripped)
        found = concepts().get(key(unsigned)) or concepts().get(key(charged))
        if found:
            return found
    line = element_line(stripped)
    return frozenset((line,)) if line else frozenset()


def names_analyte(text: str) -> bool:
    """Whether a text names some analyte, of whatever tenant, as a whole or in brackets."""
    core = re.sub(r"[(\[{][^)\]}]*[)\]}]?", " ", text).strip(" :,;-_*#")
    inner = re.findall(r"[(\[{]([^)\]}]*)[)\]}]", text)
    parts = re.split(r"[\s,;:/]+", core)
    names = [text, core, *inner, " ".join(parts[:-1]), " ".join(parts[1:]), parts[0]]
    return any(len(name) > 1 and concept_of(name) for name in names)
