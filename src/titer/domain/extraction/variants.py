"""The ways in which a text can be read as one name."""

import re

from titer.domain.extraction.naming import JOINED, NOISE, QUALIFIERS, unit_stripped
from titer.domain.extraction.roles import role_of
from titer.domain.extraction.units import is_unit
from titer.domain.extraction.vocabulary import concept_of
from titer.domain.extraction.wording import words

#: A name that may be meant, how surely, and the words beside it.
Variant = tuple[str, float, tuple[str, ...]]

_FRACTION_OF_N = re.compile(
    r"\bas\s+[NPS]\b|\bmg\s?[NPS]\s?/|[-\s][NPS]\b(?=\s*[/)\]]|$)|\b[NPS]/L\b"
)
#: The last gate of a cytometer's path: `Lymphocytes/Singlets/CD45+/CD3+ | Freq. of Parent`.
_POPULATION = re.compile(r"^(?:[^|/]+/)+([^|/]+?)\s*\|.*$")
#: The number of a reagent's generation behind a name: `TSH3`, `hCG5`.
_GENERATION = re.compile(r"(?<=[A-Za-z]{3})\d$")
#: The number of an instrument's method behind a name: `Nitrite-1`.
_METHOD_NUMBER = re.compile(r"^([A-Za-z][\w +-]{2,30}[A-Za-z])[-_ ]\d( as [NPS])?$")
#: A short form and the reagent that it is determined with: `PT-RecombiPlasTin 2G`.
_REAGENT = re.compile(r"^([A-Z]{2,6})-(?=[A-Z]?[a-z]{3})")
#: The symbol before a wavelength or a mass: `Cd 228.802`.
_LINE = re.compile(r"^([A-Za-z]{1,2})[\s_-]*\d{2,3}(?:[.,_]\d{1,4})?\b")
#: What a share is one of.
_SHARE = re.compile(r"^(?:w|wt|m|v|vol)\.?/(?:w|wt|m|v|vol)\.?$", re.IGNORECASE)
_MOST_PARTS = 4


def variants(text: str) -> list[Variant]:
    """A text's names, the surest first: whole, without brackets or unit, what is in brackets."""
    return [(text, 1.0, ()), *_without_brackets(text), *_parted(text), *_numbered(text)]


def _without_brackets(text: str) -> list[Variant]:
    found: list[Variant] = []
    core = re.sub(r"[(\[{][^)\]}]*[)\]}]?", " ", text).strip(" :,;-_*#")
    inner = [x.strip() for x in re.findall(r"[(\[{]([^)\]}]*)[)\]}]", text)]
    based = _FRACTION_OF_N.search(text)
    letter = re.search(r"[NPS]", based[0]) if based and core else None
    if letter and not re.search(rf"\b{letter[0]}$", core):
        found.append((f"{unit_stripped(core)} as {letter[0]}", 0.98, ()))
        plain = " ".join(word for word in core.split() if not role_of(word).value)
        found.append((f"{plain} as {letter[0]}", 0.97, ()))
    stripped = unit_stripped(text).strip(" :,;-_*#")
    if stripped != text:
        found.append((stripped, 0.99, ()))
    if core and core != text:
        extra = tuple(w for x in inner if not _is_of_units(x) for w in words(x))
        found += [(core, 0.98, extra), (unit_stripped(core), 0.98, extra)]
    role = role_of(core)
    if (role.value or role.negative) and not _tells_more(core):
        found += [(content, 0.95, words(core)) for content in inner]
    joined = JOINED.match(core or text)
    return [*found, (joined[1], 0.95, ())] if joined else found


def _parted(text: str) -> list[Variant]:
    """What stands before and behind a colon, a comma or a bar."""
    found: list[Variant] = []
    population = _POPULATION.match(text)
    if population:
        found.append((population[1], 0.95, ()))
    head, sign, tail = text.partition(":")
    if sign and tail.strip():
        found += [(tail.strip(), 0.9, words(head)), (head.strip(), 0.85, words(tail))]
    reagent = _REAGENT.match(text)
    if reagent:
        found.append((reagent[1], 0.88, ()))
    parts = [x.strip() for x in re.split(r"[,;|]", text) if x.strip()]
    if 1 < len(parts) <= _MOST_PARTS:
        found.append((parts[0], 0.95, words(" ".join(parts[1:]))))
    return found


def _numbered(text: str) -> list[Variant]:
    """The name without the number of a reagent, a method, a wavelength or a mass."""
    found: list[Variant] = []
    if _GENERATION.search(text) and not concept_of(text):
        found.append((text[:-1], 0.9, ()))
    method = _METHOD_NUMBER.match(text)
    if method:
        found.append((method[1] + (method[2] or ""), 0.95, ()))
    line = _LINE.match(text)
    return [*found, (line[1].capitalize(), 0.97, ())] if line else found


def _tells_more(text: str) -> bool:
    """Whether a text holds a word that is no header's: then brackets are about that word."""
    return any(word not in NOISE and not role_of(word).named for word in words(text))


def _is_of_units(text: str) -> bool:
    """Whether what stands in brackets is a unit, or says what a share is one of: `wt/wt`."""
    return (is_unit(text) and text.casefold() not in QUALIFIERS) or bool(_SHARE.match(text))


def without_unit(bracket: re.Match[str]) -> str:
    """What is left of a bracket: nothing of one that holds a unit."""
    return " " if _is_of_units(bracket[1].strip()) else bracket[0]
